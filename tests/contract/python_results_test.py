"""Results per record of the Python SDK (PROTOCOL.md sections 5 and 9): Retry, DeadLetter, Drop and BatchError."""

import sys
import unittest

import python_daemon as daemon
from python_daemon import WorkerTest, batch, cancel, record

sys.path.insert(0, str(daemon.SDK))

import triggerd  # noqa: E402
from triggerd import _wire  # noqa: E402
from triggerd._failure import failures_of  # noqa: E402

# What a value asks for: the error that is raised for its record.
ERRORS = '''
    def error_of(value):
        word, _, rest = value.partition(" ")
        return {"retry": lambda: triggerd.Retry(rest), "later": lambda: triggerd.Retry("busy", after=float(rest)),
                "dead": lambda: triggerd.DeadLetter(rest), "drop": lambda: triggerd.Drop(rest),
                "bad": lambda: KeyError(rest), "text": lambda: rest}.get(word, lambda: None)()
'''
ONE = ERRORS + '''
    %s handle(record):
        tell(record.value, record.attempt)
        error = error_of(record.value)
        if error is not None:
            raise error
'''
# Where the first value is "whole WORD …" the handler raises that for the batch.
MANY = ERRORS + '''
    %s handle(batch):
        tell(batch.values)
        if "wait" in batch.values:
            wait()
        if batch.values[0].startswith("whole "):
            raise error_of(batch.values[0][6:])
        errors = {index: error_of(value) for index, value in enumerate(batch.values)}
        errors = {index: error for index, error in errors.items() if error is not None}
        if errors:
            raise triggerd.BatchError(errors)
'''
KINDS = ("def", "async def")


class FailuresTest(unittest.TestCase):
    """What was raised, as outcomes; and what these exceptions refuse."""

    def test_batches_are_cut_into_their_parts(self):
        error = triggerd.BatchError({0: triggerd.Drop("a"), 2: triggerd.DeadLetter("b"), 3: "c", 6: triggerd.Retry("d", 2)})
        self.assertEqual(failures_of(error, [3, 1, 2, 1]), [
            {0: (_wire.DROP, 0, "a"), 2: (_wire.DEAD_LETTER, 0, "b")}, {0: (_wire.RETRY, 0, "c")}, {},
            {0: (_wire.RETRY, 2000, "d")}])
        self.assertEqual(failures_of(None, [3, 1]), [{}, {}])
        drop = _wire.DROP, 0, "all"
        self.assertEqual(failures_of(triggerd.Drop("all"), [2, 1]), [{0: drop, 1: drop}, {0: drop}])

    def test_an_index_that_the_batch_does_not_have_fails_it_whole(self):
        wrong = _wire.RETRY, 0, "IndexError: BatchError names record 4 of a batch of 4"
        error = triggerd.BatchError({0: triggerd.Drop(), 4: triggerd.Drop()})
        self.assertEqual(failures_of(error, [3, 1]), [{0: wrong, 1: wrong, 2: wrong}, {0: wrong}])

    def test_what_is_refused(self):
        retry, drop, batch_error, dead = triggerd.Retry, triggerd.Drop, triggerd.BatchError, triggerd.DeadLetter
        for name, kind, make in (("negative wait", ValueError, lambda: retry(after=-0.001)),
                                 ("no number", ValueError, lambda: retry(after=float("nan"))),
                                 ("a wait in place of the reason", TypeError, lambda: retry(30)),
                                 ("no reason", TypeError, lambda: drop(None)), ("bytes", TypeError, lambda: dead(b"x")),
                                 ("no errors", ValueError, lambda: batch_error({})),
                                 ("negative index", ValueError, lambda: batch_error({-1: drop()})),
                                 ("no index", TypeError, lambda: batch_error({"0": drop()})),
                                 ("None for an error", TypeError, lambda: batch_error({0: None})),
                                 ("a class for an error", TypeError, lambda: batch_error({0: triggerd.Drop})),
                                 ("one within the other", TypeError, lambda: batch_error({0: batch_error({0: "x"})})),
                                 ("a list", TypeError, lambda: batch_error([drop()]))):
            with self.subTest(name), self.assertRaises(kind):
                make()

    def test_waits_and_reasons(self):
        for error, outcome in ((triggerd.Retry("r", 0), (_wire.RETRY, 1, "r")),
                               (triggerd.Retry("r", 0.0001), (_wire.RETRY, 1, "r")),
                               (triggerd.Retry("r", 1.5), (_wire.RETRY, 1500, "r")),
                               (triggerd.Retry("r", float("inf")), (_wire.RETRY, 2 ** 32 - 1, "r")),
                               (triggerd.Retry(), (_wire.RETRY, 0, "the handler asked for a retry")),
                               (triggerd.DeadLetter(), (_wire.DEAD_LETTER, 0, "the handler gave it up")),
                               (triggerd.DeadLetter(KeyError("x")), (_wire.DEAD_LETTER, 0, "KeyError: 'x'")),
                               (triggerd.Drop(), (_wire.DROP, 0, "the handler dropped it"))):
            self.assertEqual(failures_of(error, [1]), [{0: outcome}])


