"""The loop for async handlers: up to `concurrency` invocations at once, each lane's in order (PROTOCOL.md section 9).

Everything runs on the event loop's thread. An invocation is a Unit (_lanes.py); an attempt is one task, which says
itself when it has ended.
"""

import asyncio
import contextvars

from . import _wire
from ._failure import TimedOut, describe, failures_of
from ._lanes import Lanes
from ._records import Batch, Record
from ._session import EndOfStream, emit_for_all

HOLD_BACK_S = 0.010  # answers of batches that are not finished wait at most so long


class Loop:
    def __init__(self, session, handler, waker, concurrency):
        self._session = session
        self._gate = session.gate
        self._handler = handler
        self._waker = waker
        self._concurrency = concurrency
        self._timeout_s = session.welcome["timeoutMs"] / 1000
        self._lanes = Lanes(session.gate, session.many, runs=False)
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
            self._lanes.accept(session.arrived.popleft())
        if session.changed:
            session.changed = False
            self._release_closed()
            if session.drain_ms is not None:
                self._loop.call_later(session.drain_ms / 1000, self._guarded, self._end)
        self._pump()

    def _pump(self):
        """Starts what is ready, as far as `concurrency` allows."""
        ready, running, concurrency = self._lanes.ready, self._running, self._concurrency
        while ready and len(running) < concurrency:
            unit = ready.popleft()
            if not unit.started and self._admit(unit):
                self._start(unit)
            else:
                self._lanes.leave(unit)
        if self._gate.draining and not running:
            self._end()

    def _admit(self, unit):
        """What may not be started is released; True where something is left."""
        gate = self._gate
        if unit.records is None:
            unit.deliveries = [delivery for delivery in unit.deliveries if self._admit_part(delivery)]
            return bool(unit.deliveries)
        columns = unit.deliveries[0].columns
        if gate.closed(columns) or (gate.holding and unit.lanes and gate.held(columns, unit.lanes[0][2])):
            unit.release(unit.deliveries)
            self._note(unit.deliveries[0])
            return False
        return True

    def _admit_part(self, delivery):
        admitted = delivery.admit(self._gate)
        if delivery.picked is not None or not admitted:
            self._note(delivery)
        return admitted

    def _release_closed(self):
        """Answers at once for what was cancelled while it waited."""
        for unit in self._lanes.waiting():
            for delivery in unit.close(self._gate):
                self._note(delivery)

    def _start(self, unit):
        unit.started = True
        if unit.records is None:
            argument = Batch([delivery.part for delivery in unit.deliveries])
        else:
            argument = Record(unit.deliveries[0].part, unit.records[0])
        self._running[unit] = self._loop.time() + self._timeout_s
        unit.task = self._context.run(self._loop.create_task, self._attempt(unit, argument))
        if self._overdue_timer is None and self._timeout_s:
            self._overdue_timer = self._loop.call_later(self._timeout_s, self._guarded, self._cancel_overdue)

    async def _attempt(self, unit, argument):
        error = result = None
        try:
            result = await self._handler(argument)
        except (Exception, SystemExit, asyncio.CancelledError) as raised:
            error = raised
        if unit.overdue:
            error = TimedOut("timed out after %g s" % self._timeout_s)
        self._guarded(self._ended, unit, error, result)

    def _ended(self, unit, error, result):
        del self._running[unit]
        if error is None and result and self._session.azure:  # a native handler's result is ignored
            self._emit(unit, result)
        if unit.records is None:
            self._batch_ended(unit, error)
        else:
            self._record_ended(unit, error)
        self._lanes.leave(unit)
        self._pump()

    def _emit(self, unit, outputs):
        if unit.records is None:
            emit_for_all(unit.deliveries, outputs)
            return
        answers, index = unit.deliveries[0].answers, unit.records[0]
        answers.emit(_wire.emit(answers.id, index, index, outputs))

    def _record_ended(self, unit, error):
        delivery, index = unit.deliveries[0], unit.records[0]
        if error is None:
            delivery.answers.ok(index)
        else:
            outcome = describe(error)
            delivery.answers.fail(index, index, outcome)
            if outcome[0] == _wire.RETRY:
                self._gate.hold(delivery.columns, [lane for _, _, lane in unit.lanes])
        self._note(delivery)

    def _batch_ended(self, unit, error):
        failed = failures_of(error, [len(delivery.part) for delivery in unit.deliveries])
        for delivery, failures in zip(unit.deliveries, failed):
            delivery.settle(failures)
            self._gate.attempted(delivery.columns, delivery.part, failures)
            self._note(delivery)

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


def run(session, handler, waker, concurrency, leave_now, ended=lambda: None):
    """`leave_now()` ends the process where the daemon is gone: attempts that run are not waited for. `ended()` is called
    before Bye is sent, after which attempts that outlived a Drain's deadline are cancelled."""
    async def main():
        try:
            await Loop(session, handler, waker, concurrency).run()
            ended()
            session.bye("drained", "")
        except EndOfStream:
            leave_now()
    asyncio.run(main())
