"""Which records may still be given to the handler: Cancel, Drain and the run rule (PROTOCOL.md sections 7 and 9).

A lane is held from the moment one of its records was answered `retry` until the daemon delivers in a higher run. Its
records are asked about in their order, so the first of a later run ends the hold. No I/O.
"""

WHOLE = True       # the lane of each record of a partition, where the ordering is `partition`
_PRUNE_AT = 1000  # held lanes of a partition from which on it is worth looking for stale ones


class Gate:
    def __init__(self, ordering, open_batches):
        """`open_batches()` gives the Columns of each batch that has records without an answer."""
        if ordering not in ("partition", "key", "none"):
            raise ValueError("unknown ordering %r" % (ordering,))
        self.by_key = ordering == "key"
        self.ordered = ordering != "none"
        self.draining = False
        self.holding = False   # some lane may be held: a cheap first question for the hot path
        self._open_batches = open_batches
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
        return set(part.raw_keys) if self.by_key else (WHOLE,)

    def hold(self, columns, lanes):
        """These lanes of the batch's partition wait for a run after the batch's."""
        if not self.ordered:
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
        if len(held.runs) > held.prune_at:
            self._prune(source, held)

    def held(self, columns, lane):
        """The lane waits for a later run than this batch's. If it need not wait any more, that is remembered."""
        source = columns.topic, columns.partition
        held = self._held.get(source)
        if held is None or held.epoch != columns.epoch:
            return False
        run = held.runs.get(lane)
        if run is None:
            return False
        if run >= columns.run:
            return True
        del held.runs[lane]
        if not held.runs:
            del self._held[source]
            self.holding = bool(self._held)
        return False

    def _prune(self, source, held):
        """Drops what no open batch can be held by: the failed record was delivered again, to another worker."""
        oldest = min((columns.run for columns in self._open_batches()
                      if (columns.topic, columns.partition) == source and columns.epoch == held.epoch), default=0)
        held.runs = {lane: run for lane, run in held.runs.items() if run >= oldest}
        held.prune_at = max(_PRUNE_AT, 2 * len(held.runs))


class _Held:
    """One assignment's held lanes, each with the highest run it is held in."""

    __slots__ = ("epoch", "runs", "prune_at")

    def __init__(self, epoch):
        self.epoch = epoch
        self.runs = {}
        self.prune_at = _PRUNE_AT
