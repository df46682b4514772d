"""What became of the records of one batch, until it is told to the daemon (PROTOCOL.md section 5). No I/O.

The hot path records success as one number (`done`, a plain attribute store, which another thread may read) or as one
list append (`ok`); ranges are made when an Ack is due.
"""

from . import _wire


class Answers:
    """The answers for one Batch frame.

    done: records before this index, from the last fold on, were handled and are ok. Only a worker that goes through
    the batch in order sets it; one that does not calls ok().
    """

    __slots__ = ("id", "count", "left", "done", "_folded", "_ranges", "_singles", "_plain", "_outputs")

    def __init__(self, number, count):
        self.id = number
        self.count = count
        self.left = count  # without an answer so far, but for what `done` says
        self.done = 0
        self._folded = 0     # `done` was counted up to here
        self._ranges = []    # not sent yet: (first, last, code, retry_after_ms, reason)
        self._singles = []   # not sent yet: indices that are ok
        self._plain = True   # nothing but ok since the last take()
        self._outputs = []   # Emit frames not sent yet

    def emit(self, frames):
        """Goes before any answer that is given from now on."""
        self._outputs.append(frames)

    def ok(self, index):
        self._singles.append(index)
        self.left -= 1

    def all_ok(self):
        """The rest of the batch is ok."""
        self.done = self.count

    def fail(self, first, last, outcome):
        """outcome: (code, retry_after_ms, reason)."""
        code, retry_after_ms, reason = outcome
        self._add(first, last, code, retry_after_ms, _wire.reason_bytes(reason))

    def release(self, first, last):
        self._add(first, last, _wire.RELEASE, 0, b"")

    def finished(self):
        self._fold()
        return self.left == 0

    def take(self):
        """Emit and Ack frames with all that is known and was not taken before; empty where there is nothing."""
        if self._outputs:
            frames = b"".join(self._outputs)
            self._outputs.clear()
            return frames + self.take()
        self._fold()
        ranges, singles = self._ranges, self._singles
        if not ranges and not singles:
            return b""
        plain = self._plain
        self._ranges, self._singles, self._plain = [], [], True
        if self.left == 0 and plain:
            return _wire.ack(self.id, ())
        ranges += [(index, index, _wire.OK, 0, b"") for index in singles]
        return _wire.ack(self.id, _merged(ranges))

    def _add(self, first, last, code, retry_after_ms, reason):
        self._fold()
        self._ranges.append((first, last, code, retry_after_ms, reason))
        self._plain = False
        self.left -= last - first + 1
        if first == self._folded:
            self._folded = self.done = last + 1

    def _fold(self):
        done = self.done
        if done > self._folded:
            self._ranges.append((self._folded, done - 1, _wire.OK, 0, b""))
            self.left -= done - self._folded
            self._folded = done


def _merged(ranges):
    """Neighbours that say the same become one."""
    ranges.sort()
    merged = ranges[:1]
    for answer in ranges[1:]:
        first, last = merged[-1][:2]
        if answer[0] == last + 1 and answer[2:] == merged[-1][2:]:
            merged[-1] = (first, answer[1]) + answer[2:]
        else:
            merged.append(answer)
    return merged
