"""What a handler raised, as answers for the daemon and as text for people.

An outcome is (code, retry_after_ms, reason); a record without one is ok.
"""

import bisect
import inspect
import itertools
import operator
import os
import sys
import traceback

from . import _wire

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_MAX_MS = 2 ** 32 - 1


class Retry(Exception):
    """Raise it from a handler to have the attempt count as failed without a traceback.

    reason: text or an exception, shown in the daemon's log; at most 4 KiB of UTF-8, the rest is cut.
    after: seconds (a number, at least 0; at most 49 days, more counts as that) to wait at least before the next attempt.
    None leaves the time to the trigger's retry policy. How often it is tried again is the policy's in any case.
    """

    def __init__(self, reason="the handler asked for a retry", after=None):
        if after is not None and not after >= 0:
            raise ValueError("after must be at least 0 seconds")
        self.reason = _reason(reason)
        self.after = after
        super().__init__(self.reason)


class DeadLetter(Exception):
    """Raise it from a handler for a record that no further attempt will help: the trigger's `onFailure` says what becomes
    of it, at once. Where that is `deadLetter: TOPIC`, the reason goes into the dead letter's headers.

    reason: text or an exception; at most 4 KiB of UTF-8, the rest is cut.
    """

    def __init__(self, reason="the handler gave it up"):
        self.reason = _reason(reason)
        super().__init__(self.reason)


class Drop(Exception):
    """Raise it from a handler for a record that nobody needs: it is settled, and counted as dropped.

    reason: text or an exception, shown in the daemon's log; at most 4 KiB of UTF-8, the rest is cut.
    """

    def __init__(self, reason="the handler dropped it"):
        self.reason = _reason(reason)
        super().__init__(self.reason)


class BatchError(Exception):
    """Raise it from a batch handler of which some records failed: the others are ok.

    errors: {index: error}, at least one. An index is the record's place in the Batch that the handler was given, from 0
    up to len(batch) - 1. An error is what a handler of one record would have raised: a Retry, DeadLetter or Drop, any
    other exception (its traceback goes to the log), or text, which is a retry for this reason. An index that the batch
    does not have fails the attempt as a whole: then every record is tried again.
    """

    def __init__(self, errors):
        self.errors = {operator.index(index): error for index, error in dict(errors).items()}
        if not self.errors:
            raise ValueError("a BatchError names the records that failed; where none did, return")
        for index, error in self.errors.items():
            if index < 0:
                raise ValueError("the index of a record is at least 0, not %d" % index)
            if not isinstance(error, (str, BaseException)) or isinstance(error, BatchError):
                raise TypeError("the error of record %d must be an exception or text, not %r" % (index, error))
        super().__init__("failed records of the batch: %d" % len(self.errors))


class TimedOut(Exception):
    """An asynchronous attempt took longer than the trigger's timeout."""


def failures_of(error, sizes):
    """For each part of a batch, of so many records: {index in the part: outcome} of those that are not ok.

    error: what the handler raised, or None where it returned.
    """
    if error is None:
        return [{} for _ in sizes]
    if not isinstance(error, BatchError):
        outcome = describe(error)
        return [dict.fromkeys(range(size), outcome) for size in sizes]
    ends = list(itertools.accumulate(sizes))
    if max(error.errors) >= ends[-1]:
        wrong = IndexError("BatchError names record %d of a batch of %d" % (max(error.errors), ends[-1]))
        return failures_of(wrong.with_traceback(error.__traceback__), sizes)
    failures = [{} for _ in sizes]
    for index, cause in error.errors.items():
        part = bisect.bisect_right(ends, index)
        failures[part][index - ends[part] + sizes[part]] = describe(cause)
    return failures


def describe(error):
    """The outcome of a record for which this was raised; an unexpected error's traceback goes to stderr."""
    if isinstance(error, str):
        return _wire.RETRY, 0, error
    if isinstance(error, BatchError):  # of a record alone: it is a batch of one
        return failures_of(error, (1,))[0][0]
    if isinstance(error, Retry):
        after_ms = 0 if error.after is None else max(1, int(min(error.after * 1000, _MAX_MS)))
        return _wire.RETRY, after_ms, error.reason
    if isinstance(error, DeadLetter):
        return _wire.DEAD_LETTER, 0, error.reason
    if isinstance(error, Drop):
        return _wire.DROP, 0, error.reason
    if isinstance(error, TimedOut):
        return _wire.RETRY, 0, str(error)
    if error.__traceback__ is not None:  # one in a BatchError may never have been raised
        _print_traceback(error)
    return _wire.RETRY, 0, _named(error)


def refuse_unrun(result):
    """A plain handler's result is ignored, but one that still has to run means that no work was done."""
    if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError("the handler returned %s that nobody runs; declare it with async def"
                        % type(result).__name__)


def _reason(reason):
    if isinstance(reason, BaseException):
        return _named(reason)
    if not isinstance(reason, str):
        raise TypeError("a reason is text or an exception, not %r" % (reason,))
    return reason


def _named(error):
    text = str(error)
    name = type(error).__name__
    return "%s: %s" % (name, text) if text else name


def _print_traceback(error):
    where = error.__traceback__
    while where is not None and where.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        where = where.tb_next
    # One write, so that the lines of two attempts do not mix.
    sys.stderr.write("".join(traceback.format_exception(type(error), error, where)))
    sys.stderr.flush()
