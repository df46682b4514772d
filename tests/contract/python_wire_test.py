"""The Python SDK's parts: columns, frames in any pieces, answers, and what may be run. python_vectors_test.py has the golden bytes."""

import random
import socket
import struct
import sys
import unittest

import python_daemon as daemon

sys.path.insert(0, str(daemon.SDK))

from triggerd import Batch, NotText, _wire  # noqa: E402
from triggerd._answers import Answers  # noqa: E402
from triggerd._columns import Columns  # noqa: E402
from triggerd._gate import WHOLE, Gate  # noqa: E402
from triggerd._records import Part  # noqa: E402
from triggerd._session import Connection, EndOfStream  # noqa: E402
from triggerd._outbox import Outbox  # noqa: E402


def part_of(frame, as_text=False):
    return Part(Columns(frame[16:]), as_text)


class ColumnsTest(unittest.TestCase):
    def test_null_is_not_empty(self):
        headers = [("a", b"1"), ("a", None), ("", b""), ("é", b"\xff")]
        frame = daemon.batch(1, [daemon.record(b"", b"", headers), daemon.record(None, None), daemon.record(b"x", b"k")])
        part = part_of(frame)
        self.assertEqual(part.values, [b"", None, b"x"])
        self.assertEqual(part.keys, [b"", None, b"k"])
        self.assertEqual(part.headers, [headers, [], []])
        self.assertEqual(part[0].header("a", b"none"), None)
        self.assertEqual(part[1].header("a", b"none"), b"none")
        self.assertIsNone(part[1].json())

    def test_text(self):
        part = part_of(daemon.batch(1, [daemon.record("é€".encode(), "ключ".encode()), daemon.record(None),
                                        daemon.record(b'{"a":1}')]), as_text=True)
        self.assertEqual(part.values, ["é€", None, '{"a":1}'])
        self.assertEqual(part.keys, ["ключ", None, None])
        self.assertEqual(part[0].raw, "é€".encode())
        self.assertEqual(part[2].json(), {"a": 1})
        ascii_part = part_of(daemon.batch(1, [b"ab", None, b"", b"c"]), as_text=True)
        self.assertEqual(ascii_part.values, ["ab", None, "", "c"])

    def test_not_text_is_never_replaced(self):
        part = part_of(daemon.batch(1, [daemon.record(b"good", "ü".encode()), daemon.record(b"\xffbad", b"\xfe")]), as_text=True)
        with self.assertRaisesRegex(NotText, r"the value of orders/0@101 is not UTF-8: invalid start byte at byte 0"):
            part.values
        self.assertEqual(part[0].value, "good")
        self.assertEqual(part[0].key, "ü")
        for read in (lambda: part[1].value, lambda: part[1].key, lambda: part[1].json()):
            with self.assertRaises(NotText):
                read()
        self.assertEqual((part[1].raw, part[1].raw_key), (b"\xffbad", b"\xfe"))

    def test_text_of_binary(self):
        part = part_of(daemon.batch(1, ["é".encode(), b"\xff"]))
        self.assertEqual((part[0].value, part[0].text), ("é".encode(), "é"))
        with self.assertRaises(NotText):
            part[1].text

    def test_batch_of_parts(self):
        first = part_of(daemon.batch(1, [b"a", b"b"], partition=1, base=10))
        second = part_of(daemon.batch(2, [b"c"], topic="other", partition=2, base=70, attempt=3))
        batch = Batch([first, second])
        self.assertEqual(batch.values, [b"a", b"b", b"c"])
        self.assertEqual(batch.offsets, [10, 11, 70])
        self.assertEqual([(r.topic, r.partition, r.offset, r.value, r.attempt) for r in batch],
                         [("orders", 1, 10, b"a", 1), ("orders", 1, 11, b"b", 1), ("other", 2, 70, b"c", 3)])
        self.assertEqual((len(batch), batch.attempt, batch[-1].value, batch[1].value), (3, 3, b"c", b"b"))
        for index in (3, -4):
            with self.assertRaises(IndexError):
                batch[index]
            with self.assertRaises(IndexError):
                Batch([first])[index]

    def test_picked(self):
        part = part_of(daemon.batch(1, [
            daemon.record(b"\xff", b"a", [("h", b"0")], 5, 1000), daemon.record("é".encode(), b"b", [], 9, 1001),
            daemon.record(None, None, [("h", None)], 12, 999)]), as_text=True).pick([1, 2])
        self.assertEqual(part.values, ["é", None])
        self.assertEqual((part.keys, part.offsets, part.timestamps), (["b", None], [9, 12], [1001, 999]))
        self.assertEqual(part.headers, [[], [("h", None)]])
        self.assertEqual([record.offset for record in part], [9, 12])

    def test_random_batches(self):
        for seed in range(200):
            random_ = random.Random(seed)
            records, offset = [], random_.randrange(10 ** 12)
            stamped = random_.random() < 0.7
            for _ in range(random_.randrange(1, 40)):
                offset += random_.randrange(1, 4)
                headers = [("h%d" % i, random_.choice([None, b"", b"\x00x"])) for i in range(random_.randrange(3))]
                records.append(daemon.record(random_.choice([None, b"", random_.randbytes(random_.randrange(30))]),
                                             random_.choice([None, b"", b"key"]), headers, offset,
                                             10 ** 12 + random_.randrange(-1000, 1000) if stamped else None))
            with self.subTest(seed=seed):
                part = part_of(daemon.batch(1, records))
                self.assertEqual([{"value": r.value, "key": r.key, "headers": r.headers, "offset": r.offset,
                                   "timestamp": r.timestamp} for r in part], records)

    def test_any_damage_is_refused_or_read(self):
        """Whatever a payload holds: Malformed or a batch, and never another exception."""
        whole = bytearray(daemon.batch(1, [daemon.record(b"value", b"key", [("n", b"v")], timestamp=1)] * 3)[16:])
        random_ = random.Random(7)
        for _ in range(3000):
            damaged = bytearray(whole)
            for _ in range(random_.randrange(1, 4)):
                damaged[random_.randrange(len(damaged))] = random_.randrange(256)
            damaged = damaged[:random_.choice([len(damaged), random_.randrange(len(damaged))])]
            try:
                for record in Part(Columns(bytes(damaged)), False):
                    record.value, record.key, record.headers, record.offset, record.timestamp
            except _wire.Malformed:
                pass


