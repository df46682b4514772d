"""A handler that fails: retried with back-off, then blocked, and visibly so; nothing else waits for it."""
from harness import Case

BACKOFF = {"strategy": "exponentialBackoff", "maxRetryCount": 5, "minimumInterval": "100ms", "maximumInterval": "1s"}


class Failure(Case):
    def test_a_failed_record_is_retried_with_back_off_until_it_succeeds(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": "before"}, {"value": {"fail_until": 4}}, {"value": "after"}])
        daemon = self.daemon({"t": self.trigger(topic, group, retry=BACKOFF)})
        ends = self.kafka.until_committed(group, topic)
        self.assert_each_once(ends, topic)
        attempts = [r for r in self.records("start") if r["offset"] == 1]
        self.assertEqual([r["attempt"] for r in attempts], [1, 2, 3, 4])
        waits = [b["at"] - a["at"] for a, b in zip(attempts, attempts[1:])]
        self.assertGreater(waits[0], 0.02)
        self.assertGreater(sum(waits), 0.2)
        self.assertEqual([r["offset"] for r in self.records()], [0, 1, 2], "the record after it waits: order is the partition's")
        failed = daemon.seen("record_failed", trigger="t", offset=1)
        self.assertEqual([e["attempt"] for e in failed], ["1", "2", "3"])
        self.assertIn("told to fail until attempt 4", failed[0]["reason"])
        daemon.stop()

    def test_a_failed_batch_is_retried_whole(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": "a"}, {"value": {"fail_until": 2}}, {"value": "b"}])
        self.daemon({"t": self.trigger(topic, group, retry=BACKOFF, cardinality="many", maxBatchWait="200ms")})
        ends = self.kafka.until_committed(group, topic)
        self.assert_each_once(ends, topic)
        self.assertEqual({r["attempt"] for r in self.records()}, {2})

    def test_other_partitions_go_on_meanwhile(self):
        topic, group = self.kafka.create(self.name("t"), 2), self.name("g")
        slow = {"strategy": "fixedDelay", "maxRetryCount": 1000, "delayInterval": "500ms"}
        self.kafka.produce(topic, [{"value": {"fail_until": 1_000_000}, "partition": 0}] + [{"value": "x", "partition": 1}] * 500)
        self.daemon({"t": self.trigger(topic, group, retry=slow)})
        self.until_records(500)
        self.assertEqual({r["partition"] for r in self.records()}, {1})

    def test_retries_used_up_block_the_partition_and_that_is_visible(self):
        topic, group = self.kafka.create(self.name("t"), 2), self.name("g")
        self.kafka.produce(topic, [{"value": "ok", "partition": 0}] * 3 + [{"value": {"fail_until": 1_000_000}, "partition": 0}] +
                           [{"value": "behind it", "partition": 0}] * 3 + [{"value": "x", "partition": 1}] * 100)
        retry = {**BACKOFF, "maxRetryCount": 2, "maximumInterval": "200ms"}
        daemon = self.daemon({"t": self.trigger(topic, group, retry=retry)})
        blocked = daemon.wait_for("lane_blocked", trigger="t", offset=3)
        self.assertEqual(blocked["partition"], f"{topic}[0]")
        self.until_records(103)
        daemon.until_metric("triggerd_lanes_blocked", lambda v: v == 1, trigger="t")
        daemon.until_metric("triggerd_committed_offset", lambda v: v == 100, trigger="t", topic=topic, partition="1")
        daemon.until_metric("triggerd_consumer_lag_records", lambda v: v == 4, trigger="t", topic=topic, partition="0")
        self.assertEqual(len([r for r in self.records("start") if r["offset"] == 3 and r["partition"] == 0]), 3)
        daemon.stop()
        self.assertEqual(self.kafka.committed(group, topic), {0: 3, 1: 100})
        self.assertFalse([r for r in self.records("start") if r["partition"] == 0 and r["offset"] > 3])

        again = self.daemon({"t": self.trigger(topic, group, retry=retry)})
        again.wait_for("lane_blocked", trigger="t", offset=3)
        again.stop()
        self.assertEqual(self.kafka.committed(group, topic), {0: 3, 1: 100})

    def test_by_default_a_record_is_retried_for_ever(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": {"fail_until": 5}}])
        daemon = self.daemon({"t": self.trigger(topic, group)})
        self.until_records(1)
        self.assertFalse(daemon.seen("lane_blocked"))
