"""systemd/: the unit is one that systemd understands, and how much it leaves open is bounded.

TRIGGERD is the daemon, which stands in for the installed one.
"""
import configparser
import os
import re
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = os.path.join(ROOT, "systemd")


def text(name):
    with open(os.path.join(UNITS, name), encoding="utf-8") as file:
        return file.read()


class Unit(unittest.TestCase):
    def installed(self, *drop_ins):
        """The unit's path in a folder of its own, with its drop-ins beside it."""
        folder = tempfile.TemporaryDirectory(prefix="triggerd-unit-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "triggerd.service")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text("triggerd.service").replace("/usr/bin/triggerd", os.environ["TRIGGERD"]))
        for name in drop_ins:
            os.makedirs(path + ".d", exist_ok=True)
            with open(os.path.join(path + ".d", name), "w", encoding="utf-8") as file:
                file.write(text(name))
        return path

    def analyze(self, *args):
        return subprocess.run(["systemd-analyze", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "SYSTEMD_PAGER": "", "LC_ALL": "C.UTF-8"})

    def exposure(self, *drop_ins):
        said = self.analyze("security", "--offline=true", self.installed(*drop_ins)).stdout
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        self.assertTrue(found, said)
        return float(found.group(1))

    def test_systemd_understands_it(self):
        for drop_ins in ((), ("other-users.conf",), ("worker-limits.conf",)):
            with self.subTest(drop_ins):
                result = self.analyze("verify", self.installed(*drop_ins))
                self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_a_mistake_would_be_seen(self):
        path = self.installed()
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n[Service]\nNoNewPriviliges=yes\n")
        self.assertIn("NoNewPriviliges", self.analyze("verify", path).stdout)

    def test_exposure_with_workers_under_the_same_user(self):
        self.assertLessEqual(self.exposure(), 1.5)
        self.assertLessEqual(self.exposure("worker-limits.conf"), 1.5)

    def test_exposure_with_workers_under_other_users(self):
        exposure = self.exposure("other-users.conf")
        self.assertLessEqual(exposure, 2.5)
        self.assertLessEqual(self.exposure("other-users.conf", "worker-limits.conf"), 2.5)
        self.assertGreater(exposure, self.exposure(), "the drop-in was not read")

    def test_what_the_daemon_relies_on(self):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str
        parser.read_string(text("triggerd.service"))
        service = parser["Service"]
        self.assertEqual((service["Type"], service["NotifyAccess"]), ("notify", "main"))
        self.assertIn("WatchdogSec", service)
        # daemon/exit_code.hpp: what another start does not change.
        self.assertEqual(service["RestartPreventExitStatus"].split(), ["64", "77", "78"])
        self.assertEqual((service["RuntimeDirectory"], service["RuntimeDirectoryMode"]), ("triggerd", "0750"))
        self.assertEqual(service["StateDirectory"], "triggerd")
        # Node.js and Java workers would not start.
        self.assertNotIn("MemoryDenyWriteExecute", service)
        # It drains its workers itself; what is left at the end has to go, or a drain would leave orphans.
        self.assertEqual(service["KillMode"], "mixed")


if __name__ == "__main__":
    unittest.main()
