"""A Node worker with an async handler, against a daemon played by the test (PROTOCOL.md sections 5 to 9)."""

import unittest

import python_async_test as ours
from node_daemon import NodeTest, setUpModule  # noqa: F401
from python_daemon import batch, drain

# Waits for the word of its own value, so that tests choose the order in which attempts end.
ONE = '''
    const waiting = new Map();
    let listener = null;
    async function attempt(word, said) {
      listener ??= new net.Socket({ fd: controlFd }).on("data", (words) => {
        for (const one of String(words)) {
          waiting.get(one)();
          waiting.delete(one);
        }
      });
      const woken = new Promise((done) => waiting.set(word, done));
      tell(said);
      await woken;
      if (word === "!") throw new KeyError("'no such thing'");
    }
    export const handle = (record) => attempt(String(record.value), String(record.value));
'''
MANY = ONE.replace("(record) => attempt(String(record.value), String(record.value))",
                   "(batch) => attempt(String(batch.at(0).value), batch.values.map(String))")


class OneTest(NodeTest, ours.OneTest):
    TRACE, FRAME = "KeyError: 'no such thing'\n    at attempt", "loop.mjs"
    HANDLERS = {
        ours.ONE: ONE,
        "test_timeout": '''
            export async function handle(record) {
              const value = String(record.value);
              if (value === "quick") return;
              await new Promise((done, failed) => {
                record.signal.addEventListener("abort", () => value === "deaf" ? done() : failed(record.signal.reason));
              });
            }
        ''',
        "test_end_of_file_ends_the_process_at_once": '''
            export async function handle(record) {
              tell("runs");
              await new Promise(() => {});
            }
        ''',
        "test_end_of_file_waits_for_no_thread": '''
            import { execFileSync } from "node:child_process";
            execFileSync("mkfifo", ["fifo"], { cwd: import.meta.dirname ?? new URL(".", import.meta.url).pathname });
            export async function handle(record) {
              const opened = fs.promises.open(new URL("fifo", import.meta.url));  // for ever: there is no writer
              tell("runs");
              await opened;
            }
        ''',
        "test_many_records": '''
            export async function handle(record) {
              await later();
            }
        ''',
        "test_promises_of_all_kinds": '''
            export function handle(record) {
              if (String(record.value) === "thenable") return { then: (done) => done() };
              if (String(record.value) === "rejects") return Promise.reject(new triggerd.Retry("busy", { after: 2 }));
              return Promise.resolve();
            }
        ''',
        "test_settled_promises_do_not_hold_up_the_socket": '''
            export async function handle(record) {
              if (record.offset === 1000) tell("running");
            }
        ''',
    }
    # Node has no cancellation and no context that leaves a handler; a blocked loop says nothing.
    test_exits_and_cancellations_are_failures = None
    test_attempts_do_not_see_each_others_context = None
    test_sigterm_says_where_a_handler_holds_up_the_loop = None

    def test_promises_of_all_kinds(self):
        worker = self.worker("").welcome(ordering="none")
        worker.send(batch(1, [b"thenable", b"rejects", b"a"]))
        self.assertEqual(worker.settle(1), ["ok", "retry", "ok"])
        self.assertEqual(worker.answers[1][1], ("retry", 2000, "busy"))
        self.drained(worker)

    def test_end_of_file_waits_for_no_thread(self):
        """A call that holds one of libuv's threads would keep the process."""
        worker = self.worker("").welcome()
        worker.send(batch(1, [b"a"]))
        self.assertEqual(worker.told(), "runs")
        worker.socket.close()
        self.assertEqual(worker.finish(), (-9, "", ""))

    def test_settled_promises_do_not_hold_up_the_socket(self):
        """Promises that need no event to be settled: a Drain is seen in between."""
        worker = self.worker("").welcome()
        worker.send(batch(1, [b"v"] * 1_000_000))
        self.assertEqual(worker.told(), "running")
        worker.send(drain())
        codes = worker.settle(1)
        self.assertGreater(codes.count("release"), 0)
        self.assertEqual(codes, sorted(codes, key=("ok", "release").index))


class ManyTest(NodeTest, ours.ManyTest):
    HANDLERS = {ours.MANY: MANY}


if __name__ == "__main__":
    unittest.main()
