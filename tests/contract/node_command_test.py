"""`node main.mjs`: the command line, loading a handler, the samples, and the declarations in index.d.ts."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import node_daemon
from command_case import CommandCase
from node_daemon import NODE, SDK, setUpModule  # noqa: F401
from python_daemon import WorkerTest, batch, record

TYPESCRIPT, TYPES = "typescript@5.9.3", "@types/node@20.19.0"


class CommandTest(CommandCase, unittest.TestCase):
    COMMAND = [NODE, str(SDK / "main.mjs")]
    FILE, HANDLER = "handler.mjs", "export function handle(r) {}"

    def test_bad_command_lines(self):
        for arguments, text in (((), "one FILE is required"), (("x.mjs", "--bogus"), "Unknown option '--bogus'"),
                                (("x.mjs", "--concurrency", "0"), "at least 1"),
                                (("x.mjs", "--concurrency", "65537"), "at most 65536")):
            with self.subTest(arguments):
                status, errors, sent = self.run_worker(*arguments)
                self.assertEqual((status, sent), (64, b""))
                self.assertIn(text, errors)

    def test_bad_descriptor(self):
        for number in ("x", "99", "-1", "0"):
            status, errors, _ = self.run_worker(self.FILE, source=self.HANDLER, fd=number)
            self.assertEqual(status, 64, number)
            self.assertIn("TRIGGERD_FD=%s is not a connected socket" % number, errors)

    def test_handlers_that_cannot_be_served(self):
        """Before Hello: a clear last line, and where the file's own code failed its stack."""
        cases = (("absent.mjs", (), None, 78, "there is no file"),
                 ("handler.mjs", (), "export const x = 1;", 78, "has no handler called handle"),
                 ("handler.mjs", ("--handler", "other"), "export default (r) => 1;", 78, "has no handler called other"),
                 ("handler.mjs", (), "export const handle = 3;", 78, "is not a function"),
                 ("handler.mjs", (), "export function handle(context, event) {}", 78, "must take one argument"),
                 ("handler.mjs", (), "export function* handle(r) {}", 78, "generator"),
                 ("handler.mjs", (), "export async function* handle(r) {}", 78, "generator"),
                 ("handler.mjs", (), "export class handle {}", 78, "a class"),
                 ("handler.mjs", (), "import 'nonesuch';", 70, "Cannot find package 'nonesuch'"),
                 ("handler.mjs", (), "export function handle(r {", 70, "SyntaxError"),
                 ("handler.mjs", (), "throw new TypeError('at import');", 70, "cannot be imported: TypeError: at import"))
        for file, arguments, source, expected, text in cases:
            with self.subTest(source):
                status, errors, sent = self.run_worker(file, *arguments, source=source)
                self.assertEqual((status, sent), (expected, b""))
                self.assertIn(text, errors.splitlines()[-1])
                self.assertTrue(errors.splitlines()[-1].startswith("triggerd: "))
                self.assertEqual(len(errors.splitlines()) > 1, expected == 70)

    def test_kinds_of_modules(self):
        """Each gets as far as Hello."""
        (self.folder / "neighbour.mjs").write_text("export const handle = (r) => {};")
        for file, source in (("a.mjs", "export { handle } from './neighbour.mjs';"), ("b.mjs", "export default async (r) => {};"),
                             ("c.cjs", "module.exports = { handle(r) {} };"), ("d.cjs", "module.exports = (r) => {};"),
                             ("e.cjs", "const made = {}; made['han' + 'dle'] = (r) => {}; module.exports = made;"),
                             ("f.mjs", "await null; export const handle = (...records) => {};")):
            with self.subTest(file):
                status, errors, sent = self.run_worker(file, source=source, file=file)
                self.assertEqual((status, errors), (69, ""))
                self.assertIn(b"node/0.1.0", sent)

    def test_a_package_of_its_own_comes_first(self):
        installed = self.folder / "node_modules" / "triggerd"
        installed.mkdir(parents=True)
        (installed / "package.json").write_text('{"name":"triggerd","exports":"./index.mjs"}')
        (installed / "index.mjs").write_text("export const mine = true;")
        status, errors, sent = self.run_worker("a.mjs", file="a.mjs", source="import { mine } from 'triggerd';\n"
                                               "if (!mine) throw 1;\nexport const handle = (r) => {};")
        self.assertEqual((status, errors), (69, ""))
        self.assertIn(b"protocol", sent)


class ScriptTest(WorkerTest):
    WORKER = node_daemon.Worker

    def test_a_script_that_calls_run(self):
        worker = self.worker('''
            process.exit(await triggerd.run((record) => tell(String(record.value)), { creditRecords: 5, concurrency: 1 }));
        ''').welcome()
        self.assertEqual((worker.hello["credit"]["records"], worker.hello["concurrency"]), (5, 1))
        worker.send(batch(1, [b"a"]))
        self.assertEqual(worker.told(), "a")
        self.drained(worker)

    def sample(self, name, **options):
        return self.worker((SDK / "samples" / name).read_text(), **options)

    def test_hello(self):
        worker = self.sample("hello.mjs").welcome(data_type="string")
        worker.send(batch(1, [record(b"world", b"k")]))
        worker.settle(1)
        self.assertEqual(self.drained(worker), "orders/0@100 k: world\n")

    def test_lookups(self):
        worker = self.sample("lookups.mjs").welcome(data_type="string", ordering="key")
        worker.send(batch(1, [record(b'{"customer":%d}' % index, b"%d" % index) for index in range(20)]))
        self.assertEqual(worker.settle(1), ["ok"] * 20)
        self.assertEqual(sorted(self.drained(worker).splitlines()), sorted("order of customer %d" % n for n in range(20)))

    def test_payments(self):
        worker = self.sample("payments.mjs", env={"CLOSED_ACCOUNTS": "C"}).welcome("many", "string")
        worker.send(batch(1, [b'{"account":"A","amount":12}', None, b"no payment", b'{"account":"A","amount":0}', b"\xff",
                              b'{"account":"C","amount":3}', b'{"account":"A","amount":3}']))
        self.assertEqual(worker.settle(1), ["ok", "drop", "deadLetter", "deadLetter", "deadLetter", "retry", "ok"])
        self.assertEqual(worker.answers[1][5], ("retry", 1000, "the bank is closed"))
        self.assertEqual(self.drained(worker), "A: 15\n")


