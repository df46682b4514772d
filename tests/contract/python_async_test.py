"""A worker with an async handler, against a daemon played by the test (PROTOCOL.md sections 5 to 9)."""

import signal
import unittest

from python_daemon import BYE, PING, PONG, WorkerTest, batch, cancel, drain, frame, record

# Waits for the word of its own value, so that tests choose the order in which attempts end.
ONE = '''
    waiting = {}
    async def listen():
        _control.setblocking(False)
        while True:
            for word in (await asyncio.get_running_loop().sock_recv(_control, 1)).decode():
                waiting.pop(word).set_result(None)
    async def handle(record):
        if not hasattr(handle, "listener"):
            handle.listener = asyncio.ensure_future(listen())
        word = record.value.decode()
        waiting[word] = asyncio.get_running_loop().create_future()
        tell(word)
        await waiting[word]
        if word == "!":
            raise KeyError("no such thing")
'''
MANY = ONE.replace("handle(record)", "handle(batch)").replace("record.value.decode()", "batch[0].value.decode()").replace(
    "        tell(word)", "        tell([value.decode() for value in batch.values])")


class OneTest(WorkerTest):
    TRACE, FRAME = "in handle\n    raise KeyError", "_async.py"  # what a traceback has, and what it has not

    def say(self, worker, words):
        worker.control.sendall(words.encode())

    def told(self, worker, count):
        return sorted(worker.told() for _ in range(count))

    def test_concurrency(self):
        for arguments, expected in (((), 256), (("--concurrency", "3"), 3)):
            worker = self.worker(ONE, arguments=arguments).welcome()
            self.assertEqual(worker.hello["concurrency"], expected)
            self.drained(worker)

    def test_partitions_run_side_by_side_each_in_order(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a", b"b"]), batch(2, [b"c"], partition=1), batch(3, [b"d"], base=102))
        self.assertEqual(self.told(worker, 2), ["a", "c"])
        self.say(worker, "c")
        self.assertEqual(worker.settle(2), ["ok"])
        self.say(worker, "a")
        self.assertEqual(worker.told(), "b")
        self.say(worker, "b")
        self.assertEqual(worker.settle(1), ["ok", "ok"])
        self.assertEqual(worker.told(), "d")
        self.say(worker, "d")
        self.assertEqual(worker.settle(3), ["ok"])
        self.drained(worker)

    def test_keys_run_side_by_side_each_in_order(self):
        worker = self.worker(ONE).welcome(ordering="key")
        worker.send(batch(1, [record(b"a", b"x"), record(b"b", b"y"), record(b"c", b"x"), record(b"d"), record(b"e", b""),
                              record(b"f")]))
        self.assertEqual(self.told(worker, 5), ["a", "b", "d", "e", "f"])  # without a key: nobody's order
        self.say(worker, "e")
        while 4 not in worker.answers.get(1, ()):
            worker.step()
        self.say(worker, "ab")
        self.assertEqual(worker.told(), "c")
        self.say(worker, "dcf")
        self.assertEqual(worker.settle(1), ["ok"] * 6)

    def test_limit(self):
        worker = self.worker(ONE, arguments=("--concurrency", "2")).welcome(ordering="none")
        worker.send(batch(1, [b"a", b"b", b"c"]))
        self.assertEqual(self.told(worker, 2), ["a", "b"])
        self.say(worker, "b")
        self.assertEqual(worker.told(), "c")
        self.say(worker, "ac")
        self.assertEqual(worker.settle(1), ["ok"] * 3)

    def test_answers_do_not_wait_for_the_batch(self):
        worker = self.worker(ONE).welcome(ordering="none")
        worker.send(batch(1, [b"a", b"b", b"c"]))
        self.told(worker, 3)
        self.say(worker, "b")
        while 1 not in worker.answers.get(1, ()):
            worker.step()
        self.assertEqual(set(worker.answers[1]), {1})
        self.say(worker, "ca")
        self.assertEqual(worker.settle(1), ["ok"] * 3)

    def test_failure_blocks_its_lane_until_a_higher_run(self):
        worker = self.worker(ONE).welcome(ordering="key")
        worker.send(batch(1, [record(b"!", b"x"), record(b"b", b"x"), record(b"c", b"y"), record(b"d", b"y")]))
        self.assertEqual(self.told(worker, 2), ["!", "c"])
        worker.send(batch(2, [record(b"e", b"x")], base=104), batch(3, [record(b"f", b"x")], run=1))
        self.say(worker, "!")
        self.assertEqual(worker.settle(2), ["release"])
        self.assertEqual(worker.told(), "f")
        self.say(worker, "fc")
        self.assertEqual(worker.told(), "d")
        self.say(worker, "d")
        self.assertEqual(worker.settle(3, 1), [["ok"], ["retry", "release", "ok", "ok"]])
        self.assertEqual(worker.answers[1][0], ("retry", 0, "KeyError: 'no such thing'"))
        self.assertIn(self.TRACE, worker.errors())
        self.assertNotIn(self.FRAME, worker.errors())

    def test_timeout(self):
        worker = self.worker('''
            async def handle(record):
                if record.value == b"slow":
                    await asyncio.get_running_loop().create_future()
                if record.value == b"deaf":
                    try:
                        await asyncio.get_running_loop().create_future()
                    except asyncio.CancelledError:
                        pass
        ''').welcome(ordering="none", timeout_ms=50)
        worker.send(batch(1, [b"slow", b"quick", b"deaf"]))
        self.assertEqual(worker.settle(1), ["retry", "ok", "retry"])
        self.assertEqual({worker.answers[1][index][2] for index in (0, 2)}, {"timed out after 0.05 s"})
        worker.send(batch(2, [b"quick", b"slow"]))
        self.assertEqual(worker.settle(2), ["ok", "retry"])
        self.drained(worker)

    def test_exits_and_cancellations_are_failures(self):
        worker = self.worker('''
            async def handle(record):
                if record.value == b"exit":
                    sys.exit(3)
                raise asyncio.CancelledError if record.value == b"cancelled" else triggerd.Retry("busy", 2)
        ''').welcome(ordering="none")
        worker.send(batch(1, [b"exit", b"cancelled", b"busy"]))
        self.assertEqual(worker.settle(1), ["retry"] * 3)
        self.assertEqual([worker.answers[1][index][1:] for index in range(3)],
                         [(0, "SystemExit: 3"), (0, "CancelledError"), (2000, "busy")])

    def test_attempts_do_not_see_each_others_context(self):
        worker = self.worker('''
            import contextvars
            seen = contextvars.ContextVar("seen", default=0)
            async def handle(record):
                tell(seen.get())
                seen.set(record.offset)
        ''').welcome()
        worker.send(batch(1, [b"a", b"b", b"c"]))
        self.assertEqual([worker.told() for _ in range(3)], [0, 0, 0])

    def test_cancel(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a", b"b"]), batch(2, [b"c"], base=102), batch(3, [b"d"], partition=1))
        self.assertEqual(self.told(worker, 2), ["a", "d"])
        worker.send(cancel(0, epoch=1), batch(4, [b"e"], base=103), batch(5, [b"f"], epoch=2, topic="another"))
        self.assertEqual(worker.settle(2), ["release"])  # at once, while the attempt before it goes on
        self.assertEqual(worker.told(), "f")
        self.say(worker, "adf")
        self.assertEqual(worker.settle(1, 3, 4, 5), [["ok", "release"], ["ok"], ["release"], ["ok"]])
        worker.send(batch(6, [b"g"], base=104))
        self.assertEqual(worker.settle(6), ["release"])
        self.drained(worker)

    def test_cancel_without_order(self):
        worker = self.worker(ONE, arguments=("--concurrency", "1")).welcome(ordering="none")
        worker.send(batch(1, [b"a", b"b", b"c"]), batch(2, [b"d"], partition=1))
        self.assertEqual(worker.told(), "a")
        worker.send(cancel(0, epoch=1))
        while set(worker.answers.get(1, ())) != {1, 2}:
            worker.step()
        self.say(worker, "a")
        self.assertEqual(worker.told(), "d")
        self.say(worker, "d")
        self.assertEqual(worker.settle(1, 2), [["ok", "release", "release"], ["ok"]])

    def test_drain_and_sigterm_finish_what_runs(self):
        for how in ("drain", "sigterm"):
            with self.subTest(how):
                worker = self.worker(ONE).welcome()
                worker.send(batch(1, [b"a", b"b"]), batch(2, [b"c"], base=102), batch(3, [b"d"], partition=1))
                self.told(worker, 2)
                worker.send(drain()) if how == "drain" else worker.process.send_signal(signal.SIGTERM)
                self.assertEqual(worker.settle(2), ["release"])
                self.say(worker, "ad")
                self.assertEqual(worker.settle(1, 3), [["ok", "release"], ["ok"]])
                self.assertEqual(worker.other(BYE), {"code": "drained", "message": ""})
                status, out, said = worker.finish()
                self.assertEqual((status, out), (0, ""))
                if said:  # the signal may have come just while the handler ran, not waited
                    self.assertEqual(how, "sigterm")
                    self.assertIn("in handle", said)

    def test_sigterm_says_where_a_handler_holds_up_the_loop(self):
        worker = self.worker('''
            async def handle(record):
                tell("running")
                wait()
        ''').welcome()
        worker.send(batch(1, [b"a"]))
        self.assertEqual(worker.told(), "running")
        worker.process.send_signal(signal.SIGTERM)
        worker.go()
        self.assertEqual(worker.settle(1), ["ok"])
        status, _, said = worker.finish()
        self.assertEqual(status, 0)
        self.assertIn("in handle", said.splitlines()[1])
        self.assertNotIn("_async.py", said)

    def test_drain_ends_at_its_deadline(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a"]))
        worker.told()
        worker.send(drain(deadline_ms=20))
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish()[0], 0)
        self.assertEqual(worker.answers, {})

    def test_end_of_file_ends_the_process_at_once(self):
        worker = self.worker('''
            async def handle(record):
                tell("runs")
                while True:  # even one that does not let itself be cancelled
                    try:
                        await asyncio.get_running_loop().create_future()
                    except asyncio.CancelledError:
                        pass
        ''').welcome()
        worker.send(batch(1, [b"a"]))
        worker.told()
        worker.socket.close()
        self.assertEqual(worker.finish(), (69, "", ""))

    def test_ping_is_answered_while_attempts_run(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a"]))
        worker.told()
        worker.send(frame(PING, number=5))
        self.assertEqual(worker.other(PONG), 5)

    def test_malformed(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a"]))
        worker.told()
        worker.socket.sendall(frame(3, bytes(64), 2))
        self.assertEqual(worker.other(BYE), {"code": "protocol_error", "message": "batch has no records"})
        self.assertEqual(worker.finish()[0], 70)

    def test_behind_welcome_in_one_read(self):
        worker = self.worker(ONE)
        worker.records[1] = 1
        worker.welcome(extra=batch(1, [b"a"]))
        self.assertEqual(worker.told(), "a")

    def test_drain_behind_welcome_in_one_read(self):
        worker = self.worker(ONE)
        worker.records[1] = 2
        worker.welcome(extra=batch(1, [b"a", b"b"]) + drain())
        self.assertEqual(worker.settle(1), ["release"] * 2)
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish(), (0, "", ""))

    def test_many_records(self):
        worker = self.worker('''
            async def handle(record):
                await asyncio.sleep(0)
        ''').welcome(ordering="key")
        for number in range(20):
            worker.send(batch(number, [record(b"v", b"%d" % (index % 70)) for index in range(500)], base=500 * number))
        self.assertEqual(worker.settle(*range(20)), [["ok"] * 500] * 20)
        self.drained(worker)


class ManyTest(WorkerTest):
    def test_invocations_with_a_lane_in_common_wait_for_each_other(self):
        worker = self.worker(MANY).welcome("many")
        worker.send(batch(1, [b"a", b"1"], partition=0, more=True), batch(2, [b"2"], partition=1),
                    batch(3, [b"b"], partition=1, base=101, more=True), batch(4, [b"3"], partition=2),
                    batch(5, [b"c"], partition=2, base=101), batch(6, [b"d"], partition=3))
        self.assertEqual(sorted(worker.told() for _ in range(2)), [["a", "1", "2"], ["d"]])
        worker.control.sendall(b"ad")
        self.assertEqual(worker.settle(1, 2, 6), [["ok"] * 2, ["ok"], ["ok"]])
        self.assertEqual(worker.told(), ["b", "3"])
        worker.control.sendall(b"b")
        self.assertEqual(worker.told(), ["c"])
        worker.control.sendall(b"c")
        self.assertEqual(worker.settle(3, 4, 5), [["ok"]] * 3)
        self.drained(worker)

    def test_invocations_without_keys_do_not_wait_for_each_other(self):
        worker = self.worker(MANY).welcome("many", ordering="key")
        worker.send(batch(1, [record(b"a"), record(b"1", b"x")]), batch(2, [record(b"b"), record(b"2", b"y")], base=102))
        self.assertEqual(sorted(worker.told() for _ in range(2)), [["a", "1"], ["b", "2"]])
        worker.control.sendall(b"ba")
        self.assertEqual(worker.settle(1, 2), [["ok"] * 2] * 2)

    def test_two_frames_of_one_partition(self):
        worker = self.worker(MANY).welcome("many")
        worker.send(batch(1, [b"a"], more=True), batch(2, [b"1"], base=101, attempt=2), batch(3, [b"b"], base=102))
        self.assertEqual(worker.told(), ["a", "1"])
        worker.control.sendall(b"a")
        self.assertEqual(worker.told(), ["b"])
        worker.control.sendall(b"b")
        self.assertEqual(worker.settle(1, 2, 3), [["ok"]] * 3)

    def test_failure_blocks_its_lanes(self):
        worker = self.worker(MANY).welcome("many", ordering="key")
        worker.send(batch(1, [record(b"!", b"x"), record(b"1", b"y")]),
                    batch(2, [record(b"a", b"z"), record(b"2", b"x")], base=102),
                    batch(3, [record(b"b", b"y")], base=104),
                    batch(4, [record(b"c", b"x"), record(b"3", b"y")], run=1))
        self.assertEqual(worker.told(), ["!", "1"])
        worker.control.sendall(b"!")
        self.assertEqual(worker.told(), ["a"])
        worker.control.sendall(b"a")
        self.assertEqual(worker.told(), ["c", "3"])
        worker.control.sendall(b"c")
        self.assertEqual(worker.settle(1, 2, 3, 4), [["retry"] * 2, ["ok", "release"], ["release"], ["ok"] * 2])

    def test_cancel_takes_its_part_out_of_an_invocation(self):
        worker = self.worker(MANY).welcome("many")
        worker.send(batch(1, [b"a"], partition=1), batch(2, [b"x"], partition=1, base=101, more=True),
                    batch(3, [b"b"], partition=2))
        self.assertEqual(worker.told(), ["a"])
        worker.send(cancel(1, epoch=1))
        self.assertEqual(worker.settle(2), ["release"])
        worker.control.sendall(b"a")
        self.assertEqual(worker.told(), ["b"])
        worker.control.sendall(b"b")
        self.assertEqual(worker.settle(1, 3), [["ok"], ["ok"]])


if __name__ == "__main__":
    unittest.main()
