"""A secret by systemd's credentials: the daemon reads it, and it is nowhere else."""
import os
import shutil
import unittest

from unit import UNIT, Case, read, run

SECRETS = "/etc/triggerd/secrets"
KEY = "correct-horse-battery-staple"


class Credentials(Case):
    def setUp(self):
        super().setUp()
        os.mkdir(SECRETS, 0o700)
        self.addCleanup(shutil.rmtree, SECRETS)
        path = os.path.join(SECRETS, "admin-key")
        with open(path, "w", encoding="ascii") as file:
            file.write(KEY + "\n")
        os.chmod(path, 0o600)
        self.drop_in("credentials.conf", f"[Service]\nLoadCredential=admin-key:{path}\n")
        topic, group = self.topic(1)
        self.fleet({"t": self.trigger(topic, group)}, admin={
            "listen": "127.0.0.1:7071", "key": f"${{file:/run/credentials/{UNIT}/admin-key}}"})
        self.start()
        self.worker = int(self.wait_for("worker_ready", trigger="t")["pid"])
        self.kafka.until_committed(group, topic)

    def test_the_daemon_has_it(self):
        self.assertEqual(self.get("/admin/host/status")[0], 401)
        self.assertEqual(self.get("/admin/host/status", **{"x-functions-key": "a-key-of-another-kind"})[0], 401)
        self.assertEqual(self.get("/admin/host/status", **{"x-functions-key": KEY})[0], 200)

    def test_nobody_else_sees_it(self):
        self.assertNotIn(KEY, run("systemctl", "show", "--all", UNIT))
        self.assertNotIn(KEY, run("systemctl", "cat", UNIT))
        self.assertNotIn(KEY, self.journal_text())
        for pid in (self.main_pid(), self.worker):
            for name in ("cmdline", "environ"):
                self.assertNotIn(KEY, read(f"/proc/{pid}/{name}"), (pid, name))
        # Where it lies is the daemon's own affair too.
        self.assertIn("CREDENTIALS_DIRECTORY=", read(f"/proc/{self.main_pid()}/environ"))
        self.assertNotIn("CREDENTIALS_DIRECTORY", read(f"/proc/{self.worker}/environ"))


if __name__ == "__main__":
    unittest.main()
