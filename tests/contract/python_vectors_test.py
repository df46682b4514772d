"""The Python SDK's codec against tests/vectors/wire."""

import json
import pathlib
import sys
import unittest

import python_daemon as daemon

sys.path.insert(0, str(daemon.SDK))

from triggerd import _wire  # noqa: E402
from triggerd._columns import Columns  # noqa: E402
from triggerd._records import Part  # noqa: E402

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "wire"
CODES = {"ok": 0, "retry": 1, "deadLetter": 2, "drop": 3, "release": 4}


def described(part):
    """A part's records as the vectors describe them."""
    def hexed(value):
        return None if value is None else value.hex()
    return [{"offset": record.offset, "timestamp": -1 if record.timestamp is None else record.timestamp,
             "key": hexed(record.key), "value": hexed(record.value),
             "headers": [{"name": name, "value": hexed(value)} for name, value in record.headers]} for record in part]


class VectorsTest(unittest.TestCase):
    """tests/vectors/wire: frames to a worker are read, frames from a worker are written, bad ones are refused."""

    def cases(self, pattern):
        for path in sorted(VECTORS.glob(pattern)):
            meaning = json.loads(path.with_name(path.name[:-len(".hex")] + ".json").read_text())
            yield path.name, meaning, bytes.fromhex("".join(path.read_text().split()))

    def test_good(self):
        readers = {"batch": self.read_batch, "cancel": self.read_cancel, "drain": self.read_drain,
                   "ping": self.read_nothing, "pong": self.read_nothing, "welcome": self.read_json, "bye": self.read_json}
        writers = {"ack": self.write_ack, "hello": self.write_hello, "log": self.write_log, "bye": self.write_bye,
                   "pong": self.write_pong}
        seen = set()
        for name, meaning, raw in self.cases("*[!d].hex"):
            with self.subTest(name):
                kind = meaning["type"]
                seen.add(kind)
                self.assertTrue(kind in readers or kind in writers or kind == "credit")
                if kind in readers:
                    length, number_of_type, flags, number = _wire.parse_header(raw, 0)
                    self.assertEqual((length, flags, number), (len(raw) - 16, meaning["flags"], meaning["id"]))
                    self.assertEqual(number_of_type, getattr(_wire, kind.upper()))
                    readers[kind](meaning["fields"], raw[16:])
                if kind in writers and not meaning["fields"].get("features"):  # this SDK offers none
                    self.assertEqual(writers[kind](meaning), raw)
        self.assertEqual(seen, {"hello", "welcome", "batch", "ack", "credit", "cancel", "drain", "ping", "pong", "log", "bye"})

    def read_batch(self, fields, payload):
        columns = Columns(payload, azure="leader_epoch" in fields)
        for name in ("topic", "partition", "epoch", "run", "attempt"):
            self.assertEqual(getattr(columns, name), fields[name])
        self.assertEqual(columns.leader_epoch, fields.get("leader_epoch"))
        unreadable = [index for index, record in enumerate(fields["records"]) if record.pop("unreadable", False)]
        self.assertEqual(sorted(columns.unreadable or ()), unreadable)
        self.assertEqual(described(Part(columns, False)), fields["records"])

    def read_cancel(self, fields, payload):
        self.assertEqual(_wire.parse_cancel(payload), (fields["topic"], fields["partition"], fields["epoch"]))

    def read_drain(self, fields, payload):
        self.assertEqual(_wire.parse_drain(payload), fields["deadline_ms"])

    def read_nothing(self, _fields, payload):
        self.assertEqual(payload, b"")

    def read_json(self, fields, payload):
        self.assertEqual(_wire.parse_json(payload), fields)

    def write_ack(self, meaning):
        return _wire.ack(meaning["id"], [
            (answer["first"], answer["last"], CODES[answer["code"]], answer["retry_after_ms"], answer["reason"].encode())
            for answer in meaning["fields"]["answers"]])

    def write_hello(self, meaning):
        fields = meaning["fields"]
        return _wire.hello(fields["concurrency"], fields["credit"]["records"], fields["credit"]["bytes"], fields["sdk"],
                           fields["pid"])

    def write_log(self, meaning):
        return _wire.log(meaning["fields"]["level"], meaning["fields"]["message"])

    def write_bye(self, meaning):
        return _wire.bye(meaning["fields"]["code"], meaning["fields"]["message"])

    def write_pong(self, meaning):
        return _wire.frame(_wire.PONG, number=meaning["id"])

    def test_bad(self):
        """Each is refused, but for those in `lenient`, which an SDK may accept."""
        lenient = {"bye_message.bad.hex", "ping_payload.bad.hex", "welcome_cardinality.bad.hex",
                   "welcome_payload.bad.hex"}  # see python_plain_test
        tried = 0
        for name, meaning, raw in self.cases("*.bad.hex"):
            if meaning["to"] not in ("worker", "any", "both") or name in lenient:
                continue
            tried += 1
            with self.subTest(name):
                self.assertIsNotNone(meaning["reason"])
                with self.assertRaises(_wire.Malformed):
                    self.read_any(raw)
        self.assertGreater(tried, 40)

    def read_any(self, raw):
        length, kind, _, _ = _wire.parse_header(raw, 0)
        payload = raw[16:16 + length]
        if kind == _wire.BATCH:
            Columns(payload)
        elif kind == _wire.CANCEL:
            _wire.parse_cancel(payload)
        elif kind == _wire.DRAIN:
            _wire.parse_drain(payload)
        elif kind in (_wire.WELCOME, _wire.BYE):
            _wire.parse_json(payload)


if __name__ == "__main__":
    unittest.main()
