"""The sample apps in apps/, function by function, against a daemon played by the test."""

import base64
import json

from azure_app import envelope
from python_azure import AppTest
from python_daemon import BYE, batch, record


class TriggerTest(AppTest):
    def served(self, app, name, records, expected, cardinality="one", **welcome):
        """Runs these records through the function; its log, without the lines' levels."""
        worker = self.app(app, name).welcome(cardinality, **welcome)
        worker.send(batch(1, records))
        self.assertEqual(worker.settle(1), ["ok"] * len(records))
        self.assertEqual([worker.log()[1] for _ in expected], expected)
        self.drained(worker)

    def test_single(self):
        one = envelope("é", key="k1", headers=[("test", b"python")], leader_epoch=4)
        self.served("python-v2", "KafkaTrigger", [one], ["body " + one["value"].decode(), "metadata " + json.dumps({
            "Offset": "100", "Partition": "0", "Topic": "orders", "Timestamp": "04/28/2022 11:24:28", "Value": "é",
            "LeaderEpoch": "4", "IsPartitionEOF": "False", "Key": "k1",
            "Headers": '[{"Key":"test","Value":"cHl0aG9u"}]'}, sort_keys=True)])
        self.served("python-v1", "KafkaTrigger", [one], ["here: " + one["value"].decode()])

    def test_many(self):
        records = [envelope("a"), envelope("b", offset=101)]
        for app in ("python-v2", "python-v1"):
            self.served(app, "KafkaTriggerMany", records, [str(one["value"]) for one in records], "many")

    def test_headers(self):
        records = [envelope("a", headers=[("one", b"1"), ("two", b"2")])]
        self.served("python-v2", "KafkaTriggerWithHeaders", records, ["message a", "one=1", "two=2"])
        self.served("python-v1", "KafkaTriggerWithHeaders", records, ["message: a", "one=1", "two=2"])
        self.served("python-v2", "KafkaTriggerManyWithHeaders", records, ["message a", "one=1", "two=2"], "many")

    def test_key_binary(self):
        self.served("python-v2", "KeyBinary", [envelope("a", key=base64.b64encode(b"\xff").decode())], ["key b'\\xff'"],
                    key_type="binary")

    def test_value_binary(self):
        self.served("python-v2", "ValueBinary", [record(b"\xfe"), record(None)],
                    ["value b'\\xfe' of ValueBinary", "value b'' of ValueBinary"], data_type="binary")

    def test_both_binary(self):
        self.served("python-v2", "KeyAndValueBinary", [record(b"\xfe", b"\xff")], ["value b'\\xfe', key b'\\xff'"],
                    data_type="binary", key_type="binary")

    def test_generic_trigger_and_async(self):
        self.served("python-v2", "Generic", [envelope("a", key="k")], ["key k"])
        self.served("python-v1", "Handlers", [envelope("a")], ["async: " + envelope("a")["value"].decode()])

    def test_retry_fixed(self):
        worker = self.app("python-v2", "KafkaTriggerRetryFixed").welcome(retries=3)
        worker.send(batch(1, [envelope("a"), envelope("b", offset=101)]))
        self.assertEqual(worker.settle(1), ["retry", "release"])
        self.assertEqual(worker.answers[1][0], ("retry", 0, "Exception: unhandled error"))
        self.assertEqual(worker.log(), ("info", "retry 0 of 3, None"))
        level, message = worker.log()
        self.assertEqual(level, "error")
        self.assertTrue(message.startswith("KafkaTriggerRetryFixed failed: Exception: unhandled error\nTraceback"), message)
        self.assertIn('in fixed\n    raise Exception("unhandled error")', message)
        self.assertNotIn("_function.py", message)
        worker.send(batch(2, [envelope("a")], run=1, attempt=3))
        self.assertEqual(worker.settle(2), ["retry"])
        self.assertEqual(worker.log(), ("info", "retry 2 of 3, Exception: unhandled error"))
        worker.log()
        self.drained(worker)

    def test_retry_exponential(self):
        worker = self.app("python-v2", "KafkaTriggerRetryExponential").welcome()
        worker.send(batch(1, [envelope("a")]))
        self.assertEqual(worker.settle(1), ["retry"])
        self.drained(worker)


