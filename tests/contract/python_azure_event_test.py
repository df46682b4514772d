"""What a handler sees of a record: KafkaEvent, trigger metadata, Context; checked against the SDK's own converter, too."""

import json
import sys
import unittest

from azure_sdk import azure_sdk
from azure_app import envelope
from python_azure import TRIGGER, AppTest
from python_daemon import SDK, batch, record

sys.path.insert(0, str(SDK))

from triggerd._records import part_of  # noqa: E402
from triggerd.azure import _dotnet  # noqa: E402

FIELDS = "key", "offset", "partition", "topic", "timestamp", "headers"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class EventTest(unittest.TestCase):
    """In this process: the SDK's decode() of what the original's host sends is the measure."""

    @classmethod
    def setUpClass(cls):
        sys.path.insert(0, str(azure_sdk()))
        import azure.functions
        cls.functions = azure.functions

    def received(self, records, data_type="string", key_type="string", many=False, **options):
        """What the function's parameter is given."""
        from triggerd.azure._function import Function
        seen = []

        def main(kevent):
            seen.append(kevent)
        function = Function(self.functions, "f", main, "/folder", [TRIGGER])
        function.welcomed({"cardinality": "many" if many else "one", "keyDataType": key_type})
        _, part = part_of(batch(1, records, **options)[16:], data_type == "string", True)
        if many:
            function.many([part])
            return seen[0]
        for index in range(len(records)):
            function.one(part, index)
        return seen

    def decoded(self, value, kind, metadata):
        """The SDK's own, of RPC data: metadata is {name: (type, value)}."""
        datum = self.functions.meta.Datum
        return self.functions.KafkaTriggerConverter.decode(
            datum(value, kind), trigger_metadata={name: datum(found, type_) for name, (type_, found) in metadata.items()})

    def same(self, ours, theirs):
        self.assertIsInstance(ours, self.functions.KafkaEvent)
        self.assertEqual(ours.get_body(), theirs.get_body())
        self.assertEqual([getattr(ours, field) for field in FIELDS], [getattr(theirs, field) for field in FIELDS])
        metadata = dict(ours.metadata)
        self.assertEqual(json.loads(metadata.pop("sys"))["MethodName"], "f")
        expected = dict(theirs.metadata)
        for name in ("OffsetArray", "TopicArray"):  # RPC messages
            if name in metadata:
                self.assertEqual(vars(metadata.pop(name)), vars(expected.pop(name)))
        self.assertEqual(metadata, expected)

    def test_one_string(self):
        one = envelope("v", 364, 7, "t", key="k", headers=[("a", b"1"), ("a", None)])
        event, = self.received([one], topic="t", partition=7)
        self.same(event, self.decoded(one["value"].decode(), "string", {
            "Key": ("string", "k"), "Partition": ("string", "7"), "Topic": ("string", "t"), "Offset": ("string", "364"),
            "Timestamp": ("string", "04/28/2022 11:24:28"), "Value": ("string", "v"), "IsPartitionEOF": ("string", "False"),
            "Headers": ("json", '[{"Key":"a","Value":"MQ=="},{"Key":"a","Value":null}]')}))

    def test_one_string_nulls(self):
        event, = self.received([envelope(None)])
        self.assertIsNone(event.key)
        self.assertNotIn("Value", event.metadata)
        self.assertNotIn("LeaderEpoch", event.metadata)
        self.assertEqual((event.headers, event.metadata["Headers"]), ([], "[]"))

    def test_one_string_text_that_is_a_date(self):
        event, = self.received([envelope("2022-04-28T11:24:28.5Z", key=12, leader_epoch=3)])
        self.assertEqual(event.metadata["Value"], "04/28/2022 11:24:28")
        self.assertEqual((event.key, event.metadata["LeaderEpoch"]), ("12", "3"))

    def test_one_without_an_envelope(self):
        event, = self.received([record(b'{"id":"1","amount":1.5,"Topic":"other","tags":["a"],"in":{"b":1}}', b"k", [("h", b"x")], 9,
                                       1651145068960)], leader_epoch=0)
        found = {name: text for name, text in event.metadata.items() if name != "sys"}
        self.assertEqual(found, {
            "id": "1", "amount": "1.5", "in": '{"b":1}', "Topic": "other", "Key": "k", "Partition": "0", "Offset": "9",
            "Timestamp": '"2022-04-28T11:24:28.96Z"', "IsPartitionEOF": "false", "LeaderEpoch": "0",
            "Headers": '[{"Key":"h","Value":"eA=="}]'})
        self.assertEqual((event.timestamp, event.offset), ("2022-04-28T11:24:28.96Z", 9))

    def test_one_binary(self):
        for key_type, key, datum in (("string", b"k", ("string", "k")), ("int", b"\xff\xff\xff\xfe", ("json", "-2")),
                                     ("long", bytes(7) + b"\x07", ("json", "7"))):
            event, = self.received([record(b"\xfe", key, [("h", b"x")], 9, 1651145068000)], "binary", key_type, leader_epoch=5)
            self.same(event, self.decoded(b"\xfe", "bytes", {
                "Key": datum, "Partition": ("json", "0"), "Topic": ("string", "orders"), "Offset": ("json", "9"),
                "Timestamp": ("json", '"2022-04-28T11:24:28Z"'), "Headers": ("json", '[{"Key":"h","Value":"eA=="}]'),
                "LeaderEpoch": ("json", "5"), "IsPartitionEOF": ("json", "false")}))
        event, = self.received([record(None, b"\xff")], "binary", "binary")
        self.assertEqual((event.get_body(), event.key, event.metadata["Key"]), (b"", b"\xff", b"\xff"))
        event, = self.received([record(b"v", b"a\xffb")], "binary")
        self.assertEqual((event.key, event.timestamp), ("a\ufffdb", "1970-01-01T00:00:00Z"))

    def arrays(self, keys, offsets, stamps, headers, epochs):
        class Collection:
            def __init__(self, **members):
                vars(self).update(members)
        count = len(offsets)
        return {"KeyArray": ("json", keys), "PartitionArray": ("json", "[%s]" % ",".join("0" * count)),
                "OffsetArray": ("collection_sint64", Collection(sint64=offsets)),
                "TopicArray": ("collection_string", Collection(string=["orders"] * count)),
                "TimestampArray": ("json", stamps), "HeadersArray": ("json", headers), "LeaderEpochArray": ("json", epochs),
                "IsPartitionEOFArray": ("json", "[%s]" % ",".join(["false"] * count))}, Collection

    def test_many_string(self):
        records = [envelope("a", 5, key="k", headers=[("h", b"x")]), envelope("b", 8, timestamp="2022-01-01T00:00:00Z", leader_epoch=2)]
        metadata, collection = self.arrays('["k",null]', [5, 8], '["2022-04-28T11:24:28.961Z","2022-01-01T00:00:00Z"]',
                                           '[[{"Key":"h","Value":"eA=="}],[]]', "[null,2]")
        theirs = self.decoded(collection(string=[one["value"].decode() for one in records]), "collection_string", metadata)
        for event, expected in zip(self.received(records, many=True), theirs):
            self.same(event, expected)

    def test_many_binary(self):
        for key_type, key, expected in (("int", b"\0\0\0\x05", "[5,null]"), ("binary", b"\xff", '["/w==",null]')):
            records = [record(b"a", key, [], 5, 0), record(b"b", None, [("h", None)], 8, 1)]
            metadata, collection = self.arrays(expected, [5, 8], '["1970-01-01T00:00:00Z","1970-01-01T00:00:00.001Z"]',
                                               '[[],[{"Key":"h","Value":null}]]', "[0,0]")
            theirs = self.decoded(collection(bytes=[b"a", b"b"]), "collection_bytes", metadata)
            for event, other in zip(self.received(records, "binary", key_type, many=True, leader_epoch=0), theirs):
                self.same(event, other)

    def test_dotnet_text(self):
        for value, expected in ((1.0, "1"), (1e15, "1E+15"), (1.5e300, "1.5E+300"), (1e-5, "1E-05"), (0.1, "0.1"), (True, "True"),
                                (1234567890123456.5, "1.2345678901234565E+15"), ("2022-02-30T00:00:00Z", "2022-02-30T00:00:00Z"),
                                ("2024-02-29T01:02:03", "02/29/2024 01:02:03"), ("2022-04-28T11:24", "2022-04-28T11:24")):
            self.assertEqual(_dotnet.text_of(value), expected)


