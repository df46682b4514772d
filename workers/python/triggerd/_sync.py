"""The loop for plain handlers: one invocation after the other, in the order they came.

Threads: everything runs on the main thread, but for a small one that sends the answers that are held back while a
slow call runs (PROTOCOL.md section 5).
"""

import time

from . import _wire
from ._failure import describe, failures_of, refuse_unrun
from ._gate import WHOLE
from ._outbox import HOLD_BACK_S, Outbox
from ._records import Batch
from ._session import wait_readable

POLL_S = HOLD_BACK_S  # the socket is read, and answers are sent, at least so often between calls
COALESCE_S = 0.001    # finished batches wait so long for company while there is more to run


class Loop:
    def __init__(self, session, handler, waker):
        self._session = session
        self._gate = session.gate
        self._queue = session.arrived
        self._handler = handler
        self._waker = waker
        self._outbox = Outbox(session.connection)
        self._outbox.start()
        self._next_poll = 0.0
        self._next_flush = 0.0

    def run(self):
        """Until a Drain or SIGTERM. EndOfStream, Malformed and Dismissed come through."""
        self._waker.hurry = self._poll_next
        step = self._run_batch if self._session.many else self._run_each
        queue = self._queue
        self._react()  # to what came with Welcome
        while not self._gate.draining:
            self._poll(wait=not queue)
            while queue:
                step(queue.popleft())
                if queue:
                    self._between()
        self._outbox.flush()

    def _between(self):
        now = time.monotonic()
        if now >= self._next_poll:
            self._poll(wait=False)
        elif now >= self._next_flush:
            self._flush(now)

    def _poll_next(self):
        self._next_poll = 0.0

    def _flush(self, now):
        self._outbox.flush()
        self._next_flush = now + COALESCE_S

    def _poll(self, wait):
        session = self._session
        if wait:
            self._outbox.flush()
            if wait_readable(session.connection, self._waker):
                session.read(wait=True)
        else:
            session.read()
        self._react()

    def _react(self):
        session = self._session
        now = time.monotonic()
        self._next_poll = now + POLL_S
        if self._waker.asked:  # after the line above, which must not undo _poll_next()
            session.drain()
        if session.changed:
            session.changed = False
            self._release_closed()
        self._flush(now)

    def _release_closed(self):
        """Answers at once for what was cancelled while it waited."""
        waiting = list(self._queue)
        self._queue.clear()
        for invocation in waiting:
            kept = [delivery for delivery in invocation if not self._gate.closed(delivery.columns)]
            for delivery in invocation:
                if delivery not in kept:
                    self._release(delivery, 0)
            if kept:
                self._queue.append(kept)

    def _release(self, delivery, first):
        """The records from `first` on were not given to the handler; they are the last without an answer."""
        answers = delivery.answers
        if first < answers.count:
            self._outbox.release(answers, first, answers.count - 1)
        self._outbox.finish(answers)
        self._session.finish(delivery)

    def _run_each(self, invocation):
        """Cardinality one: a run of invocations of one record each."""
        delivery = invocation[0]
        answers, columns = delivery.answers, delivery.columns
        gate, outbox, handler, monotonic = self._gate, self._outbox, self._handler, time.monotonic
        if gate.closed(columns):
            self._release(delivery, 0)
            return
        outbox.begin(answers)
        holding = gate.holding
        for index, record in enumerate(delivery.part):
            if holding and gate.held(columns, record.raw_key if gate.by_key else WHOLE):
                outbox.release(answers, index, index)
                continue
            try:
                result = handler(record)
                if result is not None:
                    refuse_unrun(result)
                answers.done = index + 1
            except (Exception, SystemExit) as error:
                outcome = describe(error)
                outbox.fail(answers, index, outcome)
                if outcome[0] == _wire.RETRY:
                    gate.hold(columns, (record.raw_key if gate.by_key else WHOLE,))
                    holding = gate.holding
            if outbox.parked:
                outbox.unpark()
            if monotonic() >= self._next_poll:
                self._poll(wait=False)
                if gate.closed(columns):
                    self._release(delivery, index + 1)
                    return
        outbox.finish(answers)
        self._session.finish(delivery)

    def _run_batch(self, invocation):
        """Cardinality many: one call for all."""
        gate = self._gate
        deliveries = [delivery for delivery in invocation if self._admitted(delivery)]
        if not deliveries:
            return
        raised = None
        try:
            result = self._handler(Batch([delivery.part for delivery in deliveries]))
            if result is not None:
                refuse_unrun(result)
        except (Exception, SystemExit) as error:
            raised = error
        failed = failures_of(raised, [len(delivery.part) for delivery in deliveries])
        for delivery, failures in zip(deliveries, failed):
            gate.attempted(delivery.columns, delivery.part, failures)
            self._outbox.settle(delivery, failures)
            self._session.finish(delivery)

    def _admitted(self, delivery):
        """Answers what may not be started of it; False where that is all."""
        if self._outbox.admit(delivery, self._gate):
            return True
        self._outbox.finish(delivery.answers)
        self._session.finish(delivery)
        return False
