"""The daemon's side of a worker session, for the contract tests of the Python SDK.

Its codec is written from lib/wire/PROTOCOL.md alone and shares nothing with the SDK's, so that the two check each
other. A handler under test is steered through a second socket (`control`): it tells what it does and may wait there
for a word, which is how tests order things without sleeping.
"""

import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import unittest

SDK = pathlib.Path(__file__).resolve().parents[2] / "workers" / "python"
DEADLINE_S = 60

HELLO, WELCOME, BATCH, ACK, CREDIT, CANCEL, DRAIN, PING, PONG, LOG, BYE, EMIT = range(1, 13)
NAMES = {0: "ok", 1: "retry", 2: "deadLetter", 3: "drop", 4: "release"}


def pad(data, fill=b"\0"):
    return data + fill * (-len(data) % 8)


def frame(kind, payload=b"", number=0, flags=0):
    return struct.pack("<IBBHQ", len(payload), kind, flags, 0, number) + payload


def u32s(values):
    return pad(struct.pack("<%dI" % len(values), *values))


def ends(pieces):
    total, out = 0, []
    for piece in pieces:
        total += len(piece or b"")
        out.append(total)
    return u32s(out)


def bits(flags):
    return pad(bytes(sum(1 << bit for bit in range(8) if flags[at + bit:at + bit + 1] == [True])
                     for at in range(0, len(flags), 8)))


def record(value=b"v", key=None, headers=(), offset=None, timestamp=None):
    return {"value": value, "key": key, "headers": list(headers), "offset": offset, "timestamp": timestamp}


def batch(number, records, topic="orders", partition=0, epoch=1, run=0, attempt=1, base=100, more=False,
          leader_epoch=None, unreadable=()):
    """A Batch frame with all optional columns. A record without an offset comes right after the one before.

    leader_epoch, unreadable (indices): of the azure payload only.
    """
    records = [record(one) if one is None or isinstance(one, bytes) else one for one in records]
    offsets = []
    for one in records:
        offsets.append(one["offset"] if one["offset"] is not None else offsets[-1] + 1 if offsets else base)
    stamps = [one["timestamp"] for one in records]
    headers = [header for one in records for header in one["headers"]]
    values, keys = [one["value"] for one in records], [one["key"] for one in records]
    first = [0]
    name_ends, value_ends, arena = [], [], b""
    for one in records:
        first.append(first[-1] + len(one["headers"]))
    for name, value in headers:
        arena += name.encode()
        name_ends.append(len(arena))
        arena += value or b""
        value_ends.append(len(arena))
    stamped = stamps[0] is not None
    columns = 1 | 4 | 8 | 16 | 32 | 64 | (2 if stamped else 0) | (128 if unreadable else 0)
    value_arena, key_arena = b"".join(v or b"" for v in values), b"".join(k or b"" for k in keys)
    name = topic.encode()
    payload = struct.pack("<IIqqiIIIIIIIII", len(records), columns, offsets[0], stamps[0] if stamped else -1, partition,
                          epoch, run, attempt, len(name), len(headers), len(value_arena), len(key_arena), len(arena),
                          0 if leader_epoch is None else leader_epoch + 1)
    payload += ends(values) + bits([value is None for value in values])
    if unreadable:
        payload += bits([index in unreadable for index in range(len(records))])
    payload += ends(keys) + bits([key is None for key in keys])
    payload += u32s([offset - offsets[0] for offset in offsets])
    if stamped:
        payload += pad(struct.pack("<%di" % len(stamps), *[stamp - stamps[0] for stamp in stamps]))
    payload += u32s(first) + u32s(name_ends) + u32s(value_ends) + bits([value is None for _, value in headers])
    payload += pad(name) + pad(value_arena) + pad(key_arena) + pad(arena)
    return frame(BATCH, payload, number, 1 if more else 0)


def cancel(partition, epoch, topic="orders"):
    name = topic.encode()
    return frame(CANCEL, struct.pack("<iIII", partition, epoch, len(name), 0) + pad(name))


def drain(deadline_ms=10000):
    return frame(DRAIN, struct.pack("<II", deadline_ms, 0))


def answers_of(payload):
    """[(first, last, code, retry_after_ms, reason)] of an Ack, checked as PROTOCOL.md section 5 says."""
    count, text_bytes = struct.unpack_from("<II", payload)
    at = 8 + 24 * count
    assert len(payload) == at + text_bytes + -(at + text_bytes) % 8, "length of an Ack"
    out, begin = [], 0
    for index in range(count):
        first, last, code, after, end, reserved = struct.unpack_from("<IIIIII", payload, 8 + 24 * index)
        assert first <= last and reserved == 0 and begin <= end <= text_bytes and code in NAMES, "an answer"
        assert code == 1 or after == 0, "retry_after_ms without retry"
        out.append((first, last, NAMES[code], after, payload[at + begin:at + end].decode()))
        begin = end
    assert begin == text_bytes, "reasons end with the last answer"
    return out


