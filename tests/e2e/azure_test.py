"""payload: azure on a real broker: functions of Azure apps, in the real workers, are given what the original gives them.

The daemon reads no app yet, so the fleet file starts the workers' side itself.
"""
import base64
import json
import os
import shutil
import sys
import unittest

from harness import ROOT, Case

sys.path.append(os.path.join(ROOT, "tests", "contract"))
from azure_app import APPS, described
from azure_sdk import azure_sdk

NODE = shutil.which("node")
HEADERS = [["h", "v"], ["none", None]]
AT = 1651145068961
AS_TEXT = "2022-04-28T11:24:28.961Z"


def encoded(headers):
    return [{"Key": name, "Value": None if value is None else base64.b64encode(value.encode()).decode()} for name, value in headers]


class Azure(Case):
    def setUp(self):
        super().setUp()
        self.topic, self.group = self.kafka.create(self.name("orders"), 1), self.name("g")

    def python(self, function, **properties):
        env = {"PYTHONPATH": os.pathsep.join([os.path.join(ROOT, "workers", "python"), str(azure_sdk())])}
        return self.serve([sys.executable, "-m", "triggerd.azure"], APPS / "python-v2", function, env, {}, properties)

    def node(self, function, **properties):
        if NODE is None:
            self.skipTest("there is no node")
        folder = APPS / "node-v3"
        found = json.loads((folder / function / "function.json").read_text())
        members = {"functionFolder": str(folder / function), **found}
        return self.serve([NODE, os.path.join(ROOT, "workers", "node", "azure.mjs")], folder, function, {}, members, properties)

    def serve(self, command, folder, function, env, members, properties):
        about = "TRIGGERD_AZURE=" + described(folder, function, members)
        trigger = self.trigger(self.topic, self.group, command=["env", about, *command, "run", function], env=env,
                               worker={"workingDirectory": str(folder)}, payload="azure", **properties)
        return self.daemon({"orders": trigger})

    def envelope(self, offset, value, key=None, headers=()):
        return {"Offset": offset, "Partition": 0, "Topic": self.topic, "Timestamp": AS_TEXT, "Value": value, "LeaderEpoch": 0,
                "IsPartitionEOF": False, "Key": key, "Headers": encoded(headers)}

    def until_settled(self, daemon, lines):
        """Everything is committed, and the function has logged so many lines."""
        self.kafka.until_committed(self.group, self.topic)
        daemon.wait_for("worker_log", count=lines)

    def said(self, daemon, prefix):
        """What follows the prefix in the lines of the function's log that begin so."""
        return [e["message"][len(prefix):] for e in daemon.seen("worker_log") if e["message"].startswith(prefix)]

    def test_python_one(self):
        self.kafka.produce(self.topic, [{"key": "k", "value": "a \"b\" ö", "timestamp": AT, "headers": HEADERS},
                                        {"value": None, "timestamp": AT}])
        daemon = self.python("KafkaTrigger")
        self.until_settled(daemon, 4)
        bodies = [json.loads(text) for text in self.said(daemon, "body ")]
        self.assertEqual(bodies, [self.envelope(0, "a \"b\" ö", "k", HEADERS), self.envelope(1, None)])
        metadata = json.loads(self.said(daemon, "metadata ")[0])
        self.assertEqual(metadata["Value"], "a \"b\" ö")
        self.assertEqual((metadata["Offset"], metadata["LeaderEpoch"], metadata["Timestamp"]), ("0", "0", "04/28/2022 11:24:28"))

    def test_python_many(self):
        self.kafka.produce(self.topic, [{"value": str(i), "timestamp": AT} for i in range(5)])
        daemon = self.python("KafkaTriggerMany", cardinality="many")
        self.until_settled(daemon, 5)
        self.assertEqual(len(daemon.seen("worker_log")), 5)
        daemon.until_metric("triggerd_records_settled_total", lambda v: v == 5, outcome="ok")

    def test_python_binary(self):
        self.kafka.produce(self.topic, [{"key": {"hex": "00ff"}, "value": {"hex": "ff00fe"}, "timestamp": AT}])
        daemon = self.python("KeyAndValueBinary", dataType="binary", keyDataType="binary")
        self.until_settled(daemon, 1)
        self.assertEqual(self.said(daemon, "value "), [r"b'\xff\x00\xfe', key b'\x00\xff'"])

    def test_a_key_of_another_length_is_a_dead_letter_and_the_others_run(self):
        letters = self.kafka.create(self.topic + ".dlq", 1)
        self.kafka.produce(self.topic, [{"key": {"hex": "00000007"}, "value": "a", "timestamp": AT}, {"key": "wrong", "value": "b"},
                                        {"value": {"hex": "61ff"}, "timestamp": AT}])
        daemon = self.python("KafkaTrigger", keyDataType="int", onFailure={"deadLetter": letters})
        self.until_settled(daemon, 4)
        bodies = [json.loads(text) for text in self.said(daemon, "body ")]
        self.assertEqual([(body["Offset"], body["Key"], body["Value"]) for body in bodies], [(0, 7, "a"), (2, None, "a\ufffd")])
        letter = self.kafka.read(letters)[0]
        self.assertEqual((letter["key"], letter["value"]), ("wrong", "b"))  # as it was
        self.assertEqual(dict(letter["headers"])["triggerd.dlq.reason"], "the key has 5 bytes; keyDataType int has 4")
        daemon.until_metric("triggerd_records_unreadable_total", lambda v: v == 1)
        daemon.until_metric("triggerd_texts_replaced_total", lambda v: v == 1)

    def test_keys_in_order_with_envelopes(self):
        self.kafka.produce(self.topic, [{"key": "k%d" % (i % 3), "value": str(i), "timestamp": AT} for i in range(30)])
        daemon = self.python("KafkaTrigger", ordering="key")
        self.until_settled(daemon, 60)
        bodies = [json.loads(text) for text in self.said(daemon, "body ")]
        for key in ("k0", "k1", "k2"):
            offsets = [body["Offset"] for body in bodies if body["Key"] == key]
            self.assertEqual((len(offsets), offsets), (10, sorted(offsets)))

    def test_node(self):
        self.kafka.produce(self.topic, [{"key": "k", "value": "{\"n\":1}", "timestamp": AT}])
        daemon = self.node("KafkaTrigger")
        self.until_settled(daemon, 1)
        self.assertIn("{\"n\":1}", "".join(e["message"] for e in daemon.seen("worker_log")).replace("\\", ""))

    def test_a_worker_for_ordinary_handlers_is_told(self):
        daemon = self.daemon({"orders": self.trigger(self.topic, self.group, payload="azure")})
        failed = daemon.wait_for("worker_start_failed")
        self.assertIn("payload: azure, which python/", failed["error"])


if __name__ == "__main__":
    unittest.main()