class ConnectionTest(unittest.TestCase):
    def pair(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        return ours, Connection(theirs)

    def test_any_pieces(self):
        for seed in range(12):
            with self.subTest(seed=seed):
                self.check_pieces(random.Random(seed))

    def check_pieces(self, random_):
        sizes = random_.choice([[0, 1, 9, 5000], [9, 70_000], [0, 9, 5000, 300_000]])
        frames = [daemon.batch(number, [random_.randbytes(random_.choice(sizes)) for _ in range(random_.randrange(1, 4))])
                  for number in range(40)]
        frames += [daemon.frame(daemon.PING, number=77)] * 5
        random_.shuffle(frames)
        stream = b"".join(frames)
        ours, connection = self.pair()
        ours.setblocking(False)
        got, at = [], 0
        while len(got) < len(frames):
            step = random_.choice([1, 7, 16, 100, 65536, 10 ** 6])
            try:
                at += ours.send(stream[at:at + step])
            except BlockingIOError:
                pass
            if random_.random() < 0.7:
                connection.receive(False)
            found = connection.next_frame()
            while found is not None:
                kind, flags, number, payload = found
                got.append(struct.pack("<IBBHQ", len(payload), kind, flags, 0, number) + bytes(payload))
                found = connection.next_frame()
        self.assertEqual(got, frames)
        ours.close()
        with self.assertRaises(EndOfStream):
            connection.receive(True)

    def test_limits(self):
        for header, text in ((struct.pack("<IBBHQ", (256 << 20) + 8, 3, 0, 0, 1), "over the limit"),
                             (struct.pack("<IBBHQ", 7, 3, 0, 0, 1), "multiple of 8"),
                             (struct.pack("<IBBHQ", 8, 12, 0, 0, 1), "type 12"),
                             (struct.pack("<IBBHQ", 65544, 2, 0, 0, 0), "over the limit")):
            ours, connection = self.pair()
            ours.sendall(header)
            connection.receive(True)
            with self.assertRaisesRegex(_wire.Malformed, text):
                connection.next_frame()


class AnswersTest(unittest.TestCase):
    def taken(self, answers):
        raw = answers.take()
        found = []
        while raw:
            length, kind, _, _, number = struct.unpack_from("<IBBHQ", raw)
            self.assertEqual((kind, number), (daemon.ACK, answers.id))
            found.append(daemon.answers_of(raw[16:16 + length]))
            raw = raw[16 + length:]
        return found

    def test_all_ok_is_24_bytes(self):
        answers = Answers(9, 500)
        answers.done = 100
        self.assertEqual(self.taken(answers), [[(0, 99, "ok", 0, "")]])
        self.assertEqual(answers.take(), b"")
        answers.all_ok()
        self.assertTrue(answers.finished())
        self.assertEqual(len(answers.take()), 24)
        self.assertEqual(answers.take(), b"")

    def test_in_order_with_failures(self):
        answers = Answers(9, 6)
        answers.done = 2
        answers.fail(2, 2, (_wire.RETRY, 1500, "why"))
        answers.done = 4
        self.assertFalse(answers.finished())
        answers.release(4, 5)
        self.assertTrue(answers.finished())
        self.assertEqual(self.taken(answers), [[(0, 1, "ok", 0, ""), (2, 2, "retry", 1500, "why"), (3, 3, "ok", 0, ""),
                                                (4, 5, "release", 0, "")]])

    def test_out_of_order_become_ranges(self):
        answers = Answers(9, 9)
        for index in (3, 1, 2, 7):
            answers.ok(index)
        answers.release(5, 5)
        answers.release(4, 4)
        self.assertEqual(self.taken(answers), [[(1, 3, "ok", 0, ""), (4, 5, "release", 0, ""), (7, 7, "ok", 0, "")]])
        for index in (0, 6, 8):
            answers.ok(index)
        self.assertEqual(self.taken(answers), [[]])

    def test_failures_told_before_do_not_hinder_the_short_form(self):
        answers = Answers(9, 3)
        answers.fail(1, 1, (_wire.RETRY, 0, "x"))
        self.assertEqual(self.taken(answers), [[(1, 1, "retry", 0, "x")]])
        answers.ok(0)
        answers.ok(2)
        self.assertEqual(self.taken(answers), [[]])

    def test_reasons_are_cut_between_characters(self):
        answers = Answers(9, 1)
        answers.fail(0, 0, (_wire.RETRY, 0, "a" + "é" * 4000))
        reason = self.taken(answers)[0][0][4]
        self.assertEqual(len(reason.encode()), 4095)
        answers = Answers(9, 1)
        answers.fail(0, 0, (_wire.DROP, 0, "\udcff"))
        self.assertEqual(self.taken(answers)[0][0][4], "\\udcff")

    def test_many_reasons_stay_within_a_frame(self):
        answers = Answers(9, 5000)
        for index in range(5000):
            answers.fail(index, index, (_wire.RETRY, 0, str(index) + "x" * 4000))
        frames = self.taken(answers)
        self.assertGreater(len(frames), 10)
        self.assertEqual([answer[0] for frame in frames for answer in frame], list(range(5000)))

    def test_random_histories(self):
        """However answers are given and taken, each record gets exactly the one it was given."""
        for seed in range(300):
            random_ = random.Random(seed)
            count = random_.randrange(1, 30)
            answers, given, told = Answers(1, count), {}, {}
            left = list(range(count))
            while left:
                index = left.pop(random_.randrange(len(left)))
                code = random_.choice([_wire.OK] * 4 + [_wire.RETRY, _wire.DEAD_LETTER, _wire.DROP, _wire.RELEASE])
                given[index] = daemon.NAMES[code]
                answers.ok(index) if code == _wire.OK else answers.release(index, index) if code == _wire.RELEASE \
                    else answers.fail(index, index, (code, 0, "r"))
                if random_.random() < 0.3 or not left:
                    for frame in self.taken(answers):
                        for first, last, code, *_ in frame or [(0, count - 1, "ok")]:
                            for told_index in range(first, last + 1):
                                told.setdefault(told_index, code)
            self.assertEqual(told, given, "seed %d" % seed)


class OutboxTest(unittest.TestCase):
    def test_ok_for_the_rest_does_not_overtake_a_failure(self):
        """While one thread sends a part of a batch's answers, the other cannot send the end of them."""
        sent = []

        class Recorder:
            def send(self, data):
                locked.append(outbox.lock.locked())
                sent.append(data)

        locked = []
        outbox, answers = Outbox(Recorder()), Answers(9, 3)
        outbox.begin(answers)
        outbox.fail(answers, 0, (_wire.RETRY, 0, "failed"))
        answers.done = 3
        self.assertTrue(outbox.flush())
        self.assertEqual(locked, [True])
        self.assertEqual(daemon.answers_of(sent[0][16:]), [(0, 0, "retry", 0, "failed"), (1, 2, "ok", 0, "")])


class GateTest(unittest.TestCase):
    def columns(self, run=0, epoch=1, partition=0, keys=(b"a",)):
        return Columns(daemon.batch(1, [daemon.record(b"v", key) for key in keys], partition=partition, epoch=epoch,
                                    run=run)[16:])

    def test_run_rule(self):
        gate = Gate("partition")
        gate.hold(self.columns(run=3), [WHOLE])
        for run, epoch, partition, held in ((2, 1, 0, True), (3, 1, 0, True), (0, 1, 1, False), (3, 2, 0, False),
                                            (3, 0, 0, False), (4, 1, 0, False), (3, 1, 0, False)):
            with self.subTest(run=run, epoch=epoch, partition=partition):
                self.assertEqual(gate.held(self.columns(run, epoch, partition), WHOLE), held)
        self.assertFalse(gate.holding)

    def test_keys_are_lanes(self):
        gate = Gate("key")
        gate.hold(self.columns(run=0), [b"a", b""])
        for key, held in ((b"a", True), (b"", True), (None, False), (b"b", False)):
            self.assertEqual(gate.held(self.columns(run=0), key), held, key)
        columns = self.columns(0, keys=(b"b", b"a", None, b"b", b""))
        self.assertEqual(gate.admitted(columns, Part(columns, False)), [0, 2, 3])
        columns = self.columns(1, keys=(b"b", b"a", b""))
        self.assertIsNone(gate.admitted(columns, Part(columns, False)))
        self.assertFalse(gate.holding)

    def test_a_record_without_a_key_is_never_held(self):
        gate = Gate("key")
        gate.hold(self.columns(keys=(None,)), [None])
        self.assertFalse(gate.holding)
        columns = self.columns(keys=(None, b"a", None))
        self.assertEqual(gate.lanes(Part(columns, False)), {b"a"})

    def test_a_hold_is_ended_by_its_own_lane_alone(self):
        """Runs are a lane's affair: of one partition, other keys come in higher and in lower ones meanwhile."""
        gate = Gate("key")
        gate.hold(self.columns(run=3), [b"a"])
        gate.hold(self.columns(run=5), [b"b"])
        for key, run, held in ((b"c", 9, False), (b"b", 6, False), (b"a", 3, True), (b"c", 2, False), (b"b", 5, False),
                               (b"a", 2, True), (b"a", 4, False), (b"a", 3, False)):
            self.assertEqual(gate.held(self.columns(run=run), key), held, (key, run))
        self.assertFalse(gate.holding)

    def test_only_a_retry_holds(self):
        """Of an attempt with a batch: the lanes of the records that are to be tried again."""
        columns = self.columns(keys=(b"a", b"b", b"c", None, b"d"))
        failures = {0: (_wire.DEAD_LETTER, 0, ""), 1: (_wire.RETRY, 0, ""), 2: (_wire.DROP, 0, ""), 3: (_wire.RETRY, 0, "")}
        for ordering, held in (("key", {b"b"}), ("partition", {WHOLE}), ("none", set())):
            gate = Gate(ordering)
            gate.attempted(columns, Part(columns, False), failures)
            lanes = (b"a", b"b", b"c", None, b"d", WHOLE)
            self.assertEqual({lane for lane in lanes if gate.held(columns, lane)}, held, ordering)
            gate = Gate(ordering)
            gate.attempted(columns, Part(columns, False), {0: (_wire.DEAD_LETTER, 0, ""), 2: (_wire.DROP, 0, "")})
            self.assertFalse(gate.holding, ordering)

    def test_no_order_holds_nothing(self):
        gate = Gate("none")
        gate.hold(self.columns(), [WHOLE])
        self.assertFalse(gate.holding)

    def test_cancel_and_drain(self):
        gate = Gate("partition")
        gate.cancel("orders", 0, 4)
        gate.cancel("orders", 0, 2)
        for epoch, partition, closed in ((4, 0, True), (1, 0, True), (5, 0, False), (1, 1, False)):
            self.assertEqual(gate.closed(self.columns(epoch=epoch, partition=partition)), closed)
        gate.draining = True
        self.assertTrue(gate.closed(self.columns(epoch=9)))

    def test_too_many_held_lanes_become_all_of_their_runs(self):
        """Keys that failed here and were delivered again elsewhere do not pile up; none is let through early."""
        gate = Gate("key")
        for run in range(2500):
            gate.hold(self.columns(run=run), [b"%d" % run])
            self.assertLessEqual(len(gate._held["orders", 0].runs), 1000)
        for key, run, held in ((b"0", 0, True), (b"1500", 1500, True), (b"2499", 2499, True), (b"other", 1000, True),
                               (b"other", 2499, False), (b"0", 2500, False), (None, 0, False)):
            self.assertEqual(gate.held(self.columns(run=run), key), held, (key, run))


if __name__ == "__main__":
    unittest.main()
