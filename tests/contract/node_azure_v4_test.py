"""Azure Functions apps of Node's model v4 (@azure/functions), run as they are."""

import base64
import json
import os
import subprocess
import unittest

from azure_app import envelope
from node_azure import MAIN, App, AppTest
from node_command_test import node_modules
from node_daemon import NODE, setUpModule  # noqa: F401
from python_daemon import BYE, batch, drain, record

AZURE_FUNCTIONS = "@azure/functions@4.16.5"  # wants Node 20


class V4Test(AppTest):
    @classmethod
    def setUpClass(cls):
        cls.modules = node_modules(AZURE_FUNCTIONS)

    def v4(self, function):
        return self.started(App(self.copied("node-v4", self.modules), function))

    def index(self, folder):
        """(exit status, the JSON text read or None, stderr)."""
        mine, theirs = os.pipe()
        with os.fdopen(mine) as pipe:
            process = subprocess.Popen([NODE, MAIN, "index"], cwd=folder, env=dict(os.environ, TRIGGERD_FD=str(theirs)),
                                       pass_fds=[theirs], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            os.close(theirs)
            text = pipe.read()
            _, errors = process.communicate(timeout=60)
        return process.returncode, json.loads(text) if text else None, errors

    def test_index(self):
        status, found, errors = self.index(self.copied("node-v4", self.modules))
        self.assertEqual(status, 0, errors)
        self.assertEqual(found["sdk"], "@azure/functions 4.16.5")
        self.assertEqual([one["file"] for one in found["failed"]], ["src/functions/timerBroken.js"])
        self.assertIn("this file cannot be loaded", found["failed"][0]["error"])
        self.assertIn("1 of 7 files of the app cannot be loaded: src/functions/timerBroken.js", errors)
        functions = {one["name"]: one for one in found["functions"]}
        self.assertLessEqual({"KafkaTrigger", "KafkaTriggerMany", "KafkaOutput", "Http", "KafkaTriggerModule"}, set(functions))
        [trigger] = functions["KafkaTriggerMany"]["bindings"]
        self.assertEqual({name: trigger[name] for name in ("type", "direction", "name", "topic", "cardinality", "consumerGroup")}, {
            "type": "kafkaTrigger", "direction": "in", "name": "events", "topic": "orders", "cardinality": "MANY",
            "consumerGroup": "$Default"})
        self.assertEqual([(one["name"], one["direction"], one["type"]) for one in functions["KafkaOutput"]["bindings"]],
                         [("event", "in", "kafkaTrigger"), ("$return", "out", "kafka"), ("extra", "out", "kafka")])
        self.assertEqual(functions["KafkaTriggerRetryFixed"]["retry"],
                         {"strategy": "fixedDelay", "maxRetryCount": 3, "delayInterval": "00:00:10"})
        self.assertEqual(functions["KafkaTriggerRetryExponential"]["retry"], {
            "strategy": "exponentialBackoff", "maxRetryCount": -1, "minimumInterval": "00:00:05", "maximumInterval": "00:15:00"})
        self.assertIsNone(functions["KafkaTrigger"]["retry"])
        self.assertEqual(functions["KafkaTrigger"]["scriptFile"], "src/functions/kafkaTrigger.js")

    def test_index_without_main(self):
        folder = self.copied("node-v4", self.modules)
        (folder / "package.json").write_text("{}")
        self.assertEqual(self.index(folder)[0], 0)

    def test_index_that_fails(self):
        without_sdk = self.copied("node-v4")
        status, found, errors = self.index(without_sdk)
        self.assertEqual((status, found), (78, None))
        self.assertIn("needs the package @azure/functions, which is not installed: run npm install", errors.splitlines()[-1])
        broken = self.copied("node-v4", self.modules)
        (broken / "package.json").write_text('{"main":"src/functions/timerBroken.js"}')
        (broken / "src" / "functions" / "timerBroken.js").write_text("throw new Error('all of it');")
        status, found, errors = self.index(broken)
        self.assertEqual((status, found), (70, None))
        self.assertIn("all of it", errors)
        (broken / "package.json").write_text('{"main":"nowhere/*.js"}')
        status, _, errors = self.index(broken)
        self.assertEqual(status, 78)
        self.assertIn("matches main of package.json, nowhere/*.js", errors)

    def test_one(self):
        app = self.v4("KafkaTrigger").welcome()
        value = '{"registertime":1,"userid":"User_1"}'
        app.send(batch(1, [envelope(value, 364, key="k1", headers=[("test", b"x")], leader_epoch=0)]))
        self.assertEqual(app.settle(1), ["ok"])
        lines = app.logs(4)
        self.assertEqual(lines[0], ("info", "Event Offset: 364 Value: " + value))
        metadata, name, kind = json.loads(lines[1][1])
        self.assertEqual((name, kind), ("KafkaTrigger", "kafkaTrigger"))
        self.assertEqual(metadata.pop("sys")["methodName"], "KafkaTrigger")
        # As the host makes text of the envelope's members and the worker reads it.
        self.assertEqual(metadata, {
            "offset": 364, "partition": 0, "topic": "orders", "timestamp": "04/28/2022 11:24:28", "leaderEpoch": 0,
            "value": {"registertime": 1, "userid": "User_1"}, "isPartitionEOF": "False", "key": "k1",
            "headers": [{"key": "test", "value": "eA=="}]})
        self.assertEqual((lines[2][0], json.loads(lines[2][1])), ("warn", [{}, {"retryCount": 0, "maxRetryCount": 5}]))
        self.assertEqual((lines[3][0], len(lines[3][1])), ("debug", 47))
        # What else is on stderr is of the file that cannot be loaded.
        self.assertIn("this file cannot be loaded", app.errors())

    def test_trace_context(self):
        app = self.v4("KafkaTrigger").welcome()
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        app.send(batch(1, [envelope("v", headers=[("traceparent", trace.encode()), ("tracestate", b"a=1")]),
                           envelope("v", 101, headers=[("traceparent", b"nonsense")])]))
        self.assertEqual(app.settle(1), ["ok"] * 2)
        contexts = [json.loads(line)[0] for level, line in app.logs(8) if level == "warn"]
        self.assertEqual(contexts, [{"traceParent": trace, "traceState": "a=1"}, {}])

    def test_many(self):
        app = self.v4("KafkaTriggerMany").welcome("many")
        app.send(batch(1, [envelope("a", 5, 1, key="x"), envelope("b", 6, 1)], partition=1, more=True),
                 batch(2, [envelope("c", 9, 2, key="z")], partition=2))
        self.assertEqual(app.settle(1, 2), [["ok"] * 2, ["ok"]])
        self.assertEqual([line for _, line in app.logs(3)], ["orders/1@5 x: a", "orders/1@6 null: b", "orders/2@9 z: c"])

    def test_headers(self):
        app = self.v4("KafkaTriggerWithHeaders").welcome()
        app.send(batch(1, [envelope("v", headers=[("h", b"node"), ("h", None)])]))
        self.assertEqual(app.settle(1), ["ok"])
        self.assertEqual([line for _, line in app.logs(3)],
                         ["h = node", "h = null", '[{"key":"h","value":"bm9kZQ=="},{"key":"h","value":null}]'])

    def test_retries(self):
        app = self.v4("KafkaTriggerRetryFixed").welcome(retries=3)
        app.send(batch(1, [envelope("v")]))
        self.assertEqual(app.settle(1), ["retry"])
        app.send(batch(2, [envelope("v")], attempt=2, run=1))
        app.settle(2)
        self.assertEqual([line for _, line in app.logs(2)],
                         ["retry 0 of 3 after undefined", "retry 1 of 3 after Error: An error occurred"])
        self.assertEqual(app.answers[2][0][2], "Error: An error occurred")

    def test_key_binary(self):
        app = self.v4("KafkaTriggerKeyBinary").welcome(key_type="binary")
        key = base64.b64encode(b"key 1").decode()
        app.send(batch(1, [envelope("v", key=key)]))
        self.assertEqual(app.settle(1), ["ok"])
        self.assertEqual(json.loads(app.logs()[0][1]), [key, "key 1"])

    def test_value_binary(self):
        """Rows 11 and 12: the value's bytes, the key of its own type from the metadata."""
        for key_type, shown in (("binary", "ffee"), ("string", "\ufffd\ufffd")):
            app = self.v4("KafkaTriggerValueBinary").welcome(data_type="binary", key_type=key_type)
            app.send(batch(1, [record(b"\xff\x00", b"\xff\xee", [("h", b"1")], 7, 1651145068000)], partition=3))
            self.assertEqual(app.settle(1), ["ok"])
            self.assertEqual(json.loads(app.logs()[0][1]), [
                True, "ff00", shown, "orders", 3, 7, "2022-04-28T11:24:28Z", None, False, [{"key": "h", "value": "MQ=="}]])

    def test_many_binary(self):
        app = self.v4("KafkaTriggerManyBinary").welcome("many", "binary", key_type="int")
        app.send(batch(1, [record(b"\x01", b"\x00\x00\x00\x05"), record(None, None)]))
        self.assertEqual(app.settle(1), ["ok"] * 2)
        self.assertEqual(json.loads(app.logs()[0][1]), [["01", ""], [5, None]])

    def test_outputs(self):
        app = self.v4("KafkaOutput").welcome(outputs=["$return", "extra"], ordering="none")
        commands = ["one", "many", "object", "nothing", "number", "withHeaders", "extra", "fail"]
        app.send(batch(9, [envelope(command, 100 + index) for index, command in enumerate(commands)]))
        self.assertEqual(app.settle(9), ["ok"] * 7 + ["retry"])
        found = {first: outputs for _, first, _, outputs in app.emits()}
        self.assertEqual(found, {
            0: [(0, "text")], 1: [(0, '["one","two"]')], 2: [(0, '{"a":1}')], 4: [(0, "1.5")],
            5: [(0, '{"Offset":364,"Partition":0,"Topic":"t","Timestamp":"2022-04-09T03:20:06.591Z","Value":"one","Key":"k",'
                    '"Headers":[{"Key":"test","Value":"javascript"}]}')], 6: [(1, '{"both":true}')]})

    def test_outputs_of_many(self):
        app = self.v4("KafkaOutputMany").welcome("many", outputs=["$return"])
        app.send(batch(1, [envelope("a"), envelope("b", 101)]))
        self.assertEqual(app.settle(1), ["ok"] * 2)
        self.assertEqual(app.emits(), [(1, 1, 1, [(0, '["a","b"]')])])

    def test_hooks(self):
        app = self.v4("KafkaTriggerHooks").welcome(ordering="none")
        app.send(batch(1, [envelope("forgiven"), envelope("not", 101)]))
        self.assertEqual(app.settle(1), ["ok", "retry"])
        lines = sorted(line for _, line in app.logs(6))
        self.assertEqual(lines, ["***", "***", "from the hook", "from the hook", "post: forgiven null after all yes",
                                 "post: not null after all yes"])
        app.send(drain())
        app.other(BYE)
        self.assertEqual(app.finish()[:2], (0, "terminated, started: yes\n"))

    def test_a_module_of_the_app(self):
        app = self.v4("KafkaTriggerModule").welcome()
        app.send(batch(1, [envelope("v")]))
        app.settle(1)
        self.assertEqual(app.logs(), [("info", "module v")])

    def test_no_such_function(self):
        status, _, errors = self.v4("Nonesuch").finish()
        self.assertEqual(status, 70)
        self.assertIn("registers no function called Nonesuch, only: ", errors.splitlines()[-1])
        self.assertIn("timerBroken.js cannot be loaded", errors.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