class OutputTest(AppTest):
    def emitted(self, app, name, records, outputs=("out",), cardinality="one"):
        worker = self.app(app, name).welcome(cardinality, outputs=outputs)
        worker.send(batch(7, records))
        self.assertEqual(worker.settle(7), ["ok"] * len(records))
        found = worker.emits()
        self.drained(worker)
        return found

    def test_single(self):
        found = self.emitted("python-v2", "KafkaOutput", [envelope("a"), envelope("b", offset=101)])
        self.assertEqual(found, [(7, 0, 0, [(0, "copy of a")]), (7, 1, 1, [(0, "copy of b")])])

    def test_many(self):
        found = self.emitted("python-v2", "KafkaOutputMany", [envelope("a"), envelope("b", offset=101)], cardinality="many")
        self.assertEqual(found, [(7, 1, 1, [(0, '["one", "two"]')])])

    def test_with_headers(self):
        (_, _, _, [(output, text)]), = self.emitted("python-v2", "KafkaOutputWithHeaders", [envelope("a")])
        self.assertEqual((output, json.loads(text)["Headers"]), (0, [{"Key": "test", "Value": "python"}]))

    def test_many_with_headers(self):
        (_, _, _, [(_, text)]), = self.emitted("python-v2", "KafkaOutputManyWithHeaders", [envelope("a")], cardinality="many")
        self.assertEqual([one["Value"] for one in json.loads(text)], ["one", "two"])

    def test_two_outputs_of_other_types(self):
        found = self.emitted("python-v2", "TwoOutputs", [envelope("a")], outputs=("lists", "texts"))
        self.assertEqual(found, [(7, 0, 0, [(1, "é"), (0, '["a", "b"]')])])

    def test_return_value(self):
        found = self.emitted("python-v2", "Returns", [envelope("a"), envelope("b", offset=101)], outputs=["$return"])
        self.assertEqual(found, [(7, 0, 0, [(0, "a")])])
        found = self.emitted("python-v1", "KafkaOutput", [envelope("a")], outputs=["out", "$return"])
        self.assertEqual(found, [(7, 0, 0, [(1, "returned"), (0, "also")])])


class StartTest(AppTest):
    def test_hello(self):
        for environment, name, expected in (({}, "KafkaTrigger", 1000), ({}, "Generic", 256),
                                            ({"PYTHON_THREADPOOL_THREAD_COUNT": "7"}, "KafkaTrigger", 7)):
            worker = self.app("python-v2", name, env=environment).welcome()
            self.assertEqual((worker.hello["concurrency"], worker.hello["features"]), (expected, ["azure"]))
            self.drained(worker)

    def test_no_azure_payload(self):
        worker = self.app("python-v2", "KafkaTrigger").welcome(features=())
        self.assertEqual(worker.other(BYE)["code"], "payload_mismatch")
        self.assertEqual(worker.finish()[0], 78)

    def test_missing_sdk(self):
        worker = self.app("python-v2", "KafkaTrigger", sdk=False)
        status, _, errors = worker.finish()
        self.assertEqual(status, 78)
        self.assertIn("needs the package azure-functions", errors)
        self.assertEqual(len(errors.splitlines()), 1)

    def test_unknown_function(self):
        status, _, errors = self.app("python-v2", "Nobody").finish()
        self.assertEqual(status, 78)
        self.assertIn("no function Nobody; it has: Generic, Kafka", errors)

    def test_app_that_cannot_be_loaded(self):
        status, _, errors = self.inline("logging.warning('before')\nraise KeyError('at import')").finish()
        self.assertEqual(status, 70)
        self.assertIn("KeyError: 'at import'", errors)
        self.assertIn("warn: before", errors)

    def test_parameters_and_bindings_that_do_not_fit(self):
        for code, outputs, expected in (("def main(kevent, more): pass", (), "parameter more has no binding"),
                                        ("def main(more): pass", (), "does not have: kevent"),
                                        ("def main(kevent): pass", ("a", "b"), "does not have: a, b"),
                                        ("x = 1", (), "has no function main")):
            status, _, errors = self.inline(code, outputs=outputs).finish()
            self.assertEqual(status, 78)
            self.assertIn(expected, errors)

    def test_cardinality_mismatch(self):
        for code, cardinality in (("def main(kevent: str): pass", "many"), ("def main(kevent: typing.List[str]): pass", "one")):
            worker = self.inline(code).welcome(cardinality)
            self.assertEqual(worker.other(BYE)["code"], "cardinality_mismatch")
            self.assertEqual(worker.finish()[0], 78)
