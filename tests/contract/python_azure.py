"""What the tests of Azure apps have besides python_daemon.py: apps as processes, envelopes, and Emit frames."""

import base64
import json
import os
import pathlib
import struct
import sys
import tempfile
import textwrap

from azure_sdk import azure_sdk
from python_daemon import EMIT, LOG, PRELUDE, SDK, Worker, WorkerTest, record

APPS = pathlib.Path(__file__).resolve().parent / "apps"
TRIGGER = {"type": "kafkaTrigger", "direction": "in", "name": "kevent", "topic": "orders", "brokerList": "BrokerList"}


def envelope(value, offset=100, partition=0, topic="orders", timestamp="2022-04-28T11:24:28.961Z", key=None, headers=(),
             leader_epoch=None):
    """A record of the azure payload with dataType string: the envelope, in the order that the original has."""
    return record(json.dumps({
        "Offset": offset, "Partition": partition, "Topic": topic, "Timestamp": timestamp, "Value": value,
        "LeaderEpoch": leader_epoch, "IsPartitionEOF": False, "Key": key,
        "Headers": [{"Key": name, "Value": None if value is None else base64.b64encode(value).decode()}
                    for name, value in headers]}, separators=(",", ":")).encode(), offset=offset)


def emitted(number, payload):
    """(batch id, first, last, [(output, text)]) of an Emit frame, checked whole."""
    first, last, count, size = struct.unpack_from("<IIII", payload)
    numbers = struct.unpack_from("<%dI" % count, payload, 16)
    ends = struct.unpack_from("<%dI" % count, payload, 16 + 4 * count)
    begin = 16 + 8 * count
    assert first <= last and count >= 1 and list(ends) == sorted(ends) and ends[-1] == size, "an Emit frame"
    assert len(payload) == begin + size + -size % 8 and not any(payload[begin + size:]), "length of an Emit frame"
    arena, starts = payload[begin:begin + size], (0,) + ends
    return number, first, last, [(which, arena[starts[place]:ends[place]].decode()) for place, which in enumerate(numbers)]


class App(Worker):
    """A function of an app as a process, as the daemon starts it."""

    def __init__(self, folder, function, described, env=None, sdk=True):
        self._folder = tempfile.TemporaryDirectory()  # only for the base class
        self.order = []  # of Emit and Ack frames, as they came
        described = {"app": "app", "function": function, "folder": str(folder), "functionFolder": None, "scriptFile": None,
                     "entryPoint": None, "bindings": None, "retry": None, **described}
        path = os.pathsep.join([str(SDK)] + ([str(azure_sdk())] if sdk else []))
        self.start([sys.executable, "-m", "triggerd.azure", "run", function],
                   dict(env or {}, TRIGGERD_AZURE=json.dumps(described)), cwd=folder, path=path)

    def welcome(self, cardinality="one", data_type="string", ordering="partition", key_type="string", retries=5, outputs=(),
                features=("azure",), **options):
        return super().welcome(cardinality, data_type, ordering, payload="azure", keyDataType=key_type, maxRetryCount=retries,
                               outputs=list(outputs), features=list(features), **options)

    def step(self):
        acks, others = len(self.acks), len(self.others)
        super().step()
        self.order += ["ack %d" % number for number, _ in self.acks[acks:]]
        self.order += ["emit %d" % number for kind, number, _ in self.others[others:] if kind == EMIT]

    def log(self):
        """(level, message) of the next Log frame."""
        frame = self.other(LOG)
        return frame["level"], frame["message"]

    def emits(self):
        """What is emitted of the frames taken in so far."""
        found = [emitted(number, payload) for kind, number, payload in self.others if kind == EMIT]
        self.others = [frame for frame in self.others if frame[0] != EMIT]
        return found


class AppTest(WorkerTest):
    """Test cases that start functions of apps."""

    @classmethod
    def setUpClass(cls):
        azure_sdk()

    def app(self, name, function, **options):
        """A function of one of the apps in apps/: python-v2, or python-v1 with its function.json."""
        folder, described = APPS / name, {}
        if (folder / function / "function.json").exists():
            found = json.loads((folder / function / "function.json").read_text())
            described = {"functionFolder": str(folder / function), **{
                member: found.get(member) for member in ("scriptFile", "entryPoint", "bindings", "retry")}}
        return self._started(App(folder, function, described, **options))

    def inline(self, code, function="f", trigger=None, outputs=(), files=None, **options):
        """A v1 function `main` of this code, which has tell() and wait() of python_daemon.py at hand."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        place = pathlib.Path(folder.name)
        for path, text in {function + "/__init__.py": PRELUDE + "\nimport logging, typing\nimport azure.functions as func\n"
                           + textwrap.dedent(code), **(files or {})}.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        bindings = [dict(TRIGGER, **(trigger or {}))] + [
            {"type": "kafka", "direction": "out", "name": name, "topic": "t"} for name in outputs]
        return self._started(App(place, function, {"functionFolder": str(place / function), "bindings": bindings}, **options))

    def _started(self, app):
        self.addCleanup(app.close)
        return app
