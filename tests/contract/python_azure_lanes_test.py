"""Plain functions that block, on threads: lanes, holds, Cancel, Drain and answers (PROTOCOL.md sections 5 to 9)."""

import signal

from azure_app import envelope
from python_azure import AppTest
from python_daemon import BYE, DEADLINE_S, PING, PONG, batch, cancel, drain, frame

# Tells its record's value and waits for the word, so that tests choose the order in which calls end.
LISTEN = '''
    import threading
    said, changed = set(), threading.Condition()
    def listen():
        while True:
            words = _control.recv(64).decode()
            with changed:
                said.update(words)
                changed.notify_all()
    threading.Thread(target=listen, daemon=True).start()
    def wait_for(word):
        with changed:
            changed.wait_for(lambda: word in said)
        if word == "!":
            raise KeyError("no such thing")
'''
ONE = LISTEN + '''
    def main(kevent: func.KafkaEvent):
        word = kevent.metadata["Value"]
        tell(word)
        wait_for(word)
'''
MANY = LISTEN + '''
    def main(kevent: typing.List[func.KafkaEvent]):
        words = [json.loads(one.get_body())["Value"] for one in kevent]
        tell(words)
        wait_for(words[0])
'''


def records(words, keys=None, base=100):
    return [dict(envelope(word, base + place), key=None if keys is None or keys[place] == "-" else keys[place].encode())
            for place, word in enumerate(words)]


class LanesTest(AppTest):
    def say(self, worker, words):
        worker.control.sendall(words.encode())

    def told(self, worker, count):
        return sorted(worker.told() for _ in range(count))


