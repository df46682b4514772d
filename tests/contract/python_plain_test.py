"""A worker with a plain handler, against a daemon played by the test (PROTOCOL.md sections 3 to 9)."""

import unittest

from python_daemon import (BYE, HELLO, LOG, PING, PONG, WELCOME, WorkerTest, batch, cancel, drain, frame, pad, record)

ONE = '''
    def handle(record):
        tell(record.value.decode())
        if record.value.startswith(b"wait"):
            wait()
        if record.value == b"bad":
            raise KeyError("no such thing")
'''
MANY = '''
    def handle(batch):
        tell([value.decode() for value in batch.values])
        if b"wait" in batch.values:
            wait()
        if b"bad" in batch.values:
            raise KeyError("no such thing")
'''


class OneTest(WorkerTest):
    TRACE = "in handle\n    raise KeyError"

    def test_hello(self):
        worker = self.worker(ONE).welcome()
        self.assertEqual(worker.hello, {
            "protocol": {"min": 1, "max": 1}, "sdk": "python/0.1.0", "pid": worker.process.pid, "concurrency": 1,
            "credit": {"records": 65536, "bytes": 64 << 20}, "features": []})
        self.drained(worker)

    def test_fields(self):
        worker = self.worker('''
            def handle(r):
                tell(r.topic, r.partition, r.offset, r.timestamp, r.attempt, r.key, r.value,
                     [(n, None if v is None else v.decode()) for n, v in r.headers], r.json() if r.key else None)
        ''').welcome(data_type="string")
        worker.send(batch(1, [record('"é"'.encode(), b"k", [("a", b"1"), ("a", None)], 7, 1700000000123),
                              record(b"", None, [], 9, 1700000000100), record(None, b"", [], 12, 1700000000200)],
                          topic="t.é", partition=5, attempt=3))
        self.assertEqual(worker.told(), ["t.é", 5, 7, 1700000000123, 3, "k", '"é"', [["a", "1"], ["a", None]], "é"])
        self.assertEqual(worker.told(), ["t.é", 5, 9, 1700000000100, 3, None, "", [], None])
        self.assertEqual(worker.told(), ["t.é", 5, 12, 1700000000200, 3, "", None, [], None])
        self.assertEqual(worker.settle(1), ["ok"] * 3)
        self.assertEqual(worker.acks[-1], (1, []))
        self.drained(worker)

    def test_records_behind_welcome_in_one_read(self):
        worker = self.worker(ONE)
        worker.records[1] = 1
        worker.welcome(extra=batch(1, [b"first"]))
        self.assertEqual(worker.settle(1), ["ok"])
        self.drained(worker)

    def test_drain_behind_welcome_in_one_read(self):
        worker = self.worker(ONE)
        worker.records[1] = 2
        worker.welcome(extra=batch(1, [b"first", b"second"]) + drain())
        self.assertEqual(worker.settle(1), ["release"] * 2)
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish(), (0, "", ""))

    def test_failure_blocks_the_partition_until_a_higher_run(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a", b"bad", b"c"]), batch(2, [b"d"], base=103), batch(3, [b"other"], partition=1))
        self.assertEqual(worker.settle(1, 2, 3), [["ok", "retry", "release"], ["release"], ["ok"]])
        self.assertEqual(worker.answers[1][1], ("retry", 0, "KeyError: 'no such thing'"))
        worker.send(batch(4, [b"e"], base=104), batch(5, [b"f", b"g"], base=101, run=1, attempt=2),
                    batch(6, [b"h"], epoch=2))
        self.assertEqual(worker.settle(4, 5, 6), [["release"], ["ok", "ok"], ["ok"]])
        self.assertEqual([worker.told() for _ in range(6)], ["a", "bad", "other", "f", "g", "h"])
        self.assertIn(self.TRACE, worker.errors())
        self.assertNotIn("_sync.py", worker.errors())

    def test_failure_blocks_only_its_key(self):
        worker = self.worker(ONE).welcome(ordering="key")
        worker.send(batch(1, [record(b"1", b"x"), record(b"bad", b"y"), record(b"2", b"y"), record(b"3", b"x"),
                              record(b"4")]),
                    batch(2, [record(b"5", b"y"), record(b"6", b"z")], base=105),
                    batch(3, [record(b"7", b"y")], base=101, run=1))
        self.assertEqual(worker.settle(1, 2, 3), [["ok", "retry", "release", "ok", "ok"], ["release", "ok"], ["ok"]])

    def test_failure_blocks_nothing_without_order(self):
        worker = self.worker(ONE).welcome(ordering="none")
        worker.send(batch(1, [b"bad", b"b", b"bad"]), batch(2, [b"d"]))
        self.assertEqual(worker.settle(1, 2), [["retry", "ok", "retry"], ["ok"]])

    def test_retry_says_when(self):
        worker = self.worker('''
            def handle(record):
                if record.value == b"later":
                    raise triggerd.Retry(after=1.5, reason="busy")
                raise triggerd.Retry
        ''').welcome(ordering="none")
        worker.send(batch(1, [b"later", b"x"]))
        worker.settle(1)
        self.assertEqual(worker.answers[1], {0: ("retry", 1500, "busy"), 1: ("retry", 0, "the handler asked for a retry")})
        self.drained(worker)  # asserts an empty stderr

    def test_exit_and_unrun_results_are_failures(self):
        worker = self.worker('''
            async def inner():
                pass
            def handle(record):
                if record.value == b"exit":
                    sys.exit(3)
                return inner() if record.value == b"coroutine" else "ignored"
        ''').welcome(ordering="none")
        worker.send(batch(1, [b"exit", b"coroutine", b"fine"]))
        self.assertEqual(worker.settle(1), ["retry", "retry", "ok"])
        self.assertEqual(worker.answers[1][0][2], "SystemExit: 3")
        self.assertIn("async def", worker.answers[1][1][2])
        self.assertNotIn("never awaited", worker.errors())

    def test_text_that_is_none_fails_alone(self):
        worker = self.worker('''
            def handle(record):
                tell(record.value)
        ''').welcome(data_type="string", ordering="none")
        worker.send(batch(1, [b"good", b"\xff", "é".encode()]))
        self.assertEqual(worker.settle(1), ["ok", "retry", "ok"])
        self.assertRegex(worker.answers[1][1][2], "NotText: the value of orders/0@101 is not UTF-8")

    def test_slow_record_does_not_hold_back_what_came_before(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a", b"b", b"wait", b"d"]), batch(2, [b"e"], partition=1))
        self.assertEqual([worker.told() for _ in range(3)], ["a", "b", "wait"])
        while set(worker.answers.get(1, ())) != {0, 1}:
            worker.step()
        worker.go()
        self.assertEqual(worker.settle(1, 2), [["ok"] * 4, ["ok"]])

    def test_finished_batch_is_not_held_back_by_a_slow_one(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a"]), batch(2, [b"wait"]))
        self.assertEqual(worker.settle(1), ["ok"])
        worker.go()
        self.assertEqual(worker.settle(2), ["ok"])

    def test_cancel(self):
        """Of a cancelled partition what runs goes on, what waits and what comes later is released."""
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a", b"wait", b"c"]), batch(2, [b"d"], base=103), batch(3, [b"other"], partition=1))
        self.assertEqual([worker.told() for _ in range(2)], ["a", "wait"])
        worker.send(cancel(0, epoch=1), batch(4, [b"late"], base=104), batch(5, [b"new"], epoch=2, base=105),
                    batch(6, [b"same number"], topic="another"))
        worker.go()
        self.assertEqual(worker.settle(1, 2, 3, 4, 5, 6),
                         [["ok", "ok", "release"], ["release"], ["ok"], ["release"], ["ok"], ["ok"]])
        self.assertEqual(sorted(worker.told() for _ in range(3)), ["new", "other", "same number"])
        worker.send(batch(7, [b"later still"], base=105))
        self.assertEqual(worker.settle(7), ["release"])

    def test_cancel_is_answered_before_the_next_slow_call(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"wait 1", b"wait 2"]), batch(2, [b"x"] * 5, partition=1))
        self.assertEqual(worker.told(), "wait 1")
        # Reading the Pong before the word would be in vain, a running call does not read: only what follows shows it.
        worker.send(cancel(1, epoch=1))
        worker.go()
        self.assertEqual(worker.settle(2), ["release"] * 5)
        self.assertEqual(worker.told(), "wait 2")
        worker.go()
        self.assertEqual(worker.settle(1), ["ok", "ok"])

    def test_drain_finishes_what_runs(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"wait", b"b"]), batch(2, [b"c"], partition=1))
        self.assertEqual(worker.told(), "wait")
        worker.send(drain())
        worker.go()
        self.assertEqual(worker.settle(1, 2), [["ok", "release"], ["release"]])
        self.assertEqual(worker.other(BYE), {"code": "drained", "message": ""})
        self.assertEqual(worker.finish(), (0, "", ""))

    def test_end_of_file_ends_the_process(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"wait", b"b"]))
        self.assertEqual(worker.told(), "wait")
        worker.socket.close()
        worker.go()
        self.assertEqual(worker.finish()[0], 69)

    def test_ping_and_credit(self):
        worker = self.worker(ONE, arguments=("--credit-records", "10", "--credit-bytes", "1000")).welcome()
        self.assertEqual(worker.hello["credit"], {"records": 10, "bytes": 1000})
        worker.send(frame(PING, number=2 ** 63 + 1))
        self.assertEqual(worker.other(PONG), 2 ** 63 + 1)
        self.drained(worker)

    def test_prints_and_log(self):
        worker = self.worker('''
            def handle(record):
                print("line", record.offset, "\\udcff")
                triggerd.log("a\\nb é \\udcff" + "x" * 9000, level="warn")
                wait()
        ''').welcome()
        worker.send(batch(1, [b"a"]))
        self.assertEqual(worker.process.stdout.readline(), "line 100 \\udcff\n")  # while the handler still runs
        logged = worker.other(LOG)
        self.assertEqual(logged["level"], "warn")
        self.assertTrue(logged["message"].startswith("a\nb é \\udcffxxx"))
        self.assertLessEqual(len(logged["message"].encode()), 8192)
        worker.go()
        self.assertEqual(worker.settle(1), ["ok"])
        self.drained(worker)

    def test_child_processes_do_not_hold_the_session(self):
        worker = self.worker('''
            import subprocess
            def handle(record):
                found = subprocess.run(["ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, text=True)
                tell(found.stdout.count("socket:"), "TRIGGERD_FD" in os.environ)
        ''').welcome()
        worker.send(batch(1, [b"a"]))
        self.assertEqual(worker.told(), [1, False])  # the one is this test's own
        self.drained(worker)


