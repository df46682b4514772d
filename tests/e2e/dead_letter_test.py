"""A record without an attempt left goes to the dead-letter topic as it was, and is settled when the broker has it."""
import os
import subprocess
import time

from harness import BINARY, Case
from waiting import until

TWICE = {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "50ms"}
FOR_EVER = 1_000_000
THEN = int(time.time() * 1000) - 3_600_000  # an hour ago: not the time of writing


class DeadLetter(Case):
    def setUp(self):
        super().setUp()
        self.topic, self.group = self.kafka.create(self.name("orders"), 1), self.name("g")
        self.dlq = self.name("orders") + ".dlq"

    def make_dlq(self):
        return self.kafka.create(self.dlq, 1)

    def begin(self, retry=None, on_failure=None, **properties):
        trigger = self.trigger(self.topic, self.group, retry=retry or TWICE,
                               onFailure=on_failure or {"deadLetter": self.dlq}, **properties)
        return self.daemon({"orders": trigger})

    def send(self, *values):
        self.kafka.produce(self.topic, [{"value": value} for value in values])

    def headers(self, record):
        """Its triggerd.dlq.* headers."""
        prefix = "triggerd.dlq."
        return {name[len(prefix):]: value for name, value in record["headers"] if name.startswith(prefix)}

    def assert_settled(self, daemon, **outcomes):
        for outcome, count in outcomes.items():
            daemon.until_metric("triggerd_records_settled_total", lambda v, n=count: v == n, trigger="orders", outcome=outcome)

    def test_retries_used_up_and_the_record_is_there_as_it_was(self):
        self.make_dlq()
        own = [["trace", "1"], ["empty", ""], ["null", None], ["trace", {"hex": "00ff"}]]
        record = {"key": {"hex": "6b00ff"}, "value": {"fail_until": FOR_EVER}, "headers": own, "timestamp": THEN}
        self.kafka.produce(self.topic, [{"value": "before"}, record, {"value": "after"}])
        daemon = self.begin(dataType="binary")
        self.kafka.until_committed(self.group, self.topic)
        self.assertEqual(self.attempts(offset=1), [1, 2, 3])
        self.assert_settled(daemon, ok=2, dead_letter=1)
        daemon.stop()
        letters = self.kafka.read(self.dlq)
        self.assertEqual([r["key"] for r in letters], [record["key"]])
        self.assertEqual(letters[0]["timestamp"], THEN)
        self.assertEqual(letters[0]["value"], f'{{"fail_until": {FOR_EVER}}}')
        self.assertEqual(letters[0]["headers"][:len(own)], own)
        said = self.headers(letters[0])
        reason = said.pop("reason")
        self.assertEqual(said, {"topic": self.topic, "partition": "0", "offset": "1", "group": self.group, "trigger": "orders",
                                "attempts": "3", "error": "retries_used_up"})
        self.assertIn("told to fail", reason)

    def test_a_tombstone_without_a_key_stays_one(self):
        self.make_dlq()
        self.kafka.produce(self.topic, [{"key": None, "value": None, "headers": [["script", '{"raise": "dead_letter"}']]}])
        self.begin()
        self.kafka.until_committed(self.group, self.topic)
        self.assertEqual([(r["key"], r["value"]) for r in self.kafka.read(self.dlq)], [(None, None)])

    def test_a_handler_gives_a_record_up_at_once(self):
        self.make_dlq()
        self.send({"raise": "dead_letter"}, "after")
        daemon = self.begin()
        self.kafka.until_committed(self.group, self.topic)
        self.assertEqual(self.attempts(offset=0), [1])
        self.assertEqual([r["offset"] for r in self.records()], [1])
        self.assert_settled(daemon, ok=1, dead_letter=1)
        said = self.headers(self.kafka.read(self.dlq)[0])
        self.assertEqual((said["error"], said["attempts"], said["reason"]), ("rejected", "1", "told to give it up"))
        daemon.stop()

    def test_a_handler_drops_a_record(self):
        self.make_dlq()
        self.send("before", {"raise": "drop"}, "after")
        daemon = self.begin()
        self.kafka.until_committed(self.group, self.topic)
        self.assertIn("told to drop it", daemon.wait_for("record_dropped", trigger="orders", offset=1)["reason"])
        self.assert_settled(daemon, ok=2, drop=1)
        self.assertEqual(self.kafka.ends(self.dlq), {0: 0})
        daemon.stop()

    def test_a_handler_says_when_to_try_again(self):
        self.send({"raise": "retry", "after": 0.7})
        daemon = self.begin(retry={**TWICE, "maxRetryCount": 1}, on_failure="block")
        daemon.wait_for("lane_blocked", offset=0)
        first, second = self.records("start")
        self.assertGreater(second["at"] - first["at"], 0.69)
        daemon.stop()

    def test_of_a_batch_only_what_failed(self):
        self.make_dlq()
        values = [{"fail_until": FOR_EVER} if i in (2, 5) else {"raise": "dead_letter"} if i == 7 else
                  {"fail_until": 2} if i == 8 else {"raise": "drop"} if i == 9 else "x" for i in range(12)]
        self.send(*values)
        daemon = self.begin(cardinality="many", maxBatchWait="300ms", handler="handle_each")
        self.kafka.until_committed(self.group, self.topic)
        self.assert_settled(daemon, ok=8, dead_letter=3, drop=1)
        daemon.stop()
        letters = {int(self.headers(r)["offset"]): self.headers(r) for r in self.kafka.read(self.dlq)}
        self.assertEqual({o: (h["error"], h["attempts"]) for o, h in letters.items()},
                         {2: ("retries_used_up", "3"), 5: ("retries_used_up", "3"), 7: ("rejected", "1")})
        self.assertEqual(self.attempts(offset=8), [1, 2])
        for offset in (0, 1, 3, 4, 6, 10, 11):
            self.assertEqual(self.attempts(offset=offset), [1], offset)

    def test_a_dead_letter_topic_that_is_missing_loses_nothing_and_is_seen(self):
        self.send("before", {"raise": "dead_letter"}, "behind it")
        daemon = self.begin(alarmAfter="1s")
        failed = daemon.wait_for("dead_letter_failed", trigger="orders", offset=1)
        self.assertIn("nknown topic", failed["error"])
        daemon.until_metric("triggerd_dead_letters_failed_total", lambda v: v >= 1, trigger="orders")
        daemon.until_metric("triggerd_lanes_alarmed", lambda v: v == 1, trigger="orders")
        place = f"{self.topic}[0]"
        def named():
            status, text = daemon.get("/readyz")
            return status == 503 and f"orders: {place}" in text and "offset 1 " in text and "nknown topic" in text
        until("/readyz names it", named)
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: 1})

        self.make_dlq()
        self.kafka.until_committed(self.group, self.topic)
        until("ready again", lambda: daemon.get("/readyz")[0] == 200)
        self.assert_settled(daemon, ok=2, dead_letter=1)
        daemon.stop()
        self.assertEqual(self.attempts(offset=1), [1], "the handler is not asked again")
        self.assertEqual([self.headers(r)["offset"] for r in self.kafka.read(self.dlq)], ["1"])

    def test_killed_before_the_dead_letter_is_written_the_next_daemon_writes_it(self):
        self.send({"raise": "dead_letter"}, "behind it")
        first = self.begin()
        first.wait_for("dead_letter_failed")
        first.kill9()
        self.assertEqual(self.kafka.committed(self.group, self.topic)[0] or 0, 0)
        self.make_dlq()
        second = self.begin()
        self.kafka.until_committed(self.group, self.topic)
        second.stop()
        self.assertEqual([self.headers(r)["offset"] for r in self.kafka.read(self.dlq)], ["0"])

    def test_a_dead_letter_topic_that_cannot_be_written_does_not_hold_a_stop(self):
        self.send({"raise": "dead_letter"}, "behind it")
        daemon = self.begin()
        daemon.wait_for("dead_letter_failed")
        begun = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - begun, 45, "a write's timeout and what closing takes, not the drain's minute")
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: 0})

    def test_drop_counts_and_goes_on(self):
        self.send("before", {"fail_until": FOR_EVER}, {"raise": "dead_letter"}, "after")
        daemon = self.begin(on_failure="drop")
        ends = self.kafka.until_committed(self.group, self.topic)
        self.assertEqual(ends, {0: 4})
        self.assert_settled(daemon, ok=2, drop=2)
        self.assertEqual(self.attempts(offset=1), [1, 2, 3])
        self.assertIn("told to fail", daemon.wait_for("record_dropped", offset=1)["reason"])
        daemon.wait_for("record_dropped", offset=2)
        daemon.stop()

    def test_keys_dead_letter_side_by_side_and_in_order(self):
        self.make_dlq()
        bad = [{"key": f"k{i % 10}", "value": {"raise": "dead_letter"}} for i in range(200)]
        self.kafka.produce(self.topic, [r for b in bad for r in (b, {"key": "good", "value": "x"})])
        daemon = self.begin(ordering="key", handler="handle_async")
        self.kafka.until_committed(self.group, self.topic)
        self.assert_settled(daemon, ok=200, dead_letter=200)
        daemon.stop()
        letters = self.kafka.read(self.dlq)
        by_key = {}
        for letter in letters:
            by_key.setdefault(letter["key"], []).append(int(self.headers(letter)["offset"]))
        self.assertEqual({k: len(v) for k, v in by_key.items()}, {f"k{i}": 20 for i in range(10)})
        for offsets in by_key.values():
            self.assertEqual(offsets, sorted(offsets))

    def test_replayed_they_are_handled(self):
        self.make_dlq()
        well = self.path("well")
        self.send("before", {"fails_unless": well}, {"fails_unless": well}, "after")
        daemon = self.begin()
        self.kafka.until_committed(self.group, self.topic)
        self.assert_settled(daemon, ok=2, dead_letter=2)
        self.make("well")
        result = subprocess.run([BINARY, "dlq", "replay", "-c", daemon.file, "orders"], capture_output=True, text=True,
                                timeout=120, env={**os.environ})
        self.assertEqual((result.returncode, result.stdout.splitlines()), (0, ["replayed 2, left out 0"]), result.stderr)
        self.kafka.until_committed(self.group, self.topic)
        self.assert_settled(daemon, ok=4, dead_letter=2)
        again = [r for r in self.records() if r["offset"] > 3]
        self.assertEqual([(r["attempt"], r["headers"]) for r in again],
                         [(1, [["triggerd.dlq.replayed", {"hex": "31"}]])] * 2)
        daemon.stop()
