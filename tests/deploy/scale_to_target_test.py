"""deploy/autoscale: the number, when it is held, and what the recipes tell the clouds' programs."""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from fake_daemon import FakeDaemon, answer

AUTOSCALE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/autoscale")
HELD, USAGE = 75, 64
STALE = {"stale": True, "rule": "stale_hold", "reason": "the lag was last known in full 90 s ago"}
PART = {"complete": False, "rule": "incomplete_hold"}

# Writes down what it was told, and answers with the text that the environment has for its first word or two.
FAKE = f"""#!{sys.executable} -IS
import json, os, sys
with open(os.environ["RECORD"], "a") as record:
    print(json.dumps([os.path.basename(sys.argv[0])] + sys.argv[1:]), file=record)
for key, (status, text) in json.loads(os.environ["ANSWERS"]).items():
    if " ".join(sys.argv[1:]).startswith(key):
        print(text)
        sys.exit(status)
sys.exit(3)
"""


def load_tool():
    loader = importlib.machinery.SourceFileLoader("scale_to_target", os.path.join(AUTOSCALE, "scale-to-target"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("scale_to_target", loader))
    loader.exec_module(module)
    return module


TOOL = load_tool()


class Case(unittest.TestCase):
    def daemon(self, triggers, **where):
        daemon = FakeDaemon(triggers, **where)
        self.addCleanup(daemon.close)
        return daemon

    def down(self):
        """The URL of a daemon that is gone."""
        daemon = FakeDaemon({})
        daemon.close()
        return daemon.url

    def call(self, urls, *args):
        """Exit status, stdout and stderr of the tool, in this process: a start costs more than the rest."""
        words = [word for url in urls for word in ("--url", url)]
        out, err = io.StringIO(), io.StringIO()
        with (contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
              unittest.mock.patch.object(sys, "argv", ["scale-to-target", *words, *map(str, args)])):
            try:
                status = TOOL.main()
            except SystemExit as end:
                status = end.code
        return status, out.getvalue(), err.getvalue()

    def run_tool(self, urls, *args, program="scale-to-target", env=None):
        words = [word for url in urls for word in ("--url", url)]
        # The interpreter itself: a shim in front of it costs more than the test.
        start = [sys.executable] if program == "scale-to-target" else []
        return subprocess.run([*start, os.path.join(AUTOSCALE, program), *words, *map(str, args)], capture_output=True,
                              text=True, timeout=60, env={**os.environ, **(env or {})})


class Number(Case):
    # what the daemons say (None: down), --min, --max, --current, what is printed (None: held)
    TABLE = [
        ("the target", [{"orders": answer(4)}], 1, 10, None, 4),
        ("the most of two triggers", [{"orders": answer(4), "audit": answer(6)}], 1, 10, None, 6),
        ("the most of two daemons", [{"orders": answer(4)}, {"orders": answer(5)}], 1, 10, None, 5),
        ("not above the maximum", [{"orders": answer(40)}], 1, 10, None, 10),
        ("not below the minimum", [{"orders": answer(1)}], 2, 10, None, 2),
        ("zero, where that is allowed", [{"orders": answer(0)}], 0, 10, 3, 0),
        ("zero, where it is not", [{"orders": answer(0)}], 1, 10, 3, 1),
        ("down", [{"orders": answer(2)}], 1, 10, 5, 2),
        ("as many as there are", [{"orders": answer(5)}], 1, 10, 5, 5),
        ("stale: not down", [{"orders": answer(2, **STALE)}], 1, 10, 5, None),
        ("stale, and who has how many is not known", [{"orders": answer(9, **STALE)}], 1, 10, None, None),
        ("stale: as many as there are", [{"orders": answer(5, **STALE)}], 1, 10, 5, None),
        ("stale: up", [{"orders": answer(6, **STALE)}], 1, 10, 5, 6),
        ("in part: not down", [{"orders": answer(2, **PART)}], 1, 10, 5, None),
        ("in part: up", [{"orders": answer(7, **PART)}], 1, 10, 5, 7),
        ("one trigger is stale, another asks for less", [{"orders": answer(2), "audit": answer(1, **STALE)}], 1, 10, 5, None),
        ("one trigger is stale, another asks for more", [{"orders": answer(8), "audit": answer(1, **STALE)}], 1, 10, 5, 8),
        ("a daemon is down: not down", [{"orders": answer(2)}, None], 1, 10, 5, None),
        ("a daemon is down: up", [None, {"orders": answer(7)}], 1, 10, 5, 7),
        ("all are down", [None, None], 1, 10, 5, None),
        ("all are down, and nothing is known", [None], 1, 10, None, None),
        ("all are down, and fewer than the minimum", [None], 2, 10, 0, 2),
        ("all are down, and more than the maximum", [None], 1, 10, 12, None),
        ("more than the maximum, all known", [{"orders": answer(20)}], 1, 10, 12, 10),
        ("it does not say that it is whole", [{"orders": {"target": 2}}], 1, 10, 5, None),
        ("no JSON", [{"orders": "<html>"}], 1, 10, 5, None),
        ("no object", [{"orders": "[2]"}], 1, 10, 5, None),
        ("no number", [{"orders": answer("2")}], 1, 10, 5, None),
        ("a truth value", [{"orders": answer(True)}], 1, 10, 5, None),
        ("less than none", [{"orders": answer(-1)}], 0, 10, 5, None),
        ("no triggers", [{}], 0, 10, 5, None),
    ]

    def test_table(self):
        for name, daemons, least, most, current, expected in self.TABLE:
            with self.subTest(name):
                urls = [self.daemon(d).url if d is not None else self.down() for d in daemons]
                args = ["--min", least, "--max", most] + ([] if current is None else ["--current", current])
                status, out, err = self.call(urls, *args)
                self.assertEqual((status, out), (HELD, "") if expected is None else (0, f"{expected}\n"), err)

    def test_a_trigger_by_name(self):
        url = self.daemon({"orders": answer(4), "audit": answer(6)}).url
        self.assertEqual(self.run_tool([url], "--trigger", "orders", "--min", 1, "--max", 10).stdout, "4\n")
        gone = self.run_tool([url], "--trigger", "orders", "--trigger", "gone", "--min", 1, "--max", 10)
        self.assertEqual(gone.returncode, HELD)
        self.assertIn("/scale/gone: HTTP Error 404", gone.stderr)

    def test_a_proxy_of_the_environment_is_not_asked(self):
        url = self.daemon({"orders": answer(4)}).url
        done = self.run_tool([url], "--min", 1, "--max", 10, env={"http_proxy": self.down(), "no_proxy": ""})
        self.assertEqual(done.stdout, "4\n", done.stderr)

    def test_wrong_usage(self):
        for args in (["--min", "1"], ["--min", "3", "--max", "2"], ["--min", "-1", "--max", "2"],
                     ["--min", "1", "--max", "2", "--current", "None"], ["--min", "1", "--max", "2", "--url", "host:1"],
                     ["--min", "1", "--max", "2", "--"], ["--min", "1", "--max", "2", "--", "true"],
                     ["--min", "1", "--max", "2", "--", "echo", "{target}", "{current}"],
                     ["--min", "1", "--max", "2", "--timeout", "0"]):
            with self.subTest(args):
                self.assertEqual(self.call([], *args)[0], USAGE)


class Command(Case):
    def test_it_is_run_with_the_numbers(self):
        url = self.daemon({"orders": answer(4)}).url
        done = self.run_tool([url], "--min", 1, "--max", 9, "--current", 2, "--", "echo", "--n={target}",
                             "{current}", "a b;")
        self.assertEqual((done.returncode, done.stdout), (0, "--n=4 2 a b;\n"))

    def test_it_is_not_run_where_nothing_changes_or_all_is_held(self):
        steady = self.run_tool([self.daemon({"orders": answer(4)}).url], "--min", 1, "--max", 9, "--current", 4, "--",
                               "echo", "{target}")
        self.assertEqual((steady.returncode, steady.stdout), (0, ""))
        held = self.run_tool([self.down()], "--min", 1, "--max", 9, "--current", 4, "--", "echo", "{target}")
        self.assertEqual((held.returncode, held.stdout), (HELD, ""))

    def test_its_status_is_passed_on(self):
        url = self.daemon({"orders": answer(4)}).url
        for command, status in ((["sh", "-c", "exit 9 # {target}"], 9), (["no-such-program", "{target}"], 127)):
            self.assertEqual(self.run_tool([url], "--min", 1, "--max", 9, "--", *command).returncode, status)


class Recipes(Case):
    ADDRESSES = ("127.0.0.1", "127.0.0.2")  # two machines

    # recipe, its program, its arguments but minimum and maximum, what the program answers, the order it is given
    def recipes(self, current, port):
        here, there = self.ADDRESSES
        places = json.dumps([{"Address": a, "Port": port} for a in self.ADDRESSES])
        return [
            ("azure-vmss", "az", ["rg", "set"],
             {"vmss show": (0, current), "vmss nic list": (0, f"{here}\n{there}"), "vmss scale": (0, "")},
             "vmss scale --resource-group rg --name set --new-capacity {} --output none"),
            ("aws-asg", "aws", ["group"],
             {"autoscaling describe": (0, current), "ec2 describe-instances": (0, f"{here}\t{there}"), "autoscaling set": (0, "")},
             "autoscaling set-desired-capacity --auto-scaling-group-name group --desired-capacity {}"),
            ("nomad", "nomad", ["job", "group", "triggerd"],
             {"operator api /v1/job/job/scale": (0, json.dumps({"TaskGroups": {"group": {"Desired": current}}})),
              "service info -json triggerd": (0, places), "job scale": (0, "")},
             "job scale job group {}"),
        ]

    def machines(self, first, second):
        """The port of two machines' daemons; None: that one is down."""
        daemon = self.daemon(first, address=self.ADDRESSES[0])
        if second is not None:
            self.daemon(second, address=self.ADDRESSES[1], port=daemon.port)
        return daemon.port

    def run_recipe(self, recipe, program, args, answers, port):
        with tempfile.TemporaryDirectory() as folder:
            fake = os.path.join(folder, program)
            with open(fake, "w", encoding="utf-8") as file:
                file.write(FAKE)
            os.chmod(fake, 0o755)
            os.symlink(sys.executable, os.path.join(folder, "python3"))
            record = os.path.join(folder, "record")
            done = self.run_tool([], *args, program="recipes/" + recipe,
                                 env={"PATH": folder + ":" + os.environ["PATH"], "RECORD": record, "PORT": str(port),
                                      "ANSWERS": json.dumps(answers)})
            with open(record, encoding="utf-8") as file:
                return done, [" ".join(json.loads(line)[1:]) for line in file]

    def check(self, machines, current, expected, changed=None):
        """`expected`: the exit status, and the number that is set (None: none)."""
        port = self.machines(*machines)
        for recipe, program, args, answers, order in self.recipes(current, port):
            with self.subTest(recipe):
                if changed:
                    answers = changed(answers)
                done, told = self.run_recipe(recipe, program, args + [1, 8], answers, port)
                self.assertEqual(done.returncode, expected[0], done.stderr)
                orders = told[2:]
                self.assertEqual(orders, [] if expected[1] is None else [order.format(expected[1])], done.stderr)

    def test_up(self):
        self.check([{"orders": answer(3)}, {"orders": answer(4)}], 2, (0, 4))

    def test_down(self):
        self.check([{"orders": answer(1)}, {"orders": answer(1)}], 2, (0, 1))

    def test_to_the_maximum(self):
        self.check([{"orders": answer(30)}, {"orders": answer(30)}], 2, (0, 8))

    def test_target_0_is_the_minimum(self):
        self.check([{"orders": answer(0)}, {"orders": answer(0)}], 2, (0, 1))

    def test_nothing_to_do(self):
        self.check([{"orders": answer(2)}, {"orders": answer(2)}], 2, (0, None))

    def test_one_is_stale(self):
        self.check([{"orders": answer(1)}, {"orders": answer(1, **STALE)}], 2, (HELD, None))

    def test_one_is_down(self):
        self.check([{"orders": answer(1)}, None], 2, (HELD, None))
        self.check([{"orders": answer(5)}, None], 2, (0, 5))

    def test_an_order_that_is_refused(self):
        self.check([{"orders": answer(4)}, {"orders": answer(4)}], 2, (5, 4),
                   lambda answers: {key: (5, "") if key == list(answers)[2] else value for key, value in answers.items()})

    def test_what_there_is_cannot_be_learned(self):
        port = self.machines({"orders": answer(4)}, {"orders": answer(4)})
        for broken in (0, 1):
            for recipe, program, args, answers, _ in self.recipes(2, port):
                with self.subTest(recipe=recipe, broken=broken):
                    answers[list(answers)[broken]] = (4, "")
                    done, told = self.run_recipe(recipe, program, args + [1, 8], answers, port)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertFalse([t for t in told if "scale --" in t or "set-desired" in t or "job scale" in t])

    def test_none_there_yet(self):
        """No machine can say anything: the minimum, and no more."""
        for recipe, program, args, answers, order in self.recipes(0, 1):
            with self.subTest(recipe):
                answers[list(answers)[1]] = (0, "[]" if program == "nomad" else "")
                done, told = self.run_recipe(recipe, program, args + [2, 8], answers, 1)
                self.assertEqual((done.returncode, told[2:]), (0, [order.format(2)]), done.stderr)

    def test_wrong_usage(self):
        for recipe in ("azure-vmss", "aws-asg", "nomad"):
            done = self.run_tool([], program="recipes/" + recipe)
            self.assertEqual(done.returncode, USAGE)
            self.assertIn(f"{recipe} ", done.stderr)


if __name__ == "__main__":
    unittest.main()