class OneTest(WorkerTest):
    TRACEBACK, WRONG_INDEX = "Traceback", "IndexError"

    def test_each_result(self):
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker(ONE % define).welcome(data_type="string", ordering="none")
                worker.send(batch(1, [b"a", b"retry r", b"later 1.5", b"dead d", b"drop o", b"bad x", b"b"]))
                self.assertEqual(worker.settle(1), ["ok", "retry", "retry", "deadLetter", "drop", "retry", "ok"])
                self.assertEqual([worker.answers[1][index][1:] for index in range(7)], [
                    (0, ""), (0, "r"), (1500, "busy"), (0, "d"), (0, "o"), (0, "KeyError: 'x'"), (0, "")])
                errors = worker.errors()
                self.assertEqual(errors.count(self.TRACEBACK), 1, errors)
                self.assertIn("KeyError: 'x'", errors)

    def test_only_a_retry_holds_the_lane(self):
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker(ONE % define).welcome(data_type="string")
                worker.send(batch(1, [b"dead d", b"drop o", b"a"]), batch(2, [b"b", b"retry r", b"dead d"], base=103),
                            batch(3, [b"drop o"], base=106), batch(4, [b"c", b"d"], base=104, run=1, attempt=2))
                self.assertEqual(worker.settle(1, 2, 3, 4), [
                    ["deadLetter", "drop", "ok"], ["ok", "retry", "release"], ["release"], ["ok", "ok"]])

    def test_the_attempt_reaches_the_handler(self):
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker(ONE % define).welcome(data_type="string")
                worker.send(batch(1, [b"a"]), batch(2, [b"b"], base=101, attempt=4_000_000_000))
                worker.settle(1, 2)
                self.assertEqual([worker.told(), worker.told()], [["a", 1], ["b", 4_000_000_000]])

    def test_keys_are_held_one_by_one(self):
        """A failed key waits for its own higher run; other keys of the partition come in higher and lower ones meanwhile."""
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker(ONE % define).welcome(data_type="string", ordering="key")
                worker.send(batch(1, [record(b"retry", b"x"), record(b"retry", b"y"), record(b"a", b"z"), record(b"retry")], run=1))
                self.assertEqual(worker.settle(1), ["retry", "retry", "ok", "retry"])
                worker.send(batch(2, [record(b"b", b"y"), record(b"c", b"z"), record(b"d")], run=2, base=110),
                            batch(3, [record(b"e", b"x"), record(b"f", b"y"), record(b"g", b"z"), record(b"h")], run=1, base=120),
                            batch(4, [record(b"i", b"z")], run=7, base=130), batch(5, [record(b"j", b"x")], run=1, base=140),
                            batch(6, [record(b"k", b"x")], run=3, base=150), batch(7, [record(b"l", b"x")], run=3, base=160))
                self.assertEqual(worker.settle(2, 3, 4, 5, 6, 7), [
                    ["ok", "ok", "ok"], ["release", "ok", "ok", "ok"], ["ok"], ["release"], ["ok"], ["ok"]])

    def test_without_a_key_nothing_waits(self):
        for ordering in ("key", "none"):
            for define in KINDS:
                with self.subTest(ordering, define=define):
                    worker = self.worker(ONE % define).welcome(data_type="string", ordering=ordering)
                    worker.send(batch(1, [b"retry", b"a", b"retry"]), batch(2, [b"b"], base=103))
                    self.assertEqual(worker.settle(1, 2), [["retry", "ok", "retry"], ["ok"]])

    def test_a_record_alone_is_a_batch_of_one(self):
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker('''
                    %s handle(record):
                        raise triggerd.BatchError({record.offset: triggerd.Drop("it")})
                ''' % define).welcome(ordering="none")
                worker.send(batch(1, [b"a", b"b"], base=0))
                self.assertEqual(worker.settle(1), ["drop", "retry"])
                self.assertEqual(worker.answers[1][1][2], self.WRONG_INDEX + ": BatchError names record 1 of a batch of 1")


