"""What a producer wrote is what a handler gets: keys, headers, timestamps, null and empty, several topics, patterns."""
from harness import Case

RECORDS = [
    {"key": "k1", "value": "plain", "headers": [["h", "v"], ["h", "again"], ["none", None], ["empty", ""]], "timestamp": 1700000000123},
    {"key": None, "value": "no key"},
    {"key": "", "value": "empty key"},
    {"key": "k2", "value": None, "timestamp": 1700000000456},  # a tombstone
    {"key": "k2", "value": ""},
    {"key": "ключ", "value": "значение ✓ \u0001", "headers": [["имя", "значение"]]},
    {"key": "big", "value": "x" * 700_000},
]


def expected(record):
    headers = [[name, None if value is None else {"hex": value.encode().hex()}] for name, value in record.get("headers", [])]
    return record["key"], record["value"], headers


class Delivery(Case):
    def run_records(self, **properties):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, RECORDS)
        daemon = self.daemon({"t": self.trigger(topic, group, **properties)})
        got = self.until_records(len(RECORDS))
        self.assertEqual([(r["key"], r["value"], r["headers"]) for r in got], [expected(r) for r in RECORDS])
        self.assertEqual([r["offset"] for r in got], list(range(len(RECORDS))))
        self.assertEqual([got[0]["timestamp"], got[3]["timestamp"]], [1700000000123, 1700000000456])
        self.assertEqual({(r["topic"], r["partition"], r["attempt"]) for r in got}, {(topic, 0, 1)})
        self.kafka.until_committed(group, topic)
        daemon.stop()
        return got

    def test_one_record_an_invocation(self):
        self.assertEqual({r["invocation"] for r in self.run_records(cardinality="one")}, {1})

    def test_many_records_an_invocation(self):
        self.assertEqual({r["invocation"] for r in self.run_records(cardinality="many", maxBatchWait="200ms")}, {len(RECORDS)})

    def test_max_batch_size_bounds_an_invocation(self):
        got = self.run_records(cardinality="many", maxBatchSize=3, maxBatchWait="200ms")
        self.assertLessEqual(max(r["invocation"] for r in got), 3)

    def test_binary_records_are_bytes(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"key": {"hex": "ff00"}, "value": {"hex": "00fe80"}}, {"key": None, "value": None}])
        self.daemon({"t": self.trigger(topic, group, dataType="binary")})
        got = self.until_records(2)
        self.assertEqual([(r["key"], r["value"]) for r in got], [({"hex": "ff00"}, {"hex": "00fe80"}), (None, None)])

    def test_every_record_of_many_partitions_once_and_in_order(self):
        topic, group = self.kafka.create(self.name("t"), 12, 3), self.name("g")
        self.kafka.fill(topic, 20_000)
        daemon = self.daemon({"t": self.trigger(topic, group, cardinality="many", worker={"processes": 2})})
        ends = self.kafka.until_committed(group, topic)
        daemon.stop()
        self.assert_each_once(ends, topic)
        for pid in {r["pid"] for r in self.records()}:
            self.assert_in_order([r for r in self.records() if r["pid"] == pid])

    def test_a_trigger_reads_several_topics(self):
        topics, group = [self.kafka.create(self.name(f"t{i}"), 2) for i in range(3)], self.name("g")
        for topic in topics:
            self.kafka.fill(topic, 100)
        self.daemon({"t": self.trigger(topics, group)})
        for topic in topics:
            self.assert_each_once(self.kafka.until_committed(group, topic), topic)

    def test_a_pattern_matches_whole_names_and_topics_that_come_later(self):
        first, other = self.kafka.create(self.name("pat-a"), 2), self.kafka.create(self.name("other-pat-a"), 2)
        group = self.name("g")
        for topic in (first, other):
            self.kafka.fill(topic, 50)
        pattern = f"^pat-.*-{self.unique}$"
        daemon = self.daemon({"t": self.trigger(pattern, group, kafka={"topic.metadata.refresh.interval.ms": 500})})
        self.kafka.until_committed(group, first)
        later = self.kafka.create(self.name("pat-b"), 2)
        self.kafka.fill(later, 50)
        ends = self.kafka.until_committed(group, later)
        self.assert_each_once(ends, later)
        self.assertEqual({r["topic"] for r in self.records()}, {first, later})
        daemon.stop()

    def test_two_triggers_of_one_daemon_do_not_mix(self):
        topics = [self.kafka.create(self.name(f"t{i}"), 2) for i in range(2)]
        triggers = {f"t{i}": self.trigger(topic, self.name(f"g{i}"), env={"RECORD_FILE": self.path(f"records{i}")})
                    for i, topic in enumerate(topics)}
        for topic in topics:
            self.kafka.fill(topic, 200)
        daemon = self.daemon(triggers)
        for i, topic in enumerate(topics):
            ends = self.kafka.until_committed(self.name(f"g{i}"), topic)
            self.assert_each_once(ends, topic, self.records(file=f"records{i}"))
            self.assertEqual({r["topic"] for r in self.records(file=f"records{i}")}, {topic})
        daemon.stop()

    def test_start_from_latest_reads_what_comes_after_it_joined(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"key": None, "value": "old"}])
        daemon = self.daemon({"t": self.trigger(topic, group, startFrom="latest")})
        daemon.wait_for("partitions_assigned")
        self.kafka.produce(topic, [{"key": None, "value": "new"}])
        self.assertEqual([r["value"] for r in self.until_records(1)], ["new"])

    def test_the_admin_listener_tells_what_happened(self):
        topic, group = self.kafka.create(self.name("t"), 3), self.name("g")
        self.kafka.fill(topic, 300)
        daemon = self.daemon({"t": self.trigger(topic, group)})
        self.kafka.until_committed(group, topic)
        daemon.until_metric("triggerd_records_settled_total", lambda v: v == 300, trigger="t", outcome="ok")
        daemon.until_metric("triggerd_in_flight_records", lambda v: v == 0, trigger="t")
        daemon.until_metric("triggerd_consumer_lag_records", lambda v: v == 0, trigger="t", topic=topic)
        daemon.until_metric("triggerd_assigned_partitions", lambda v: v == 3, trigger="t")
        self.assertEqual(daemon.get("/healthz")[0], 200)
        self.assertEqual(daemon.get("/readyz")[0], 200)
        self.assertEqual(daemon.get("/nothing")[0], 404)
