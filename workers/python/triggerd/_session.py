"""The socket to the daemon: whole frames out of it, the handshake, and what each frame asks of the worker.

Both loops (_sync.py, _async.py) read through a Session. It is used by one thread; only Connection.send and
Connection.bye may be called from others.
"""

import collections
import os
import select
import signal
import socket
import threading

from . import _hang, _wire
from ._answers import Answers
from ._gate import Gate
from ._records import part_of

VERSION = "0.1.0"

EX_USAGE, EX_UNAVAILABLE, EX_SOFTWARE, EX_CONFIG = 64, 69, 70, 78

AZURE = "azure"  # the feature

_BUFFER_BYTES = 256 << 10
_READ_BYTES = 64 << 10  # room for less than this is not worth a read
_KEPT_BYTES = 4 << 20   # a buffer that grew beyond it is given back after the frame
_NO_WAIT = socket.MSG_DONTWAIT


class EndOfStream(Exception):
    """The daemon is gone."""


class Dismissed(Exception):
    """The daemon said Bye."""

    def __init__(self, code, message):
        super().__init__("%s: %s" % (code, message))
        self.code = code


class Connection:
    """Frames over a stream socket, read in place from one buffer that grows to the largest frame."""

    def __init__(self, sock):
        self._socket = sock
        self._send_lock = threading.Lock()
        self._view = memoryview(bytearray(_BUFFER_BYTES))
        self._begin = self._end = 0  # what was received and not returned yet
        self._wanted = _wire.HEADER_BYTES  # bytes from _begin on that the next frame is known to need

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        self._socket.close()

    def send(self, data):
        """Whole frames only. Any thread. EndOfStream where the daemon is gone."""
        try:
            with self._send_lock:
                self._socket.sendall(data)
        except OSError as error:
            raise EndOfStream(str(error)) from None

    def receive(self, wait):
        """Reads once; False where there is nothing and `wait` is not set. EndOfStream at the end."""
        self._make_room()
        try:
            count = self._socket.recv_into(self._view[self._end:], 0, 0 if wait else _NO_WAIT)
        except BlockingIOError:
            return False
        except OSError as error:
            raise EndOfStream(str(error)) from None
        if count == 0:
            raise EndOfStream("end of file")
        self._end += count
        return True

    def next_frame(self):
        """(type, flags, id, payload) of the next whole frame, or None. The payload lies in the buffer until receive()."""
        begin = self._begin + _wire.HEADER_BYTES
        if begin > self._end:
            self._wanted = _wire.HEADER_BYTES
            return None
        length, kind, flags, number = _wire.parse_header(self._view, self._begin)
        end = begin + length
        if end > self._end:
            self._wanted = _wire.HEADER_BYTES + length
            return None
        self._begin = end
        return kind, flags, number, self._view[begin:end]

    def _make_room(self):
        """Room behind what is there: for all of the next frame, and for a good read."""
        held = self._end - self._begin
        size = max(self._wanted, _BUFFER_BYTES)
        if self._wanted > len(self._view) or len(self._view) > max(size, _KEPT_BYTES):
            grown = memoryview(bytearray(size))
            grown[:held] = self._view[self._begin:self._end]
            self._view = grown
        elif held and len(self._view) - self._end >= max(self._wanted - held, _READ_BYTES):
            return
        elif self._begin:
            self._view[:held] = bytes(self._view[self._begin:self._end])
        self._begin, self._end = 0, held


