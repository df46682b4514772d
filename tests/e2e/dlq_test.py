"""`triggerd dlq replay`: dead letters go back to where they came from, each once, as they were."""
import json
import os
import signal
import subprocess
import time

from harness import BINARY, ROOT, Case
from waiting import until

# Another time than the test's, but none that a topic's retention deletes.
THEN = int(time.time() * 1000) - 3_600_000


def letter(topic, partition, offset, headers=(), **record):
    """A record as the daemon would have written it to a dead-letter topic."""
    ours = {"topic": topic, "partition": partition, "offset": offset, "group": "billing", "trigger": "orders",
            "attempts": 3, "error": "retries_used_up", "reason": "ValueError"}
    return {"timestamp": THEN + offset, **record,
            "headers": [*headers, *([f"triggerd.dlq.{name}", str(value)] for name, value in ours.items())]}


def shape(record):
    """What a record is, wherever it lies."""
    return [record[name] for name in ("key", "value", "timestamp", "headers")]


class Dlq(Case):
    def setUp(self):
        super().setUp()
        self.topic = self.kafka.create(self.name("orders"), 3)
        self.dlq = self.kafka.create(self.name("dlq"), 2)
        self.group = self.name("g")

    def replay(self, *args, status=0, trigger="orders", brokers=None, topic=True):
        """(the lines of stdout, stderr)"""
        path = self.path("fleet.yaml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"triggers": {"orders": {**self.trigger(self.topic, self.group),
                                               "brokerList": brokers or self.kafka.brokers}}}, f)
        named = ["--topic", self.dlq] if topic else []
        result = subprocess.run([BINARY, "dlq", "replay", "-c", path, trigger, *named, *args], capture_output=True,
                                text=True, timeout=120)
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout.splitlines(), result.stderr

    def letters(self, count, partition=0, **record):
        return [letter(self.topic, partition, i, **{"value": str(i), **record}) for i in range(count)]

    def total(self, topic):
        return sum(self.kafka.ends(topic).values())

    def remembered(self):
        return self.kafka.committed(self.group + ".dlq-replay", self.dlq)

    def assert_all_remembered(self):
        self.assertEqual(self.remembered(), {p: end or None for p, end in self.kafka.ends(self.dlq).items()})

    def test_a_record_comes_back_as_it_was(self):
        own = [["trace", "1"], ["empty", ""], ["null", None], ["trace", {"hex": "00ff"}], ["trace", "1"]]
        records = [
            {"key": "a", "value": "plain"},
            {"key": "b", "value": None},
            {"key": None, "value": "no key"},
            {"key": "", "value": ""},
            {"key": {"hex": "00ff"}, "value": {"hex": "ff00"}, "headers": own},
            {"key": "c", "value": "again", "headers": [["triggerd.dlq.replayed", "4"], ["own", "x"]]},
            {"key": None, "value": None, "timestamp": -1},
        ]
        self.kafka.produce(self.dlq, [letter(self.topic, i % 3, i, **r) for i, r in enumerate(records)])
        lines, errors = self.replay()
        self.assertEqual((lines, errors), (["replayed 7, left out 0"], ""))
        back = self.kafka.read(self.topic)
        for i, record in enumerate(records):
            headers = [h for h in record.get("headers", []) if h[0] != "triggerd.dlq.replayed"]
            replayed = "5" if record["value"] == "again" else "1"
            want = [record["key"], record["value"], record.get("timestamp", THEN + i),
                    [*headers, ["triggerd.dlq.replayed", replayed]]]
            self.assertIn(want, [shape(r) for r in back if r["partition"] == i % 3], "in its own partition")

    def test_a_second_run_goes_on_where_the_first_ended(self):
        self.kafka.produce(self.dlq, self.letters(5))
        self.assertEqual(self.replay()[0], ["replayed 5, left out 0"])
        self.assertEqual(self.replay()[0], ["replayed 0, left out 0"])
        self.assert_all_remembered()
        self.kafka.produce(self.dlq, self.letters(2, partition=1))
        self.assertEqual(self.replay()[0], ["replayed 2, left out 0"])
        self.assertEqual(self.kafka.ends(self.topic), {0: 5, 1: 2, 2: 0})
        self.assertEqual(self.replay("--from-beginning")[0], ["replayed 7, left out 0"])
        self.assertEqual(self.kafka.ends(self.topic), {0: 10, 1: 4, 2: 0})

    def test_a_dry_run_writes_and_remembers_nothing(self):
        other = self.kafka.create(self.name("other"), 1)
        self.kafka.produce(self.dlq, self.letters(3) + [letter(other, 0, 9, value="x"), {"value": "not ours"}])
        lines, errors = self.replay("--dry-run")
        self.assertEqual(lines, sorted([f"{self.topic}: 3", f"{other}: 1"]) +
                         ["dry run: would have replayed 4, left out 1"])
        self.assertIn(self.dlq, errors)
        self.assertEqual((self.total(self.topic), self.total(other)), (0, 0))
        self.assertEqual(set(self.remembered().values()), {None})

    def test_what_is_no_dead_letter_is_left_out_and_named(self):
        broken = letter(self.topic, 0, 7, value="no offset")
        broken["headers"] = [h for h in broken["headers"] if h[0] != "triggerd.dlq.offset"]
        self.kafka.produce(self.dlq, [{**r, "partition": 1} for r in [{"value": "stray"}, *self.letters(2), broken]])
        lines, errors = self.replay()
        self.assertEqual(lines, ["replayed 2, left out 2"])
        for offset in (0, 3):
            self.assertIn(f"{self.dlq}[1] offset {offset} ", errors)
        self.assertEqual(self.replay(), (["replayed 0, left out 0"], ""), "it is remembered too")

    def test_to_another_topic_and_some_at_a_time(self):
        parking = self.kafka.create(self.name("parking"), 1)
        self.kafka.produce(self.dlq, [{**r, "partition": 0} for r in self.letters(10, partition=2)])
        self.assertEqual(self.replay("--to", parking, "--max", "4")[0], ["replayed 4, left out 0"])
        self.assertEqual(self.remembered()[0], 4)
        self.assertEqual(self.replay("--to", parking, "--max", "4")[0], ["replayed 4, left out 0"])
        self.assertEqual(self.replay("--to", parking, "--max", "4")[0], ["replayed 2, left out 0"])
        self.assertEqual([r["value"] for r in self.kafka.read(parking)], [str(i) for i in range(10)])
        self.assertEqual(self.total(self.topic), 0)

    def test_it_stops_at_what_cannot_be_written_and_passes_it_elsewhere(self):
        gone = self.name("gone")
        records = self.letters(3) + [letter(gone, 0, 17, value="lost")] + self.letters(2, partition=1)
        self.kafka.produce(self.dlq, [{**r, "partition": 0} for r in records])
        lines, errors = self.replay(status=69)
        self.assertEqual(lines, ["replayed 3, left out 0"])
        self.assertIn(f"{self.dlq}[0] offset 3 cannot be written to {gone}: ", errors)
        self.assertEqual(self.remembered()[0], 3)
        self.assertEqual(self.replay(status=69)[0], ["replayed 0, left out 0"])
        parking = self.kafka.create(self.name("parking"), 1)
        self.assertEqual(self.replay("--to", parking, "--max", "1")[0], ["replayed 1, left out 0"])
        self.assertEqual(self.replay()[0], ["replayed 2, left out 0"])
        self.assertEqual((self.total(self.topic), self.total(parking)), (5, 1))

    def test_a_record_that_became_too_large_for_its_topic(self):
        small = self.kafka.create(self.name("small"), 1, max_message_bytes=1000)
        noise = {"hex": "".join(f"{i * i * 2654435761 % 4294967296:08x}" for i in range(1, 1001))}
        self.kafka.produce(self.dlq, [letter(small, 0, 1, value=noise)])
        self.assertIn("too large", self.replay(status=69)[1])
        self.assertEqual(set(self.remembered().values()), {None})

    def test_a_partition_its_topic_no_longer_has(self):
        self.kafka.produce(self.dlq, [letter(self.topic, 8, 1, key="k", value="v")])
        self.assertEqual(self.replay()[0], ["replayed 1, left out 0"])
        self.assertEqual(self.total(self.topic), 1)

    def test_an_end_that_is_no_record(self):
        """Behind a transaction's records lies its marker: nothing comes, and it is read to the end all the same."""
        subprocess.run([os.path.join(ROOT, "tests", "kafka", "kafka"), "run", "org.apache.kafka.tools.ProducerPerformance",
                        "--topic", self.dlq, "--num-records", "3", "--record-size", "5", "--throughput", "-1",
                        "--transactional-id", self.name("t"), "--transaction-duration-ms", "1000",
                        "--producer-props", "bootstrap.servers=" + self.kafka.brokers],
                       check=True, stdout=subprocess.DEVNULL, timeout=60)
        until("the marker is written", lambda: self.total(self.dlq) > 3)
        self.assertEqual(self.replay()[0], ["replayed 0, left out 3"])
        self.assert_all_remembered()

    def test_a_trimmed_topic(self):
        self.kafka.produce(self.dlq, [{**r, "partition": 1} for r in self.letters(4)])
        self.kafka.run("trim", self.dlq, 1, 3)
        self.assertEqual(self.replay()[0], ["replayed 1, left out 0"])

    def test_a_killed_run_repeats_at_most_a_thousand(self):
        self.kafka.produce(self.dlq, [{**r, "partition": 0} for r in self.letters(60_000)])
        path = self.path("fleet.yaml")
        self.replay("--max", "1")  # it writes the file
        process = subprocess.Popen([BINARY, "dlq", "replay", "-c", path, "orders", "--topic", self.dlq],
                                   stdout=subprocess.PIPE)
        until("some are written", lambda: self.total(self.topic) > 3000)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertLess(self.total(self.topic), 60_000, "it was killed in the middle")
        self.replay()
        self.assertGreaterEqual(self.total(self.topic), 60_000)
        self.assertLessEqual(self.total(self.topic), 61_000)
        self.assertEqual(len({r["value"] for r in self.kafka.read(self.topic)}), 60_000)

    def test_what_is_wrong_with_the_command_or_the_cluster(self):
        self.assertIn("no trigger nobody", self.replay(trigger="nobody", status=64)[1])
        self.assertIn("no dead-letter topic", self.replay(topic=False, status=64)[1])
        self.assertIn("itself", self.replay("--to", self.dlq, status=64)[1])
        self.assertIn("max", self.replay("--max", "0", status=64)[1])
        self.dlq = self.name("none")
        lines, errors = self.replay(status=69)
        self.assertEqual(lines, [])
        self.assertIn(self.dlq, errors)
        self.assertIn("nknown topic", errors)

    def test_brokers_that_are_not_there(self):
        lines, errors = self.replay(brokers="127.0.0.1:1", status=69)
        self.assertEqual(lines, [])
        self.assertIn(self.dlq, errors)
