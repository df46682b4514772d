"""A handler slower than the topic: what is held stays bounded, and membership does not depend on it."""
from harness import Case
from waiting import until


class Pressure(Case):
    def test_in_flight_never_passes_its_limit_and_all_is_delivered_later(self):
        topic, group, gate = self.kafka.create(self.name("t"), 4), self.name("g"), self.path("gate")
        self.kafka.fill(topic, 20_000)
        daemon = self.daemon({"t": self.trigger(topic, group, cardinality="many", maxBatchSize=50, maxInFlight=40,
                                                maxInFlightBytes="512KiB",
                                                env={"GATE": gate}, worker={"processes": 2})})
        daemon.until_metric("triggerd_in_flight_records", lambda v: v == 40, trigger="t")
        self.assertEqual(daemon.metric("triggerd_in_flight_limit_records", trigger="t"), 40)
        first = daemon.metric("triggerd_records_read_total", trigger="t")
        open(gate, "w", encoding="utf-8").close()

        def all_done():
            self.assertLessEqual(daemon.metric("triggerd_in_flight_records", trigger="t"), 40)
            return daemon.metric("triggerd_records_settled_total", trigger="t") == 20_000
        until("every record settled", all_done, 60)
        self.assertLess(first, 20_000, "with the handler stopped, reading stops too")
        self.assert_each_once(self.kafka.until_committed(group, topic), topic)
        daemon.stop()

    def test_a_handler_longer_than_max_poll_interval_keeps_the_membership(self):
        topic, group = self.kafka.create(self.name("t"), 2), self.name("g")
        self.kafka.produce(topic, [{"value": {"sleep_ms": 9000}, "partition": 0}, {"value": "x", "partition": 0}])
        daemon = self.daemon({"t": self.trigger(topic, group, revokeTimeout="2s",
                                                kafka={"max.poll.interval.ms": 6000, "session.timeout.ms": 6000})})
        ends = self.kafka.until_committed(group, topic, 40)
        self.assert_each_once(ends, topic)
        self.assertEqual([r["attempt"] for r in self.records()], [1, 1])
        self.assertFalse(daemon.seen("partitions_revoked"))
        self.assertEqual(len(daemon.seen("partitions_assigned")), 1)
        daemon.stop()

    def test_an_idle_member_is_not_expelled(self):
        topic, group = self.kafka.create(self.name("t"), 2), self.name("g")
        daemon = self.daemon({"t": self.trigger(topic, group, revokeTimeout="2s",
                                                kafka={"max.poll.interval.ms": 6000, "session.timeout.ms": 6000})})
        daemon.wait_for("partitions_assigned")
        # Three intervals without a record; the first thing to come is the record that ends the wait.
        producer = self.kafka.stream(topic, 2, 10, 1 / 19)
        self.addCleanup(producer.wait)
        self.until_records(2, 60)
        self.assertFalse(daemon.seen("partitions_revoked"))
        daemon.stop()
