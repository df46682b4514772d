"""The loop for plain handlers that may block, on threads: lanes run side by side, each in order (PROTOCOL.md section 9).

Where handlers are quick, one thread does everything: it reads the socket, calls the handler for a run of a lane's
records, and answers. Nothing is handed from thread to thread, which would cost more than most handlers. A second thread,
the watch, looks every TICK_S whether calls are slow while other lanes wait; only then it wakes another runner, and with
more of them, twice as many, up to `threads` calls at once. So does the reading of the socket: it is done by any runner
that has nothing to run, or between two calls.

What runners share is behind `_mutex`: the session, the lanes, the gate and the counts here. Calls of the handler are
outside of it. Answers are behind the outbox's own lock, which may be taken inside of `_mutex`.
"""

import select
import threading
import time

from . import _wire
from ._failure import describe, failures_of
from ._lanes import Lanes
from ._outbox import HOLD_BACK_S, Outbox
from ._session import emit_for_all

TICK_S = 0.001      # slow calls are noticed so soon
COALESCE_S = 0.001  # finished batches wait so long for company
QUICK = 8           # calls in a tick from which on a runner needs no help: more threads would only take turns
COMPUTING = 0.3     # a process that uses so much of a processor does not wait for others: more threads are no help either


class Runner:
    """One thread's share. calls: how many it began. surplus: it is asked to pause. seen: (calls, unit) at the last tick."""

    __slots__ = ("calls", "seen", "unit", "changes", "surplus", "wake")

    def __init__(self):
        self.calls = self.changes = 0
        self.unit = None
        self.seen = 0, None
        self.surplus = False
        self.wake = threading.Event()


