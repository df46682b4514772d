"""A handler that does what the record's value says and writes down what it got.

The value, or a header "script", is JSON or anything else; an object may say:
  sleep_ms       how long the attempt takes
  touch, gate    a file to make; a file the attempt waits for
  fail_until     raise while the attempt's number is lower
  fails_unless   raise, without a traceback, while this file is not there
  raise          "dead_letter", "drop" or "retry", and the seconds `after`
  crash, hang    end the process without a word; never return (while the file CALM does not exist)
  keep_mib       memory that is never given back
  print          a line for stdout
handle_each fails those records of a batch that say so, handle_async runs many invocations at once.
Lines of RECORD_FILE: {"phase": "start" | "end", topic, partition, offset, key, value, headers, timestamp, attempt, pid}.
"""
import asyncio
import json
import os
import signal
import sys
import time

import triggerd

_file = os.open(os.environ["RECORD_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
_all_sleep = float(os.environ.get("SLEEP_MS", "0")) / 1000
_all_gate = os.environ.get("GATE")
_kept = []
_calm = os.environ.get("CALM", "/nonexistent")


def text(value):
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def write(phase, records, large=False):
    """One write, so that lines of several processes never mix."""
    now = time.monotonic()
    os.write(_file, "".join(json.dumps({
        "phase": phase, "topic": r.topic, "partition": r.partition, "offset": r.offset, "key": text(r.key),
        "value": len(r.raw) if large else text(r.value), "headers": [[n, text(v)] for n, v in r.headers], "timestamp": r.timestamp,
        "attempt": r.attempt, "pid": os.getpid(), "at": now, "invocation": len(records)}) + "\n" for r in records).encode())


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.005)


def orders(record):
    raw = record.header("script") or record.raw or b""
    return json.loads(raw) if raw.startswith(b"{") else {}


def obey(record, script):
    if "print" in script:
        print(script["print"])
    if "keep_mib" in script:
        _kept.append(b"x" * (script["keep_mib"] << 20))
    if script.get("sleep_ms"):
        time.sleep(script["sleep_ms"] / 1000)
    if "touch" in script:
        open(script["touch"], "w", encoding="utf-8").close()
    if "gate" in script:
        wait_for(script["gate"])
    if script.get("crash") and not os.path.exists(_calm):
        print("about to crash", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if script.get("hang") and not os.path.exists(_calm):
        while True:
            time.sleep(3600)
    if record.attempt < script.get("fail_until", 0):
        raise ValueError(f"told to fail until attempt {script['fail_until']}")
    if "fails_unless" in script and not os.path.exists(script["fails_unless"]):
        raise triggerd.Retry(f"{script['fails_unless']} is not there")
    if "raise" in script:
        raise {"dead_letter": triggerd.DeadLetter("told to give it up"), "drop": triggerd.Drop("told to drop it"),
               "retry": triggerd.Retry("told to try again", after=script.get("after"))}[script["raise"]]


def handle(record):
    handle_batch([record])


def handle_batch(batch):
    records = list(batch)
    write("start", records)
    if _all_sleep:
        time.sleep(_all_sleep)
    if _all_gate:
        wait_for(_all_gate)
    for record in records:
        obey(record, orders(record))
    write("end", records)


def handle_each(batch):
    """As handle_batch, but a record that fails does so alone."""
    records, errors = list(batch), {}
    write("start", records)
    for index, record in enumerate(records):
        try:
            obey(record, orders(record))
        except Exception as error:  # whatever it was told to raise
            errors[index] = error
    write("end", [r for index, r in enumerate(records) if index not in errors])
    if errors:
        raise triggerd.BatchError(errors)


def handle_size(record):
    """Writes down how long the value is, not the value."""
    write("start", [record], large=True)
    if _all_gate:
        wait_for(_all_gate)
    write("end", [record], large=True)


async def handle_async(record):
    """Waiting is done by the loop, so that other lanes go on."""
    script = orders(record)
    write("start", [record])
    await asyncio.sleep(_all_sleep or script.pop("sleep_ms", 0) / 1000)
    gate = script.pop("gate", None)
    obey(record, script)
    while gate and not os.path.exists(gate):
        await asyncio.sleep(0.005)
    write("end", [record])
