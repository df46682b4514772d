"""Handlers for session_sdk_test.cpp: each says what it got, and fails where a value says so."""


def check(values):
    print(f"got {len(values)}: {' '.join(value[:10] for value in values)}", flush=True)
    if "fail" in values:
        raise ValueError("the value says fail")


def one(record):
    check([record.value])


async def one_async(record):
    check([record.value])


def many(batch):
    check(batch.values)


async def many_async(batch):
    check(batch.values)
