"""Secrets planted in a fleet file are in nothing that the daemon says or shows, of a whole run."""
import os
import subprocess

from daemon import core_limits
from harness import BINARY, Case

ADMIN_KEY, PASSWORD, KEYSTORE, FROM_FILE, FROM_DAEMON = (f"planted-{i}-{os.urandom(8).hex()}" for i in range(5))
PLANTED = {"admin.key": ADMIN_KEY, "password": PASSWORD, "kafka: ssl.keystore.password": KEYSTORE, "${file:}": FROM_FILE,
           "the daemon's own environment": FROM_DAEMON}


class Secrets(Case):
    def fleet(self):
        self.topic, self.group = self.kafka.create(self.name("t"), 1), self.name("g")
        with open(self.path("secret"), "w", encoding="ascii") as f:
            f.write(FROM_FILE + "\n")
        locked = {"protocol": "saslPlaintext", "authenticationMode": "plain", "username": "us"}
        daemon = self.daemon({
            "works": self.trigger(self.topic, self.group),
            # Nobody listens there, so the log has much to say of the connection.
            "env": {**self.trigger(self.topic, self.name("g2"), kafka={"ssl.keystore.password": KEYSTORE}),
                    "brokerList": "127.0.0.1:1", **locked, "password": "${env:PLANTED_PASSWORD}"},
            "file": {**self.trigger(self.topic, self.name("g3")), "brokerList": "127.0.0.1:1", **locked,
                     "password": "${file:secret}"},
        }, start=False, lagInterval="1s", admin={"listen": "127.0.0.1:0", "key": "${env:PLANTED_KEY}"})
        daemon.env.update(PLANTED_PASSWORD=PASSWORD, PLANTED_KEY=ADMIN_KEY, PLANTED_FOR_NOBODY=FROM_DAEMON)
        return daemon

    def assert_clean(self, where, text):
        for what, secret in PLANTED.items():
            self.assertNotIn(secret, text, f"{what} is in {where}")

    def of_process(self, pid):
        said = ""
        for name in "cmdline", "comm", "status":
            with open(f"/proc/{pid}/{name}", "rb") as f:
                said += f.read().decode(errors="replace")
        return said

    def test_none_is_shown(self):
        daemon = self.fleet()
        check = subprocess.run([BINARY, "check", "-c", daemon.file], env=daemon.env, capture_output=True, text=True, check=True,
                               timeout=60)
        self.assert_clean("check", check.stdout + check.stderr)
        self.kafka.fill(self.topic, 3)
        daemon.start()
        self.kafka.until_committed(self.group, self.topic)
        daemon.wait_for("consumer_error", trigger="env", code="_TRANSPORT")
        daemon.wait_for("consumer_error", trigger="file", code="_TRANSPORT")
        for path in ("/", "/metrics", "/healthz", "/readyz", "/openapi.json", "/api/triggers", "/api/triggers/works/decisions",
                     "/scale/works", "/admin/host/status", "/admin/host/drain/status", "/nothing"):
            for headers in {}, {"x-functions-key": ADMIN_KEY}:
                self.assert_clean(path, daemon.get(path, **headers)[1])
        self.assert_clean("a refusal", daemon.post(f"/admin/host/drain?code={ADMIN_KEY}x")[1])
        self.assert_clean("skip's answer", daemon.post("/api/triggers/works/skip", {"key": ADMIN_KEY}, **{"x-functions-key": ADMIN_KEY})[1])
        self.assert_clean("the daemon's title", self.of_process(daemon.process.pid))
        for pid in daemon.worker_pids():
            self.assert_clean("a worker's title", self.of_process(pid))
            with open(f"/proc/{pid}/environ", "rb") as f:
                self.assert_clean("a worker's environment", f.read().decode(errors="replace"))
            self.assertEqual(core_limits(pid)[0], "0")
        self.assertEqual(core_limits(daemon.process.pid)[0], "0", "a core dump would hold them")
        daemon.stop()
        with open(daemon.raw_log, encoding="utf-8", errors="replace") as f:
            self.assert_clean("the log", f.read())

    def test_none_is_in_an_error(self):
        """What is wrong is shown as the file has it, not as what it stands for."""
        daemon = self.fleet()
        with open(daemon.file, encoding="utf-8") as f:
            text = f.read()
        bad = text.replace('"us"', '"${env:PLANTED_PASSWORD}"').replace('"saslPlaintext"', '"${env:PLANTED_PASSWORD}"')
        self.assertNotEqual(bad, text)
        with open(daemon.file, "w", encoding="utf-8") as f:
            f.write(bad.replace('"1s"', '"${file:secret}"'))
        check = subprocess.run([BINARY, "check", "-c", daemon.file], env=daemon.env, capture_output=True, text=True, check=False,
                               timeout=60)
        self.assertEqual(check.returncode, 78)
        self.assertIn("protocol", check.stderr + check.stdout)
        self.assert_clean("check", check.stdout + check.stderr)
