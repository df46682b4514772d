"""`python3 -m triggerd`: the command line, loading a handler, and the samples."""

import contextlib
import json
import pathlib
import sqlite3
import sys
import tempfile
import unittest

from command_case import CommandCase
from python_daemon import SDK, WorkerTest, batch, record


class CommandTest(CommandCase, unittest.TestCase):
    COMMAND = [sys.executable, "-m", "triggerd"]
    FILE, HANDLER = "handler.py", "def handle(r): pass"
    ENVIRONMENT = {"PYTHONPATH": str(SDK)}

    def test_bad_command_lines(self):
        for arguments, text in (((), "required: file"), (("x.py", "--bogus"), "unrecognized arguments: --bogus"),
                                (("x.py", "--concurrency", "0"), "at least 1")):
            with self.subTest(arguments):
                status, errors, sent = self.run_worker(*arguments)
                self.assertEqual((status, sent), (64, b""))
                self.assertIn(text, errors)

    def test_bad_descriptor(self):
        for number in ("x", "99", "-1"):
            status, errors, _ = self.run_worker(self.FILE, source=self.HANDLER, fd=number)
            self.assertEqual(status, 64, number)
            self.assertIn("TRIGGERD_FD=%s is not a connected socket" % number, errors)

    def test_handlers_that_cannot_be_served(self):
        """Before Hello: a clear last line, and where the file's own code failed its traceback."""
        cases = (("absent.py", (), None, 78, "there is no file"),
                 ("handler.py", (), "x = 1", 78, "has no handler called handle"),
                 ("handler.py", ("--handler", "other"), "def handle(r): pass", 78, "has no handler called other"),
                 ("handler.py", (), "handle = 3", 78, "cannot be called"),
                 ("handler.py", (), "def handle(): pass", 78, "must take one argument"),
                 ("handler.py", (), "def handle(r): yield", 78, "generator"),
                 ("handler.py", (), "async def handle(r): yield", 78, "generator"),
                 ("handler.py", ("--concurrency", "2"), "def handle(r): pass", 78, "concurrency is for async"),
                 ("handler.py", (), "import nonesuch", 70, "ModuleNotFoundError: No module named 'nonesuch'"),
                 ("handler.py", (), "def handle(r:\n", 70, "SyntaxError"),
                 ("handler.py", (), "raise SystemExit(0)", 70, "cannot be imported: SystemExit"))
        for file, arguments, source, expected, text in cases:
            with self.subTest(source):
                status, errors, sent = self.run_worker(file, *arguments, source=source)
                self.assertEqual((status, sent), (expected, b""))
                self.assertIn(text, errors.splitlines()[-1])
                self.assertTrue(errors.splitlines()[-1].startswith("triggerd: "))
                self.assertEqual("Traceback" in errors or "File" in errors, expected == 70)

    def test_the_files_folder_is_on_the_path(self):
        (self.folder / "neighbour.py").write_text("def handle(r): pass")
        status, errors, sent = self.run_worker("handler.py", source="from neighbour import handle")
        self.assertEqual((status, errors), (69, ""))
        self.assertIn(b"protocol", sent)


class HandlersTest(WorkerTest):
    def test_kinds_of_callables(self):
        source = '''
            import functools
            class Callable:
                def __call__(self, record):
                    tell("object")
            class AsyncCallable:
                async def __call__(self, record):
                    tell("async object")
            async def with_more(word, record):
                tell(word)
            object_ = Callable()
            async_object = AsyncCallable()
            partial = functools.partial(with_more, "partial")
            word = lambda record: tell("lambda")
        '''
        for name, said, lanes in (("object_", "object", 1), ("async_object", "async object", 256),
                                  ("partial", "partial", 256), ("word", "lambda", 1)):
            with self.subTest(name):
                worker = self.worker(source, arguments=("--handler", name)).welcome()
                worker.send(batch(1, [b"a"]))
                self.assertEqual(worker.told(), said)
                self.assertEqual(worker.settle(1), ["ok"])
                self.assertEqual(worker.hello["concurrency"], lanes)

    def test_a_script_that_calls_run(self):
        """The samples' other form: sys.exit(triggerd.run(handle)) at the end of a script."""
        worker = self.worker('''
            def handle(record):
                tell(record.value.decode())
            def main():
                return triggerd.run(handle, credit_records=5)
            handle_from_here = handle
            sys.exit(main())
        ''').welcome()
        self.assertEqual(worker.hello["credit"]["records"], 5)
        worker.send(batch(1, [b"a"]))
        self.assertEqual(worker.told(), "a")


class SamplesTest(WorkerTest):
    def sample(self, name, **options):
        worker = self.worker((SDK / "samples" / name).read_text(), **options)
        return worker

    def test_hello(self):
        worker = self.sample("hello.py").welcome(data_type="string")
        worker.send(batch(1, [record(b"world", b"k")]))
        worker.settle(1)
        self.assertEqual(self.drained(worker), "orders/0@100 k: world\n")

    def test_lookups(self):
        worker = self.sample("lookups.py").welcome(data_type="string", ordering="key")
        worker.send(batch(1, [record(b'{"customer":%d}' % index, b"%d" % index) for index in range(20)]))
        self.assertEqual(worker.settle(1), ["ok"] * 20)
        output = self.drained(worker)
        self.assertEqual(sorted(output.splitlines()), sorted("order of customer %d" % index for index in range(20)))

    def test_payments(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "payments.db")
            worker = self.sample("payments.py", env={"PAYMENTS_DB": str(path)}).welcome("many", "string")
            values = [b'{"account":"A","amount":12}', None, b"no payment", b'{"account":"A","amount":0}', b'{"amount":1}', b"7",
                      b"\xff", b'{"account":"B","amount":3}']
            worker.send(batch(1, values, base=0), batch(2, values[:1], base=0, epoch=2))
            self.assertEqual(worker.settle(1, 2), [["ok", "drop"] + ["deadLetter"] * 5 + ["ok"], ["ok"]])
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
                booked = db.execute("SELECT offset, account, amount FROM payment ORDER BY offset").fetchall()
                self.assertEqual(booked, [(0, "A", 12), (7, "B", 3)])
                db.execute("BEGIN EXCLUSIVE")
                worker.send(batch(3, values[:2], base=8, epoch=2))
                self.assertEqual(worker.settle(3), ["retry", "drop"])
            self.assertEqual(worker.answers[3][0], ("retry", 1000, "OperationalError: database is locked"))
            self.drained(worker)

    def test_totals(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "totals")
            for cardinality in ("one", "many"):
                worker = self.sample("totals.py", env={"TOTALS_FILE": str(path)}).welcome(cardinality, "string")
                package = json.dumps({"package": "x", "version": "1", "installed_size": 12}).encode()
                worker.send(batch(1, [record(package, b"libs"), record(package, b"x y/z"), record(package)], base=7))
                worker.settle(1)
                output = self.drained(worker)
                self.assertEqual(path.read_text().splitlines(),
                                 ["orders 0 7 libs 12", "orders 0 8 x%20y/z 12", "orders 0 9 - 12"])
                self.assertEqual(output.splitlines()[-1], "3 records, 36 KiB in 3 sections")
                path.unlink()


if __name__ == "__main__":
    unittest.main()
