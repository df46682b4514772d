"""What `systemd-analyze security` says of the unit as it is loaded."""
import re
import unittest

from unit import SHIPPED, UNIT, Case, run


class Exposure(Case):
    def exposure(self, *drop_ins):
        for name in drop_ins:
            with open(f"{SHIPPED}/{name}", encoding="utf-8") as file:
                self.drop_in(name, file.read())
        said = run("systemd-analyze", "security", "--no-pager", UNIT)
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said).group(1)
        print(level, end=" ", flush=True)
        return float(level)

    def test_of_the_unit(self):
        self.assertLessEqual(self.exposure(), 1.5)

    def test_with_limits(self):
        self.assertLessEqual(self.exposure("worker-limits.conf"), 1.5)

    def test_with_other_users(self):
        self.assertLessEqual(self.exposure("other-users.conf"), 2.5)

    def test_with_both(self):
        alone = self.exposure()
        both = self.exposure("other-users.conf", "worker-limits.conf")
        self.assertLessEqual(both, 2.5)
        self.assertGreater(both, alone, "the drop-ins were not read")


if __name__ == "__main__":
    unittest.main()
