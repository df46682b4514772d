"""run(): a worker's life from the inherited socket to its exit status."""

import inspect
import os
import signal
import socket
import sys
import traceback

from . import _async, _sync, _wire
from ._session import (EX_CONFIG, EX_SOFTWARE, EX_UNAVAILABLE, EX_USAGE, Connection, Dismissed, EndOfStream, Session,
                       Waker)

ASYNC_CONCURRENCY = 256
CREDIT_RECORDS = 65536
CREDIT_BYTES = 64 << 20

_connection = None  # of the running worker, for log()


def run(handler, *, concurrency=None, credit_records=CREDIT_RECORDS, credit_bytes=CREDIT_BYTES):
    """Serves records to `handler` until the daemon says stop. Returns the exit status: `sys.exit(triggerd.run(f))`.

    handler: takes a Record (cardinality one) or a Batch (many); plain or async. Raising fails the attempt; Retry,
    DeadLetter, Drop and BatchError say more. Plain ones run on this thread, async ones on its event loop.
    concurrency: lanes at once, for async handlers only (default 256).
    credit_records, credit_bytes: the most that may be waiting in this process.
    Call it on the main thread. Where the daemon is gone the process ends at once, without returning.
    """
    is_async, complaint = inspect_handler(handler)
    if complaint is None and not is_async and concurrency not in (None, 1):
        complaint = "concurrency is for async handlers; start more processes for a plain one"
    if complaint is not None:
        return _say(complaint, EX_CONFIG)
    lanes = (concurrency or ASYNC_CONCURRENCY) if is_async else 1

    def start(session, waker):
        if is_async:
            _async.run(session, handler, waker, lanes, leave_now)
        else:
            _sync.Loop(session, handler, waker).run()
            session.bye("drained", "")
        return 0

    return serve(start, lanes, credit_records, credit_bytes)


def serve(start, lanes, credit_records=CREDIT_RECORDS, credit_bytes=CREDIT_BYTES, features=()):
    """From the inherited socket to the exit status: `start(session, waker)` runs the loop once Welcome has come."""
    sock = inherited_socket()
    if sock is None:
        return EX_USAGE
    waker = _prepare_process()
    global _connection
    _connection = Connection(sock)
    session = Session(_connection)
    try:
        if not session.greet(lanes, credit_records, credit_bytes, waker, features):
            return 0
        return start(session, waker)
    except (EndOfStream, _wire.Malformed, Dismissed) as error:
        if isinstance(error, EndOfStream):
            leave_now()
        return conclude(session, error)
    finally:
        _connection.close()


def conclude(session, error):
    """Says why the session has ended, to both sides; the exit status."""
    if isinstance(error, _wire.Malformed):
        session.bye("protocol_error", str(error))
        return _say("the daemon broke the protocol: %s" % error, EX_SOFTWARE)
    if isinstance(error, Dismissed):
        return 0 if error.code == "shutdown" else _say("the daemon ended the session: %s" % error, EX_SOFTWARE)
    if isinstance(error, EndOfStream):
        return EX_UNAVAILABLE
    traceback.print_exception(type(error), error, error.__traceback__)
    return EX_SOFTWARE


def log(message, level="info"):
    """One line in the daemon's log; level debug, info, warn or error. Any thread. Outside a worker: on stderr."""
    if level not in ("debug", "info", "warn", "error"):
        raise ValueError("unknown level %r" % (level,))
    send_log(message, level)


def send_log(message, level, **members):
    """log() with further members for the frame."""
    if _connection is None:
        sys.stderr.write("%s: %s\n" % (level, message))
        return
    try:
        _connection.send(_wire.log(level, str(message), **members))
    except EndOfStream:
        pass  # the worker is about to find out


def inspect_handler(handler):
    """(is it async, what is wrong with it or None)."""
    if not callable(handler):
        return False, "the handler %r cannot be called" % (handler,)
    call = handler if inspect.isroutine(handler) or not hasattr(handler, "__call__") else handler.__call__
    is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
    if any(map(inspect.isgeneratorfunction, (handler, call))) or any(map(inspect.isasyncgenfunction, (handler, call))):
        return is_async, "the handler is a generator: it would never run; remove its yield"
    try:
        inspect.signature(handler).bind(None)
    except TypeError:
        return is_async, "the handler must take one argument, the record or the batch"
    except ValueError:
        pass  # a built-in without a signature
    return is_async, None


def inherited_socket():
    """The socket named by TRIGGERD_FD, or None after saying what is wrong."""
    number = os.environ.pop("TRIGGERD_FD", None)
    if number is None:
        _say("this is a worker: triggerd starts it (worker.command in the fleet file), there is no TRIGGERD_FD", EX_USAGE)
        return None
    try:
        sock = socket.socket(fileno=int(number))
        sock.getpeername()
    except (ValueError, OSError) as error:
        _say("TRIGGERD_FD=%s is not a connected socket: %s" % (number, error), EX_USAGE)
        return None
    sock.setblocking(True)
    sock.set_inheritable(False)  # a child of the handler must not keep the session open
    return sock


def _prepare_process():
    """Lines of print() leave at once and never fail for their characters; SIGTERM drains, SIGINT is the daemon's."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    waker = Waker()
    waker.listen()
    # Not SIG_IGN, which the handler's child processes would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    return waker


def _say(what, status):
    sys.stderr.write("triggerd: %s\n" % what)
    sys.stderr.flush()
    return status


def leave_now(status=EX_UNAVAILABLE):
    """Nothing is waited for: the daemon will deliver what was running to somebody else. Any thread."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status)