class Loop:
    """handler: an object with one(part, index) and many(parts): what they return is outputs to emit, or None."""

    def __init__(self, session, handler, waker, threads, give_up):
        self._session = session
        self._gate = session.gate
        self._handler = handler
        self._waker = waker
        self._threads = threads
        self._give_up = give_up  # ends the process at once for this reason (None: drained), from any thread
        self._outbox = Outbox(session.connection)
        self._lanes = Lanes(session.gate, session.many, runs=True)
        self._mutex = threading.Lock()
        self._runners = []
        self._parked = []      # runners without work
        self._running = 0      # units that were started
        self._reading = False  # a runner waits for the socket
        self._changes = 0      # Cancels and Drains so far
        self._over = False
        self._deadline = None
        self._next_poll = self._next_flush = 0.0
        self._poller = select.poll()  # of the one runner that reads
        self._poller.register(session.connection.fileno(), select.POLLIN)
        self._poller.register(waker.fd, select.POLLIN)
        self._watch = threading.Event()
        self._watched = False

    def run(self):
        """Until a Drain or SIGTERM. EndOfStream, Malformed and Dismissed come through. On the main thread."""
        self._waker.hurry = self._poll_next
        with self._mutex:
            self._take_in()
        threading.Thread(target=self._guarded, args=(self._keep_watch,), name="triggerd-watch", daemon=True).start()
        runner = Runner()
        self._runners.append(runner)
        self._work(runner)
        self._outbox.flush()

    def _guarded(self, work, *arguments):
        """A thread's whole life. What goes wrong ends the process: the main thread may be in a call that takes for ever."""
        try:
            work(*arguments)
        except Exception as error:
            self._give_up(error)

    def _end(self):
        self._over = True
        for runner in self._parked:
            runner.wake.set()
        self._waker.nudge()
        self._watch.set()

    def _poll_next(self):
        self._next_poll = 0.0

    def _work(self, runner):
        while self._start_next(runner):
            if runner.unit.records is None:
                self._run_batch(runner)
            else:
                self._run_each(runner)
            if time.monotonic() >= self._next_flush:
                self._flush()

    def _flush(self):
        self._outbox.flush(whole=True)
        self._next_flush = time.monotonic() + COALESCE_S

    def _start_next(self, runner):
        """Puts the next unit into runner.unit, in place of the one it has run; False where the loop is over."""
        with self._mutex:
            if runner.unit is not None:
                self._running -= 1
                self._lanes.leave(runner.unit)
                runner.unit = None
            while not self._over:
                if runner.surplus and len(self._parked) < len(self._runners) - 1:
                    self._park(runner)
                    continue
                unit = self._pop() if self._running < self._threads else None
                if unit is not None:
                    self._running += 1
                    runner.unit, runner.changes = unit, self._changes
                    if not self._watched:
                        self._unpark_watch()
                    return True
                if self._gate.draining and not self._running:
                    self._end()
                elif self._reading:
                    self._park(runner)
                else:
                    self._read()
        return False

    def _park(self, runner):
        runner.surplus = False
        runner.wake.clear()
        self._parked.append(runner)
        self._mutex.release()
        try:
            self._flush()
            runner.wake.wait()
        finally:
            self._mutex.acquire()

    def _read(self):
        """Waits for the socket, without the mutex, and takes in what it has."""
        self._reading = True
        self._mutex.release()
        try:
            self._flush()
            readable = self._wait()
        finally:
            self._mutex.acquire()
        self._reading = False
        if readable:
            self._session.read(wait=True)
        self._take_in()

    def _wait(self):
        """Until there is something to do: True for something to read, False for SIGTERM, or the end."""
        ready = [fd for fd, _ in self._poller.poll()]
        if self._waker.fd in ready:
            self._waker.asked_now()
        return self._session.connection.fileno() in ready

    def _take_in(self):
        """What the session has read; with the mutex."""
        session, gate = self._session, self._gate
        self._next_poll = time.monotonic() + HOLD_BACK_S
        if self._waker.asked and not gate.draining:
            session.drain()
        if session.arrived and gate.draining:
            session.changed = True  # SIGTERM came, of which the daemon need not know: released at once as well
        while session.arrived:
            self._lanes.accept(session.arrived.popleft())
        if session.changed:
            session.changed = False
            self._changes += 1
            for unit in self._lanes.waiting():
                with self._outbox.lock:
                    closed = unit.close(gate)
                for delivery in closed:
                    self._outbox.begin(delivery.answers)
                    self._finish_if_answered(delivery)
            if session.drain_ms is not None and self._deadline is None:
                self._deadline = time.monotonic() + session.drain_ms / 1000

    def _poll(self):
        """Between two calls: reads, and sends the answers there are."""
        self._next_poll = time.monotonic() + HOLD_BACK_S
        if self._mutex.acquire(blocking=False):
            try:
                if not self._reading:
                    self._session.read()
                    self._take_in()
            finally:
                self._mutex.release()
        self._outbox.flush()

    def _pop(self):
        """The next unit that may be started, admitted; with the mutex."""
        ready = self._lanes.ready
        while ready:
            unit = ready.popleft()
            if not unit.started and self._admit(unit):
                unit.started = True
                return unit
            self._lanes.leave(unit)
        return None

    def _admit(self, unit):
        gate = self._gate
        if unit.records is None:
            unit.deliveries = [delivery for delivery in unit.deliveries if self._admit_part(delivery)]
            return bool(unit.deliveries)
        delivery = unit.deliveries[0]
        self._outbox.begin(delivery.answers)
        columns = delivery.columns
        if gate.closed(columns) or (gate.holding and unit.lanes and gate.held(columns, unit.lanes[0][2])):
            self._release_rest(unit, 0)
            self._finish_if_answered(delivery)
            return False
        return True

    def _admit_part(self, delivery):
        if self._outbox.admit(delivery, self._gate):
            return True
        self._session.finish(delivery)
        self._outbox.finish(delivery.answers)
        return False

    def _release_rest(self, unit, place):
        """The records from this place in the unit on were not given to the handler."""
        answers = unit.deliveries[0].answers
        with self._outbox.lock:
            for index in unit.records[place:]:
                answers.release(index, index)

    def _finish_if_answered(self, delivery):
        if self._outbox.finish_if_answered(delivery.answers):
            self._session.finish(delivery)

    def _run_each(self, runner):
        """A run of invocations of one record each, all of one lane."""
        unit = runner.unit
        delivery = unit.deliveries[0]
        part, answers, columns = delivery.part, delivery.answers, delivery.columns
        one, outbox, monotonic = self._handler.one, self._outbox, time.monotonic
        whole = len(unit.records) == answers.count  # so no other thread has a share of this batch
        changes = runner.changes
        for place, index in enumerate(unit.records):
            runner.calls += 1
            try:
                outputs = one(part, index)
                if outputs:
                    outbox.emit(answers, _wire.emit(answers.id, index, index, outputs))
                if whole:
                    answers.done = index + 1
                else:
                    outbox.ok(answers, index)
            except (Exception, SystemExit) as error:
                outcome = describe(error)
                outbox.fail(answers, index, outcome)
                if outcome[0] == _wire.RETRY and unit.lanes:
                    with self._mutex:
                        self._gate.hold(columns, (unit.lanes[0][2],))
                    self._release_rest(unit, place + 1)
                    break
            if not self._watched:
                self._unpark_watch()
            if monotonic() >= self._next_poll:
                self._poll()
            if self._changes != changes:
                changes = self._changes
                if self._gate.closed(columns):
                    self._release_rest(unit, place + 1)
                    break
        self._finish_if_answered(delivery)

    def _run_batch(self, runner):
        """One call for all of the unit's records."""
        deliveries = runner.unit.deliveries
        runner.calls += 1
        raised = outputs = None
        try:
            outputs = self._handler.many([delivery.part for delivery in deliveries])
        except (Exception, SystemExit) as error:
            raised = error
        if outputs:
            with self._outbox.lock:
                emit_for_all(deliveries, outputs)
        failed = failures_of(raised, [len(delivery.part) for delivery in deliveries])
        with self._mutex:
            for delivery, failures in zip(deliveries, failed):
                self._gate.attempted(delivery.columns, delivery.part, failures)
        for delivery, failures in zip(deliveries, failed):
            self._session.finish(delivery)
            self._outbox.settle(delivery, failures)
        if time.monotonic() >= self._next_poll:
            self._poll()

    def _unpark_watch(self):
        self._watched = True
        self._watch.set()

    def _keep_watch(self):
        while not self._over:
            self._watch.wait()
            self._watch.clear()
            busy, flushed, then, used_then = True, 0.0, time.monotonic(), time.process_time()
            while busy and not self._over:
                time.sleep(TICK_S)
                now, used = time.monotonic(), time.process_time()
                # Before looking: who begins a call after the look finds it so and wakes us again.
                self._watched = False
                with self._mutex:
                    busy = self._look(now, now - then, used - used_then)
                then, used_then = now, used
                if not busy or now - flushed >= HOLD_BACK_S:
                    flushed = now
                    busy = self._outbox.flush() or busy
                if busy:
                    self._watched = True

    def _look(self, now, elapsed, cpu):
        """Wakes and pauses runners as they are needed; False where nothing is going on. With the mutex."""
        active, moving, total, quick = 0, 0, 0, []
        for runner in self._runners:
            (before, unit), runner.seen = runner.seen, (runner.calls, runner.unit)
            calls = runner.calls - before
            total += calls
            if runner.unit is not None:
                active += 1
                moving += calls > 0 or runner.unit is not unit  # not in one and the same call since the last tick
                if calls * TICK_S >= QUICK * elapsed:
                    quick.append(runner)
        waiting = len(self._lanes.ready)
        if self._waker.asked and not self._gate.draining:
            self._take_in()
        if self._deadline is not None and now >= self._deadline:
            self._outbox.flush()
            self._give_up(None)
        for runner in quick[1:]:
            runner.surplus = True
        useful = min(waiting, max(active, 1), self._threads - self._running)
        if active and not moving:
            self._wake(max(useful, 0 if self._reading else 1))  # someone else should read, too
        elif waiting > total and not quick and cpu < COMPUTING * elapsed:
            self._wake(useful)
        return bool(active or waiting)

    def _wake(self, count):
        for _ in range(count):
            if self._parked:
                self._parked.pop().wake.set()
            elif len(self._runners) <= self._threads:  # one more than may run: it reads
                runner = Runner()
                self._runners.append(runner)
                threading.Thread(target=self._guarded, args=(self._work, runner),
                                 name="triggerd-%d" % len(self._runners), daemon=True).start()
