"""Each rule is shown a tree with one violation planted in it, and must find that one and nothing else."""
import os
import shutil
import tempfile
import unittest

import banned
import layering
import lint
import sizes
from tree import Tree, code_only

CLEAN = {
    ".clang-format": "BasedOnStyle: Google\n",
    "lib/base/types.hpp": "#pragma once\n#include <string>\n",
    "lib/base/log.hpp": "#pragma once\n",
    "lib/config/schema.hpp": "#pragma once\n",
    "lib/pipeline/event.hpp": "#pragma once\n",
    "lib/wire/frame.hpp": '#pragma once\n#include "base/types.hpp"\n',
    "lib/kafka/consumer.hpp": '#pragma once\n#include "base/log.hpp"\n#include "pipeline/event.hpp"\n',
    "tests/unit/a_test.cpp": "int a() { return 1; }\n",
    "tests/e2e/a_test.py": "import os\n",
    "deploy/run": "#!/usr/bin/env bash\necho \"$1\"\n",
}


def long_function(lines):
    return "int f(int a) {\n" + "  a++;\n" * lines + "  return a;\n}\n"


# (rule, file, text): each alone must be found
PLANTED = [
    ("layering", "lib/wire/a.cpp", "#include <mutex>\n"),
    ("layering", "lib/wire/a.cpp", "#include <boost/asio.hpp>\n"),
    ("layering", "lib/wire/a.cpp", "#include <boost/asio/io_context.hpp>\n"),
    ("layering", "lib/pipeline/a.cpp", "#include <librdkafka/rdkafka.h>\n"),
    ("layering", "lib/checkpoint/a.cpp", "#include <sys/stat.h>\n"),
    ("layering", "lib/checkpoint/a.cpp", "#include <filesystem>\n"),
    ("layering", "lib/wire/a.cpp", '#include "base/log.hpp"\n'),
    ("layering", "lib/wire/a.cpp", '#include "pipeline/event.hpp"\n'),
    ("layering", "lib/checkpoint/a.cpp", '#include "dispatch/retry.hpp"\n'),
    ("layering", "lib/base/a.hpp", '#include "wire/frame.hpp"\n'),
    ("layering", "lib/wire/a.cpp", '#include "config/load.hpp"\n'),
    ("layering", "lib/pipeline/a.cpp", '#include "kafka/consumer.hpp"\n'),
    ("layering", "lib/kafka/a.cpp", '#include "worker/pool.hpp"\n'),
    ("layering", "lib/worker/a.cpp", '#include "trigger/runner.hpp"\n'),
    ("layering", "lib/metrics/a.cpp", '#include "pipeline/pipeline.hpp"\n'),
    ("layering", "lib/lag/a.cpp", "long f() { return std::chrono::steady_clock::now().count(); }\n"),
    ("layering", "lib/lag/a.cpp", 'void f() { log::info("x"); }\n'),
    ("layering", "lib/dispatch/a.cpp", 'auto f() { return std::getenv("X"); }\n'),
    ("layering", "lib/strange/a.cpp", "int a;\n"),
    ("blocking", "lib/kafka/a.cpp", "void f() { rd_kafka_consumer_close(k); }\n"),
    ("blocking", "lib/kafka/a.cpp", "void f() { rd_kafka_destroy(k); }\n"),
    ("blocking", "lib/trigger/a.cpp", "void f() { rd_kafka_committed(k, l, 100); }\n"),
    ("blocking", "daemon/a.cpp", "void f() { rd_kafka_query_watermark_offsets(k); }\n"),
    ("blocking", "lib/kafka/a.cpp", "void f() { rd_kafka_offsets_for_times(k); }\n"),
    ("blocking", "lib/kafka/a.cpp", "void f() { rd_kafka_flush(k, 1); }\n"),
    ("sleep", "tests/unit/b_test.cpp", "void f() { std::this_thread::sleep_for(x); }\n"),
    ("sleep", "tests/unit/b_test.cpp", "void f() { usleep(1); }\n"),
    ("sleep", "tests/e2e/b_test.py", "import time\ntime.sleep(1)\n"),
    ("sleep", "tests/e2e/b_test.py", "async def f():\n    await asyncio.sleep(0.1)\n"),
    ("sleep", "tests/e2e/b.sh", "#!/bin/bash\nsleep 1\n"),
    ("machine", "README.md", "see https://registry.npmjs.org/x\n"),
    ("machine", "lib/wire/PROTOCOL.md", "it is in /work/shared\n"),
    ("machine", "deploy/x.yaml", "path: /root/x\n"),
    ("machine", "tests/e2e/b_test.py", 'x = "/tmp/kafka-x"\n'),
    ("size", "lib/wire/a.cpp", long_function(70)),
    ("size", "lib/wire/a.cpp", "namespace a {\nstruct B {\n" + long_function(70) + "};\n}\n"),
    ("size", "lib/wire/a.cpp", "// x\n" * 401),
    ("size", "lib/wire/a.hpp", "// x\n" * 181),
    ("size", "tests/e2e/b.py", "def f():\n" + "    f()\n" * 71),
    ("python", "workers/python/a.py", "def f(:\n"),
    ("javascript", "workers/node/a.mjs", "export function f( {\n"),
    ("javascript", "workers/node/a.mjs", "// " + "x" * 140 + "\n"),
    ("size", "workers/node/a.mjs", "f();\n" * 401),
    ("shell", "deploy/b", "#!/usr/bin/env bash\necho $1\n"),
    ("format", "lib/wire/a.cpp", "int  a ;\n"),
]
# Looks like a violation and is none.
INNOCENT = [
    ("lib/wire/a.cpp", "// #include <mutex> and now() and sleep_for()\n"),
    ("lib/lag/a.cpp", '// x\nconst char* a = "steady_clock::now()";\n'),
    ("lib/kafka/janitor.cpp", "void f() { rd_kafka_destroy(k); }\n"),
    ("lib/kafka/a.cpp", "void f() { rd_kafka_queue_destroy(q); }\n"),
    ("lib/kafka/a.cpp", "void f() { rd_kafka_commit_queue(k); }\n"),
    ("lib/trigger/a.cpp", '#include "kafka/consumer.hpp"\n#include "worker/pool.hpp"\n'),
    ("lib/wire/a.cpp", long_function(60)),
    ("lib/wire/a.cpp", "int f(int a) {\n" + "  // why\n" * 80 + "  return a;\n}\n"),
    ("tests/unit/b_test.cpp", "// no sleep(1) here\n"),
    ("tests/e2e/b_test.py", "import asyncio\n\n\nasync def f():\n    await asyncio.sleep(0)\n"),
    ("deploy/b", "#!/usr/bin/env bash\nwork=$1\ncd \"$work/package\" || exit\n"),
    ("README.md", "the workers are in /workers, homework is not /worked on\n"),
]


