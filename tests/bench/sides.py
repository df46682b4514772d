"""The programs a row compares. Each drains one topic in a group of its own and says what it took.

The clock runs from the assignment until everything is committed; CPU is counted over the same span, per process; memory
is the peak. The brokers delay a group's first assignment (group.initial.rebalance.delay.ms), so that what starts beside
a consumer, our worker, is there when the clock starts.
"""
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Both sides of every comparison run with these, unless the side is there to show another setting.
SAME = {"fetch.queue.backoff.ms": "2", "partition.assignment.strategy": "range"}


@dataclasses.dataclass
class Result:
    seconds: float
    cpu: dict      # component: seconds
    rss: dict      # component: MiB


class External:
    """A program that measures itself: raw librdkafka, confluent-kafka-python."""

    def __init__(self, name, component, command, settings):
        self.name, self.component, self.command, self.settings = name, component, command, settings

    def run(self, work):
        properties = [f"{name}={value}" for name, value in self.settings.items()]
        result = subprocess.run([*self.command, work.brokers, work.topic, work.group(), str(work.records), *properties],
                                capture_output=True, text=True, timeout=300)
        if result.returncode:
            raise RuntimeError(f"{self.name}: {result.stderr}")
        took = json.loads(result.stdout)
        assert took["bytes"] == work.records * work.size, took
        return Result(took["seconds"], {self.component: took["cpu"]}, {self.component: took["rss_mib"]})


def cpu_seconds(pid):
    """CPU of all threads so far; the scheduler's own count, in nanoseconds, of those that still run."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) / 1024


class Triggerd:
    """The daemon and one worker, watched from outside by its log."""

    def __init__(self, name, build, worker, env=None, properties=None):
        self.name, self.binary, self.worker = name, os.path.join(build, "bin", "triggerd"), worker
        self.env = env or {}
        self.properties = properties or {}

    def fleet(self, work):
        return {"triggers": {"bench": {
            "brokerList": work.brokers, "topic": work.topic, "consumerGroup": work.group(), "cardinality": "many",
            "dataType": "binary", "maxBatchSize": 1000, "maxInFlight": 100_000, "kafka": SAME,
            "worker": {"command": self.worker, "env": self.env}, **self.properties}}}

    def run(self, work):
        from daemon import Daemon  # tests/e2e
        daemon = Daemon(self.binary, work.folder, uuid.uuid4().hex[:8], self.fleet(work))
        try:
            return self.watch(daemon.start(), work)
        finally:
            daemon.close()

    def watch(self, daemon, work):
        worker = int(daemon.wait_for("worker_ready")["pid"])
        pids = {"daemon": daemon.process.pid, "worker": worker}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}  # idle until the assignment comes
        begin = daemon.wait_for("partitions_assigned")
        end = until_committed(daemon, work)
        cpu = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        rss = {name: peak_mib(pid) for name, pid in pids.items()}
        daemon.stop()
        return Result(end["_time"] - begin["_time"], cpu, rss)


def until_committed(daemon, work):
    """The log line of the commit that covers the last record."""
    reached, seen = {}, 0
    while True:
        seen += 1
        event = daemon.wait_for("offsets_committed", count=seen, timeout=120)
        for partition, offset in re.findall(r"\[(\d+)\]@(\d+)(?!\d*!)", event["offsets"]):
            reached[int(partition)] = int(offset)
        if sum(reached.values()) == work.records:
            return event


def python_worker(build):
    return Triggerd("triggerd, Python worker", build, [sys.executable, "-m", "triggerd", os.path.join(HERE, "count_bytes.py")],
                    {"PYTHONPATH": os.path.join(ROOT, "workers", "python")})


def cpp_worker(build):
    return Triggerd("triggerd, C++ worker", build, [os.path.join(build, "bin", "triggerd-cpp-count")])


def node_worker(build):
    return Triggerd("triggerd, Node worker", build, [shutil.which("node") or "node", os.path.join(ROOT, "workers", "node", "main.mjs"),
                                                     os.path.join(HERE, "count_bytes.mjs")])


def raw(build):
    return External("raw librdkafka, no worker", "consumer", [os.path.join(build, "tests", "raw_consumer")], SAME)


def confluent(venv, tuned):
    settings = {"fetch.queue.backoff.ms": "1"} if tuned else {}
    return External("confluent-kafka-python, " + ("tuned" if tuned else "defaults"), "consumer",
                    [os.path.join(venv, "bin", "python"), os.path.join(HERE, "confluent_consumer.py")], settings)
