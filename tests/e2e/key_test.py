"""ordering: key runs the keys of a partition side by side and one key in order; none asks for no order at all.

In one process with an asynchronous handler, and in three processes with a plain one.
"""
import itertools

from harness import Case

BACKOFF = {"strategy": "fixedDelay", "maxRetryCount": 1000, "delayInterval": "200ms"}
FOR_EVER = 1_000_000


class Lanes:
    """What holds in both; a subclass says what workers there are."""

    def begin(self, ordering="key", **properties):
        self.topic, self.group = self.kafka.create(self.name("t"), 1), self.name("g")
        daemon = self.daemon({"t": self.trigger(self.topic, self.group, ordering=ordering, retry=BACKOFF,
                                                **self.workers, **properties)})
        daemon.wait_for("worker_ready", count=self.processes)
        return daemon

    def send(self, *records):
        self.kafka.produce(self.topic, [{"key": key, "value": value} for key, value in records])

    def check_side_by_side(self, first, second, ordering="key"):
        """The first is done only when the handler has seen the second, of the same partition."""
        daemon = self.begin(ordering)
        seen = self.path("seen")
        self.send((first, {"gate": seen}))
        self.until_records(1, phase="start")
        self.send((second, {"touch": seen}))
        self.until_records(2)
        self.assertEqual([r["offset"] for r in self.records("start")], [0, 1])
        self.assert_each_once(self.kafka.until_committed(self.group, self.topic), self.topic)
        daemon.stop()

    def test_keys_of_one_partition_run_side_by_side(self):
        self.check_side_by_side("a", "b")

    def test_records_without_a_key_run_side_by_side(self):
        self.check_side_by_side(None, None)

    def test_without_ordering_one_key_runs_side_by_side(self):
        self.check_side_by_side("a", "a", "none")

    def test_one_key_is_in_order_and_never_at_two_places(self):
        daemon = self.begin()
        keys, count = 13, 1300
        self.send(*((f"k{i % keys}", {"sleep_ms": i * i % 5}) for i in range(count)))
        ends = self.kafka.until_committed(self.group, self.topic)
        daemon.stop()
        self.assert_each_once(ends, self.topic)
        steps = {}
        for r in self.records("start") + self.records("end"):
            steps.setdefault(r["key"], []).append((r["at"], r["phase"] == "end", r["offset"]))
        for key, found in steps.items():
            offsets = range(int(key[1:]), count, keys)
            self.assertEqual([(end, o) for _, end, o in sorted(found)],
                             list(itertools.chain(*(((False, o), (True, o)) for o in offsets))), key)
        self.assertEqual(len({r["pid"] for r in self.records()}), self.processes)

    def test_a_failing_key_parks_only_itself(self):
        daemon = self.begin()
        self.send(("bad", {"fail_until": FOR_EVER}), ("bad", "behind it"), *((f"k{i % 9}", "x") for i in range(300)))
        self.until_records(300)
        self.assertEqual(self.seen("start", offset=1), [])
        self.assertEqual({r["key"] for r in self.records()}, {f"k{i}" for i in range(9)})
        daemon.until_metric("triggerd_records_settled_total", lambda v: v == 300, trigger="t", outcome="ok")
        daemon.wait_for("record_failed", offset=0, count=3)
        attempts = self.attempts(offset=0)
        self.assertEqual(attempts, list(range(1, len(attempts) + 1)))
        daemon.stop()
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: 0})

    def test_a_key_goes_on_in_order_when_its_record_succeeds(self):
        daemon = self.begin()
        self.send(("a", {"fail_until": 4}), ("a", "2"), ("a", {"fail_until": 2}), ("a", "4"), ("b", "5"))
        ends = self.kafka.until_committed(self.group, self.topic)
        daemon.stop()
        self.assert_each_once(ends, self.topic)
        self.assertEqual([r["offset"] for r in self.seen(key="a")], [0, 1, 2, 3])
        self.assertEqual([self.attempts(offset=o) for o in range(4)], [[1, 2, 3, 4], [1], [1, 2], [1]])

    def test_a_failing_record_without_a_key_parks_only_itself(self):
        self.begin()
        self.send((None, {"fail_until": FOR_EVER}), *((None, "x") for _ in range(200)))
        self.until_records(200)
        self.assertEqual({r["offset"] for r in self.records()}, set(range(1, 201)))

    def test_without_ordering_a_failing_record_parks_only_itself(self):
        daemon = self.begin("none")
        self.send(("a", {"fail_until": FOR_EVER}), *(("a", "x") for _ in range(200)))
        self.until_records(200)
        self.assertEqual(sorted(r["offset"] for r in self.records()), list(range(1, 201)))
        daemon.stop()


class InOneProcess(Lanes, Case):
    processes = 1
    workers = {"handler": "handle_async"}

    def test_a_slow_key_holds_nothing_up_in_one_run_of_records(self):
        """All are fetched at once, and travel in the same frames."""
        self.begin()
        self.send(("a", {"gate": self.path("go")}), ("a", "behind it"), *((f"k{i % 7}", "x") for i in range(300)))
        self.until_records(300)
        self.assertEqual(self.seen(key="a"), [])
        self.make("go")
        self.assert_each_once(self.kafka.until_committed(self.group, self.topic), self.topic)


class InThreeProcesses(Lanes, Case):
    processes = 3
    workers = {"worker": {"processes": 3}}
