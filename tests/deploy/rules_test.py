"""deploy/prometheus: what promtool says of the rules and of their tests, and that every alert has both kinds of case."""
import os
import re
import subprocess
import unittest

import yaml

from catalogue import DEPLOY, catalogue, wrong

PROMETHEUS = os.path.join(DEPLOY, "prometheus")


def promtool(*args):
    path = subprocess.run([os.path.join(DEPLOY, "setup/promtool"), "--path"], capture_output=True, text=True,
                          check=True).stdout.strip()
    if not os.path.exists(path):
        raise unittest.TestCase.failureException("promtool is not here: deploy/setup/packages test")
    return subprocess.run([path, *args], cwd=PROMETHEUS, capture_output=True, text=True, timeout=240)


def load(name):
    with open(os.path.join(PROMETHEUS, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


def rules(kind):
    return [rule for group in load("rules.yaml")["groups"] for rule in group["rules"] if kind in rule]


class Promtool(unittest.TestCase):
    def test_the_rules_are_valid(self):
        done = promtool("check", "rules", "rules.yaml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_their_tests_pass(self):
        done = promtool("test", "rules", "rules_test.yaml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Alerts(unittest.TestCase):
    def test_each_says_what_it_is_and_what_to_do(self):
        for alert in rules("alert"):
            with self.subTest(alert["alert"]):
                self.assertEqual(set(alert["annotations"]), {"summary", "description", "runbook"})
                self.assertIn(alert["labels"]["severity"], ("warning", "critical"))

    def test_each_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(self):
        fires, silent = set(), set()
        for case in load("rules_test.yaml")["tests"]:
            about = case["name"].split(":")[0]
            for step in case.get("promql_expr_test", []):
                fired = re.findall(r'alertname="(\w+)"', str(step["exp_samples"]))
                fires.update(fired)
                if step["expr"].startswith("ALERTS{") and not fired:
                    silent.add(about)
        names = {alert["alert"] for alert in rules("alert")}
        self.assertEqual((fires, silent & names), (names, names))

    def test_they_name_metrics_that_there_are(self):
        metrics, recorded = catalogue(), {rule["record"] for rule in rules("record")}
        self.assertGreater(len(metrics), 40)
        for rule in rules("expr"):
            with self.subTest(rule.get("alert", rule.get("record"))):
                self.assertEqual(wrong(str(rule), metrics, recorded), [])
        for case in load("rules_test.yaml")["tests"]:
            with self.subTest(case["name"]):
                self.assertEqual(wrong(" ".join(s["series"] for s in case["input_series"]), metrics, recorded), [])


class Catalogue(unittest.TestCase):
    """What the check above would find."""

    METRICS = {"triggerd_a_total": (["trigger", "outcome"], {"ok", "failed"}), "triggerd_b_bucket": (["trigger"], set())}

    def test_wrong(self):
        for text, expected in [
            ('triggerd_a_total{outcome="ok", job="x"} + triggerd_b_bucket{le="1"}', []),
            ("triggerd_gone", ["there is no metric triggerd_gone"]),
            ('triggerd_a_total{outcome="fail"}', ["triggerd_a_total has no outcome fail"]),
            ('triggerd_a_total{topic="x"}', ["triggerd_a_total has no label topic"]),
            ("job:triggerd_a_total:max", ["job:triggerd_a_total:max is recorded by no rule"]),
            ("job:triggerd_a_total:sum", []),
        ]:
            with self.subTest(text):
                self.assertEqual(wrong(text, self.METRICS, {"job:triggerd_a_total:sum"}), expected)


if __name__ == "__main__":
    unittest.main()