GOOD_TYPES = '''
import { Batch, BatchError, DeadLetter, Drop, Part, Record, Retry, log, run, version, type Handler } from "triggerd";

const one: Handler = async (record: Record) => {
  const order = record.json<{ id: number }>();
  const [name, value]: [string, Buffer | null] = record.headers[0];
  const at: number = record.offset + order.id + record.partition + record.attempt + (record.timestamp ?? 0);
  if (name === "" || value === null) throw new Retry({ after: 1.5 });
  if (at < 0) throw new Retry("why", { after: 2 });
  if (record.header("x") === undefined) throw new DeadLetter(new Error("x"));
  if (record.raw?.length === record.rawKey?.length) throw new Drop();
  await fetch("http://localhost", { signal: record.signal });
};
const many: Handler = (batch: Batch) => {
  const parts: Part[] = batch.parts;
  for (const record of batch) log(record.topic, "warn");
  const bytes: (Buffer | null)[] = batch.rawValues;
  if (batch.values.length !== bytes.length + parts.length) throw new BatchError({ 0: "text", 1: new Drop("x") });
  throw new BatchError(new Map([[0, new Retry()]]));
};
const status: Promise<number> = run(one, { concurrency: 3, creditBytes: 1, creditRecords: 1 });
process.exit(await status + (await run(many)) + version.length);
'''
BAD_TYPES = '''
import { Record, Retry, log, run } from "triggerd";
new Record();
new Retry({ after: "1" });
log("x", "loud");
run((record: Record) => record.nonesuch);
run((record: Record) => record.value, { lanes: 3 });
'''


class TypesTest(unittest.TestCase):
    """index.d.ts, by TypeScript: what is right compiles, each line that is wrong does not, and nothing is undeclared."""

    @classmethod
    def setUpClass(cls):
        cls.modules = node_modules(TYPESCRIPT, TYPES)

    def compile(self, source):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(self.modules, os.path.join(folder, "node_modules"))
            with open(os.path.join(folder, "sample.mts"), "w", encoding="utf-8") as f:
                f.write(source)
            with open(os.path.join(folder, "tsconfig.json"), "w", encoding="utf-8") as f:
                f.write('{"compilerOptions":{"strict":true,"noEmit":true,"module":"nodenext","target":"es2022",'
                        '"types":["node"],"paths":{"triggerd":["%s"]}},"files":["sample.mts"]}' % (SDK / "index.d.ts"))
            return subprocess.run([NODE, str(self.modules / "typescript" / "lib" / "tsc.js"), "-p", folder], text=True,
                                  capture_output=True, cwd=folder)

    def test_good(self):
        found = self.compile(GOOD_TYPES)
        self.assertEqual((found.returncode, found.stdout), (0, ""))

    def test_bad(self):
        found = self.compile(BAD_TYPES)
        lines = {int(line.split("(")[1].split(",")[0]) for line in found.stdout.splitlines() if line.startswith("sample.mts(")}
        self.assertEqual(lines, {3, 4, 5, 6, 7}, found.stdout)

    def test_each_export_and_member_is_declared(self):
        script = '''
            import * as sdk from "%s";
            const own = new Set(["abort", "pick", "frameIndex", "valueAt", "keyAt", "rawAt", "rawKeyAt", "offsetAt", "timestampAt",
                                 "headersAt", "textAt", "keyTextAt", "toString", "name"]);  // for the SDK's own use
            const lines = ['import * as sdk from "triggerd";'];
            for (const [name, value] of Object.entries(sdk)) {
              lines.push(`sdk.${name};`);
              if (!/^class/.test(String(value))) continue;
              for (const member of Object.getOwnPropertyNames(value.prototype)) {
                if (member !== "constructor" && !own.has(member)) lines.push(`declare const ${name}_${member}: sdk.${name}["${member}"];`);
              }
            }
            console.log(lines.join("\\n"));
        ''' % (SDK / "index.mjs").as_uri()
        listed = subprocess.run([NODE, "--input-type=module", "-e", script], text=True, capture_output=True, check=True).stdout
        self.assertIn('declare const Batch_rawKeys', listed)
        found = self.compile(listed)
        self.assertEqual((found.returncode, found.stdout), (0, ""))


def node_modules(*packages):
    """A folder with these npm packages, fetched once into the cache folder; a SkipTest says why that cannot be."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "triggerd"
    folder = cache / ("node-" + "-".join(packages).replace("/", "-"))
    if not (folder / "ready").exists():
        npm = shutil.which("npm")
        if npm is None:
            raise unittest.SkipTest("there is no npm to fetch %s with" % " ".join(packages))
        folder.mkdir(parents=True, exist_ok=True)
        found = subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *packages], text=True,
                               capture_output=True, timeout=600)
        if found.returncode:
            raise unittest.SkipTest("npm cannot fetch %s: %s" % (" ".join(packages), found.stderr.strip()[-300:]))
        (folder / "ready").touch()
    return folder / "node_modules"


if __name__ == "__main__":
    unittest.main()
