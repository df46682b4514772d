"""What waits for its turn: units of work in a queue per lane (PROTOCOL.md section 9). No I/O; one thread at a time.

An invocation is a Unit, or a run of invocations of one lane is. It waits in the queue of each lane that it occupies and
is ready when it is the first of each.
"""

import collections
import itertools

from ._gate import WHOLE


class Unit:
    """Work that one task or thread does without a break between.

    records: indices of the only delivery's records, each an invocation of its own; None: the deliveries are one.
    started: it runs, or was answered without being started.
    """

    __slots__ = ("deliveries", "records", "lanes", "behind", "started", "task", "overdue")

    def __init__(self, deliveries, records, lanes):
        self.deliveries = deliveries
        self.records = records
        self.lanes = tuple(dict.fromkeys(lanes)) if len(lanes) > 1 else lanes
        self.behind = 0  # lanes in which another unit is before it
        self.started = False
        self.task = None
        self.overdue = False

    def close(self, gate):
        """Releases the records that may not be started any more; their deliveries. Only of a unit that has not started."""
        closed = [delivery for delivery in self.deliveries if gate.closed(delivery.columns)]
        if closed:
            self.release(closed)
            self.deliveries = [delivery for delivery in self.deliveries if delivery not in closed]
            self.started = not self.deliveries
        return closed

    def release(self, deliveries):
        """Answers this unit's records of these deliveries unstarted."""
        for delivery in deliveries:
            answers = delivery.answers
            if self.records is None:
                answers.release(0, answers.count - 1)
            elif len(self.records) == answers.count:
                answers.release(0, answers.count - 1)
            else:
                for index in self.records:
                    answers.release(index, index)


class Lanes:
    """ready: units that may be started, in the order they became so.

    runs: with cardinality `one`, consecutive records of a lane are one unit; without it each record is.
    """

    def __init__(self, gate, many, runs):
        self.ready = collections.deque()
        self._gate = gate
        self._many = many
        self._runs = runs
        self._queues = {}  # (topic, partition, lane): deque of units, the first of which is ready or running

    def accept(self, invocation):
        """A whole invocation, or for cardinality `one` a run of them, as Session.arrived has it."""
        gate = self._gate
        if self._many:
            self._enqueue(Unit(invocation, None, [
                (delivery.columns.topic, delivery.columns.partition, lane)
                for delivery in invocation for lane in gate.lanes(delivery.part)]))
            return
        columns, part = invocation[0].columns, invocation[0].part
        if not gate.ordered:
            self.ready.extend(Unit(invocation, (index,), ()) for index in range(columns.count))
            return
        topic, partition = columns.topic, columns.partition
        if self._runs and not gate.by_key:
            self._enqueue(Unit(invocation, range(columns.count), ((topic, partition, WHOLE),)))
            return
        keys = part.raw_keys if gate.by_key else itertools.repeat(WHOLE, columns.count)
        found = {}
        for index, lane in enumerate(keys):
            if not self._runs or lane is None:
                self._enqueue(Unit(invocation, (index,), () if lane is None else ((topic, partition, lane),)))
            else:
                found.setdefault(lane, []).append(index)
        for lane, records in found.items():
            self._enqueue(Unit(invocation, records, ((topic, partition, lane),)))

    def _enqueue(self, unit):
        for lane in unit.lanes:
            queue = self._queues.get(lane)
            if queue is None:
                self._queues[lane] = collections.deque((unit,))
            else:
                queue.append(unit)
                unit.behind += 1
        if not unit.behind:
            self.ready.append(unit)

    def leave(self, unit):
        """The unit, which was ready, has ended or was answered: those behind it move up."""
        for lane in unit.lanes:
            queue = self._queues[lane]
            queue.popleft()
            if not queue:
                del self._queues[lane]
                continue
            queue[0].behind -= 1
            if not queue[0].behind:
                self.ready.append(queue[0])

    def waiting(self):
        """All units that have not started, in no order."""
        return [unit for unit in itertools.chain(self.ready, *self._queues.values()) if not unit.started]
