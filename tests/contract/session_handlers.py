"""Handlers for session_sdk_test.cpp: each says what it got, and fails where a value says so. session_handlers.cpp is the same."""

import ctypes
import os
import sys
import threading

import triggerd


def wait_for_ever():
    threading.Event().wait()


def get_stuck():
    """Never comes back to the interpreter, whatever signal there is. Another thread says so once that is sure."""
    sys.setswitchinterval(1000)  # it runs no sooner than this one waits
    entering = threading.Event()
    threading.Thread(target=lambda: (entering.wait(), print("stuck", flush=True)), daemon=True).start()
    library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    library.pthread_mutex_lock(mutex)
    entering.set()
    library.pthread_mutex_lock(mutex)


def note(record):
    """One write, so that lines of several processes never mix."""
    file = os.open(os.environ["RUNS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, record.value.encode() + b"\n")
    os.close(file)


def wait_for_rules(record):
    """Until there is such a file."""
    print("waiting", flush=True)
    while not os.path.exists(os.environ["RULES"]):
        threading.Event().wait(0.005)


def error_of(record):
    reason = f"attempt {record.attempt}"
    return {"retry": triggerd.Retry(reason, after=2), "dead letter": triggerd.DeadLetter(reason),
            "drop": triggerd.Drop(reason)}.get(record.value)


def check(records):
    values = [record.value for record in records]
    print(f"got {len(values)}: {' '.join(value[:10] for value in values)}", flush=True)
    if "hang" in values:
        wait_for_ever()
    if "hang_in_c" in values:
        get_stuck()
    if "fail" in values:
        raise ValueError("the value says fail")
    return {index: error for index, error in enumerate(map(error_of, records)) if error is not None}


def one(record):
    for error in check([record]).values():
        raise error


async def one_async(record):
    one(record)


def many(batch):
    errors = check(batch)
    if errors:
        raise triggerd.BatchError(errors)


async def many_async(batch):
    many(batch)
