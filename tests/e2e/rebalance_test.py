"""A second daemon joins and leaves under load: no record lost, none twice, with each rebalance protocol."""
from harness import Case
from waiting import until

COUNT, RATE, PARTITIONS = 16_000, 2_000, 6


class Rebalance(Case):
    def check_protocol(self, kafka):
        topic, group = self.kafka.create(self.name("t"), PARTITIONS, 3), self.name("g")
        fleet = {"t": self.trigger(topic, group, kafka=kafka, cardinality="many", maxBatchSize=20, env={"SLEEP_MS": "3"})}
        producer = self.kafka.stream(topic, COUNT, 100, RATE)
        self.addCleanup(producer.wait)
        first = self.daemon(fleet)
        self.until_records(1000)
        second = self.daemon(fleet)
        second.wait_for("partitions_assigned")
        until("both daemons own partitions", lambda: self.owners(group) == [PARTITIONS // 2] * 2)
        before = len(self.records())
        self.until_records(before + 1000)
        first.stop()
        until("the second daemon owns all", lambda: self.owners(group) == [PARTITIONS])
        self.assertEqual(producer.wait(60), 0)
        ends = self.kafka.until_committed(group, topic)
        second.stop()
        self.assertEqual(sum(ends.values()), COUNT)
        self.assert_each_once(ends, topic)
        for daemon in (first, second):
            self.assertFalse(daemon.seen("revoke_timed_out"))
            self.assertFalse(daemon.seen("partitions_revoked", lost="true"))
        self.assertGreater(len({r["pid"] for r in self.records()}), 1)

    def owners(self, group):
        members = self.kafka.group(group)["members"]
        return sorted(len(m["partitions"]) for m in members)

    def test_range(self):
        self.check_protocol({"partition.assignment.strategy": "range"})

    def test_cooperative_sticky(self):
        self.check_protocol({"partition.assignment.strategy": "cooperative-sticky"})

    def test_consumer_protocol(self):
        self.check_protocol({"group.protocol": "consumer"})

    def test_an_attempt_longer_than_revoke_timeout_is_given_up_and_delivered_again(self):
        topic, group, gate = self.kafka.create(self.name("t"), 2), self.name("g"), self.path("gate")
        fleet = {"t": self.trigger(topic, group, revokeTimeout="1s", worker={"processes": 2},
                                   kafka={"partition.assignment.strategy": "cooperative-sticky"})}
        first = self.daemon(fleet)
        first.wait_for("worker_ready", count=2)
        self.kafka.produce(topic, [{"value": {"gate": gate}, "partition": p} for p in (0, 1)])
        self.until_records(2, phase="start")
        second = self.daemon(fleet)
        first.wait_for("revoke_timed_out", trigger="t")
        second.wait_for("partitions_assigned", count=1)
        until("both daemons own one", lambda: self.owners(group) == [1, 1])
        self.until_records(3, phase="start")
        open(gate, "w", encoding="utf-8").close()
        self.kafka.until_committed(group, topic)