class ManyTest(WorkerTest):
    TRACEBACK = "Traceback"
    NEVER_RAISED = 0  # tracebacks of an error that was made but not raised

    def test_each_result_in_its_partition(self):
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker(MANY % define).welcome("many", "string")
                worker.send(batch(1, [b"a", b"drop o"], partition=0, more=True),
                            batch(2, [b"later 2", b"b", b"dead d"], partition=1, more=True),
                            batch(3, [b"c"], partition=2, more=True), batch(4, [b"text why", b"bad x"], partition=3))
                self.assertEqual(worker.settle(1, 2, 3, 4), [
                    ["ok", "drop"], ["retry", "ok", "deadLetter"], ["ok"], ["retry", "retry"]])
                self.assertEqual([worker.answers[1][1], worker.answers[2][0], worker.answers[2][2], worker.answers[4][0],
                                  worker.answers[4][1]],
                                 [("drop", 0, "o"), ("retry", 2000, "busy"), ("deadLetter", 0, "d"), ("retry", 0, "why"),
                                  ("retry", 0, "KeyError: 'x'")])
                self.assertEqual(worker.errors().count(self.TRACEBACK), self.NEVER_RAISED, worker.errors())

    def test_of_the_whole_batch(self):
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker(MANY % define).welcome("many", "string", ordering="none")
                worker.send(batch(1, [b"whole drop o", b"a"], more=True), batch(2, [b"b"], partition=1),
                            batch(3, [b"whole dead d", b"a"]), batch(4, [b"whole later 3"]), batch(5, [b"whole bad x", b"a"]))
                self.assertEqual(worker.settle(1, 2, 3, 4, 5), [
                    ["drop"] * 2, ["drop"], ["deadLetter"] * 2, ["retry"], ["retry"] * 2])
                self.assertEqual(worker.answers[4][0], ("retry", 3000, "busy"))
                self.assertEqual(worker.errors().count(self.TRACEBACK), 1)

    def test_what_the_handler_has_seen_is_settled_and_what_follows_waits(self):
        """Of one lane: the record behind the failed one is answered as the handler says; later invocations are released."""
        lanes = {"partition": (["release"], ["release"], ["ok"], ["ok", "ok"]),
                 "key": (["release"], ["ok"], ["ok"], ["ok", "ok"]), "none": (["ok"], ["ok"], ["ok"], ["ok", "ok"])}
        for ordering, later in lanes.items():
            for define in KINDS:
                with self.subTest(ordering, define=define):
                    worker = self.worker(MANY % define).welcome("many", "string", ordering=ordering)
                    worker.send(batch(1, [record(b"a", b"x"), record(b"retry r", b"x"), record(b"b", b"x"),
                                          record(b"dead d", b"y"), record(b"drop o", b"x")]),
                                batch(2, [record(b"c", b"x")], base=105), batch(3, [record(b"d", b"y")], base=106),
                                batch(4, [record(b"other", b"x")], partition=1),
                                batch(5, [record(b"again", b"x"), record(b"c", b"x")], base=101, run=1, attempt=2))
                    self.assertEqual(worker.settle(1, 2, 3, 4, 5), [["ok", "retry", "ok", "deadLetter", "drop"], *later])

    def test_a_hold_of_one_of_several_partitions(self):
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker(MANY % define).welcome("many", "string")
                worker.send(batch(1, [b"a"], partition=0, more=True), batch(2, [b"retry r", b"b"], partition=1),
                            batch(3, [b"c"], partition=0, base=101, more=True), batch(4, [b"d"], partition=1, base=102))
                self.assertEqual(worker.settle(1, 2, 3, 4), [["ok"], ["retry", "ok"], ["ok"], ["release"]])

    def test_indices_are_those_the_handler_saw(self):
        """Also where records were taken out before the call: of held keys here, of a cancelled partition below."""
        for define in KINDS:
            with self.subTest(define):
                worker = self.worker(MANY % define).welcome("many", "string", ordering="key")
                worker.send(batch(1, [record(b"retry r", b"x")]),
                            batch(2, [record(b"a", b"x"), record(b"b", b"y"), record(b"c", b"x"), record(b"drop o", b"z")],
                                  base=101, more=True),
                            batch(3, [record(b"dead d", b"x"), record(b"later 1", b"y")], partition=1),
                            batch(4, [record(b"d", b"y"), record(b"e", b"z")], partition=1, base=102),
                            batch(5, [record(b"f", b"y"), record(b"g", b"x")], base=105))
                self.assertEqual(worker.settle(1, 2, 3, 4, 5), [
                    ["retry"], ["release", "ok", "release", "drop"], ["deadLetter", "retry"], ["release", "ok"],
                    ["ok", "release"]])
                self.assertEqual(worker.told(), ["retry r"])
                self.assertEqual(worker.told(), ["b", "drop o", "dead d", "later 1"])
                self.assertEqual(sorted([worker.told(), worker.told()]), [["e"], ["f"]])

    def test_indices_behind_a_cancelled_partition(self):
        worker = self.worker(MANY % "def").welcome("many", "string")
        worker.send(batch(1, [b"wait"], partition=1), batch(2, [b"a", b"b"], partition=1, base=101, more=True),
                    batch(3, [b"c", b"drop o"], partition=2))
        self.assertEqual(worker.told(), ["wait"])
        worker.send(cancel(1, epoch=1))
        worker.go()
        self.assertEqual(worker.settle(1, 2, 3), [["ok"], ["release"] * 2, ["ok", "drop"]])

    def test_a_wrong_batch_error_fails_the_batch(self):
        for define in KINDS:
            for errors, reason in (("{3: triggerd.Drop()}", "IndexError: BatchError names record 3 of a batch of 3"),
                                   ("{0: triggerd.Drop(), -1: triggerd.Drop()}", "ValueError: the index of a record is at least 0"),
                                   ("{}", "ValueError: a BatchError names the records that failed"),
                                   ("{1: None}", "TypeError: the error of record 1 must be an exception or text")):
                with self.subTest(errors, define=define):
                    worker = self.worker('''
                        %s handle(batch):
                            raise triggerd.BatchError(%s)
                    ''' % (define, errors)).welcome("many")
                    worker.send(batch(1, [b"a", b"b"], more=True), batch(2, [b"c"], partition=1), batch(3, [b"d"], base=102))
                    self.assertEqual(worker.settle(1, 2, 3), [["retry"] * 2, ["retry"], ["release"]])
                    self.assertIn(reason, worker.answers[2][0][2])
                    self.assertIn("in handle\n    raise triggerd.BatchError(", worker.errors())

    def test_tracebacks_of_what_was_caught(self):
        worker = self.worker('''
            def handle(batch):
                errors = {}
                for index, value in enumerate(batch.values):
                    try:
                        1 / int(value)
                    except (ArithmeticError, ValueError) as error:
                        errors[index] = error
                raise triggerd.BatchError(errors)
        ''').welcome("many")
        worker.send(batch(1, [b"1", b"0", b"x"]))
        self.assertEqual(worker.settle(1), ["ok", "retry", "retry"])
        self.assertEqual(worker.answers[1][1][2], "ZeroDivisionError: division by zero")
        self.assertEqual(worker.errors().count("Traceback"), 2)


if __name__ == "__main__":
    unittest.main()
