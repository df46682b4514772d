"""What other Kafka consumers were caught at, one test each.

An idle member, a handler longer than max.poll.interval.ms: pressure_test. A poison first record: skip_test. What a worker may
do after its session or its partition is gone: unit/pipeline (Revoke, Lost, Answers) and contract.
"""
import signal

from harness import Case
from waiting import until

AGAIN = {"strategy": "fixedDelay", "maxRetryCount": -1, "delayInterval": "150ms"}
SEEN_SOON = {"topic.metadata.refresh.interval.ms": 300}
CONSUMER = {"group.protocol": "consumer"}


class Hazards(Case):
    def setUp(self):
        super().setUp()
        self.topic, self.group = self.name("t"), self.name("g")

    def begin(self, topic=None, **properties):
        return self.daemon({"t": self.trigger(topic or self.topic, self.group, **properties)})

    def values(self, **fields):
        return [r["value"] for r in self.seen(**fields)]

    def test_compacted_topic_with_holes(self):
        self.kafka.create(self.topic, 1, cleanup_policy="compact", segment_ms=200, min_cleanable_dirty_ratio=0.01,
                          max_compaction_lag_ms=500)
        well = self.path("well")
        first = {"key": "bad", "value": {"fails_unless": well}}
        self.kafka.produce(self.topic, [first] + [{"key": f"k{i % 40}", "value": str(i)} for i in range(2000)])

        def compacted():  # a record more begins the next segment, so that the cleaner may have the last
            self.kafka.produce(self.topic, [{"key": "last", "value": "x"}])
            return len(self.kafka.read(self.topic)) < 1500
        until("the cleaner has been there", compacted)
        there = {r["offset"] for r in self.kafka.read(self.topic)}
        end = self.kafka.ends(self.topic)[0]
        self.assertLess(len(there), end)
        keyed = {"ordering": "key", "handler": "handle_async", "retry": AGAIN}
        daemon = self.begin(**keyed)
        daemon.until_metric("triggerd_position_offset", lambda v: v == end, trigger="t")
        daemon.until_metric("triggerd_lanes_parked", lambda v: v == 1, trigger="t")
        daemon.until_metric("triggerd_in_flight_records", lambda v: v == 0, trigger="t")
        daemon.kill9()
        again = self.begin(**keyed)
        again.wait_for("record_failed", offset=0)
        self.make("well")
        self.kafka.until_committed(self.group, self.topic)
        again.stop()
        done = [r["offset"] for r in self.records()]
        self.assertEqual(len(done), len(set(done)), "none twice, over the holes too")
        # What the cleaner took since it was read is no longer there to be compared.
        self.assertLessEqual({r["offset"] for r in self.kafka.read(self.topic)}, set(done))
        self.assertLessEqual(set(done), there)

    def test_transactions_with_aborted_records_and_control_records(self):
        self.kafka.create(self.topic, 1)
        script = []
        for n in range(6):  # the second is aborted, and so is the last
            script += [{"value": f"{n}.{i}"} for i in range(5)] + ["abort" if n in (1, 5) else "commit"]
        self.kafka.transact(self.topic, self.name("tx"), script)
        want = [f"{n}.{i}" for n in (0, 2, 3, 4) for i in range(5)]
        daemon = self.begin(kafka={"isolation.level": "read_committed"})
        self.until_records(len(want))
        # Behind the last record are only a marker, five aborted records and their marker: no lag is left.
        ends = self.kafka.until_committed(self.group, self.topic)
        self.assertEqual(ends, {0: 36})
        daemon.until_metric("triggerd_consumer_lag_records", lambda v: v == 0, trigger="t")
        daemon.stop()
        self.assertEqual(self.values(), want)

        self.kafka.transact(self.topic, self.name("tx"), [{"value": "more"}, "commit"])
        second = self.begin(kafka={"isolation.level": "read_committed"})
        self.until_records(len(want) + 1)
        second.stop()
        self.assertEqual(self.values(), want + ["more"])

    def test_a_failing_record_between_control_records(self):
        self.kafka.create(self.topic, 1)
        self.kafka.transact(self.topic, self.name("tx"), [
            {"key": "a", "value": "1"}, "commit", {"key": "a", "value": "no"}, "abort",
            {"key": "b", "value": {"fails_unless": self.path("well")}}, "commit", {"key": "c", "value": "3"}, "commit"])
        keyed = {"ordering": "key", "retry": AGAIN, "worker": {"processes": 2}}
        first = self.begin(**keyed)
        self.until_records(2)
        first.wait_for("record_failed", offset=4)
        first.stop()
        committed = self.kafka.committed(self.group, self.topic)[0]
        self.assertTrue(1 <= committed <= 4, committed)
        self.make("well")
        second = self.begin(**keyed)
        self.until_records(3)
        until("its last record is committed", lambda: self.kafka.committed(self.group, self.topic)[0] >= 7)
        second.stop()
        self.assertEqual(sorted(r["offset"] for r in self.records()), [0, 4, 6])

    def trimmed(self):
        """The group's commit is at 10; what is there begins at 60."""
        self.kafka.create(self.topic, 1)
        self.kafka.fill(self.topic, 100)
        self.kafka.commit(self.group, self.topic, 0, 10)
        self.kafka.run("trim", self.topic, 0, 60)

    def test_offsets_below_retention_start_from_earliest(self):
        self.trimmed()
        daemon = self.begin(startFrom="earliest")
        self.kafka.until_committed(self.group, self.topic)
        daemon.stop()
        self.assertEqual([r["offset"] for r in self.records()], list(range(60, 100)))

    def test_offsets_below_retention_start_from_latest(self):
        """startFrom speaks of groups without a commit: this one has lost fifty records, and no more."""
        self.trimmed()
        daemon = self.begin(startFrom="latest")
        self.kafka.until_committed(self.group, self.topic)
        daemon.stop()
        self.assertEqual([r["offset"] for r in self.records()], list(range(60, 100)))

    def test_offsets_below_retention_start_from_error(self):
        self.trimmed()
        daemon = self.begin(startFrom="error")
        said = daemon.wait_for("consumer_error", trigger="t")
        self.assertIn(f"{self.topic}[0]", said["error"])
        self.assert_not_ready(daemon, f"t: {self.topic}[0] has lost the record it should go on with")
        self.kafka.produce(self.topic, [{"value": "new"}])
        daemon.stop()
        self.assertEqual(self.records(), [])
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: 10})

    def test_no_commit_start_from_error(self):
        self.kafka.create(self.topic, 1)
        self.kafka.fill(self.topic, 10)
        daemon = self.begin(startFrom="error")
        self.assertEqual(daemon.wait_for("consumer_error", trigger="t")["code"], "no_committed_offset")
        self.assert_not_ready(daemon, f"t: {self.topic}[0] has no committed offset")
        daemon.stop()
        self.assertEqual(self.records(), [])
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: None})

    def assert_not_ready(self, daemon, reason):
        until(f"/readyz to say {reason}", lambda: daemon.get("/readyz")[0] == 503 and reason in daemon.get("/readyz")[1])

    def check_growth(self, kafka):
        self.kafka.create(self.topic, 2)
        self.kafka.fill(self.topic, 200)
        daemon = self.begin(kafka={**SEEN_SOON, **kafka})
        self.until_records(200)
        self.kafka.run("grow", self.topic, 5)
        self.kafka.produce(self.topic, [{"value": str(i), "partition": i % 5} for i in range(500)])
        ends = self.kafka.until_committed(self.group, self.topic)
        daemon.until_metric("triggerd_assigned_partitions", lambda v: v == 5, trigger="t")
        daemon.stop()
        self.assertEqual(sum(ends.values()), 700)
        self.assert_each_once(ends, self.topic)

    def test_partitions_that_are_added_while_it_runs(self):
        self.check_growth({})

    def test_partitions_that_are_added_while_it_runs_with_the_consumer_protocol(self):
        self.check_growth(CONSUMER)

    def check_growth_from_latest(self, kafka):
        """What is written to a new partition before anybody has it is read, whatever startFrom says."""
        self.kafka.create(self.topic, 1)
        self.kafka.fill(self.topic, 10)
        daemon = self.begin(startFrom="latest", kafka={"topic.metadata.refresh.interval.ms": 3000, **kafka})
        until("its commit", lambda: self.kafka.committed(self.group, self.topic) == {0: 10})
        self.kafka.run("grow", self.topic, 3)
        self.kafka.produce(self.topic, [{"value": str(i), "partition": i % 3} for i in range(30)])
        self.assertEqual(daemon.metric("triggerd_assigned_partitions", trigger="t"), 1, "they are to come to it later")
        self.kafka.until_committed(self.group, self.topic)
        daemon.stop()
        self.assertEqual(sorted(map(int, self.values())), list(range(30)))

    def test_partitions_that_are_added_with_start_from_latest(self):
        self.check_growth_from_latest({})

    def test_partitions_that_are_added_with_start_from_latest_with_the_consumer_protocol(self):
        self.check_growth_from_latest(CONSUMER)

    def test_partitions_that_were_added_while_nobody_ran(self):
        """The group is known by the commit that another program made."""
        self.kafka.create(self.topic, 1)
        self.kafka.fill(self.topic, 10)
        self.kafka.commit(self.group, self.topic, 0, 10)
        self.kafka.run("grow", self.topic, 2)
        self.kafka.produce(self.topic, [{"value": str(i), "partition": 1} for i in range(20)])
        daemon = self.begin(startFrom="latest")
        self.kafka.until_committed(self.group, self.topic)
        daemon.stop()
        self.assertEqual(sorted(map(int, self.values())), list(range(20)))

    def test_a_topic_that_a_pattern_finds_later_with_start_from_latest(self):
        orders = self.name("orders")
        self.kafka.create(orders, 1)
        self.kafka.fill(orders, 20)
        daemon = self.begin(f"^orders-{self.unique}(-[a-z]+)?", startFrom="latest",
                            kafka={"topic.metadata.refresh.interval.ms": 3000})
        until("its commit", lambda: self.kafka.committed(self.group, orders) == {0: 20})
        later = self.kafka.create(orders + "-eu", 2)
        self.kafka.fill(later, 40)
        self.assert_each_once(self.kafka.until_committed(self.group, later), later)
        daemon.stop()

    def test_a_member_without_partitions_is_ready(self):
        self.kafka.create(self.topic, 1)
        first = self.begin(kafka=CONSUMER)
        first.wait_for("partitions_assigned")
        second = self.daemon({"t": self.trigger(self.topic, self.group, kafka=CONSUMER)}, name="idle")
        until("/readyz", lambda: second.get("/readyz")[0] == 200)
        self.assertEqual(second.metric("triggerd_assigned_partitions", trigger="t"), 0)

    def test_a_group_without_a_commit_remembers_where_it_began(self):
        self.kafka.create(self.topic, 1)
        self.kafka.fill(self.topic, 10)
        first = self.begin(startFrom="latest")
        until("its commit", lambda: self.kafka.committed(self.group, self.topic) == {0: 10})
        first.kill9()
        self.kafka.produce(self.topic, [{"value": str(i)} for i in range(5)])  # while nobody reads
        second = self.begin(startFrom="latest")
        self.kafka.until_committed(self.group, self.topic)
        second.stop()
        self.assertEqual(self.values(), ["0", "1", "2", "3", "4"])

    def test_a_group_without_a_commit_stopped_at_once(self):
        """Drained before the commit was due: it goes out on the way."""
        self.kafka.create(self.topic, 1)
        self.kafka.fill(self.topic, 10)
        first = self.begin(startFrom="latest")
        first.wait_for("partitions_assigned")
        first.stop()
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: 10})

    def check_pattern(self, kafka):
        orders = self.name("orders")
        others = [orders + ".dlq", "x" + orders, orders + "-eu.dlq"]
        for topic in [orders, *others]:
            self.kafka.create(topic, 1)
            self.kafka.fill(topic, 20)
        daemon = self.begin(f"^orders-{self.unique}(-[a-z]+)?", kafka={**SEEN_SOON, **kafka})
        self.kafka.until_committed(self.group, orders)
        later = self.kafka.create(orders + "-eu", 2)
        self.kafka.fill(later, 40)
        self.assert_each_once(self.kafka.until_committed(self.group, later), later)
        daemon.stop()
        self.assertEqual({r["topic"] for r in self.records()}, {orders, later})

    def test_a_pattern_that_is_a_beginning_matches_no_longer_name(self):
        self.check_pattern({})

    def test_a_pattern_that_is_a_beginning_matches_no_longer_name_with_the_consumer_protocol(self):
        self.check_pattern(CONSUMER)

    def test_a_drain_longer_than_the_session(self):
        self.kafka.create(self.topic, 1)
        daemon = self.begin()
        self.kafka.produce(self.topic, [{"value": {"sleep_ms": 9000}}])
        self.until_records(1, phase="start")
        daemon.stop()
        self.assert_each_once({0: 1}, self.topic)
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: 1})
        self.assertFalse(daemon.seen("partitions_revoked", lost="true"))

    def test_a_drain_longer_than_the_session_with_the_consumer_protocol(self):
        self.kafka.create(self.topic, 1)
        daemon = self.begin(kafka=CONSUMER)
        self.kafka.produce(self.topic, [{"value": {"sleep_ms": 15_000}}])  # the brokers say 10 s
        self.until_records(1, phase="start")
        daemon.stop()
        self.assert_each_once({0: 1}, self.topic)
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: 1})
        self.assertFalse(daemon.seen("partitions_revoked", lost="true"))

    def check_close_during_a_revoke(self, kafka):
        self.kafka.create(self.topic, 2)
        first = self.begin(kafka=kafka, revokeTimeout="60s", worker={"processes": 2})
        first.wait_for("worker_ready", count=2)
        first.wait_for("partitions_assigned")
        self.kafka.produce(self.topic, [{"value": {"gate": self.path("go")}, "partition": p} for p in (0, 1)] +
                           [{"value": "behind", "partition": p} for p in (0, 1)])
        self.until_records(2, phase="start")
        second = self.begin(kafka=kafka)
        first.wait_for("partitions_revoked")
        first.process.send_signal(signal.SIGTERM)
        first.wait_for("daemon_draining")
        self.make("go")
        self.assertEqual(first.wait(), 0)
        ends = self.kafka.until_committed(self.group, self.topic)
        second.stop()
        self.assert_each_once(ends, self.topic)
        self.assertEqual({r["attempt"] for r in self.records("start")}, {1})

    def test_close_during_a_held_revoke(self):
        self.check_close_during_a_revoke({"partition.assignment.strategy": "range"})

    def test_close_during_a_held_revoke_cooperative(self):
        self.check_close_during_a_revoke({"partition.assignment.strategy": "cooperative-sticky"})

    def test_close_during_a_held_revoke_with_the_consumer_protocol(self):
        self.check_close_during_a_revoke(CONSUMER)

    def check_static_member(self, kafka):
        self.kafka.create(self.topic, 4)
        other = self.begin(kafka=kafka, groupInstanceId=self.name("vm2"))
        killed = self.begin(kafka=kafka, groupInstanceId=self.name("vm1"))
        until("both own two", lambda: sorted(len(m["partitions"]) for m in self.kafka.group(self.group)["members"]) == [2, 2])
        self.kafka.fill(self.topic, 400)
        self.kafka.until_committed(self.group, self.topic)
        rebalances = self.moves(other)
        killed.kill9()
        self.kafka.fill(self.topic, 400)
        back = self.begin(kafka=kafka, groupInstanceId=self.name("vm1"))
        back.wait_for("partitions_assigned")
        ends = self.kafka.until_committed(self.group, self.topic)
        self.assertEqual(sum(ends.values()), 800)
        self.assert_each_once(ends, self.topic)
        back.until_metric("triggerd_assigned_partitions", lambda v: v == 2, trigger="t")
        back.stop()
        other.stop()
        return rebalances, self.moves(other)

    def moves(self, daemon):
        return len(daemon.seen("partitions_assigned") + daemon.seen("partitions_revoked"))

    def test_a_static_member_killed_and_restarted(self):
        before, after = self.check_static_member({"session.timeout.ms": 30_000})
        self.assertEqual(before, after, "the other one kept what it had, and nobody noticed")

    def test_a_static_member_killed_and_restarted_with_the_consumer_protocol(self):
        self.check_static_member(CONSUMER)

    def test_twelve_mebibytes_of_headers(self):
        """More than any default of batch or fetch. A broker takes no request of 100 MiB (socket.request.max.bytes)."""
        self.kafka.create(self.topic, 1, max_message_bytes=16 << 20)
        headers = [[f"h{i}", "x" * 1000] for i in range(12 * 1024)]
        self.kafka.produce(self.topic, [{"value": "before"}, {"value": "large", "headers": headers}, {"value": "after"}])
        daemon = self.begin()
        self.kafka.until_committed(self.group, self.topic)
        daemon.stop()
        self.assertEqual(self.values(), ["before", "large", "after"])
        found = self.seen(value="large")[0]["headers"]
        self.assertEqual(len(found), len(headers))
        self.assertEqual({len(v["hex"]) for _, v in found}, {2000})
