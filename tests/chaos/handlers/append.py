"""Takes its time for each record and writes it as a line of this process's own file, before it is answered:

    topic partition offset key number attempt pid nanoseconds

So a line says that the record was handled, whatever happens to the process next; a kill can at most cut the last
line off. Whoever removes the file DEADLY dies on the spot, in the middle of what it was given, as a process does that
the kernel finds too large. While the file UNRULY_UNTIL does not exist, every other key fails.
"""
import os
import signal
import time

_file = os.open(f"{os.environ['HANDLED']}.{os.getpid()}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
_pause = float(os.environ["PAUSE_MS"]) / 1000
_deadly = os.environ["DEADLY"]
_unruly_until = os.environ.get("UNRULY_UNTIL")


def die_if_told():
    try:
        os.unlink(_deadly)
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def handle(record):
    die_if_told()
    if _unruly_until and int(record.key[1:]) % 2 and not os.path.exists(_unruly_until):
        raise ValueError("unruly")
    time.sleep(_pause)
    number = record.value.split(" ", 1)[0]
    line = (f"{record.topic} {record.partition} {record.offset} {record.key} {number} {record.attempt} {os.getpid()} "
            f"{time.monotonic_ns()}\n").encode()
    if os.write(_file, line) != len(line):
        raise OSError("the disk took only a part of the line")


def handle_batch(batch):
    for record in batch:
        handle(record)
