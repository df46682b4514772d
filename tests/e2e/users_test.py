"""Workers under another user, and with limits of their own. Only root may try."""
import os
import shutil
import signal
import subprocess
import sys
import unittest

from daemon import alive
from harness import HERE, ROOT, Case
from waiting import until

NOBODY = 65534
UNIFIED = "/sys/fs/cgroup"


def version_2_is_ours():
    return os.geteuid() == 0 and os.path.exists(os.path.join(UNIFIED, "cgroup.procs"))


def anyones_python():
    """An interpreter that another user may run; ours may lie in a home."""
    for path in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            subprocess.run([path, "-c", "pass"], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=True)
            return path
        except (OSError, subprocess.CalledProcessError):
            pass
    return None


PYTHON = anyones_python() if os.geteuid() == 0 else None


@unittest.skipIf(PYTHON is None, "there is no Python that another user may run")
@unittest.skipIf(os.geteuid() != 0, "only root may run a worker as another user")
class Users(Case):
    def produce(self, records=1):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": str(i)} for i in range(records)])
        return topic, group

    def someone_elses(self, topic, group, **worker):
        """A trigger whose worker can be run by anyone, in a folder that anyone may write to."""
        os.chmod(self.folder, 0o711)
        open_folder = self.path("open")
        os.mkdir(open_folder)
        shutil.copytree(os.path.join(ROOT, "workers", "python", "triggerd"), os.path.join(open_folder, "triggerd"))
        shutil.copy(os.path.join(HERE, "handlers", "scripted.py"), open_folder)
        os.chmod(open_folder, 0o777)
        command = [PYTHON, "-m", "triggerd", os.path.join(open_folder, "scripted.py"), "--handler", "handle"]
        return self.trigger(topic, group, command=command, worker={"user": "nobody", "workingDirectory": open_folder, **worker},
                            env={"PYTHONPATH": open_folder, "RECORD_FILE": os.path.join(open_folder, "records"),
                                 "PYTHONDONTWRITEBYTECODE": "1"})

    def ids(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        return status["Uid"].split(), status["Gid"].split(), status["CapEff"], status["NoNewPrivs"]

    def test_its_worker_has_that_users_rights_and_its_limits(self):
        topic, group = self.produce(100)
        daemon = self.daemon({"t": self.someone_elses(topic, group, limits={"openFiles": 99})})
        pid = int(daemon.wait_for("worker_ready", trigger="t")["pid"])
        self.assertEqual(self.ids(pid), ([str(NOBODY)] * 4, [str(NOBODY)] * 4, "0" * 16, "1"))
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read().decode().split("\0")
        self.assertLessEqual({"USER=nobody", "LOGNAME=nobody", "HOME=/nonexistent"}, set(environment))
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            self.assertEqual([line.split()[3:5] for line in file if line.startswith("Max open files")], [["99", "99"]])
        self.until_records(100, file="open/records")
        self.assertEqual(os.stat(self.path("open/records")).st_uid, NOBODY)
        daemon.stop()
        self.assertFalse(alive(pid))

    def test_a_hung_one_is_ended_and_a_killed_daemon_leaves_none(self):
        topic, group = self.produce()
        daemon = self.daemon({"t": self.someone_elses(topic, group, timeout="1s")})
        first = int(daemon.wait_for("worker_ready", trigger="t")["pid"])
        self.until_records(1, file="open/records")
        os.kill(first, signal.SIGSTOP)
        self.kafka.produce(topic, [{"value": "b"}])
        daemon.wait_for("worker_lost", trigger="t")
        second = int(daemon.wait_for("worker_ready", trigger="t", count=2)["pid"])
        self.assertFalse(alive(first))
        daemon.kill9()
        until(f"{second} ends with the daemon", lambda: not alive(second))

    def test_a_folder_it_may_not_enter(self):
        topic, group = self.produce()
        closed = self.path("closed")
        os.mkdir(closed, 0o700)
        daemon = self.daemon({"t": self.someone_elses(topic, group, workingDirectory=closed)})
        failed = daemon.wait_for("worker_start_failed", trigger="t")
        self.assertEqual((failed["step"], failed["error"]), ("chdir", f"{closed}: Permission denied"))
        daemon.stop()

    def test_without_the_right_the_daemon_ends_at_once(self):
        topic, group = self.produce()
        daemon = self.daemon({"t": self.someone_elses(topic, group)}, start=False)
        argv = ["setpriv", "--bounding-set=-setuid,-kill", *daemon.argv()]
        daemon.argv = lambda: argv
        daemon.start()
        refused = daemon.wait_for("worker_not_permitted", trigger="t")
        self.assertEqual(refused["missing"], "CAP_SETUID, CAP_KILL")
        self.assertEqual(daemon.wait(), 77)

    def test_a_limit_that_this_machine_has_no_control_group_for_is_told_of(self):
        topic, group = self.produce()
        daemon = self.daemon({"t": self.trigger(topic, group, worker={"limits": {"tasks": 50}})})
        said = daemon.wait_for("worker_limits_not_applied", trigger="t")
        self.assertIn("control group", said["reason"])
        self.until_records(1)
        daemon.stop()

    @unittest.skipUnless(version_2_is_ours(), "this machine has no control groups of version 2 at " + UNIFIED)
    def test_limits_by_a_control_group(self):
        ours = os.path.join(UNIFIED, f"triggerd-e2e-{os.getpid()}")
        os.mkdir(ours)
        self.addCleanup(lambda: [os.rmdir(folder) for folder in (os.path.join(ours, "daemon"), ours)])
        topic, group = self.produce()
        daemon = self.daemon({"t": self.someone_elses(topic, group, limits={
            "memory": "64MiB", "cpuPercent": 150, "tasks": 50})}, start=False)
        argv = ["sh", "-c", f'echo 0 > {ours}/cgroup.procs && exec "$@"', "sh", *daemon.argv()]
        daemon.argv = lambda: argv
        pid = int(daemon.start().wait_for("worker_ready", trigger="t")["pid"])
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            folder = UNIFIED + file.read().strip().removeprefix("0::")
        self.assertEqual(os.path.dirname(folder), ours)
        for name, value in (("memory.max", "67108864"), ("cpu.max", "150000 100000"), ("pids.max", "50")):
            with open(os.path.join(folder, name), encoding="ascii") as file:
                self.assertEqual(file.read().strip(), value, name)
        self.until_records(1, file="open/records")
        daemon.stop()
        until("its group is removed", lambda: not os.path.exists(folder))


if __name__ == "__main__":
    unittest.main()
