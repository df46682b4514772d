#!/usr/bin/env python3
"""Records a second through functions of an Azure app in one worker process, without a daemon.

    tests/bench/python_azure.py [--total 300000] [--ordering partition] [--row NAME]

One frame in flight ahead of eight; `ns` is the process's own CPU time a record.
"""

import argparse
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workers" / "python"), str(ROOT / "tests" / "contract")]

import python_azure  # noqa: E402
import python_daemon  # noqa: E402

BEFORE = '''import atexit, resource, time, typing
import azure.functions as func
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
_start = cpu()
atexit.register(lambda: tell(cpu() - _start))
'''
ONE, MANY = "one", "many"
ROWS = {  # name: (cardinality, records a frame, partitions, share of --total, the function)
    "one, pass": (ONE, 500, 1, 1, "def main(kevent: func.KafkaEvent):\n    pass\n"),
    "one, body": (ONE, 500, 1, 1, "def main(kevent: func.KafkaEvent):\n    kevent.get_body()\n"),
    "one, body, 8 partitions": (ONE, 500, 8, 1, "def main(kevent: func.KafkaEvent):\n    kevent.get_body()\n"),
    "one, body, records alone": (ONE, 1, 8, 0.3, "def main(kevent: func.KafkaEvent):\n    kevent.get_body()\n"),
    "one, metadata": (ONE, 500, 1, 0.5, "def main(kevent: func.KafkaEvent):\n    kevent.metadata['Value'], kevent.key\n"),
    "one, str": (ONE, 500, 1, 1, "def main(kevent: str):\n    len(kevent)\n"),
    "one, context": (ONE, 500, 1, 0.5, "def main(kevent: func.KafkaEvent, context: func.Context):\n    context.invocation_id\n"),
    "one, async, body": (ONE, 500, 1, 0.3, "async def main(kevent: func.KafkaEvent):\n    kevent.get_body()\n"),
    "one, 1 ms asleep, 1 partition": (ONE, 50, 1, 0.005, "def main(kevent: func.KafkaEvent):\n    time.sleep(0.001)\n"),
    "one, 1 ms asleep, 64 partitions": (ONE, 50, 64, 0.1, "def main(kevent: func.KafkaEvent):\n    time.sleep(0.001)\n"),
    "many of 64, body": (MANY, 64, 1, 1, "def main(kevent: typing.List[func.KafkaEvent]):\n"
                         "    for one in kevent:\n        one.get_body()\n"),
    "many of 500, body": (MANY, 500, 1, 1, "def main(kevent: typing.List[func.KafkaEvent]):\n"
                          "    for one in kevent:\n        one.get_body()\n"),
    "many of 64, metadata": (MANY, 64, 1, 0.5, "def main(kevent: typing.List[func.KafkaEvent]):\n"
                             "    for one in kevent:\n        one.metadata['KeyArray'], one.key, one.offset\n"),
    "many of 500, metadata": (MANY, 500, 1, 0.5, "def main(kevent: typing.List[func.KafkaEvent]):\n"
                              "    for one in kevent:\n        one.metadata['KeyArray'], one.key, one.offset\n"),
    "many of 500, List[str]": (MANY, 500, 1, 1, "def main(kevent: typing.List[str]):\n    for one in kevent:\n        len(one)\n"),
}


def measured(cardinality, size, partitions, total, code, ordering, value_bytes):
    """(records a second, CPU ns a record)."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "f").mkdir()
        (folder / "f" / "__init__.py").write_text(python_daemon.PRELUDE + BEFORE + code)
        app = python_azure.App(folder, "f", {"functionFolder": str(folder / "f"), "bindings": [python_azure.TRIGGER]})
        try:
            app.welcome(cardinality, ordering=ordering)
            records = [python_azure.envelope("v" * value_bytes, offset=100 + index, key="k%d" % index, headers=[("h", b"x")])
                       for index in range(size)]
            payloads = [python_daemon.batch(0, records, partition=partition)[16:] for partition in range(partitions)]
            frames, ahead = max(partitions, total // size), threading.Semaphore(max(8, 2 * partitions))
            app.records.update(dict.fromkeys(range(frames), size))

            def send():  # a daemon reads also while it writes
                for number in range(frames):
                    ahead.acquire()
                    app.socket.sendall(python_daemon.frame(python_daemon.BATCH, payloads[number % partitions], number))

            begin = time.monotonic()
            threading.Thread(target=send, daemon=True).start()
            left = frames
            while left:
                before = len(app.acks)
                app.step()
                for number in {number for number, _ in app.acks[before:]}:
                    if len(app.answers[number]) == size:
                        assert all(answer[0] == "ok" for answer in app.answers.pop(number).values()), app.errors()
                        left -= 1
                        ahead.release()
            seconds = time.monotonic() - begin
            app.send(python_daemon.drain())
            return frames * size / seconds, app.told() * 1e9 / (frames * size)
        finally:
            app.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--total", type=int, default=300_000, help="records, of the quick rows")
    parser.add_argument("--bytes", type=int, default=100, help="bytes of a record's value, in an envelope of 200 more")
    parser.add_argument("--ordering", default="partition", choices=("partition", "key", "none"))
    parser.add_argument("--row", default="", help="only rows whose name has this in it")
    options = parser.parse_args()
    for name, (cardinality, size, partitions, share, code) in ROWS.items():
        if options.row in name:
            rate, cpu = measured(cardinality, size, partitions, int(options.total * share), code, options.ordering, options.bytes)
            print("  %-36s %10.0f /s %8.0f ns" % (name, rate, cpu), flush=True)


if __name__ == "__main__":
    main()