class OneTest(LanesTest):
    def test_partitions_run_side_by_side_each_in_order(self):
        worker = self.inline(ONE).welcome()
        worker.send(batch(1, records("ab")), batch(2, records("c"), partition=1), batch(3, records("d", base=102), base=102))
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
        worker = self.inline(ONE).welcome(ordering="key")
        worker.send(batch(1, records("abcde", "xyx--")))
        self.assertEqual(self.told(worker, 4), ["a", "b", "d", "e"])
        self.say(worker, "bde")
        while len(worker.answers.get(1, ())) < 3:
            worker.step()
        self.assertEqual(sorted(worker.answers[1]), [1, 3, 4])
        self.say(worker, "a")
        self.assertEqual(worker.told(), "c")
        self.say(worker, "c")
        self.assertEqual(worker.settle(1), ["ok"] * 5)
        self.drained(worker)

    def test_without_order_every_record_runs_by_itself(self):
        worker = self.inline(ONE).welcome(ordering="none")
        worker.send(batch(1, records("a!c")))
        self.assertEqual(self.told(worker, 3), ["!", "a", "c"])
        self.say(worker, "!ac")
        self.assertEqual(worker.settle(1), ["ok", "retry", "ok"])
        self.assertEqual(worker.log()[0], "error")
        self.drained(worker)

    def test_no_more_threads_than_said(self):
        worker = self.inline(ONE, env={"PYTHON_THREADPOOL_THREAD_COUNT": "2"}).welcome()
        worker.send(*[batch(1 + place, records(word), partition=place) for place, word in enumerate("abc")])
        self.assertEqual(self.told(worker, 2), ["a", "b"])
        worker.send(frame(PING, number=5))  # read, though no thread may run the third record
        self.assertEqual(worker.other(PONG), 5)
        self.say(worker, "b")
        self.assertEqual(worker.settle(2), ["ok"])
        self.assertEqual(worker.told(), "c")
        self.say(worker, "ac")
        worker.settle(1, 3)
        self.drained(worker)

    def test_many_lanes_at_once(self):
        words = [chr(0x4e00 + place) for place in range(100)]
        worker = self.inline(ONE.replace("recv(64).decode()", "recv(64)").replace("update(words)", "update(all_words)").replace(
            "def listen", "all_words = [chr(0x4e00 + place) for place in range(100)]\n    def listen")).welcome()
        worker.send(*[batch(1 + place, records([word]), partition=place) for place, word in enumerate(words)])
        self.assertEqual(self.told(worker, 100), words)
        self.say(worker, "g")
        worker.settle(*range(1, 101))
        self.drained(worker)

    def test_failure_holds_the_partition_until_a_higher_run(self):
        worker = self.inline(ONE).welcome()
        self.say(worker, "!acdefg")
        worker.send(batch(1, records("a!c")), batch(2, records("d"), base=103), batch(3, records("e"), partition=1))
        self.assertEqual(worker.settle(1, 2, 3), [["ok", "retry", "release"], ["release"], ["ok"]])
        worker.send(batch(4, records("d"), base=104), batch(5, records("fg"), base=101, run=1, attempt=2),
                    batch(6, records("a"), epoch=2))
        self.assertEqual(worker.settle(4, 5, 6), [["release"], ["ok", "ok"], ["ok"]])

    def test_failure_holds_only_its_key(self):
        worker = self.inline(ONE).welcome(ordering="key")
        self.say(worker, "!abcdefg")
        worker.send(batch(1, records("a!bcd", "xyyx-")), batch(2, records("ef", "yz", 105)), batch(3, records("g", "y"), run=1))
        self.assertEqual(worker.settle(1, 2, 3), [["ok", "retry", "release", "ok", "ok"], ["release", "ok"], ["ok"]])

    def test_cancel_while_the_handler_blocks(self):
        worker = self.inline(ONE).welcome()
        worker.send(batch(1, records("ab")), batch(2, records("c", base=102), base=102), batch(3, records("d"), partition=1))
        self.assertEqual(self.told(worker, 2), ["a", "d"])
        worker.send(cancel(0, 1))
        self.assertEqual(worker.settle(2), ["release"])
        self.say(worker, "ad")
        self.assertEqual(worker.settle(1, 3), [["ok", "release"], ["ok"]])
        worker.send(batch(4, records("e")), batch(5, records("f"), epoch=2))
        self.assertEqual(worker.settle(4), ["release"])
        self.assertEqual(worker.told(), "f")
        self.say(worker, "f")
        worker.settle(5)
        self.drained(worker)

    def test_answers_do_not_wait_for_a_slow_record(self):
        worker = self.inline(ONE).welcome()
        self.say(worker, "a")
        worker.send(batch(1, records("ab")))
        while 0 not in worker.answers.get(1, ()):
            worker.step()
        self.assertEqual([worker.told(), worker.told()], ["a", "b"])
        worker.send(frame(PING, number=9))
        self.assertEqual(worker.other(PONG), 9)
        self.say(worker, "b")
        worker.settle(1)
        self.drained(worker)


    def test_order_of_thousands_on_changing_threads(self):
        # Most calls are quick, some give other threads a turn: the pool grows and shrinks.
        worker = self.inline('''
            import random, threading
            last, inside, guard, wrong, threads = {}, set(), threading.Lock(), [], set()
            def main(kevent: func.KafkaEvent):
                lane = kevent.partition, kevent.key
                with guard:
                    threads.add(threading.get_ident())
                    if lane in inside or last.get(lane, -1) >= kevent.offset:
                        wrong.append(lane)
                    inside.add(lane)
                if random.random() < 0.05:
                    threading.Event().wait(0.002)
                with guard:
                    inside.discard(lane)
                    last[lane] = kevent.offset
                    if kevent.metadata["Value"] == "!":
                        tell(wrong, len(threads) > 1)
        ''').welcome(ordering="key")
        frames, sent = [], 0
        for number in range(80):
            partition, first = number % 4, 100 + number // 4 * 50
            frames.append(batch(number, [dict(envelope("v", first + place, partition, key="key-%d" % (place * place % 7)),
                                              key=b"key-%d" % (place * place % 7)) for place in range(50)],
                                partition=partition, base=first))
        for at in range(0, 80, 8):
            worker.send(*frames[at:at + 8])
            sent += sum(map(len, worker.settle(*range(at, at + 8))))
            self.assertTrue(all(answer[0] == "ok" for number in range(at, at + 8) for answer in worker.answers[number].values()))
        self.assertEqual(sent, 4000)
        worker.send(batch(99, records("!"), partition=9))
        self.assertEqual(worker.told(), [[], True])
        self.drained(worker)


