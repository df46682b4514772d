"""Which records may still be given to the handler: Cancel, Drain and the run rule (PROTOCOL.md sections 7 and 9).

A lane is held from the moment one of its records was answered `retry` until the daemon delivers a record of it in a
higher run; what comes of other lanes of the partition ends nothing. A lane's records are asked about in their order, so
the first of a later run ends the hold. No I/O.
"""

from . import _wire

WHOLE = True  # the lane of each record of a partition, where the ordering is `partition`
_MOST = 1000  # lanes of a partition that are held one by one


class Gate:
    """A lane is WHOLE or, with `ordering: key`, the key's bytes; None, the key of a record without one, is never held."""

    def __init__(self, ordering):
        if ordering not in ("partition", "key", "none"):
            raise ValueError("unknown ordering %r" % (ordering,))
        self.by_key = ordering == "key"
        self.ordered = ordering != "none"
        self.draining = False
        self.holding = False   # some lane may be held: a cheap first question for the hot path
        self._cancelled = {}   # (topic, partition): the highest epoch given up
        self._held = {}        # (topic, partition): _Held

    def cancel(self, topic, partition, epoch):
        source = topic, partition
        self._cancelled[source] = max(epoch, self._cancelled.get(source, -1))

    def closed(self, columns):
        """No record of this batch may be started any more."""
        if self.draining:
            return True
        return bool(self._cancelled) and columns.epoch <= self._cancelled.get((columns.topic, columns.partition), -1)

    def admitted(self, columns, part):
        """For `many`: which of the batch's records may be handled now: None for all, else their indices."""
        if self.closed(columns):
            return []
        if not self.holding:
            return None
        if not self.by_key:
            return [] if self.held(columns, WHOLE) else None
        keys = part.raw_keys
        held = {key for key in set(keys) if self.held(columns, key)}
        return [index for index, key in enumerate(keys) if key not in held] if held else None

    def lanes(self, part):
        """The lanes of all the batch's records, within its partition."""
        if not self.ordered:
            return ()
        return set(part.raw_keys) - {None} if self.by_key else (WHOLE,)

    def attempted(self, columns, part, failures):
        """For `many`: the attempt with this part of the batch has ended; failures: {index in it: outcome}."""
        again = [index for index, outcome in failures.items() if outcome[0] == _wire.RETRY]
        if again:
            self.hold(columns, {part.raw_keys[index] for index in again} if self.by_key else (WHOLE,))

    def hold(self, columns, lanes):
        """These lanes of the batch's partition wait for a run after the batch's."""
        lanes = [lane for lane in lanes if lane is not None]
        if not self.ordered or not lanes:
            return
        source = columns.topic, columns.partition
        held = self._held.get(source)
        if held is None or held.epoch < columns.epoch:
            held = self._held[source] = _Held(columns.epoch)
        elif held.epoch > columns.epoch:
            return
        for lane in lanes:
            held.runs[lane] = max(columns.run, held.runs.get(lane, 0))
        self.holding = True
        if len(held.runs) > _MOST:
            held.every_lane = max(held.every_lane, *held.runs.values())
            held.runs.clear()

    def held(self, columns, lane):
        """The lane waits for a later run than this batch's. If it need not wait any more, that is remembered."""
        source = columns.topic, columns.partition
        held = self._held.get(source)
        if held is None or held.epoch != columns.epoch or lane is None:
            return False
        if columns.run <= held.every_lane:
            return True
        run = held.runs.get(lane)
        if run is None:
            return False
        if run >= columns.run:
            return True
        del held.runs[lane]
        if not held.runs and held.every_lane < 0:
            del self._held[source]
            self.holding = bool(self._held)
        return False


class _Held:
    """One assignment's held lanes, each with the highest run it is held in.

    every_lane: all lanes are held up to this run (-1: none). It takes the place of too many of them, whose records may
    have been delivered again to other workers: what is held needlessly is only delivered once more.
    """

    __slots__ = ("epoch", "runs", "every_lane")

    def __init__(self, epoch):
        self.epoch = epoch
        self.runs = {}
        self.every_lane = -1
