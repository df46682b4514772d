"""What a worker process has, and has not, of its daemon: rights, limits, environment, and its end."""
import json
import os
import signal

from daemon import Daemon, alive, core_limits
from harness import BINARY, Case, python_worker
from waiting import until


class Isolation(Case):
    def produce(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": "a"}])
        return topic, group

    def status(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def environment(self, pid):
        with open(f"/proc/{pid}/environ", "rb") as file:
            return dict(entry.split("=", 1) for entry in file.read().decode().split("\0") if entry)

    def test_a_worker_gets_no_privilege_and_dumps_no_core(self):
        topic, group = self.produce()
        daemon = self.daemon({"t": self.trigger(topic, group)})
        pid = daemon.wait_for("worker_ready", trigger="t")["pid"]
        status = self.status(pid)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual((int(status["CapInh"], 16), int(status["CapAmb"], 16)), (0, 0))
        self.assertEqual(core_limits(pid), ["0", "0"])
        daemon.stop()

    def test_the_daemons_environment_stays_with_it(self):
        topic, group = self.produce()
        planted = {"DATABASE_PASSWORD": "planted-secret", "CREDENTIALS_DIRECTORY": "/planted-secret", "LC_TIME": "C"}
        daemon = Daemon(BINARY, self.folder, "daemon1", {"triggers": {"t": self.trigger(
            topic, group, env={"ASKED_FOR": "${env:DATABASE_PASSWORD}"})}}, planted)
        self.daemons.append(daemon)
        found = self.environment(daemon.start().wait_for("worker_ready", trigger="t")["pid"])
        named = {"ASKED_FOR", "PYTHONPATH", "RECORD_FILE", "TRIGGERD_FD"}
        usual = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"}
        self.assertEqual({name for name in found if name not in named | usual and not name.startswith("LC_")}, set())
        self.assertEqual(found["ASKED_FOR"], "planted-secret")
        self.assertEqual(found["LC_TIME"], "C")
        daemon.stop()

    def family(self):
        """A worker that has started a program of its own, which outlives it if nobody ends it: its pid."""
        topic, group = self.produce()
        script = f'tail -f /dev/null & echo $! > {self.path("child")}; exec "$@"'
        daemon = self.daemon({"t": self.trigger(topic, group, command=["sh", "-c", script, "sh", *python_worker(
            "scripted.py", "--handler", "handle")])})
        daemon.wait_for("worker_ready", trigger="t")
        with open(self.path("child"), encoding="ascii") as file:
            child = int(file.read())
        self.assertTrue(alive(child))
        return daemon, child

    def test_a_killed_daemon_leaves_neither_worker_nor_what_it_started(self):
        daemon, child = self.family()
        daemon.kill9()
        until(f"{child}, which a worker started, ends with the daemon", lambda: not alive(child))

    def test_a_worker_that_ends_leaves_nothing_it_started(self):
        daemon, child = self.family()
        os.kill(daemon.worker_pids()[0], signal.SIGKILL)
        until(f"{child} ends with its worker", lambda: not alive(child))
        daemon.stop()

    def test_control_groups_are_stated_at_the_start(self):
        topic, group = self.produce()
        daemon = self.daemon({"t": self.trigger(topic, group)})
        said = daemon.wait_for("cgroup")
        daemon.wait_for("daemon_started")
        unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
        self.assertEqual(str(said["version_2"]), json.dumps(unified))
        daemon.stop()