class ManyTest(WorkerTest):
    def test_columns(self):
        worker = self.worker('''
            def handle(batch):
                tell(len(batch), batch.values, batch.keys, batch.offsets, batch.timestamps, batch.attempt,
                     [(r.topic, r.partition, r.offset) for r in batch], [len(part) for part in batch.parts])
        ''').welcome("many", "string")
        worker.send(batch(1, [record(b"a", b"k"), record(None), record(b"")], partition=1, more=True),
                    batch(2, [b"b"], topic="t2", partition=2, attempt=2, more=True), batch(3, [b"c"], partition=3))
        self.assertEqual(worker.told(), [
            5, ["a", None, "", "b", "c"], ["k", None, None, None, None], [100, 101, 102, 100, 100], [None] * 5, 2,
            [["orders", 1, 100], ["orders", 1, 101], ["orders", 1, 102], ["t2", 2, 100], ["orders", 3, 100]], [3, 1, 1]])
        self.assertEqual(worker.settle(1, 2, 3), [["ok"] * 3, ["ok"], ["ok"]])
        self.assertEqual(sorted(worker.acks), [(1, []), (2, []), (3, [])])
        self.drained(worker)

    def test_failure_fails_all_and_blocks_their_partitions(self):
        worker = self.worker(MANY).welcome("many")
        worker.send(batch(1, [b"a", b"b"], partition=0, more=True), batch(2, [b"bad"], partition=1),
                    batch(3, [b"c"], partition=1, base=101, more=True), batch(4, [b"d"], partition=2),
                    batch(5, [b"e"], partition=0, base=102),
                    batch(6, [b"f"], partition=1, run=1), batch(7, [b"g"], partition=0, epoch=2))
        self.assertEqual(worker.settle(1, 2, 3, 4, 5, 6, 7),
                         [["retry"] * 2, ["retry"], ["release"], ["ok"], ["release"], ["ok"], ["ok"]])
        self.assertEqual([worker.told() for _ in range(4)], [["a", "b", "bad"], ["d"], ["f"], ["g"]])

    def test_blocked_keys_are_left_out(self):
        worker = self.worker(MANY).welcome("many", ordering="key")
        worker.send(batch(1, [record(b"bad", b"x"), record(b"b", b"y")]),
                    batch(2, [record(b"1", b"x"), record(b"2", b"z"), record(b"3", b"y"), record(b"4")], base=102),
                    batch(3, [record(b"5", b"y")], base=106), batch(4, [record(b"bad", b"x")], run=1),
                    batch(5, [record(b"6", b"x"), record(b"7", b"y")], run=1))
        self.assertEqual(worker.settle(1, 2, 3, 4, 5), [["retry"] * 2, ["release", "ok", "release", "ok"], ["release"],
                                                        ["retry"], ["release", "ok"]])
        self.assertEqual([worker.told() for _ in range(4)], [["bad", "b"], ["2", "4"], ["bad"], ["7"]])

    def test_cancel_takes_its_part_out_of_an_invocation(self):
        worker = self.worker(MANY).welcome("many")
        worker.send(batch(1, [b"wait"], partition=1), batch(2, [b"a"], partition=1, base=101, more=True),
                    batch(3, [b"b"], partition=2))
        self.assertEqual(worker.told(), ["wait"])
        worker.send(cancel(1, epoch=1))
        worker.go()
        self.assertEqual(worker.settle(1, 2, 3), [["ok"], ["release"], ["ok"]])
        self.assertEqual(worker.told(), ["b"])

    def test_drain_within_an_invocation(self):
        worker = self.worker(MANY).welcome("many")
        worker.send(batch(1, [b"a"], more=True), drain())
        self.assertEqual(worker.settle(1), ["release"])
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish(), (0, "", ""))

    def test_finished_batch_is_not_held_back_by_a_slow_one(self):
        worker = self.worker(MANY).welcome("many")
        worker.send(batch(1, [b"a"]), batch(2, [b"b"]), batch(3, [b"wait"]))
        self.assertEqual(worker.settle(1, 2), [["ok"], ["ok"]])
        worker.go()
        self.assertEqual(worker.settle(3), ["ok"])

    def test_large_frames(self):
        worker = self.worker('''
            def handle(batch):
                tell(sum(map(len, batch.values)))
        ''').welcome("many")
        worker.send(batch(1, [b"x" * 3_000_000, b"y" * 5_000_001]), batch(2, [b"z"]))
        self.assertEqual((worker.told(), worker.told()), (8_000_001, 1))
        self.assertEqual(worker.settle(1, 2), [["ok"] * 2, ["ok"]])

    def test_not_text_fails_the_batch(self):
        worker = self.worker(MANY.replace("value.decode()", "value")).welcome("many", "string")
        worker.send(batch(1, [b"good", b"\xff"]))
        self.assertEqual(worker.settle(1), ["retry"] * 2)
        self.assertIn("orders/0@101 is not UTF-8", worker.answers[1][0][2])


