"""`triggerd check`: every error at once with its place, exit 78; a good file says what it would run. No broker is asked."""
import subprocess

from harness import BINARY, Case
from waiting import PATIENCE

BAD = """\
clusters:
  main: { brokerList: "127.0.0.1:1", protocl: ssl }
triggers:
  orders:
    cluster: main
    topic: orders
    maxBatchSize: 0
    worker: { command: [python3, x.py] }
  orders:
    cluster: mian
    topic: orders
"""
BAD_POLICIES = """\
maxInFlightBytes: 1MiB
clusters:
  main: { brokerList: "127.0.0.1:1", kafka: { group.instance.id: vm1 } }
defaults: { cluster: main, worker: { command: [python3, x.py] } }
triggers:
  orders: { topic: [orders, "^orders[.].*"], onFailure: { deadLetter: orders.dlq } }
  audit: { topic: audit, onFailure: deadLetter, maxInFlight: 2000, maxSpan: 1000 }
  one: { topic: x, consumerGroup: g, groupInstanceId: vm1 }
  two: { topic: x, consumerGroup: g, groupInstanceId: vm1 }
"""
GOOD = """\
clusters:
  main: { brokerList: "127.0.0.1:1", protocol: saslSsl, authenticationMode: plain, username: u, password: "${env:E2E_SECRET}" }
triggers:
  orders:
    cluster: main
    topic: orders
    consumerGroup: billing
    groupInstanceId: vm1-orders
    ordering: key
    retry: { maxRetryCount: 5, minimumInterval: "00:00:01" }
    onFailure: { deadLetter: orders.dlq }
    worker: { command: [python3, -m, triggerd, orders.py], maxRequests: 1000 }
"""


class Check(Case):
    def check(self, text, verb="check"):
        path = self.path("fleet.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        result = subprocess.run([BINARY, verb, "-c", path], capture_output=True, text=True, timeout=PATIENCE,
                                env={"PATH": "/usr/bin:/bin", "E2E_SECRET": "correct-horse",
                                     "STATE_DIRECTORY": "/var/lib/triggerd:/var/lib/other"})
        return path, result

    def test_every_error_at_once_with_its_place(self):
        path, result = self.check(BAD)
        self.assertEqual(result.returncode, 78)
        for place, words in ((f"{path}:2:", 'did you mean "protocol"'), (f"{path}:7:", "maxBatchSize: must be at least 1 (got 0)"),
                             (f"{path}:9:", "orders")):
            self.assertTrue([x for x in result.stderr.splitlines() if x.startswith(place) and words in x], (place, result.stderr))

    def test_policies_that_cannot_work_together(self):
        path, result = self.check(BAD_POLICIES)
        self.assertEqual(result.returncode, 78)
        for place, words in (("1:1", 'at least 4MiB, the maxBatchBytes of trigger "audit"'), ("3:", "is set with groupInstanceId"),
                             ("6:", 'topic "orders.dlq" is one that the trigger itself reads, as "^orders[.].*"'),
                             ("7:", "needs a topic to put dead letters in: { deadLetter: TOPIC }"),
                             ("7:", "maxSpan (1000) must not be below maxInFlight (2000)"), ("9:", 'trigger "one"')):
            self.assertTrue([x for x in result.stderr.splitlines() if x.startswith(f"{path}:{place}") and words in x],
                            (place, words, result.stderr))

    def test_run_refuses_what_check_refuses(self):
        path, result = self.check(BAD, "run")
        self.assertEqual(result.returncode, 78)
        self.assertIn(f"{path}:7:", result.stderr)

    def test_a_good_file_says_what_it_would_run_and_no_secret(self):
        _, result = self.check(GOOD)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for word in ("orders", "billing", "127.0.0.1:1", "python3", "static member vm1-orders", "ordering    key",
                     "after 1s, doubling up to 1m, 5 times", "the record goes to orders.dlq", "replaced after 1000 records",
                     "state in /var/lib/triggerd\n"):
            self.assertIn(word, result.stdout)
        self.assertNotIn("correct-horse", result.stdout)

    def test_a_file_that_is_not_there(self):
        result = subprocess.run([BINARY, "check", "-c", self.path("none.yaml")], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 78)
        self.assertIn("none.yaml", result.stderr)
