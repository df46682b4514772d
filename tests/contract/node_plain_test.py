"""A Node worker with a plain handler, against a daemon played by the test (PROTOCOL.md sections 3 to 9)."""

import signal
import unittest

import python_plain_test as plain
import python_signals_test as signals
from node_daemon import NodeTest, setUpModule  # noqa: F401
from python_daemon import BYE, LOG, batch

ONE = '''
    export function handle(record) {
      tell(String(record.value));
      if (String(record.value).startsWith("wait")) wait();
      if (String(record.value) === "bad") throw new KeyError("'no such thing'");
    }
'''
MANY = '''
    export function handle(batch) {
      const values = batch.values.map((value) => value.toString());
      tell(values);
      if (values.includes("wait")) wait();
      if (values.includes("bad")) throw new KeyError("'no such thing'");
    }
'''


class OneTest(NodeTest, plain.OneTest):
    TRACE = "KeyError: 'no such thing'\n    at handle"
    HANDLERS = {
        plain.ONE: ONE,
        "test_fields": '''
            export function handle(r) {
              tell(r.topic, r.partition, r.offset, r.timestamp, r.attempt, r.key, r.value,
                   r.headers.map(([n, v]) => [n, v === null ? null : v.toString()]), r.key ? r.json() : null);
            }
        ''',
        "test_retry_says_when": '''
            export function handle(record) {
              if (record.value.equals(Buffer.from("later"))) throw new triggerd.Retry({ after: 1.5, reason: "busy" });
              throw new triggerd.Retry();
            }
        ''',
        "test_text_that_is_none_fails_alone": '''
            export function handle(record) {
              tell(record.value);
            }
        ''',
        "test_slow_record_does_not_hold_back_what_came_before": ONE.replace("tell", "busy(15); tell"),
        "test_prints_and_log": '''
            export function handle(record) {
              console.log("line", record.offset, "\\udcff");
              triggerd.log("a\\nb é \\udcff" + "x".repeat(9000), "warn");
              wait();
            }
        ''',
        "test_child_processes_do_not_hold_the_session": '''
            import { spawnSync } from "node:child_process";
            export function handle(record) {
              // Its own stdout is a socket.
              const found = spawnSync("ls", ["-l", "/proc/self/fd"], { stdio: ["ignore", "pipe", "ignore"] });
              tell(found.stdout.toString().match(/socket:/g)?.length ?? 0, "TRIGGERD_FD" in process.env);
            }
        ''',
        "test_unrun_results_and_throws_of_all_kinds_are_failures": '''
            export function handle(record) {
              const results = {
                generator: () => (function* () { yield 1; })(), text: () => { throw "just text"; },
                nothing: () => { throw undefined; }, number: () => { throw 7; }, fine: () => "ignored",
              };
              return results[record.value]();
            }
        ''',
        "test_reasons_have_their_causes": '''
            export function handle(record) {
              throw new TypeError("the outer", { cause: new KeyError("the inner") });
            }
        ''',
    }

    def test_hello(self):
        worker = self.worker(plain.ONE).welcome()
        self.assertEqual(worker.hello, {
            "protocol": {"min": 1, "max": 1}, "sdk": "node/0.1.0", "pid": worker.process.pid, "concurrency": 256,
            "credit": {"records": 65536, "bytes": 64 << 20}, "features": []})
        self.drained(worker)

    test_exit_and_unrun_results_are_failures = None  # there is no SystemExit

    def test_unrun_results_and_throws_of_all_kinds_are_failures(self):
        worker = self.worker("").welcome(ordering="none")
        worker.send(batch(1, [b"generator", b"text", b"nothing", b"number", b"fine"]))
        self.assertEqual(worker.settle(1), ["retry"] * 4 + ["ok"])
        self.assertEqual([worker.answers[1][index][2] for index in range(4)], [
            "TypeError: the handler returned a generator that nobody runs; remove its yield", "just text", "undefined", "7"])

    def test_reasons_have_their_causes(self):
        worker = self.worker("").welcome()
        worker.send(batch(1, [b"a"]))
        worker.settle(1)
        self.assertEqual(worker.answers[1][0][2], "TypeError: the outer")
        for text in ("TypeError: the outer\n    at handle", "handler.mjs:", "[cause]: ", "KeyError: the inner"):
            self.assertIn(text, worker.errors())
        self.assertNotIn("loop.mjs", worker.errors())

    def test_prints_and_log(self):
        worker = self.worker("").welcome()
        worker.send(batch(1, [b"a"]))
        self.assertEqual(worker.process.stdout.readline(), "line 100 \ufffd\n")  # while the handler still runs
        logged = worker.other(LOG)
        self.assertEqual(logged["level"], "warn")
        self.assertTrue(logged["message"].startswith("a\nb é \ufffdxxx"))
        self.assertEqual(len(logged["message"].encode()), 8192)
        worker.go()
        self.assertEqual(worker.settle(1), ["ok"])
        self.drained(worker)


class ManyTest(NodeTest, plain.ManyTest):
    HANDLERS = {
        plain.MANY: MANY,
        "test_columns": '''
            export function handle(batch) {
              tell(batch.length, batch.values, batch.keys, batch.offsets, batch.timestamps, batch.attempt,
                   [...batch].map((r) => [r.topic, r.partition, r.offset]), batch.parts.map((part) => part.length));
            }
        ''',
        "test_large_frames": '''
            export function handle(batch) {
              tell(batch.values.reduce((sum, value) => sum + value.length, 0));
            }
        ''',
        "test_not_text_fails_the_batch": MANY,
        "test_records_by_index": '''
            export function handle(batch) {
              tell([0, 2, 3, -1, -4, 4, -5].map((at) => batch.at(at)?.value ?? null), batch.parts[1].at(0).header("h").toString(),
                   batch.at(-1).header("none") === undefined, String(batch.at(1)));
            }
        ''',
    }

    def test_records_by_index(self):
        worker = self.worker("").welcome("many", "string")
        headers = [("h", b"1"), ("g", None), ("h", b"2")]
        worker.send(batch(1, [b"a", b"b"], more=True),
                    batch(2, [plain.record(b"c", headers=headers), plain.record(b"d")], partition=1))
        self.assertEqual(worker.told(), [["a", "c", "d", "d", "a", None, None], "2", True, "orders/0@101"])


class MalformedTest(NodeTest, plain.MalformedTest):
    HANDLERS = {plain.ONE: ONE}


class SignalsTest(NodeTest, signals.SignalsTest):
    """Node sees a signal when its event loop turns, so a handler that holds it up cannot be shown."""

    HANDLERS = {signals.ONE: ONE, "test_sigterm_counts_between_two_quick_calls": '''
        export function handle(record) {
          process.kill(process.pid, "SIGTERM");
          busy(15);
        }
    '''}
    test_sigterm_that_interrupts_no_wait = None  # of Python's way to wait

    def test_sigterm_is_a_drain(self):
        worker = self.worker(signals.ONE).welcome()
        worker.send(batch(1, [b"wait", b"b"]), batch(2, [b"c"], partition=1))
        self.assertEqual(worker.told(), "wait")
        worker.process.send_signal(signal.SIGTERM)
        worker.go()
        self.assertEqual(worker.settle(1, 2), [["ok", "release"], ["release"]])
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish(), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
