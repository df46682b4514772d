"""What the handlers wrote (handlers/append.py): a file for each worker process, LIFE.PID, a line for each record."""
import collections
import os
import threading

Line = collections.namedtuple("Line", "partition offset key number attempt pid at")


def parse(text):
    """The whole lines of a file's text; a process that was killed may have left a part of one behind them."""
    for line in text.rpartition("\n")[0].split("\n") if "\n" in text else ():
        _, partition, offset, key, number, attempt, pid, at = line.split(" ")
        yield Line(int(partition), int(offset), key, int(number), int(attempt), int(pid), int(at))


def lives(folder):
    """{daemon's life: the files of its workers}"""
    found = collections.defaultdict(list)
    for name in sorted(os.listdir(folder)):
        found[name.rpartition(".")[0]].append(os.path.join(folder, name))
    return dict(found)


def lines(paths):
    for path in paths:
        with open(path, encoding="ascii") as f:
            yield from parse(f.read())


class Handled:
    """The same files read while they grow: how many records were handled, and up to where each partition was."""

    def __init__(self, folder):
        self.folder = folder
        self.total = 0
        self._read = collections.defaultdict(int)  # bytes of each file
        self._prefix = collections.defaultdict(int)
        self._beyond = collections.defaultdict(set)
        self._lock = threading.Lock()

    def advance(self):
        """Reads what is new; returns the number of lines so far, duplicates included."""
        with self._lock:
            for name in os.listdir(self.folder):
                with open(os.path.join(self.folder, name), "rb") as f:
                    f.seek(self._read[name])
                    text = f.read().decode("ascii")
                whole = text.rpartition("\n")[0]
                if whole:
                    self._read[name] += len(whole) + 1
                    for line in parse(whole + "\n"):
                        self.total += 1
                        self._take(line.partition, line.offset)
            return self.total

    def excuse(self, partition, first, end):
        """These will not come: they were deleted before anybody could read them."""
        with self._lock:
            for offset in range(first, end):
                self._take(partition, offset)

    def first_missing(self, partition):
        """Everything below it was handled."""
        with self._lock:
            return self._prefix[partition]

    def partitions(self):
        with self._lock:
            return {p for p, prefix in self._prefix.items() if prefix or self._beyond[p]}

    def _take(self, partition, offset):
        if offset < self._prefix[partition]:
            return
        beyond = self._beyond[partition]
        beyond.add(offset)
        while self._prefix[partition] in beyond:
            beyond.remove(self._prefix[partition])
            self._prefix[partition] += 1