class ParameterTest(AppTest):
    def test_plain_types_go_by_the_data_type(self):
        for annotation in ("str", "bytes"):
            for data_type, value, expected in (("string", envelope("é"), repr(envelope("é")["value"].decode())),
                                               ("binary", record(b"\xfe"), "b'\\xfe'"), ("binary", record(None), "b''")):
                worker = self.inline("def main(kevent: %s): tell(repr(kevent))" % annotation).welcome(data_type=data_type)
                worker.send(batch(1, [value]))
                self.assertEqual(worker.told(), expected)
                self.drained(worker)

    def test_lists(self):
        for annotation, expected in (("typing.List[str]", "['a', 'b']"), ("list[bytes]", "[b'a', b'b']"), ("list", None)):
            worker = self.inline("def main(kevent: %s): tell(repr(kevent))" % annotation).welcome("many", "binary")
            worker.send(batch(1, [b"a", b"b"]))
            self.assertEqual(worker.told(), expected) if expected else self.assertIn("azure.KafkaEvent", worker.told())
            self.drained(worker)

    def test_parameters_in_any_order_and_unresolvable_names(self):
        worker = self.inline("def main(context, out: 'Nowhere', kevent): tell(kevent.offset, context.function_name); out.set('x')",
                             outputs=["out"]).welcome(outputs=["out"])
        worker.send(batch(1, [envelope("a")]))
        self.assertEqual(worker.told(), [100, "f"])
        self.assertEqual(worker.settle(1), ["ok"])
        self.assertEqual(worker.emits(), [(1, 0, 0, [(0, "x")])])


