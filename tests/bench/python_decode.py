#!/usr/bin/env python3
"""CPU nanoseconds a record of the Python SDK, without a daemon: decoding a batch, and the worker's whole loop.

    tests/bench/python_decode.py [--records 500] [--bytes 100] [--json]

`decode` is the frame's payload to batch.values (or what its name says) in this process, the best of several rounds.
`worker` is a worker process that is fed batches over its socket and acks them, by its own CPU time; `start` is not in it.
"""

import argparse
import json
import pathlib
import random
import struct
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workers" / "python"), str(ROOT / "tests" / "contract")]

import python_daemon  # noqa: E402
from triggerd import Batch  # noqa: E402
from triggerd._columns import Columns  # noqa: E402
from triggerd._records import Part  # noqa: E402

ROUNDS = 9
HANDLERS = {
    "many, values": ("many", "partition", "def handle(batch):\n    batch.values\n"),
    "many, values as text": ("many", "partition", "def handle(batch):\n    batch.values\n"),
    "many, len of each": ("many", "partition", "def handle(batch):\n    for value in batch.values:\n        len(value)\n"),
    "one, value": ("one", "partition", "def handle(record):\n    record.value\n"),
    "one async, a partition in order": ("one", "partition", "async def handle(record):\n    record.value\n"),
    "one async, 256 side by side": ("one", "none", "async def handle(record):\n    record.value\n"),
    "one async, 256 side by side, 1 ms each": ("one", "none", "async def handle(record):\n    await asyncio.sleep(0.001)\n"),
}


def plain_payload(records, size):
    """What the daemon sends for values without keys: no column but the ends."""
    topic = b"bench\0\0\0"
    values = bytes(random.Random(size).choices(range(32, 127), k=size)) * records
    ends = struct.pack("<%dI" % records, *range(size, size * (records + 1), size))
    head = struct.pack("<IIqqiIIIIIIIII", records, 0, 0, 1700000000000, 0, 1, 0, 1, 5, 0, len(values), 0, 0, 0)
    return b"".join(map(python_daemon.pad, (head, ends, topic, values)))


def best(step, records):
    """The least CPU nanoseconds a record of ROUNDS."""
    times = max(1, 100_000 // records)
    least = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time_ns()
        for _ in range(times):
            step()
        least = min(least, time.process_time_ns() - begin)
    return least / times / records


def decode(records, size):
    payload = plain_payload(records, size)
    keyed = python_daemon.batch(1, [python_daemon.record(b"v" * size, b"key-%d" % i, [("h", b"x")], timestamp=10 ** 12 + i)
                                    for i in range(records)])[16:]

    def batch(of, as_text=False):
        return Batch([Part(Columns(of), as_text)])

    return {
        "parse only": best(lambda: batch(payload), records),
        "values": best(lambda: batch(payload).values, records),
        "values, every column sent": best(lambda: batch(keyed).values, records),
        "values as text": best(lambda: batch(payload, True).values, records),
        "values, keys, offsets, timestamps, headers": best(
            lambda: [getattr(batch(keyed), column) for column in ("values", "keys", "offsets", "timestamps", "headers")], records),
        "records, value of each": best(lambda: [record.value for record in batch(payload)], records),
    }


def worker_cpu_ns(handler, cardinality, data_type, ordering, records, size, total):
    """CPU of one worker process a record, from the loaded handler to the end."""
    worker = python_daemon.Worker("\n" + handler + "\nimport resource\ndef cpu():\n"
                                  "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
                                  "    return used.ru_utime + used.ru_stime\n_start = cpu()\n"
                                  "import atexit\natexit.register(lambda: tell(cpu() - _start))\n")
    try:
        worker.welcome(cardinality, data_type, ordering)
        payload = plain_payload(records, size)
        frames, ahead = total // records, max(2, 65536 // records)
        sent = acked = 0
        while acked < frames:
            while sent < frames and sent - acked < ahead:
                worker.records[sent] = records
                worker.socket.sendall(python_daemon.frame(python_daemon.BATCH, payload, sent))
                sent += 1
            worker.step()
            while acked in worker.answers and len(worker.answers[acked]) == records:
                del worker.answers[acked]
                acked += 1
        worker.send(python_daemon.drain())
        return worker.told() * 1e9 / (frames * records)
    finally:
        worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=500, help="records a batch")
    parser.add_argument("--bytes", type=int, default=100, help="bytes a value")
    parser.add_argument("--total", type=int, default=1_000_000, help="records for a worker")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {"python": sys.version.split()[0], "decode_ns": {}, "worker_ns": {}}
    for name, value in decode(options.records, options.bytes).items():
        found["decode_ns"][name] = round(value, 1)
    for name, (cardinality, ordering, handler) in HANDLERS.items():
        total = options.total if cardinality == "many" else options.total // 5
        data_type = "string" if "text" in name else "binary"
        value = worker_cpu_ns(handler, cardinality, data_type, ordering, options.records, options.bytes, total)
        found["worker_ns"][name] = round(value, 1)
    if options.json:
        print(json.dumps(found))
        return
    print("Python %s, %d records of %d bytes a batch, CPU ns a record" % (found["python"], options.records, options.bytes))
    for part in ("decode_ns", "worker_ns"):
        for name, value in found[part].items():
            print("  %-8s %-44s %8.1f" % (part[:-3], name, value))


if __name__ == "__main__":
    main()