class MalformedTest(WorkerTest):
    """The worker says which rule was broken, and ends."""

    def expect_bye(self, worker, text):
        bye = worker.other(BYE)
        self.assertEqual(bye["code"], "protocol_error")
        self.assertIn(text, bye["message"])
        status, _, errors = worker.finish()
        self.assertEqual(status, 70)
        self.assertIn(text, errors)
        self.assertNotIn("Traceback", errors)

    def test_frames(self):
        whole = batch(1, [b"a", b"b"])
        cases = (("truncated columns", frame(3, whole[16:-8], 9), "shorter than its columns"),
                 ("unknown type", frame(13), "type 13"),
                 ("from a worker", frame(HELLO), "not for a worker"),
                 ("second welcome", frame(WELCOME, pad(b"{}", b" ")), "not for a worker"),
                 ("open already", batch(1, [b"a"]), "open already"),
                 ("short drain", frame(7, bytes(16)), "drain"))
        for name, sent, text in cases:
            with self.subTest(name):
                worker = self.worker(ONE).welcome()
                worker.send(batch(1, [b"wait", b"next"]))
                worker.told()
                worker.socket.sendall(sent)
                worker.go()
                self.expect_bye(worker, text)

    def test_more_for_single_records(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a"], more=True))
        self.expect_bye(worker, "spans frames")

    def test_welcome(self):
        for change, text in (({"cardinality": "some"}, "cardinality is 'some'"), ({"data_type": "avro"}, "dataType"),
                             ({"timeout_ms": "1"}, "timeoutMs"), ({"timeout_ms": True}, "timeoutMs"),
                             ({"ordering": None}, "ordering")):
            with self.subTest(text):
                self.expect_bye(self.worker(ONE).welcome(**change), text)

    def test_before_welcome(self):
        worker = self.worker(ONE)
        worker.read_frame()
        worker.send(frame(PING))
        self.expect_bye(worker, "before welcome")

    def test_refused_by_the_daemon(self):
        for code, status in (("protocol_unsupported", 70), ("shutdown", 0)):
            worker = self.worker(ONE)
            worker.read_frame()
            worker.send(frame(BYE, pad(b'{"code":"%s","message":"because"}' % code.encode(), b" ")))
            found, _, errors = worker.finish()
            self.assertEqual(found, status)
            self.assertEqual("because" in errors, status != 0)


if __name__ == "__main__":
    unittest.main()
