"""Answers on their way to the daemon, of loops in which handlers run on threads (PROTOCOL.md section 5).

Any thread: everything is behind one lock, except for `Answers.done`, which the thread that runs the batch stores after
each record and others only read.
"""

import threading
import time

from ._session import EndOfStream

HOLD_BACK_S = 0.010  # answers of batches that are not finished wait at most so long


class Outbox:
    """Answers on their way out. `parked`: the thread of start() sleeps until unpark(), since nothing was held back.

    lock: to be held by who changes a batch's answers in another way than by these methods.
    """

    def __init__(self, connection):
        self.parked = True
        self._connection = connection
        self.lock = threading.Lock()
        self._finished = []  # Ack frames
        self._running = {}   # Answers of the batches that are being run; a dict for its order
        self._wake = threading.Event()

    def start(self):
        """From now on a thread sends what is held back for HOLD_BACK_S."""
        threading.Thread(target=self._keep_flushing, name="triggerd-acks", daemon=True).start()

    def begin(self, answers):
        """The batch is run record by record; its answers may be sent in between."""
        with self.lock:
            self._running[answers] = None

    def finish(self, answers):
        """Every record of it has its answer."""
        with self.lock:
            self._running.pop(answers, None)
            self._finished.append(answers.take())
        if self.parked:
            self.unpark()

    def ok(self, answers, index):
        with self.lock:
            answers.ok(index)

    def emit(self, answers, frames):
        """Sent before the answers that are given from now on."""
        with self.lock:
            answers.emit(frames)

    def finish_if_answered(self, answers):
        """For a batch of which several threads have a share; True for the one that gave the last answer."""
        with self.lock:
            if answers not in self._running or not answers.finished():
                return False
            del self._running[answers]
            self._finished.append(answers.take())
        if self.parked:
            self.unpark()
        return True

    def fail(self, answers, index, outcome):
        with self.lock:
            answers.fail(index, index, outcome)

    def release(self, answers, first, last):
        with self.lock:
            answers.release(first, last)

    def admit(self, delivery, gate):
        """For `many`: answers what the handler may not be given; False where that is all."""
        with self.lock:
            return delivery.admit(gate)

    def settle(self, delivery, failures):
        """The attempt with the whole of it has ended."""
        with self.lock:
            delivery.settle(failures)
        self.finish(delivery.answers)

    def flush(self, whole=False):
        """Sends what there is, or only of batches that are finished; False where there was nothing."""
        with self.lock:
            if not whole:
                self._finished += [answers.take() for answers in self._running]
            data = b"".join(self._finished)
            self._finished.clear()
            if data:
                # Under the lock: "ok for all the rest" must not overtake an answer that was taken before it.
                self._connection.send(data)
        return bool(data)

    def unpark(self):
        self.parked = False
        self._wake.set()

    def _keep_flushing(self):
        while True:
            self._wake.wait()
            self._wake.clear()
            busy = True
            while busy:
                time.sleep(HOLD_BACK_S)
                # Parked before looking: an answer stored after the look finds `parked` set and wakes us.
                self.parked = True
                try:
                    busy = self.flush()
                except EndOfStream:
                    return  # the main thread sees it too
                if busy:
                    self.parked = False
