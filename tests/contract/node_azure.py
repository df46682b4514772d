"""What the tests of Azure apps for Node have besides node_daemon.py: apps as processes, envelopes, Emit frames."""

import base64
import json
import pathlib
import shutil
import struct
import tempfile

import node_daemon
from node_daemon import NODE, SDK
from python_daemon import EMIT, LOG, WorkerTest, record

APPS = pathlib.Path(__file__).resolve().parent / "apps"
MAIN = str(SDK / "azure.mjs")


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


class App(node_daemon.Worker):
    """A function of an app as a process, as the daemon starts it."""

    def __init__(self, folder, function, described=None):
        self._folder = tempfile.TemporaryDirectory()  # only for the base class
        about = {"app": "app", "function": function, "folder": str(folder), "functionFolder": None, "scriptFile": None,
                 "entryPoint": None, "bindings": None, "retry": None, **(described or {})}
        self.start([NODE, MAIN, "run", function], {"TRIGGERD_AZURE": json.dumps(about)}, cwd=folder)

    def welcome(self, cardinality="one", data_type="string", ordering="partition", key_type="string", retries=5, outputs=(),
                features=("azure",), **options):
        return super().welcome(cardinality, data_type, ordering, payload="azure", keyDataType=key_type, maxRetryCount=retries,
                               outputs=list(outputs), features=list(features), **options)

    def logs(self, count=1):
        """(level, message) of the next Log frames; each says which function and invocation it is from."""
        found = []
        for _ in range(count):
            line = self.other(LOG)
            assert line["function"] and len(line["invocation"]) == 36, line
            found.append((line["level"], line["message"]))
        return found

    def emits(self):
        """What is emitted in the frames taken in so far."""
        found = [emitted(number, payload) for kind, number, payload in self.others if kind == EMIT]
        self.others = [frame for frame in self.others if frame[0] != EMIT]
        return found


class AppTest(WorkerTest):
    def started(self, app):
        self.addCleanup(app.close)
        return app

    def v3(self, function, **options):
        """A function of apps/node-v3, described as its function.json does."""
        folder = APPS / "node-v3"
        found = json.loads((folder / function / "function.json").read_text())
        described = {member: found.get(member) for member in ("scriptFile", "entryPoint", "bindings", "retry")}
        return self.started(App(folder, function, {"functionFolder": str(folder / function), **described, **options}))

    def copied(self, name, modules=None):
        """A copy of an app that may be changed, with these node_modules."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        place = pathlib.Path(folder.name) / name
        shutil.copytree(APPS / name, place)
        if modules is not None:
            (place / "node_modules").symlink_to(modules)
        return place
