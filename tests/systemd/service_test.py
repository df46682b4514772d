"""The unit starts, says how it is, is what it promises to be, drains, and is restarted or not."""
import os
import pwd
import signal
import stat
import unittest

from unit import APP, FLEET, SOCKET, STATE, Case, alive, run, show, status_of
from waiting import until

SECOND = 1_000_000  # systemd's unit


def owner(path):
    found = os.stat(path)
    return oct(stat.S_IMODE(found.st_mode)), pwd.getpwuid(found.st_uid).pw_name


class Service(Case):
    def test_active_means_ready_and_the_status_says_what_is_not(self):
        topic, group = self.topic()
        gate = os.path.join(STATE, "start")
        self.fleet({"t": self.trigger(topic, group, worker={"env": {"START_GATE": gate}, "startTimeout": "5m"})})
        self.start("--no-block")
        self.wait_for("daemon_started")
        self.assertEqual(show("ActiveState", "SubState"), {"ActiveState": "activating", "SubState": "start"})
        # The worker is not ready, so it is told after ten seconds.
        self.until_shows(ActiveState="active")
        when = show("ActiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic")
        took = int(when["ActiveEnterTimestampMonotonic"]) - int(when["ExecMainStartTimestampMonotonic"])
        self.assertGreater(took, 9 * SECOND)
        self.assertRegex(show("StatusText")["StatusText"], "^1 triggers; not ready: t: ")
        self.assertEqual(self.get("/readyz")[0], 503)
        open(gate, "w", encoding="ascii").close()
        self.until_shows(StatusText="1 triggers, all ready")
        self.assertEqual(self.get("/readyz")[0], 200)

    def test_its_user_its_folders_and_its_rights(self):
        _, _, worker = self.run_one()
        triggerd = pwd.getpwnam("triggerd")
        for pid in (self.main_pid(), worker):
            status = status_of(pid)
            self.assertEqual(status["Uid"].split(), [str(triggerd.pw_uid)] * 4, pid)
            self.assertEqual(status["Gid"].split(), [str(triggerd.pw_gid)] * 4, pid)
            self.assertEqual((status["CapEff"], status["CapBnd"], status["CapAmb"]), ("0" * 16,) * 3, pid)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), pid)
        self.assertEqual(owner("/run/triggerd"), ("0o750", "triggerd"))
        self.assertEqual(owner(SOCKET), ("0o660", "triggerd"))
        self.assertEqual(owner(STATE), ("0o750", "triggerd"))
        self.assertEqual((owner("/etc/triggerd"), owner(FLEET)), (("0o750", "root"), ("0o640", "root")))
        for unix in (False, True):
            self.assertEqual(self.get("/healthz", unix)[0], 200)
        self.until_shows(StatusText="1 triggers, all ready")
        self.assertEqual(self.get("/readyz", unix=True)[0], 200)

    def test_a_stop_drains(self):
        topic, group, worker = self.run_one()
        self.do(topic, gate="go")
        self.deed()
        run("systemctl", "--no-block", "stop", "triggerd.service")
        self.until_shows(ActiveState="deactivating", StatusText="draining")
        self.assertTrue(alive(worker))
        open(os.path.join(STATE, "go"), "w", encoding="ascii").close()
        ended = self.until_shows(ActiveState="inactive")
        self.assertEqual((ended["ExecMainStatus"], ended["Result"], ended["NRestarts"]), ("0", "success", "0"))
        self.assertEqual(self.kafka.committed(group, topic), {0: 1})
        self.assertFalse(os.path.exists("/run/triggerd"))
        self.assertFalse(alive(worker))

    def test_a_killed_one_is_restarted(self):
        topic, group, worker = self.run_one(5)
        self.kafka.until_committed(group, topic)
        first = self.main_pid()
        os.kill(first, signal.SIGKILL)
        self.until_shows(ActiveState="active", NRestarts="1")
        self.assertNotIn(self.main_pid(), (0, first))
        until("the worker ends with its daemon", lambda: not alive(worker))
        self.kafka.produce(topic, [{"value": {"number": 5}}])
        self.kafka.until_committed(group, topic)

    def test_a_wrong_fleet_file_is_not_tried_again(self):
        self.fleet({}, text="triggers: { t: { nonsense: 1 } }")
        run("systemctl", "start", "triggerd.service", check=False)
        # One that is to be restarted waits in "auto-restart" instead.
        ended = self.until_shows(ActiveState="failed", SubState="failed")
        self.assertEqual((ended["ExecMainStatus"], ended["NRestarts"]), ("78", "0"))
        self.assertIn("nonsense", self.journal_text())

    def test_a_broker_that_is_down_is_no_reason_to_fail(self):
        self.fleet({"t": {**self.trigger("orders", "g"), "brokerList": "127.0.0.1:1"}})
        self.start()
        self.assertEqual(show("ActiveState", "NRestarts"), {"ActiveState": "active", "NRestarts": "0"})
        self.assertRegex(show("StatusText")["StatusText"], "not ready: t: ")


class Watchdog(Case):
    def test_it_watches_as_shipped(self):
        self.run_one()
        self.assertEqual(show("WatchdogUSec"), {"WatchdogUSec": "30s"})
        self.assertGreater(int(show("WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"]), 0)

    # With less time than as shipped.
    def test_it_is_fed_and_one_that_stands_still_is_restarted(self):
        self.drop_in("watchdog.conf", "[Service]\nWatchdogSec=4s\n")
        topic, group, _ = self.run_one(1)

        def fed():
            return int(show("WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"])
        first = fed()
        self.assertGreater(first, 0)
        until("it was fed for three times as long", lambda: fed() - first > 12 * SECOND)
        self.assertEqual(show("NRestarts", "ActiveState"), {"NRestarts": "0", "ActiveState": "active"})
        os.kill(self.main_pid(), signal.SIGSTOP)
        self.until_shows(ActiveState="active", NRestarts="1")
        self.assertIn("Watchdog timeout (limit 4s)!", self.journal_text())
        self.kafka.produce(topic, [{"value": {"number": 1}}])
        self.kafka.until_committed(group, topic)


class OtherSession(Case):
    def test_what_a_worker_left_in_another_session_ends_with_the_unit(self):
        topic, _, _ = self.run_one(worker={"command": ["python3", "-m", "triggerd", f"{APP}/deeds.py"]})
        self.do(topic, child=1)
        child = self.deed()["pid"]
        self.assertTrue(alive(child))
        run("systemctl", "stop", "triggerd.service")
        self.assertFalse(alive(child))


if __name__ == "__main__":
    unittest.main()
