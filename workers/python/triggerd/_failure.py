"""What a handler raised, as an answer for the daemon and as text for people."""

import inspect
import os
import sys
import traceback

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_MAX_MS = 2 ** 32 - 1


class Retry(Exception):
    """Raise it from a handler to have the attempt count as failed without a traceback.

    after: seconds to wait at least before the next attempt; None leaves that to the trigger's retry policy.
    reason: shown in the daemon's log.
    """

    def __init__(self, after=None, reason="the handler asked for a retry"):
        super().__init__(reason)
        if after is not None and not after >= 0:
            raise ValueError("after must be at least 0 seconds")
        self.after = after
        self.reason = str(reason)


class TimedOut(Exception):
    """An asynchronous attempt took longer than the trigger's timeout."""


def describe(error):
    """(retry_after_ms, reason) for what the handler raised; an unexpected error's traceback goes to stderr."""
    if isinstance(error, Retry):
        if error.after is None:
            return 0, error.reason
        return max(1, int(min(error.after * 1000, _MAX_MS))), error.reason
    if isinstance(error, TimedOut):
        return 0, str(error)
    _print_traceback(error)
    text = str(error)
    name = type(error).__name__
    return 0, "%s: %s" % (name, text) if text else name


def _print_traceback(error):
    where = error.__traceback__
    while where is not None and os.path.dirname(where.tb_frame.f_code.co_filename) == _PACKAGE:
        where = where.tb_next
    # One write, so that the lines of two attempts do not mix.
    sys.stderr.write("".join(traceback.format_exception(type(error), error, where)))
    sys.stderr.flush()


def refuse_unrun(result):
    """A plain handler's result is ignored, but one that still has to run means that no work was done."""
    if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError("the handler returned %s that nobody runs; declare it with async def"
                        % type(result).__name__)