class Waker:
    """SIGTERM, as something a poll() sees, and `hurry` is called. One that comes twice is one.

    It may mean that time is up: the daemon kills a moment later. So it is said where the handler is.
    The interpreter itself writes to the pipe for every signal: one that comes just before a poll() begins would
    run ask() only after it.
    """

    def __init__(self):
        self.asked = False
        self.hurry = None
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)

    def listen(self):
        """From the main thread only."""
        signal.signal(signal.SIGTERM, self.ask)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def asked_now(self):
        """After its fd became readable: was it SIGTERM? Other signals are forgotten."""
        try:
            os.read(self.fd, 64)
        except BlockingIOError:
            pass
        return self.asked

    def ask(self, _signal, frame):
        try:
            _hang.report(frame)  # before others hear of it: a handler on another thread may end then
        finally:
            self.asked = True
        if self.hurry is not None:
            self.hurry()
        self.nudge()

    def nudge(self):
        """Ends a poll() of its fd. Any thread."""
        try:
            os.write(self._write, b"!")
        except BlockingIOError:
            pass  # a full pipe wakes as well


class Delivery:
    """One Batch frame on its way through this worker.

    part: what the handler is given of it. picked: the indices of that, where it is not all of the frame.
    """

    __slots__ = ("columns", "part", "answers", "picked")

    def __init__(self, columns, part, answers):
        self.columns = columns
        self.part = part
        self.answers = answers
        self.picked = None

    def narrow(self, indices):
        """Gives up all other records; their indices are returned."""
        chosen = frozenset(indices)
        self.picked = indices
        self.part = self.part.pick(indices)
        return [index for index in range(self.answers.count) if index not in chosen]

    def admit(self, gate):
        """For `many`: answers the records that may not be given to the handler; False where that is all of them."""
        answers = self.answers
        indices = gate.admitted(self.columns, self.part)
        if indices is not None:
            for index in self.narrow(indices):
                answers.release(index, index)
        unreadable = self.columns.unreadable
        if unreadable:
            chosen = range(answers.count) if self.picked is None else self.picked
            for index in sorted(unreadable.intersection(chosen)):
                answers.fail(index, index, (_wire.DEAD_LETTER, 0, self.columns.why_unreadable(index)))
            self.narrow([index for index in chosen if index not in unreadable])
        return self.picked is None or bool(self.picked)

    def settle(self, failures):
        """The attempt with all of `part` has ended. failures: {index in it: outcome}; the others are ok."""
        answers = self.answers
        if self.picked is None and not failures:
            answers.all_ok()
            return
        for place, index in enumerate(range(answers.count) if self.picked is None else self.picked):
            outcome = failures.get(place)
            if outcome is None:
                answers.ok(index)
            else:
                answers.fail(index, index, outcome)


def emit_for_all(deliveries, outputs):
    """The outputs of an invocation of all these, each of which was given at least one record to the handler."""
    last = deliveries[-1]
    index = last.answers.count - 1 if last.picked is None else last.picked[-1]
    # Before the first of their answers: the daemon holds them all until the outputs are delivered.
    deliveries[0].answers.emit(_wire.emit(last.answers.id, index, index, outputs))