class ContextTest(AppTest):
    CODE = '''
        def main(kevent: func.KafkaEvent, context: func.Context):
            trace = context.trace_context
            tell(context.function_name, context.function_directory[-2:], len(context.invocation_id), trace.trace_parent,
                 trace.trace_state, context.retry_context.retry_count, context.retry_context.max_retry_count)
    '''

    def test_trace(self):
        bad = [PARENT.upper(), PARENT[:-1], "ff" + PARENT[2:], PARENT[:3] + "0" * 32 + PARENT[35:], "", "ÿ"]
        worker = self.inline(self.CODE).welcome(retries=-1)
        records = [envelope("a", 100 + place, headers=[("traceparent", text.encode()), ("tracestate", b"x=1")])
                   for place, text in enumerate([PARENT] + bad)]
        worker.send(batch(1, records, attempt=2))
        self.assertEqual(worker.told(), ["f", "/f", 36, PARENT, "x=1", 1, -1])
        for _ in bad:
            self.assertEqual(worker.told()[3:5], ["", ""])
        self.drained(worker)

    def test_trace_of_binary_and_many(self):
        worker = self.inline(self.CODE).welcome(data_type="binary")
        worker.send(batch(1, [record(b"v", None, [("traceparent", PARENT.encode())])]))
        self.assertEqual(worker.told()[3:], [PARENT, "", 0, 5])
        self.drained(worker)
        worker = self.inline(self.CODE).welcome("many")
        worker.send(batch(1, [envelope("a", headers=[("traceparent", PARENT.encode())])]))
        self.assertEqual(worker.told()[3:5], ["", ""])
        self.drained(worker)

    def test_classes_of_the_sdk(self):
        worker = self.inline("def main(kevent, context, out): tell(isinstance(context, func.Context), isinstance(out, func.Out))",
                             outputs=["out"]).welcome(outputs=["out"])
        worker.send(batch(1, [envelope("a")]))
        self.assertEqual(worker.told(), [True, True])
        self.drained(worker)


class UnreadableTest(AppTest):
    def test_one(self):
        for code in ("def main(kevent): tell(kevent.offset)", "async def main(kevent): tell(kevent.offset)"):
            worker = self.inline(code).welcome()
            worker.send(batch(1, [envelope("a"), record(b"key of 3 bytes", offset=101), envelope("c", 102)], unreadable={1}))
            self.assertEqual(worker.settle(1), ["ok", "deadLetter", "ok"])
            self.assertEqual(worker.answers[1][1], ("deadLetter", 0, "key of 3 bytes"))
            self.assertEqual([worker.told(), worker.told()], [100, 102])
            self.drained(worker)

    def test_many_gets_the_others(self):
        for word in ("def", "async def"):
            worker = self.inline(word + " main(kevent, out): tell([one.offset for one in kevent]); out.set('x')",
                                 outputs=["out"]).welcome("many", outputs=["out"])
            worker.send(batch(1, [envelope("a"), envelope("b", 101)], partition=1, more=True),
                        batch(2, [record(b"bad", offset=100), envelope("c", 101), record(b"bad", offset=102)], unreadable={0, 2}))
            self.assertEqual(worker.told(), [100, 101, 101])
            self.assertEqual(worker.settle(1, 2), [["ok", "ok"], ["deadLetter", "ok", "deadLetter"]])
            self.assertEqual(worker.emits(), [(2, 1, 1, [(0, "x")])])
            worker.send(batch(3, [record(b"bad")], base=103, unreadable={0}))
            self.assertEqual(worker.settle(3), ["deadLetter"])
            self.drained(worker)

    def test_behind_a_failure_it_is_released(self):
        worker = self.inline("def main(kevent): raise KeyError(1)").welcome()
        worker.send(batch(1, [envelope("a"), record(b"bad", offset=101)], unreadable={1}))
        self.assertEqual(worker.settle(1), ["retry", "release"])


