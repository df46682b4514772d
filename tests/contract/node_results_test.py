"""Results per record of the Node SDK (PROTOCOL.md sections 5 and 9): Retry, DeadLetter, Drop and BatchError."""

import unittest

import python_results_test as ours
from node_daemon import NodeTest, setUpModule  # noqa: F401
from python_daemon import batch

# What a value asks for: the error that is thrown for its record.
ERRORS = '''
    function errorOf(value) {
      const [word, ...words] = value.split(" ");
      const rest = words.join(" ");
      return { retry: () => new triggerd.Retry(rest), later: () => new triggerd.Retry("busy", { after: Number(rest) }),
               dead: () => new triggerd.DeadLetter(rest), drop: () => new triggerd.Drop(rest),
               bad: () => new KeyError(`'${rest}'`), text: () => rest }[word]?.() ?? null;
    }
'''
ONE = ERRORS + '''
    export %s handle(record) {
      tell(record.value, record.attempt);
      const error = errorOf(record.value);
      if (error !== null) throw error;
    }
'''
# Where the first value is "whole WORD …" the handler throws that for the batch.
MANY = ERRORS + '''
    export %s handle(batch) {
      tell(batch.values);
      if (batch.values.includes("wait")) wait();
      if (batch.values[0].startsWith("whole ")) throw errorOf(batch.values[0].slice(6));
      const errors = batch.values.map((value, index) => [index, errorOf(value)]).filter(([, error]) => error !== null);
      if (errors.length > 0) throw new triggerd.BatchError(new Map(errors));
    }
'''
DEFINE = {"def": "function", "async def": "async function"}


class OneTest(NodeTest, ours.OneTest):
    TRACEBACK, WRONG_INDEX = "    at handle", "RangeError"
    HANDLERS = {ours.ONE % define: ONE % DEFINE[define] for define in ours.KINDS}

    def worker(self, handler, **options):
        if self._testMethodName == "test_a_record_alone_is_a_batch_of_one":
            define = DEFINE["async def" if "async def" in handler else "def"]
            self.HANDLERS = {handler: "export %s handle(record) {"
                             "throw new triggerd.BatchError({ [record.offset]: new triggerd.Drop('it') }); }" % define}
        return super().worker(handler, **options)


class ManyTest(NodeTest, ours.ManyTest):
    TRACEBACK = "    at handle"
    # An Error has its stack from where it was made, so one that was never thrown has one, too.
    NEVER_RAISED = 1
    HANDLERS = {
        **{ours.MANY % define: MANY % DEFINE[define] for define in ours.KINDS},
        "test_tracebacks_of_what_was_caught": '''
            export function handle(batch) {
              const errors = new Map();
              batch.values.forEach((value, index) => {
                if (String(value) !== "1") errors.set(index, new RangeError(`no ${value}`));
              });
              throw new triggerd.BatchError(errors);
            }
        ''',
    }
    test_a_wrong_batch_error_fails_the_batch = None  # below, in JavaScript's words

    def test_a_wrong_batch_error_fails_the_whole_batch(self):
        for errors, reason in (("{ 3: new triggerd.Drop() }", "RangeError: BatchError names record 3 of a batch of 3"),
                               ("new Map([[0, 'x'], [-1, 'y']])", "RangeError: the index of a record is at least 0"),
                               ("{}", "RangeError: a BatchError names the records that failed"),
                               ("{ 1: null }", "TypeError: the error of record 1 must be an Error or text"),
                               ("{ x: 'y' }", "TypeError: the index of a record is a whole number"),
                               ("['y']", "TypeError: a BatchError is made of a Map or an object"),
                               ("{ 0: new triggerd.BatchError({ 0: 'x' }) }", "TypeError: the error of record 0")):
            with self.subTest(errors):
                self.HANDLERS = {"": "export function handle(batch) { throw new triggerd.BatchError(%s); }" % errors}
                worker = self.worker("").welcome("many")
                worker.send(batch(1, [b"a", b"b"], more=True), batch(2, [b"c"], partition=1), batch(3, [b"d"], base=102))
                self.assertEqual(worker.settle(1, 2, 3), [["retry"] * 2, ["retry"], ["release"]])
                self.assertIn(reason, worker.answers[2][0][2])
                self.assertIn("    at handle", worker.errors())

    def test_tracebacks_of_what_was_caught(self):
        worker = self.worker("").welcome("many")
        worker.send(batch(1, [b"1", b"0", b"x"]))
        self.assertEqual(worker.settle(1), ["ok", "retry", "retry"])
        self.assertEqual(worker.answers[1][1][2], "RangeError: no 0")
        self.assertEqual(worker.errors().count("    at handle"), 2)


if __name__ == "__main__":
    unittest.main()
