"""What a trigger may take: records a second, memory, and how far reading runs ahead of the commit."""
import re

from harness import Case

MIB = 1 << 20
ONCE = {"strategy": "fixedDelay", "maxRetryCount": 0, "delayInterval": "1s"}
AGAIN = {"strategy": "fixedDelay", "maxRetryCount": -1, "delayInterval": "100ms"}
FOR_EVER = 1_000_000


class Limits(Case):
    def test_so_many_records_a_second(self):
        topic, group = self.kafka.create(self.name("t"), 4), self.name("g")
        self.kafka.fill(topic, 1600)
        daemon = self.daemon({"t": self.trigger(topic, group, maxRecordsPerSecond=200, worker={"processes": 2})})
        ends = self.kafka.until_committed(group, topic)
        daemon.stop()
        self.assert_each_once(ends, topic)
        at = sorted(r["at"] for r in self.records("start"))
        # The first second may have what nobody took before it.
        for begin in (at[0] + 1, at[0] + 1.5, at[0] + 2):
            found = sum(begin <= t < begin + 5 for t in at)
            self.assertTrue(900 <= found <= 1100, f"{found} in 5 s from {begin - at[0]:.1f} s on; 200 a second were asked for")

    def test_the_rate_limit_holds_for_batches_too(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.fill(topic, 1200)
        self.daemon({"t": self.trigger(topic, group, maxRecordsPerSecond=200, cardinality="many", maxBatchSize=50)})
        self.kafka.until_committed(group, topic)
        at = sorted(r["at"] for r in self.records("start"))
        taken = at[-1] - at[0]
        self.assertTrue(5 * 0.9 <= taken <= 6 * 1.1, f"1,200 records in {taken:.2f} s: 200 of them at once at most, 200 a second")

    def test_a_partition_past_its_span_is_paused_and_the_others_go_on(self):
        topic, group, well = self.kafka.create(self.name("t"), 2), self.name("g"), self.path("well")
        behind, most = 6000, 1000
        self.kafka.produce(topic, [{"key": "bad", "value": {"fails_unless": well}, "partition": 0}] +
                           [{"key": f"k{i % 50}", "value": str(i), "partition": p} for i in range(behind) for p in (0, 1)])
        daemon = self.daemon({"t": self.trigger(topic, group, ordering="key", handler="handle_async", retry=AGAIN,
                                                maxSpan=most, maxInFlight=500)})
        daemon.until_metric("triggerd_partitions_paused", lambda v: v == 1, trigger="t")
        daemon.until_metric("triggerd_committed_offset", lambda v: v == behind, trigger="t", topic=topic, partition="1")
        position = daemon.metric("triggerd_position_offset", trigger="t", topic=topic, partition="0")
        # What had been fetched when it was paused may still come: one run of records.
        self.assertTrue(most <= position < behind, position)
        self.assertEqual(daemon.metric("triggerd_partitions_paused", trigger="t"), 1)
        self.make("well")
        ends = self.kafka.until_committed(group, topic)
        daemon.until_metric("triggerd_partitions_paused", lambda v: v == 0, trigger="t")
        daemon.stop()
        self.assert_each_once(ends, topic)

    def test_a_partition_that_stands_with_much_behind_it_does_not_starve_the_others(self):
        """By partition: nothing of the first may be delivered, and it has more than the whole budget."""
        topic, group = self.kafka.create(self.name("t"), 2, max_message_bytes=2 * MIB), self.name("g")
        self.kafka.produce(topic, [{"value": {"fail_until": FOR_EVER}, "partition": 0}])
        daemon = self.daemon({"t": self.trigger(topic, group, retry=ONCE, maxInFlightBytes=8 * MIB)})
        daemon.wait_for("lane_blocked", trigger="t")
        self.kafka.fill(topic, 128, 256 << 10)  # 16 MiB each
        daemon.until_metric("triggerd_committed_offset", lambda v: v == 64, trigger="t", topic=topic, partition="1")
        daemon.until_metric("triggerd_partitions_paused", lambda v: v == 1, trigger="t")
        self.assertLessEqual(daemon.metric("triggerd_held_bytes", trigger="t"), 8 * MIB)
        daemon.stop()

    def peak_mib(self, daemon):
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) / 1024

    def test_1_500_records_of_a_mebibyte_through_a_budget_of_64(self):
        topic, group, gate = self.kafka.create(self.name("t"), 3, max_message_bytes=2 * MIB), self.name("g"), self.path("go")
        idle = self.daemon({"t": self.trigger(topic, group, maxInFlightBytes="64MiB")})
        idle.wait_for("partitions_assigned")
        idle.wait_for("worker_ready")
        base = self.peak_mib(idle)
        idle.stop()
        count = 1500
        self.kafka.fill(topic, count, MIB)
        daemon = self.daemon({"t": self.trigger(topic, group, maxInFlightBytes="64MiB", handler="handle_size",
                                                env={"GATE": gate})})
        # The handler stands until the budget is full; a quarter of it is what librdkafka may have fetched ahead.
        daemon.until_metric("triggerd_held_bytes", lambda v: v >= 47 * MIB, trigger="t")
        daemon.until_metric("triggerd_reading", lambda v: v == 0, trigger="t")
        self.make("go")
        daemon.until_metric("triggerd_records_settled_total", lambda v: v == count, timeout=300, trigger="t", outcome="ok")
        ends = self.kafka.until_committed(group, topic)
        peak = self.peak_mib(daemon)
        print(f"\n  VmHWM: idle {base:.0f} MiB, with {count} records of 1 MiB {peak:.0f} MiB", end=" ", flush=True)
        daemon.stop()
        self.assert_each_once(ends, topic)
        self.assertLess(peak, base + 64 + 32)

    def test_the_fleets_budget_is_shared_out(self):
        topic = self.kafka.create(self.name("t"), 1, max_message_bytes=2 * MIB)
        self.kafka.fill(topic, 60, MIB)
        triggers = {name: self.trigger(topic, self.name(name), maxInFlightBytes=size, handler="handle_size",
                                       env={"GATE": self.path("never")})
                    for name, size in (("large", "48MiB"), ("small", "16MiB"))}
        # Half of what each asked for; a quarter of that is what librdkafka may have fetched ahead.
        daemon = self.daemon(triggers, maxInFlightBytes="32MiB", drainTimeout="0s")
        for name, share in (("large", 18 * MIB), ("small", 6 * MIB)):
            daemon.until_metric("triggerd_held_bytes", lambda v, s=share: v >= s - MIB, trigger=name)
            daemon.until_metric("triggerd_reading", lambda v: v == 0, trigger=name)
            # A run of records may end past it.
            self.assertLess(daemon.metric("triggerd_held_bytes", trigger=name), share + 2 * MIB, name)