class Session:
    """One life of a worker, from Hello on.

    welcome: what the daemon said. arrived: invocations not taken yet, each a list of Delivery (of one, where the
    cardinality is `one`). changed: Cancel or Drain came; the loop releases what is closed and resets it.
    drain_ms: the Drain's deadline once one came.
    """

    def __init__(self, connection):
        self.connection = connection
        self.welcome = None
        self.many = False
        self.gate = None
        self.azure = False  # the payload is that of an Azure Functions app
        self.arrived = collections.deque()
        self.changed = False
        self.drain_ms = None
        self._open = {}        # batch id: Delivery that has records without an answer
        self._invocation = []  # deliveries of one that goes on in the next frame

    def greet(self, concurrency, credit_records, credit_bytes, waker, features=()):
        """Hello, and waits for Welcome. False where SIGTERM came first."""
        connection = self.connection
        connection.send(_wire.hello(concurrency, credit_records, credit_bytes, "python/" + VERSION, os.getpid(), features))
        found = None
        while found is None:
            if not wait_readable(connection, waker):
                return False
            connection.receive(False)
            found = connection.next_frame()
        kind, _, _, payload = found
        if kind == _wire.BYE:
            self._dismissed(payload)
        if kind != _wire.WELCOME:
            raise _wire.Malformed("frame type %d before welcome" % kind)
        self._welcomed(_wire.parse_json(payload), features)
        self._take_whole()  # what came in the same read
        return True

    def read(self, wait=False):
        """Takes in what the socket holds: once where it may wait, else until it is empty."""
        connection = self.connection
        more = connection.receive(wait)
        while more:
            self._take_whole()
            more = not wait and connection.receive(False)

    def finish(self, delivery):
        """All of its records have an answer."""
        self._open.pop(delivery.answers.id, None)

    def drain(self):
        """Nothing more is started, be it that the daemon said so or SIGTERM."""
        self.gate.draining = self.changed = True
        if self._invocation:
            self.arrived.append(self._invocation)
            self._invocation = []

    def bye(self, code, message):
        """The last frame; the connection may be gone already."""
        try:
            self.connection.send(_wire.bye(code, message))
        except EndOfStream:
            pass

    def _welcomed(self, welcome, features):
        self.welcome = welcome
        allowed = {"cardinality": ("one", "many"), "dataType": ("string", "binary"),
                   "ordering": ("partition", "key", "none")}
        for member, values in allowed.items():
            if welcome.get(member) not in values:
                raise _wire.Malformed("welcome: %s is %r" % (member, welcome.get(member)))
        if welcome.get("payload", "azure") != "azure":
            raise _wire.Malformed("welcome: payload is %r" % (welcome["payload"],))
        timeout = welcome.get("timeoutMs")
        if welcome.get("protocol") != _wire.PROTOCOL or isinstance(timeout, bool) or not isinstance(timeout, int) or timeout < 0:
            raise _wire.Malformed("welcome: protocol is %r, timeoutMs %r" % (welcome.get("protocol"), timeout))
        self.many = welcome["cardinality"] == "many"
        self._as_text = welcome["dataType"] == "string"
        self.gate = Gate(welcome["ordering"])
        agreed = welcome.get("features")
        self.azure = AZURE in features and isinstance(agreed, list) and AZURE in agreed

    def _take_whole(self):
        found = self.connection.next_frame()
        while found is not None:
            self._take(*found)
            found = self.connection.next_frame()

    def _take(self, kind, flags, number, payload):
        if kind == _wire.BATCH:
            self._batch(flags, number, payload)
            return
        if kind == _wire.PING or kind == _wire.PONG:
            if payload:
                raise _wire.Malformed("ping or pong has a payload")
            if kind == _wire.PING:
                self.connection.send(_wire.frame(_wire.PONG, number=number))
        elif kind == _wire.CANCEL:
            self.gate.cancel(*_wire.parse_cancel(payload))
            self.changed = True
        elif kind == _wire.DRAIN:
            self.drain_ms = _wire.parse_drain(payload)
            self.drain()
        elif kind == _wire.BYE:
            self._dismissed(payload)
        else:
            raise _wire.Malformed("frame type %d is not for a worker" % kind)

    def _batch(self, flags, number, payload):
        more = flags & _wire.FLAG_MORE
        if more and not self.many:
            raise _wire.Malformed("an invocation of one record spans frames")
        if number in self._open:
            raise _wire.Malformed("batch %d is open already" % number)
        columns, part = part_of(payload, self._as_text, self.azure)
        delivery = Delivery(columns, part, Answers(number, columns.count))
        self._open[number] = delivery
        self._invocation.append(delivery)
        if not more:
            self.arrived.append(self._invocation)
            self._invocation = []

    def _dismissed(self, payload):
        bye = _wire.parse_json(payload)
        raise Dismissed(str(bye.get("code")), str(bye.get("message")))


def wait_readable(connection, waker):
    """Until the socket has something to read; False where SIGTERM came."""
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    poller.register(waker.fd, select.POLLIN)
    while not waker.asked:
        readable = [fd for fd, _ in poller.poll()]
        if waker.fd in readable and waker.asked_now():
            break
        if connection.fileno() in readable:
            return True
    return False