class ManyTest(LanesTest):
    def test_side_by_side_over_partitions(self):
        worker = self.inline(MANY).welcome("many")
        worker.send(batch(1, records("a"), more=True), batch(2, records("b"), partition=1), batch(3, records("c"), partition=1, base=101),
                    batch(4, records("d"), partition=2))
        self.assertEqual(sorted([worker.told(), worker.told()]), [["a", "b"], ["d"]])
        self.say(worker, "a")
        self.assertEqual(worker.settle(1, 2), [["ok"], ["ok"]])
        self.assertEqual(worker.told(), ["c"])
        self.say(worker, "cd")
        worker.settle(3, 4)
        self.drained(worker)

    def test_failure_and_hold(self):
        worker = self.inline(MANY).welcome("many")
        self.say(worker, "!abcdef")
        worker.send(batch(1, records("!b")), batch(2, records("c"), base=102, more=True), batch(3, records("d"), partition=1))
        self.assertEqual(worker.settle(1, 2, 3), [["retry", "retry"], ["release"], ["ok"]])
        worker.send(batch(4, records("ab"), run=1, attempt=2))
        self.assertEqual(worker.settle(4), ["ok", "ok"])
        self.assertEqual([worker.told() for _ in range(3)], [["!", "b"], ["d"], ["a", "b"]])


class EndTest(LanesTest):
    def blocked(self, **options):
        worker = self.inline(ONE, **options).welcome()
        worker.send(batch(1, records("ab")), batch(2, records("c"), partition=1))
        self.assertEqual(self.told(worker, 2), ["a", "c"])
        return worker

    def test_drain_waits_for_what_runs(self):
        worker = self.blocked()
        worker.send(batch(3, records("d", base=102), base=102), drain())
        self.assertEqual(worker.settle(3), ["release"])
        self.say(worker, "ac")
        self.assertEqual(worker.settle(1, 2), [["ok", "release"], ["ok"]])
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish(), (0, "", ""))

    def test_drain_does_not_wait_for_ever(self):
        worker = self.blocked()
        worker.send(drain(50))
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish()[0], 0)

    def test_sigterm_shows_where_each_thread_is(self):
        worker = self.blocked()
        worker.send(batch(3, records("d", base=102), base=102), frame(PING, number=1))
        self.assertEqual(worker.other(PONG), 1)
        worker.process.send_signal(signal.SIGTERM)
        self.assertEqual(worker.settle(3), ["release"])
        self.say(worker, "ac")
        self.assertEqual(worker.settle(1, 2), [["ok", "release"], ["ok"]])
        self.assertEqual(worker.other(BYE)["code"], "drained")
        status, _, errors = worker.finish()
        self.assertEqual((status, errors.count("told to stop while the handler runs")), (0, 2))
        self.assertEqual(errors.count("in main\n    wait_for(word)"), 2)
        self.assertNotIn("_pool.py", errors)

    def test_the_daemon_is_gone(self):
        worker = self.blocked()
        worker.socket.close()
        worker.process.wait(DEADLINE_S)
        self.assertEqual(worker.process.returncode, 69)

    def test_broken_protocol_on_whatever_thread(self):
        worker = self.blocked()
        worker.send(frame(BYE + 1))
        self.assertEqual(worker.other(BYE)["code"], "protocol_error")
        self.assertEqual(worker.finish()[0], 70)

    def test_what_comes_after_sigterm_is_released_at_once(self):
        worker = self.blocked()
        worker.send(batch(3, records("d", base=102), base=102), frame(PING, number=1))
        self.assertEqual(worker.other(PONG), 1)
        worker.process.send_signal(signal.SIGTERM)
        self.assertEqual(worker.settle(3), ["release"])
        worker.send(batch(4, records("e", base=103), base=103))
        self.assertEqual(worker.settle(4), ["release"])
        self.say(worker, "ac")
        worker.settle(1, 2)
        self.assertEqual(worker.other(BYE)["code"], "drained")
