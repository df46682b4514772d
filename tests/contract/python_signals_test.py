"""Signals at a worker with a plain handler: SIGTERM drains, SIGINT is nothing."""

import signal
import unittest

from python_daemon import BYE, WorkerTest, batch

ONE = '''
    def handle(record):
        tell(record.value.decode())
        if record.value.startswith(b"wait"):
            wait()
'''


class SignalsTest(WorkerTest):
    def test_sigterm_is_a_drain(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"wait", b"b"]), batch(2, [b"c"], partition=1))
        self.assertEqual(worker.told(), "wait")
        worker.process.send_signal(signal.SIGTERM)
        worker.go()
        self.assertEqual(worker.settle(1, 2), [["ok", "release"], ["release"]])
        self.assertEqual(worker.other(BYE)["code"], "drained")
        status, out, said = worker.finish()
        self.assertEqual((status, out), (0, ""))
        lines = said.splitlines()
        self.assertEqual(lines[0], "triggerd: told to stop while the handler runs, which is here:")
        self.assertIn("in handle", lines[1])  # the handler's own frame is the first, the SDK's are left out
        self.assertNotIn("_sync.py", said)

    def test_sigterm_counts_between_two_quick_calls(self):
        worker = self.worker('''
            import signal
            def handle(record):
                os.kill(os.getpid(), signal.SIGTERM)
        ''').welcome()
        worker.send(batch(1, [b"a", b"b"]))
        self.assertEqual(worker.settle(1), ["ok", "release"])

    def test_sigterm_when_idle(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"a"]))
        worker.settle(1)
        worker.process.send_signal(signal.SIGTERM)
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish(), (0, "", ""))

    def test_sigterm_that_interrupts_no_wait(self):
        # As one does that comes just before the wait begins: the kernel hands it to another thread.
        worker = self.worker('''
            import signal, threading
            def handle(record):
                threading.Thread(target=threading.Event().wait, daemon=True).start()
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        ''').welcome()
        worker.send(batch(1, [b"a"]))
        worker.settle(1)
        worker.process.send_signal(signal.SIGINT)  # is nothing
        worker.process.send_signal(signal.SIGTERM)
        self.assertEqual(worker.other(BYE)["code"], "drained")
        self.assertEqual(worker.finish(), (0, "", ""))

    def test_sigint_is_the_daemons_affair(self):
        worker = self.worker(ONE).welcome()
        worker.send(batch(1, [b"wait"]))
        self.assertEqual(worker.told(), "wait")
        worker.process.send_signal(signal.SIGINT)
        worker.go()
        self.assertEqual(worker.settle(1), ["ok"])
        self.drained(worker)


if __name__ == "__main__":
    unittest.main()
