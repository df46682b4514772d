"""The loop for async handlers: up to `concurrency` invocations at once, each lane's in order (PROTOCOL.md section 9).

Everything runs on the event loop's thread. An invocation is a Unit. It waits in a queue per lane that it occupies and
is ready when it is the first of each; an attempt is one task, which says itself when it has ended.
"""

import asyncio
import collections
import contextvars
import itertools

from . import _wire
from ._failure import TimedOut, describe, failures_of
from ._gate import WHOLE
from ._records import Batch, Record
from ._session import EndOfStream

HOLD_BACK_S = 0.010  # answers of batches that are not finished wait at most so long


class Unit:
    """One invocation: a record (`index`) of one delivery, or all of several (`index` is None)."""

    __slots__ = ("deliveries", "index", "lanes", "behind", "started", "task", "overdue")

    def __init__(self, deliveries, index, lanes):
        self.deliveries = deliveries
        self.index = index
        self.lanes = lanes
        self.behind = 0       # lanes in which another unit is before it
        self.started = False  # or answered without being started
        self.task = None
        self.overdue = False


class Loop:
    def __init__(self, session, handler, waker, concurrency):
        self._session = session
        self._gate = session.gate
        self._handler = handler
        self._waker = waker
        self._concurrency = concurrency
        self._timeout_s = session.welcome["timeoutMs"] / 1000
        self._ready = collections.deque()
        self._lanes = {}      # (topic, partition, lane): deque of units, the first of which is ready or running
        self._running = {}    # Unit: when it is overdue; in the order they started, so the first is the first overdue
        self._unsent = {}     # Answers with something to tell; a dict for its order
        self._flush_soon = False
        self._flush_timer = None
        self._overdue_timer = None
        self._context = contextvars.copy_context()  # what attempts start from, so that none sees another's variables
        self._loop = None
        self._over = None     # future of this loop's end

    async def run(self):
        """Until a Drain or SIGTERM. EndOfStream, Malformed and Dismissed come through."""
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.create_future()
        connection = self._session.connection
        self._loop.add_reader(connection.fileno(), self._guarded, self._readable)
        self._loop.add_reader(self._waker.fd, self._guarded, self._asked_to_stop)
        self._guarded(self._take_in)
        try:
            await self._over
        finally:
            self._loop.remove_reader(connection.fileno())
            self._loop.remove_reader(self._waker.fd)

    def _guarded(self, step, *arguments):
        """An exception in a callback ends the loop; asyncio would only log it."""
        if self._over.done():
            return
        try:
            step(*arguments)
        except Exception as error:
            self._over.set_exception(error)

    def _readable(self):
        self._session.read()
        self._take_in()

    def _asked_to_stop(self):
        if not self._waker.asked_now():
            return
        self._loop.remove_reader(self._waker.fd)
        self._session.drain()
        self._take_in()

    def _take_in(self):
        session = self._session
        while session.arrived:
            self._accept(session.arrived.popleft())
        if session.changed:
            session.changed = False
            self._release_closed()
            if session.drain_ms is not None:
                self._loop.call_later(session.drain_ms / 1000, self._guarded, self._end)
        self._pump()

    def _accept(self, invocation):
        gate = self._gate
        if self._session.many:
            self._enqueue(Unit(invocation, None, [
                (delivery.columns.topic, delivery.columns.partition, lane)
                for delivery in invocation for lane in gate.lanes(delivery.part)]))
            return
        columns, part = invocation[0].columns, invocation[0].part
        if not gate.ordered:
            self._ready.extend(Unit(invocation, index, ()) for index in range(columns.count))
            return
        topic, partition = columns.topic, columns.partition
        keys = part.raw_keys if gate.by_key else itertools.repeat(WHOLE, columns.count)
        for index, lane in enumerate(keys):
            self._enqueue(Unit(invocation, index, () if lane is None else ((topic, partition, lane),)))

    def _enqueue(self, unit):
        unit.lanes = tuple(dict.fromkeys(unit.lanes)) if len(unit.lanes) > 1 else unit.lanes
        for lane in unit.lanes:
            queue = self._lanes.get(lane)
            if queue is None:
                self._lanes[lane] = collections.deque((unit,))
            else:
                queue.append(unit)
                unit.behind += 1
        if not unit.behind:
            self._ready.append(unit)

    def _pump(self):
        """Starts what is ready, as far as `concurrency` allows."""
        ready, running, concurrency = self._ready, self._running, self._concurrency
        while ready and len(running) < concurrency:
            unit = ready.popleft()
            if not unit.started and self._admit(unit):
                self._start(unit)
            else:
                self._leave_lanes(unit)
        if self._gate.draining and not running:
            self._end()

    def _admit(self, unit):
        """What may not be started is released; True where something is left."""
        gate = self._gate
        if unit.index is None:
            unit.deliveries = [delivery for delivery in unit.deliveries if self._admit_part(delivery)]
            return bool(unit.deliveries)
        columns = unit.deliveries[0].columns
        if gate.closed(columns) or (gate.holding and unit.lanes and gate.held(columns, unit.lanes[0][2])):
            self._release(unit, unit.deliveries)
            return False
        return True

    def _admit_part(self, delivery):
        indices = self._gate.admitted(delivery.columns, delivery.part)
        if indices is None:
            return True
        for index in delivery.narrow(indices):
            delivery.answers.release(index, index)
        self._note(delivery)
        return bool(indices)

    def _release(self, unit, deliveries):
        for delivery in deliveries:
            answers = delivery.answers
            if unit.index is None:
                answers.release(0, answers.count - 1)
            else:
                answers.release(unit.index, unit.index)
            self._note(delivery)

    def _release_closed(self):
        """Answers at once for what was cancelled while it waited."""
        for unit in list(itertools.chain(self._ready, *self._lanes.values())):
            if unit.started:
                continue
            closed = [delivery for delivery in unit.deliveries if self._gate.closed(delivery.columns)]
            if closed:
                self._release(unit, closed)
                unit.deliveries = [delivery for delivery in unit.deliveries if delivery not in closed]
                unit.started = not unit.deliveries

    def _start(self, unit):
        unit.started = True
        if unit.index is None:
            argument = Batch([delivery.part for delivery in unit.deliveries])
        else:
            argument = Record(unit.deliveries[0].part, unit.index)
        self._running[unit] = self._loop.time() + self._timeout_s
        unit.task = self._context.run(self._loop.create_task, self._attempt(unit, argument))
        if self._overdue_timer is None and self._timeout_s:
            self._overdue_timer = self._loop.call_later(self._timeout_s, self._guarded, self._cancel_overdue)

    async def _attempt(self, unit, argument):
        error = None
        try:
            await self._handler(argument)
        except (Exception, SystemExit, asyncio.CancelledError) as raised:
            error = raised
        if unit.overdue:
            error = TimedOut("timed out after %g s" % self._timeout_s)
        self._guarded(self._ended, unit, error)

    def _ended(self, unit, error):
        del self._running[unit]
        if unit.index is None:
            self._batch_ended(unit, error)
        else:
            self._record_ended(unit, error)
        self._leave_lanes(unit)
        self._pump()

    def _record_ended(self, unit, error):
        delivery = unit.deliveries[0]
        if error is None:
            delivery.answers.ok(unit.index)
        else:
            outcome = describe(error)
            delivery.answers.fail(unit.index, unit.index, outcome)
            if outcome[0] == _wire.RETRY:
                self._gate.hold(delivery.columns, [lane for _, _, lane in unit.lanes])
        self._note(delivery)

    def _batch_ended(self, unit, error):
        failed = failures_of(error, [len(delivery.part) for delivery in unit.deliveries])
        for delivery, failures in zip(unit.deliveries, failed):
            delivery.settle(failures)
            self._gate.attempted(delivery.columns, delivery.part, failures)
            self._note(delivery)

    def _leave_lanes(self, unit):
        for lane in unit.lanes:
            queue = self._lanes[lane]
            queue.popleft()
            if not queue:
                del self._lanes[lane]
                continue
            queue[0].behind -= 1
            if not queue[0].behind:
                self._ready.append(queue[0])

    def _cancel_overdue(self):
        self._overdue_timer = None
        now = self._loop.time()
        for unit, overdue_at in list(self._running.items()):
            if unit.overdue:
                continue  # it was told, and takes its time
            if overdue_at > now:
                self._overdue_timer = self._loop.call_at(overdue_at, self._guarded, self._cancel_overdue)
                return
            unit.overdue = True
            unit.task.cancel()

    def _note(self, delivery):
        """Some of its records have an answer: says it soon where that was the last, else within HOLD_BACK_S."""
        self._unsent[delivery.answers] = None
        if delivery.answers.finished():
            self._session.finish(delivery)
            if not self._flush_soon:
                self._flush_soon = True
                self._loop.call_soon(self._guarded, self._flush)
        elif self._flush_timer is None:
            self._flush_timer = self._loop.call_later(HOLD_BACK_S, self._guarded, self._flush)

    def _flush(self):
        self._flush_soon = False
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        data = b"".join([answers.take() for answers in self._unsent])
        self._unsent.clear()
        if data:
            self._session.connection.send(data)

    def _end(self):
        if not self._over.done():
            self._flush()
            self._over.set_result(None)


def run(session, handler, waker, concurrency, leave_now):
    """`leave_now()` ends the process where the daemon is gone: attempts that run are not waited for."""
    async def main():
        try:
            await Loop(session, handler, waker, concurrency).run()
            session.bye("drained", "")
        except EndOfStream:
            leave_now()
    asyncio.run(main())
