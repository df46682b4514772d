"""Handlers for session_sdk_test.cpp: each says what it got, and fails where a value says so. session_handlers.cpp is the same."""

import triggerd


def error_of(record):
    reason = f"attempt {record.attempt}"
    return {"retry": triggerd.Retry(reason, after=2), "dead letter": triggerd.DeadLetter(reason),
            "drop": triggerd.Drop(reason)}.get(record.value)


def check(records):
    values = [record.value for record in records]
    print(f"got {len(values)}: {' '.join(value[:10] for value in values)}", flush=True)
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