class LogTest(AppTest):
    def test_levels_ids_and_threads(self):
        worker = self.inline('''
            import threading
            logging.getLogger("quiet").setLevel(logging.ERROR)
            logging.info("at import")
            def main(kevent, context):
                logging.debug("never"); logging.getLogger("quiet").warning("never")
                logging.getLogger("mine").warning("w %d", 1); logging.critical("c")
                def own():
                    logging.info("without")
                    context.thread_local_storage.invocation_id = context.invocation_id
                    logging.info("with")
                thread = threading.Thread(target=own); thread.start(); thread.join()
                print("printed")
                tell(context.invocation_id)
        ''').welcome()
        worker.send(batch(1, [envelope("a")]))
        told = worker.told()
        worker.settle(1)
        frames = [json.loads(payload) for kind, _, payload in worker.others]
        self.assertEqual([(one["level"], one["message"], one.get("invocation")) for one in frames], [
            ("info", "at import", None), ("warn", "w 1", told), ("error", "c", told), ("info", "without", None), ("info", "with", told)])
        self.assertEqual({one["function"] for one in frames}, {"f"})
        worker.others.clear()
        self.assertEqual(self.drained(worker), "printed\n")

    def test_debug(self):
        worker = self.inline("def main(kevent): logging.debug('d')", env={"PYTHON_ENABLE_DEBUG_LOGGING": "1"}).welcome()
        worker.send(batch(1, [envelope("a")]))
        self.assertEqual(worker.log(), ("debug", "d"))


class OutputTest(AppTest):
    def test_what_cannot_be_an_output_fails_the_attempt(self):
        for value, reason in (("b'\\xff'", "UnicodeDecodeError"), ("object()", "takes text, bytes, lists and dicts, not object"),
                              ("'x' * (16 << 20)", "longer than 15 MiB")):
            worker = self.inline("def main(kevent, out): out.set(%s)" % value, outputs=["out"]).welcome(outputs=["out"])
            worker.send(batch(1, [envelope("a")]))
            self.assertEqual(worker.settle(1), ["retry"])
            self.assertIn(reason, worker.answers[1][0][2])
            self.assertEqual(worker.emits(), [])

    def test_result_without_a_binding(self):
        worker = self.inline("def main(kevent): return 1").welcome()
        worker.send(batch(1, [envelope("a")]))
        self.assertEqual(worker.settle(1), ["retry"])
        self.assertIn("no $return binding", worker.answers[1][0][2])

    def test_output_that_the_daemon_does_not_serve(self):
        worker = self.inline("def main(kevent, out): out.set('x')", outputs=["out"]).welcome()
        worker.send(batch(1, [envelope("a")]))
        self.assertEqual(worker.settle(1), ["retry"])

    def test_many_in_frames_and_before_the_answers(self):
        for word in ("def", "async def"):
            worker = self.inline(word + " main(kevent, out):\n    out.set('x')\n    if len(kevent) > 3: raise KeyError(1)",
                                 outputs=["out"]).welcome("many", outputs=["out"])
            worker.send(batch(1, [envelope("a")], partition=1, more=True), batch(2, [envelope("b"), envelope("c", 101)]))
            self.assertEqual(worker.settle(1, 2), [["ok"], ["ok", "ok"]])
            self.assertEqual(worker.order, ["emit 2", "ack 1", "ack 2"])
            worker.send(batch(3, [envelope("a", 102 + place) for place in range(4)], base=102))
            self.assertEqual(worker.settle(3), ["retry"] * 4)
            self.assertEqual(len(worker.emits()), 1)

    def test_exact_order_of_an_async_one(self):
        worker = self.inline("async def main(kevent, out): out.set(kevent.metadata['Value'])", outputs=["out"]).welcome(outputs=["out"])
        worker.send(batch(1, [envelope("a"), envelope("b", 101)]))
        self.assertEqual(worker.settle(1), ["ok", "ok"])
        self.assertEqual(worker.emits(), [(1, 0, 0, [(0, "a")]), (1, 1, 1, [(0, "b")])])
        self.assertEqual(worker.order[-1], "ack 1")
