"""What the tests of Azure apps have in common, whatever the language: envelopes, Emit frames, how the daemon describes a function."""

import base64
import json
import pathlib
import struct

from python_daemon import EMIT, record

APPS = pathlib.Path(__file__).resolve().parent / "apps"


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


def described(folder, function, members):
    """TRIGGERD_AZURE, as the daemon writes it."""
    return json.dumps({"app": "app", "function": function, "folder": str(folder), "functionFolder": None, "scriptFile": None,
                       "entryPoint": None, "bindings": None, "retry": None, **members})


def as_function_json_says(folder, function):
    """The members of TRIGGERD_AZURE that come from the function's folder."""
    found = json.loads((folder / function / "function.json").read_text())
    return {"functionFolder": str(folder / function),
            **{member: found.get(member) for member in ("scriptFile", "entryPoint", "bindings", "retry")}}


class AppWorker:
    """For a Worker (python_daemon.py) that serves a function of an app."""

    def welcome(self, cardinality="one", data_type="string", ordering="partition", key_type="string", retries=5, outputs=(),
                features=("azure",), **options):
        return super().welcome(cardinality, data_type, ordering, payload="azure", keyDataType=key_type, maxRetryCount=retries,
                               outputs=list(outputs), features=list(features), **options)

    def emits(self):
        """What is emitted of the frames taken in so far."""
        found = [emitted(number, payload) for kind, number, payload in self.others if kind == EMIT]
        self.others = [frame for frame in self.others if frame[0] != EMIT]
        return found
