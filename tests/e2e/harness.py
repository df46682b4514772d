"""What an end-to-end test begins with: the cluster, a folder of its own, names of its own, daemons that end with it.

The runner (tests/e2e/run) says in the environment where the build and the brokers are.
"""
import collections
import json
import os
import shutil
import sys
import tempfile
import unittest
import uuid

from daemon import Daemon
from kafka import Kafka
from waiting import PATIENCE, until

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("TRIGGERD_BUILD", os.path.join(ROOT, "build"))
QUICK_SESSION = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
BINARY = os.path.join(BUILD, "bin", "triggerd")


def python_worker(handler, *args):
    """argv of a Python worker for one of tests/e2e/handlers."""
    return [sys.executable, "-m", "triggerd", os.path.join(HERE, "handlers", handler), *args]


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.kafka = Kafka(BUILD, os.environ["KAFKA_BROKERS"])
        self.folder = tempfile.mkdtemp(prefix="triggerd-e2e-")
        self.daemons = []
        self.unique = uuid.uuid4().hex[:8]
        self.addCleanup(self._clean)

    def _clean(self):
        for daemon in self.daemons:
            daemon.close()
        failed = any(error for _, error in getattr(self._outcome, "errors", ())) or (
            getattr(self._outcome, "result", None) and any(case is self for case, _ in
                                                           self._outcome.result.failures + self._outcome.result.errors))
        if failed:
            for daemon in self.daemons:
                if os.path.exists(daemon.raw_log):
                    print(f"--- the end of {daemon.name}'s log; all of it: {daemon.raw_log}\n{daemon.tail()}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def name(self, word):
        """A topic's or group's name that no other test has."""
        return f"{word}-{self.unique}"

    def path(self, name):
        return os.path.join(self.folder, name)

    def trigger(self, topic, group, command=None, env=None, worker=None, kafka=None, handler=None, **properties):
        """A trigger with a scripted worker (handlers/scripted.py) that writes what it gets to RECORD_FILE."""
        if handler is None:
            handler = "handle_batch" if properties.get("cardinality") == "many" else "handle"
        kafka = {**QUICK_SESSION, **(kafka or {})}
        if kafka.get("group.protocol") == "consumer":  # there the broker sets them
            kafka = {name: value for name, value in kafka.items() if name not in QUICK_SESSION}
        return {
            "brokerList": self.kafka.brokers,
            "topic": topic,
            "consumerGroup": group,
            "kafka": kafka,
            "worker": {
                "command": command or python_worker("scripted.py", "--handler", handler),
                "env": {"PYTHONPATH": os.path.join(ROOT, "workers", "python"), "RECORD_FILE": self.path("records"),
                        **(env or {})},
                **(worker or {}),
            },
            **properties,
        }

    def daemon(self, triggers, name=None, start=True, **fleet):
        """A started daemon; ready when its workers are and its partitions are assigned."""
        name = name or f"daemon{len(self.daemons) + 1}"
        daemon = Daemon(BINARY, self.folder, name, {"triggers": triggers, **fleet})
        self.daemons.append(daemon)
        return daemon.start() if start else daemon

    def records(self, phase="end", file="records"):
        """What the scripted handler wrote, in order; a half-written last line does not count."""
        try:
            with open(self.path(file), encoding="utf-8") as f:
                lines = f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        return [r for r in map(json.loads, lines) if r["phase"] == phase]

    def until_records(self, count, timeout=PATIENCE, phase="end", file="records"):
        def probe():
            for daemon in self.daemons:
                if daemon.process and daemon.process.poll() in (77, 78):
                    raise AssertionError(f"{daemon.name} ended with {daemon.process.returncode}\n{daemon.tail()}")
            return len(self.records(phase, file)) >= count
        until(f"{count} records at the handler", probe, timeout)
        return self.records(phase, file)

    def assert_each_once(self, ends, topic, records=None):
        """Offsets 0 … end−1 of every partition, each exactly once."""
        counts = collections.Counter((r["partition"], r["offset"]) for r in
                                     (self.records() if records is None else records) if r["topic"] == topic)
        want = {(p, o) for p, end in ends.items() for o in range(end)}
        missing = sorted(want - set(counts))
        twice = sorted(k for k, n in counts.items() if n > 1)
        self.assertEqual((len(missing), len(twice)), (0, 0),
                         f"missing {len(missing)}: {missing[:10]}, more than once {len(twice)}: {twice[:10]}")

    def seen(self, phase="end", **fields):
        """Records of that phase with these fields."""
        return [r for r in self.records(phase) if all(r[name] == value for name, value in fields.items())]

    def attempts(self, **fields):
        """The attempt numbers a record came with, in order."""
        return [r["attempt"] for r in self.seen("start", **fields)]

    def make(self, name):
        """A file that a handler waits for."""
        open(self.path(name), "w", encoding="utf-8").close()

    def assert_in_order(self, records):
        """First deliveries of each partition come in offset order."""
        last = {}
        for r in records:
            self.assertGreater(r["offset"], last.get((r["topic"], r["partition"]), -1), r)
            last[r["topic"], r["partition"]] = r["offset"]