class Worker:
    """A Python worker as a process, and this end of its socket. node_daemon.py has the same for Node."""

    FILE = "handler.py"

    def __init__(self, handler, arguments=(), env=None, interpreter=sys.executable):
        self._folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self._folder.name) / self.FILE
        self.path.write_text(self.source(handler))
        self.start(self.command(interpreter, *arguments), env)

    def source(self, handler):
        return PRELUDE + textwrap.dedent(handler)

    def command(self, interpreter, *arguments):
        return [interpreter, "-m", "triggerd", str(self.path), *arguments]

    def start(self, command, env, cwd=None, path=SDK):
        self.socket, theirs = socket.socketpair()
        self.control, their_control = socket.socketpair()
        for mine in (self.socket, self.control):
            mine.settimeout(DEADLINE_S)
        self._control_file = self.control.makefile("rw")
        self._errors = tempfile.TemporaryFile("w+")
        environment = dict(os.environ, PYTHONPATH=str(path), TRIGGERD_FD=str(theirs.fileno()),
                           CONTROL_FD=str(their_control.fileno()), **(env or {}))
        environment.pop("PYTHONUNBUFFERED", None)
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=self._errors, env=environment,
            cwd=cwd, pass_fds=[theirs.fileno(), their_control.fileno()])
        theirs.close()
        their_control.close()
        self.records = {}   # batch id: number of its records
        self.answers = {}   # batch id: {index: (code, retry_after_ms, reason)}
        self.acks = []      # (batch id, answers) as they came
        self.others = []    # frames that are not Acks
        self.hello = None

    def welcome(self, cardinality="one", data_type="binary", ordering="partition", timeout_ms=60000, extra=b"",
                **members):
        kind, _, payload = self.read_frame()
        assert kind == HELLO, "the first frame is Hello"
        self.hello = json.loads(payload)
        fields = {"protocol": 1, "daemon": "test/1", "trigger": "orders", "group": "g", "worker": 1, "features": [],
                  "cardinality": cardinality, "dataType": data_type, "ordering": ordering, "maxBatchSize": 500,
                  "timeoutMs": timeout_ms, "unknown": [1], **members}
        self.socket.sendall(frame(WELCOME, pad(json.dumps(fields).encode(), b" ")) + extra)
        return self

    def send(self, *frames):
        data = b"".join(frames)
        at = 0
        while at < len(data):
            length, kind, _, _, number = struct.unpack_from("<IBBHQ", data, at)
            if kind == BATCH and length >= 4:
                self.records[number] = struct.unpack_from("<I", data, at + 16)[0]
            at += 16 + length
        self.socket.sendall(data)

    def read_frame(self):
        length, kind, flags, reserved, number = struct.unpack("<IBBHQ", self._exactly(16))
        assert length % 8 == 0 and flags == 0 and reserved == 0, "frame header"
        return kind, number, self._exactly(length)

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError("the worker closed its socket; stderr: " + self.errors())
            data += piece
        return data

    def step(self):
        """Takes in one frame."""
        kind, number, payload = self.read_frame()
        if kind != ACK:
            self.others.append((kind, number, payload))
            return
        answers = answers_of(payload)
        self.acks.append((number, answers))
        known = self.answers.setdefault(number, {})
        if not answers:
            for index in range(self.records[number]):
                known.setdefault(index, ("ok", 0, ""))
        for first, last, *rest in answers:
            for index in range(first, last + 1):
                assert index < self.records[number] and index not in known, "an answer too many"
                known[index] = tuple(rest)

    def settle(self, *numbers):
        """Waits until each record of these batches has an answer; the codes, batch by batch."""
        while any(len(self.answers.get(number, ())) < self.records[number] for number in numbers):
            self.step()
        found = [[self.answers[number][index][0] for index in range(self.records[number])] for number in numbers]
        return found[0] if len(found) == 1 else found

    def other(self, kind):
        """The payload of the next frame of this type, JSON read."""
        while not any(found[0] == kind for found in self.others):
            self.step()
        found = next(found for found in self.others if found[0] == kind)
        self.others.remove(found)
        return json.loads(found[2]) if kind in (LOG, BYE) else found[1]

    def told(self):
        """The next line that the handler told."""
        line = self._control_file.readline()
        if not line:
            raise EOFError("the handler is gone; stderr: " + self.errors())
        return json.loads(line)

    def go(self, times=1):
        self.control.sendall(b"g" * times)

    def finish(self):
        """Waits for the process: (exit status, stdout, stderr)."""
        output, _ = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, output, self.errors()

    def errors(self):
        self._errors.seek(0)
        return self._errors.read()

    def close(self):
        self._control_file.close()
        for end in (self.socket, self.control):
            end.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._errors.close()
        self._folder.cleanup()


class WorkerTest(unittest.TestCase):
    """Test cases that start workers."""

    WORKER = Worker

    def worker(self, handler, **options):
        worker = self.WORKER(handler, **options)
        self.addCleanup(worker.close)
        return worker

    def drained(self, worker):
        """Drains an idle worker: Bye, status 0, and nothing unexpected on stderr."""
        worker.send(drain())
        self.assertEqual(worker.other(BYE)["code"], "drained")
        status, output, errors = worker.finish()
        self.assertEqual((status, errors), (0, ""))
        return output


# What a handler under test has at hand.
PRELUDE = textwrap.dedent('''
    import asyncio, json, os, socket, sys, time
    import triggerd
    _control = socket.socket(fileno=int(os.environ["CONTROL_FD"]))
    def tell(*what):
        _control.sendall((json.dumps(what if len(what) != 1 else what[0]) + "\\n").encode())
    def wait():
        # Stands for a slow call: long enough that the worker is bound to read its socket after it.
        slow = time.monotonic() + 0.02
        if _control.recv(1) != b"g":
            os._exit(99)
        while time.monotonic() < slow:
            pass
    async def await_word():
        loop = asyncio.get_running_loop()
        _control.setblocking(False)
        if await loop.sock_recv(_control, 1) != b"g":
            os._exit(99)
''')
