"""Real input through real parts: every stanza of the Debian package index, keyed by section, over three brokers and
twelve partitions, into workers/python/samples/totals.py. The totals equal those of a straight pass, after a graceful
restart in the middle and after kill -9 of the worker and of the daemon. `make real` shows it with its progress.
"""
import collections
import os
import signal
import sys

import package_index
from harness import ROOT, Case, python_worker
from waiting import until

PARTITIONS, IN_FLIGHT = 12, 2000
SAMPLES = os.path.join(ROOT, "workers", "python", "samples")


class Progress:
    """For a person, where one asked (-v): a bar on a terminal, a line a step anywhere else."""

    def __init__(self, total):
        self.total = total
        self.shown = bool(os.environ.get("TRIGGERD_VERBOSE"))
        self.bar = self.shown and sys.stderr.isatty()

    def step(self, text):
        if self.shown:
            print(f"{chr(13) + chr(27) + '[K' if self.bar else ''}  {text}", file=sys.stderr, flush=True)

    def at(self, count):
        if self.bar:
            width = 40 * min(count, self.total) // self.total
            print(f"\r  {'█' * width}{'░' * (40 - width)} {count:,} of {self.total:,}", end="", file=sys.stderr, flush=True)


class Real(Case):
    def setUp(self):
        super().setUp()
        self.index = package_index.read()
        if not self.index:
            self.skipTest("the machine's package index is empty (apt-get update fetches it)")
        self.progress = Progress(len(self.index))
        self.topic, self.group, self.totals = self.name("packages"), self.name("totals"), self.path("totals")
        self.kafka.create(self.topic, PARTITIONS, 3)
        self.kafka.produce(self.topic, package_index.records(self.index))
        self.ends = self.kafka.ends(self.topic)
        self.assertEqual(sum(self.ends.values()), len(self.index))
        self.progress.step(f"{len(self.index):,} stanzas of the package index are in Kafka: 3 brokers, {PARTITIONS} partitions, "
                           f"{len(package_index.straight_totals(self.index))} sections as keys")

    def fleet(self):
        path = os.pathsep.join([os.path.join(ROOT, "workers", "python"), SAMPLES])
        return {"totals": self.trigger(self.topic, self.group, cardinality="many", maxBatchSize=50, maxInFlight=IN_FLIGHT,
                                       command=python_worker("totals_paced.py"),
                                       env={"PYTHONPATH": path, "TOTALS_FILE": self.totals})}

    def lines(self):
        """(partition, offset, section, size) of every record the handler counted."""
        try:
            with open(self.totals, encoding="utf-8") as f:
                whole = f.read().rpartition("\n")[0]
        except FileNotFoundError:
            return []
        fields = (line.split(" ") for line in whole.split("\n") if line)
        return [(int(partition), int(offset), section, int(size)) for _, partition, offset, section, size in fields]

    def until_lines(self, count):
        def probe():
            have = len(self.lines())
            self.progress.at(have)
            return have >= count
        until(f"{count} records at the worker", probe, 120)

    def until_done(self):
        def probe():
            self.progress.at(len(self.lines()))
            return self.kafka.committed(self.group, self.topic) == self.ends
        until("everything is committed", probe, 120)

    def assert_totals(self):
        """One line for each stanza at least, and the totals of the distinct ones; returns the number of duplicates."""
        lines = self.lines()
        distinct = {(partition, offset): (section, size) for partition, offset, section, size in lines}
        self.assertEqual(set(distinct), {(p, o) for p, end in self.ends.items() for o in range(end)}, "none missing")
        totals = collections.defaultdict(lambda: (0, 0))
        for section, size in distinct.values():
            count, total = totals[section]
            totals[section] = (count + 1, total + size)
        self.assertEqual(dict(totals), package_index.straight_totals(self.index))
        self.progress.step(f"totals of {len(totals)} sections equal those of a straight pass: {len(distinct):,} packages, "
                           f"{sum(size for _, size in totals.values()) / 1024 / 1024:,.1f} GiB installed")
        return len(lines) - len(distinct)

    def test_a_graceful_restart_in_the_middle(self):
        first = self.daemon(self.fleet())
        self.until_lines(len(self.index) // 3)
        first.stop()
        done = len(self.lines())
        self.assertLess(done, len(self.index), "it was in the middle")
        self.assertEqual(sum(o or 0 for o in self.kafka.committed(self.group, self.topic).values()), done)
        self.progress.step(f"SIGTERM after {done:,}: drained, all of them committed; starting again")
        second = self.daemon(self.fleet())
        self.until_done()
        second.stop()
        self.assertEqual(self.assert_totals(), 0)
        self.progress.step("no duplicate, none missing")

    def kill_worker(self, daemon):
        """Freezes the worker, reads what is in flight, kills it. Returns that number."""
        pid = daemon.worker_pids()[-1]
        os.kill(pid, signal.SIGSTOP)
        last = []

        def steady():  # the metric is a snapshot, a quarter of a second old at most
            last.append(daemon.metric("triggerd_in_flight_records", trigger="totals"))
            return len(last) > 25 and len(set(last[-25:])) == 1
        until("what is in flight stands still", steady)
        mark = daemon.mark()
        os.kill(pid, signal.SIGKILL)
        daemon.wait_for("worker_lost", since=mark)
        return int(last[-1])

    def kill_daemon(self, daemon):
        """Returns how many records were handled, but not covered by a commit."""
        daemon.kill9()
        committed = self.kafka.committed(self.group, self.topic)
        return len({(p, o) for p, o, _, _ in self.lines() if o >= (committed[p] or 0)})

    def test_kill_9_of_the_worker_and_then_of_the_daemon(self):
        first = self.daemon(self.fleet())
        self.until_lines(len(self.index) // 4)
        at_worker = self.kill_worker(first)
        self.progress.step(f"kill -9 of the worker after {len(self.lines()):,}, {at_worker:,} in flight; another takes over")
        self.assertLessEqual(at_worker, IN_FLIGHT)
        self.until_lines(len(self.index) // 2)
        at_daemon = self.kill_daemon(first)
        self.progress.step(f"kill -9 of the daemon after {len(self.lines()):,}, {at_daemon:,} handled and not committed; starting again")
        self.assertLessEqual(at_daemon, IN_FLIGHT)
        self.assertLess(len(self.lines()), len(self.index), "it was in the middle")
        second = self.daemon(self.fleet())
        self.until_done()
        second.stop()
        duplicates = self.assert_totals()
        self.assertLessEqual(duplicates, at_worker + at_daemon)
        self.progress.step(f"none missing; {duplicates:,} duplicates, of {at_worker + at_daemon:,} that were in flight")
