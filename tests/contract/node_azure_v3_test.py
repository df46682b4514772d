"""Azure Functions apps of Node's model v3 (function.json), run as they are."""

import json
import struct
import unittest

from azure_app import AppWorker, envelope
from node_azure import App, AppTest
from node_daemon import setUpModule  # noqa: F401
from python_daemon import BYE, batch, drain, record


class V3Test(AppTest):
    def test_one(self):
        app = self.v3("KafkaTrigger").welcome()
        self.assertEqual(app.hello["features"], ["azure"])
        app.send(batch(1, [envelope("v1", key="k", offset=364)]))
        self.assertEqual(app.settle(1), ["ok"])
        lines = app.logs(3)
        self.assertEqual(lines[:2], [("info", "Value: v1"), ("info", "key k offset 364 of KafkaTrigger")])
        self.assertEqual(lines[2][0], "warn")
        self.assertEqual(json.loads(lines[2][1]), [
            True, [{"name": "event", "type": "kafkaTrigger", "direction": "in"}], True, True])
        self.drained(app)

    def test_many(self):
        app = self.v3("KafkaTriggerMany").welcome("many")
        app.send(batch(1, [envelope("a", 5, 1, key="x"), envelope("b", 6, 1)], partition=1, more=True),
                 batch(2, [envelope("c", 9, 2, key="z")], partition=2))
        self.assertEqual(app.settle(1, 2), [["ok"] * 2, ["ok"]])
        self.assertEqual([line for _, line in app.logs(3)], ["1@5 x: a", "1@6 null: b", "2@9 z: c"])

    def test_headers(self):
        app = self.v3("KafkaTriggerWithHeaders").welcome()
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        app.send(batch(1, [envelope("v", headers=[("h", b"node"), ("h", None), ("traceparent", trace.encode())])]))
        self.assertEqual(app.settle(1), ["ok"])
        lines = [line for _, line in app.logs(4)]
        self.assertEqual(lines[:3], ["h = node", "h = null", "traceparent = " + trace])
        headers, context = json.loads(lines[3])
        self.assertEqual(headers[0], {"Key": "h", "Value": "bm9kZQ=="})
        self.assertEqual(context, {"traceparent": trace, "attributes": {}})

    def test_many_headers(self):
        app = self.v3("KafkaTriggerManyWithHeaders").welcome("many")
        app.send(batch(1, [envelope("a", headers=[("h", b"1"), ("g", b"2")]), envelope("b", 101, headers=[("h", b"3")])]))
        self.assertEqual(app.settle(1), ["ok"] * 2)
        self.assertEqual([line for _, line in app.logs(3)], ["a: h = 1", "a: g = 2", "b: h = 3"])

    def test_retries(self):
        app = self.v3("KafkaTriggerRetry").welcome(retries=3)
        app.send(batch(1, [envelope("v")]))
        self.assertEqual(app.settle(1), ["retry"])
        self.assertEqual(app.answers[1][0], ("retry", 0, "Error: An error occurred"))
        app.send(batch(2, [envelope("v")], attempt=2, run=1))
        app.settle(2)
        self.assertEqual([line for _, line in app.logs(2)],
                         ["retry 0 of 3 after undefined", "retry 1 of 3 after Error: An error occurred"])
        self.assertIn("KafkaTriggerRetry/index.js", app.errors())
        self.assertNotIn("invoke.mjs", app.errors())

    def test_done(self):
        app = self.v3("KafkaTriggerDone").welcome(ordering="none")
        app.send(batch(1, [record(b"fine"), record(b"bad"), record(b"twice")]))
        self.assertEqual(app.settle(1), ["ok", "retry", "ok"])
        self.assertEqual(app.answers[1][1][2], "Error: not bad")
        self.assertEqual(app.logs(), [("error", "Error: the function called 'done' more than once.")])

    def test_binary(self):
        app = self.v3("KafkaTriggerBinary").welcome(data_type="binary", key_type="long")
        key = struct.pack(">q", -5)
        app.send(batch(1, [record(b"\xff\x00", key, [("h", b"\xfe"), ("n", None)], 7, 1651145068960), record(None, None, [], 8,
                                                                                                            1651145068000)],
                       partition=3, leader_epoch=4))
        self.assertEqual(app.settle(1), ["ok", "ok"])
        first, second = [json.loads(line) for _, line in app.logs(2)]
        self.assertEqual(first, [True, "ff00", -5, "orders", 3, 7, "2022-04-28T11:24:28.96Z", 4,
                                 [{"Key": "h", "Value": "/g=="}, {"Key": "n", "Value": None}]])
        self.assertEqual(second[:3], [True, "", None])

    def test_outputs(self):
        app = self.v3("KafkaOutputs").welcome(outputs=["second", "first"], ordering="none")
        commands = ["one", "many", "object", "bytes", "number", "nothing", "byName", "throw", "badBytes"]
        app.send(batch(9, [envelope(command, 100 + index) for index, command in enumerate(commands)]))
        self.assertEqual(app.settle(9), ["ok"] * 7 + ["retry"] * 2)
        self.assertEqual(sorted(app.emits()), [
            (9, 0, 0, [(1, "text")]), (9, 1, 1, [(1, '["one","two"]')]), (9, 2, 2, [(1, '{"a":1}')]), (9, 3, 3, [(1, "bytes")]),
            (9, 4, 4, [(1, "7")]), (9, 6, 6, [(1, "returned"), (0, '{"b":[2]}')])])
        self.assertIn("not UTF-8", app.answers[9][8][2])

    def test_outputs_come_before_the_answer(self):
        app = self.v3("KafkaOutputs").welcome(outputs=["first", "second"])
        app.send(batch(1, [envelope("one")]))
        while not app.acks:
            app.step()
        self.assertEqual(len(app.emits()), 1)

    def test_an_output_that_the_daemon_does_not_know_fails_the_attempt(self):
        app = self.v3("KafkaOutputs").welcome(outputs=["second"])
        app.send(batch(1, [envelope("one")]))
        self.assertEqual(app.settle(1), ["retry"])
        self.assertIn("wrote to first, which is none of its Kafka outputs: second", app.answers[1][0][2])

    def test_return_of_many(self):
        app = self.v3("KafkaReturn").welcome("many", outputs=["$return"])
        app.send(batch(1, [envelope("a"), envelope("b", 101)], more=True), batch(2, [envelope("c"), envelope("d", 101)], partition=1))
        self.assertEqual(app.settle(1, 2), [["ok"] * 2] * 2)
        [(number, first, last, [(output, text)])] = app.emits()
        self.assertEqual((number, first, last, output), (2, 1, 1, 0))
        self.assertEqual([(one["Value"], one["Headers"]) for one in json.loads(text)],
                         [(value, [{"Key": "calls", "Value": "1"}]) for value in "abcd"])

    def test_module(self):
        app = self.v3("EsModule").welcome()
        app.send(batch(1, [envelope("v")]))
        app.settle(1)
        self.assertEqual(app.logs(), [("info", "module v")])

    def test_what_cannot_be_presented_is_a_dead_letter(self):
        app = self.v3("KafkaTrigger").welcome()
        app.send(batch(1, [envelope("a"), b"the key has 3 bytes", envelope("c", 102)], unreadable=[1]))
        self.assertEqual(app.settle(1), ["ok", "deadLetter", "ok"])
        self.assertEqual(app.answers[1][1][2], "the key has 3 bytes")

    def test_of_many_the_handler_gets_the_others(self):
        app = self.v3("KafkaReturn").welcome("many", outputs=["$return"])
        app.send(batch(1, [b"bad key", envelope("b", 101), b"bad value"], unreadable=[0, 2]), batch(2, [b"alone"], base=103,
                                                                                                  unreadable=[0]))
        self.assertEqual(app.settle(1, 2), [["deadLetter", "ok", "deadLetter"], ["deadLetter"]])
        [(number, first, last, [(_, text)])] = app.emits()
        self.assertEqual((number, first, last, [one["Value"] for one in json.loads(text)]), (1, 1, 1, ["b"]))

    def test_of_many_that_fail_what_cannot_be_presented_stays_so(self):
        app = self.v3("KafkaTriggerMany").welcome("many")  # which fails at a value that is no envelope
        app.send(batch(1, [b"bad key", b"no envelope"], unreadable=[0]))
        self.assertEqual(app.settle(1), ["deadLetter", "retry"])
        self.assertIn("SyntaxError", app.answers[1][1][2])

    def test_another_payload_is_refused(self):
        for members in ({"features": []}, {"payload": "native"}):
            app = self.v3("KafkaTrigger")
            super(AppWorker, app).welcome(**{"payload": "azure", "features": ["azure"], **members})
            self.assertEqual(app.other(BYE)["code"], "payload_mismatch")
            self.assertEqual(app.finish()[0], 70)

    def test_what_cannot_be_loaded(self):
        for script, text, status in (("nonesuch.js", "cannot be loaded: Error: Cannot find module", 70), (None, "cannot be loaded", 70)):
            app = self.v3("KafkaTrigger", scriptFile=script, entryPoint=None) if script else self.broken()
            found, _, errors = app.finish()
            self.assertEqual(found, status)
            self.assertIn(text, errors)
        app = self.v3("KafkaTriggerBinary", entryPoint=None)
        status, _, errors = app.finish()
        self.assertEqual(status, 78)
        self.assertIn("name it by entryPoint", errors)

    def broken(self):
        folder = self.copied("node-v3")
        (folder / "KafkaTrigger" / "index.js").write_text("module.exports = {")
        return self.started(App(folder, "KafkaTrigger", {"functionFolder": str(folder / "KafkaTrigger"), "scriptFile": "index.js"}))

    def test_drain_ends_the_app(self):
        app = self.v3("KafkaTrigger").welcome()
        app.send(drain())
        self.assertEqual(app.other(BYE)["code"], "drained")
        self.assertEqual(app.finish(), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