class Planted(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="lint-")
        self.addCleanup(shutil.rmtree, self.root)

    def tree(self, extra):
        for folder in os.listdir(self.root):
            path = os.path.join(self.root, folder)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        for file, text in {**CLEAN, **extra}.items():
            os.makedirs(os.path.dirname(os.path.join(self.root, file)), exist_ok=True)
            with open(os.path.join(self.root, file), "w", encoding="utf-8") as f:
                f.write(text)
        return Tree(self.root)

    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual(lint.findings(self.tree({})), [])

    def test_each_violation_is_found(self):
        for rule, file, text in PLANTED:
            with self.subTest(rule=rule, file=file, text=text[:60]):
                found = lint.findings(self.tree({file: text}), [rule])
                self.assertEqual([(f.rule, f.path) for f in found], [(rule, file)])

    def test_each_rule_has_a_violation(self):
        self.assertEqual({rule for rule, _, _ in PLANTED}, set(lint.RULES))

    def test_innocent_lines_are_not_found(self):
        rules = [r for r in lint.RULES if r != "format"]
        for file, text in INNOCENT:
            with self.subTest(file=file, text=text[:60]):
                self.assertEqual(lint.findings(self.tree({file: text}), rules), [])

    def test_a_file_git_ignores_is_not_read(self):
        tree = self.tree({"build/lib/wire/a.cpp": "#include <mutex>\n"})
        self.assertEqual(lint.findings(tree, ["layering"]), [])


class Parsing(unittest.TestCase):
    def test_code_only_keeps_the_lines(self):
        text = 'int a; // x\n/* b\n c */ int d = \'"\';\nauto s = R"(\n"//)";\n#include "x/y.hpp"\n'
        self.assertEqual(code_only(text).count("\n"), text.count("\n"))
        self.assertIn('#include "x/y.hpp"', code_only(text))
        self.assertNotIn("//", code_only(text))

    def test_functions_of_each_shape_are_counted(self):
        text = """
namespace a {
enum class E { one, two };
const std::map<int, int> kTable = {{1, 2}, {3, 4}};
struct S : B<int> {
  int field{};
  S(int x) : field{x}, other_(x) {
    f();
  }
  bool operator==(const S&) const = default;
  int get() const noexcept { return field; }
  auto call() -> int {
    g([](int v) {
      return v;
    });
  }
};
template <typename T>
std::vector<T> make(const std::vector<T>& in, int n = 3) {
  if (n) {
    x();
  }
}
}
"""
        self.assertEqual([(name, size) for _, name, size in sizes.cpp_functions(text)],
                         [("S", 1), ("get", 1), ("call", 3), ("make", 3)])

    def test_every_exception_has_a_reason(self):
        for table in (layering.DOORS, banned.MAY_BLOCK, banned.MAY_SLEEP):
            for pattern, reason in table.items():
                self.assertGreater(len(reason), 10, pattern)
