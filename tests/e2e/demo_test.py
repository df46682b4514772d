"""`triggerd demo` and `triggerd version`: what a newcomer runs first. No broker."""
import re
import signal
import subprocess

from harness import BINARY, Case
from waiting import PATIENCE


class Demo(Case):
    def test_it_shows_what_flows_and_ends_by_itself(self):
        result = subprocess.run([BINARY, "demo", "--for", "5s"], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("lag", result.stdout)
        produced, settled = map(int, re.search(r"(\d+) records produced, (\d+) settled", result.stdout).groups())
        self.assertGreater(settled, 100)
        self.assertLessEqual(settled, produced)

    def test_ctrl_c_ends_it_in_order(self):
        process = subprocess.Popen([BINARY, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        rows = 0
        for line in process.stdout:
            rows += bool(re.match(r"\s*\d+s\s", line))
            if rows == 2:
                break
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("records produced", rest)

    def test_version(self):
        result = subprocess.run([BINARY, "version"], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"triggerd \d+\.\d+\.\d+\nlibrdkafka 2\.\d+\.\d+")
