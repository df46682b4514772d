"""What is known of a record besides its value, as trigger metadata has it. Everything is made when it is asked for.

With dataType string the daemon has put it into the envelope, which the value is; with binary it is in the columns.
Where the value is another JSON object (of Avro), its members take the place of an envelope's, as the host has it.
"""

import base64
import json
import struct

from ._dotnet import compact, text_of, timestamp_text

_ENVELOPE = {"Offset", "Partition", "Topic", "Timestamp", "Value", "Headers"}
_NUMBERS = {"int": struct.Struct(">i"), "long": struct.Struct(">q")}


class Facts:
    """Of one record. key: as keyDataType has it; headers: list of {"Key": text, "Value": base64 or None}; timestamp: text.

    body: the value's JSON object, where dataType is string and it is one. enveloped: it is the envelope, too.
    """

    __slots__ = ("key", "headers", "timestamp", "leader_epoch", "body", "enveloped")

    def __init__(self, part, index, key_type):
        body = self.body = self._read_body(part, index)
        self.enveloped = body is not None and _ENVELOPE <= body.keys()
        if self.enveloped:
            self.key, self.headers, self.timestamp = body.get("Key"), body["Headers"] or [], body["Timestamp"]
            self.leader_epoch = body.get("LeaderEpoch")
            return
        self.key = _key(part.raw_keys[index], key_type)
        self.headers = [{"Key": name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
                         "Value": None if value is None else base64.b64encode(value).decode()}
                        for name, value in part.headers[index]]
        self.timestamp = timestamp_text(part.timestamps[index])
        self.leader_epoch = part.leader_epoch

    @staticmethod
    def _read_body(part, index):
        if not part.as_text:
            return None
        try:
            body = json.loads(part.raw_values[index].decode("utf-8"))
        except (ValueError, AttributeError, RecursionError):
            return None
        return body if isinstance(body, dict) else None

    def header(self, name):
        """The bytes of the first header of this name, or None."""
        for header in self.headers:
            if header["Key"] == name and header["Value"] is not None:
                return base64.b64decode(header["Value"])
        return None

    def metadata(self, part, index):
        """Trigger metadata of an invocation of this record alone, but for `sys`."""
        found = {}
        for name, value in self.body.items() if self.body else ():
            if type(value) is str and (len(value) < 19 or value[10] != "T"):  # no date: most members
                found[name] = value
            elif value is not None and not isinstance(value, list):
                found[name] = text_of(value)
        if "Headers" not in found:
            found["Headers"] = compact(self.headers)
        if not self.enveloped:
            for name, value in (("Key", self.key), ("Partition", part.partition), ("Topic", part.topic),
                                ("Timestamp", self.timestamp), ("Offset", part.offsets[index]),
                                ("LeaderEpoch", self.leader_epoch), ("IsPartitionEOF", False)):
                if value is not None and name not in found:
                    found[name] = _plain(value, name)
        return found


def metadata_of_all(records):
    """Trigger metadata of an invocation of several records, but for `sys`. records: (facts, part, index)."""
    columns = {
        "Key": [in_json(facts.key) for facts, _, _ in records], "Partition": [part.partition for _, part, _ in records],
        "Timestamp": [facts.timestamp for facts, _, _ in records], "Headers": [facts.headers for facts, _, _ in records],
        "LeaderEpoch": [facts.leader_epoch for facts, _, _ in records], "IsPartitionEOF": [False] * len(records)}
    found = {name + "Array": compact(column) for name, column in columns.items()}
    found["OffsetArray"] = Numbers([part.offsets[index] for _, part, index in records])
    found["TopicArray"] = Texts([part.topic for _, part, _ in records])
    return found


class Numbers:
    """A list as the original's worker passes it on: its RPC message's, with the member sint64."""

    def __init__(self, values):
        self.sint64 = values

    def __repr__(self):
        return "sint64: %r" % (self.sint64,)


class Texts:
    """Likewise, with the member string."""

    def __init__(self, values):
        self.string = values

    def __repr__(self):
        return "string: %r" % (self.string,)


def _plain(value, name):
    """A metadata value before the host looks into the body: text and bytes as they are, the rest as JSON."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and name != "Timestamp":
        return value
    return compact(value)


def in_json(key):
    """A key as JSON can hold it: bytes become base64 text."""
    return base64.b64encode(key).decode() if isinstance(key, bytes) else key


def _key(raw, key_type):
    if raw is None or key_type == "binary":
        return raw
    if key_type in _NUMBERS:
        return _NUMBERS[key_type].unpack(raw)[0]
    return raw.decode("utf-8", "replace")
