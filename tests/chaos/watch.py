"""Looks, at random moments while records flow, whether the group's commits are covered by what was handled, and how
large the daemons are. A commit is read first and the handlers' files then, so that only a commit ahead of its work can
seem to be one.
"""
import random
import threading

PAUSE = (0.05, 0.5)  # seconds between two looks


class Watch(threading.Thread):
    def __init__(self, kafka, group, topic, handled, stale=False):
        """`stale`: brokers fail. A new coordinator answers from its high watermark, which may lie behind that of the
        old one for a moment: then an older commit says nothing about the daemons.
        """
        super().__init__(daemon=True)
        self.stale = stale
        self.kafka, self.group, self.topic, self.handled = kafka, group, topic, handled
        self.looks = self.unanswered = 0
        self.problems = {}  # (partition, kind): the first of each
        self.daemons = {}  # name: pid, while it runs
        self.memory = {}  # name: [MiB of each look]
        self._committed = {}
        self._over = threading.Event()
        self._pause = random.Random()

    def run(self):
        while not self._over.wait(self._pause.uniform(*PAUSE)):
            self.weigh()
            self.look()

    def look(self):
        try:
            committed = self.kafka.committed(self.group, self.topic)
        except AssertionError:  # the broker that would know is down: that is what is tested
            self.unanswered += 1
            return
        self.handled.advance()
        self.looks += 1
        for partition, offset in committed.items():
            self.check(partition, offset or 0)

    def check(self, partition, offset):
        before, missing = self._committed.get(partition, 0), self.handled.first_missing(partition)
        self._committed[partition] = max(offset, before)
        if offset > missing:
            self.problems.setdefault((partition, "ahead"), f"[{partition}] was committed up to {offset}, but {missing} was not handled")
        if offset < before and not self.stale:
            self.problems.setdefault((partition, "back"), f"[{partition}]'s commit went from {before} back to {offset}")

    def weigh(self):
        for name, pid in list(self.daemons.items()):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                    kib = [int(line.split()[1]) for line in f if line.startswith("VmRSS:")]
            except (FileNotFoundError, ProcessLookupError):
                continue
            self.memory.setdefault(name, []).extend(k / 1024 for k in kib)

    def end(self):
        """A last look, when all is at rest."""
        self._over.set()
        self.join()
        self.look()

    def largest(self):
        return max((max(sizes) for sizes in self.memory.values() if sizes), default=0.0)
