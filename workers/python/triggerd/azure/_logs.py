"""The app's `logging`, to the daemon's log: each record is a Log frame with its level and its invocation's id."""

import logging
import os
import sys
import traceback

from .. import _run
from ._context import current, thread_local

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_KEPT = 1000  # records from before the session is open


class Handler(logging.Handler):
    """On the root logger. Any thread."""

    def __init__(self, function):
        super().__init__()
        self._function = function
        self._early = []  # while it is a list, frames cannot be sent yet
        self._ended = False

    def emit(self, record):
        try:
            line = level_of(record.levelno), self.format(record), invocation_id()
        except Exception:
            self.handleError(record)
            return
        if self._early is None:
            self._send(*line)
        elif len(self._early) < _KEPT:
            self._early.append(line)

    def open(self):
        """Welcome has come."""
        with self.lock:
            early, self._early = self._early, None
            for line in early:
                self._send(*line)

    def end(self):
        """No frame may be sent any more: what comes is for stderr. What was kept goes there, too."""
        with self.lock:
            self._ended = True
            early, self._early = self._early, None
            for line in early or ():
                self._send(*line)

    def _send(self, level, message, invocation):
        if self._ended:
            sys.stderr.write("%s: %s\n" % (level, message))
            return
        send(level, message, invocation, self._function)


def send(level, message, invocation, function):
    """One Log frame; invocation may be None."""
    members = {"function": function}
    if invocation is not None:
        members["invocation"] = invocation
    _run.send_log(message, level, **members)


def invocation_id():
    """Of the invocation that runs on this thread or task, or None."""
    invocation = current.get()
    if invocation is not None:
        return invocation.id
    found = getattr(thread_local, "invocation_id", None)
    return None if found is None else str(found)


def level_of(number):
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


def install(function):
    """Puts a Handler on the root logger, at the level that the original's worker sets."""
    handler = Handler(function)
    debug = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING", "").strip().lower() in ("1", "true", "t", "yes", "y")
    root = logging.getLogger()
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    root.addHandler(handler)
    return handler


def traceback_of(error):
    """Its traceback as text, from the app's own code on."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None and where.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        where = where.tb_next
    return "".join(traceback.format_exception(type(error), error, where))
