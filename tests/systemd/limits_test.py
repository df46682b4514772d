"""worker.limits by control group, on the kernel's own: they hold, and nothing is left of them."""
import os
import signal
import unittest

from unit import CGROUP, Case, alive, group_of, pids_in, read, run, show
from waiting import until

MIB = 1 << 20


def numbers(group, file):
    """Of a file of "NAME NUMBER" lines."""
    return {name: int(value) for name, value in (line.split() for line in read(os.path.join(group, file)).split("\n"))}


def groups():
    """Those below the unit's."""
    return {entry.name for entry in os.scandir(CGROUP) if entry.is_dir()}


class Limits(Case):
    drop_ins = ("worker-limits.conf",)

    def limited(self, records=0, **limits):
        # One that has half a processor, of a slow machine, takes its time to begin.
        topic, group, pid = self.run_one(records, worker={"limits": limits, "startTimeout": "5m"})
        self.assertFalse(self.seen("worker_limits_not_applied"))
        return topic, group, pid

    def test_each_process_has_a_group_of_its_own_and_a_stop_leaves_none(self):
        topic, group, pid = self.limited(10, memory="64MiB", cpuPercent=150, tasks=50)
        folder = group_of(pid)
        self.assertEqual(os.path.dirname(folder), CGROUP)
        self.assertEqual(pids_in(folder), [pid])
        for name, value in (("memory.max", str(64 * MIB)), ("cpu.max", "150000 100000"), ("pids.max", "50"),
                            ("memory.oom.group", "1")):
            self.assertEqual(read(os.path.join(folder, name)), value, name)
        # A group that hands controllers down may hold no process.
        self.assertEqual(pids_in(CGROUP), [])
        self.assertIn(self.main_pid(), pids_in(os.path.join(CGROUP, "daemon")))
        self.assertEqual(groups(), {"daemon", os.path.basename(folder)})
        self.kafka.until_committed(group, topic)
        run("systemctl", "stop", "triggerd.service")
        self.assertEqual(show("Result", "ExecMainStatus"), {"Result": "success", "ExecMainStatus": "0"})
        self.assertFalse(os.path.exists(CGROUP))

    def test_memory(self):
        topic, group, first = self.limited(memory="64MiB")
        folder, daemon = group_of(first), self.main_pid()
        self.do(topic, child=1, hog_mib=300)
        child = self.deed()["pid"]
        lost = self.wait_for("worker_lost", trigger="t")
        self.assertIn("it was above its limits.memory", lost["reason"])
        second = int(self.wait_for("worker_ready", count=2, trigger="t")["pid"])
        self.kafka.until_committed(group, topic)
        self.assertNotEqual(first, second)
        # What the process had started went with it, and its group; the daemon did not notice.
        self.assertFalse(alive(child))
        until("the group is removed", lambda: not os.path.exists(folder))
        self.assertEqual((self.main_pid(), show("ActiveState", "NRestarts")), (daemon, {"ActiveState": "active", "NRestarts": "0"}))
        self.assertEqual(read(os.path.join(group_of(second), "memory.max")), str(64 * MIB))
        # Not one of them got there.
        self.assertFalse([e for e in self.seen("worker_output") if '"mib"' in e["line"]])

    def test_memory_below_the_limit_is_left_alone(self):
        topic, group, pid = self.limited(memory="128MiB")
        self.do(topic, limit="memory.max", hog_mib=60)
        self.assertEqual((self.deed(), self.deed(2)), ({"limit": str(128 * MIB)}, {"mib": 60}))
        self.kafka.until_committed(group, topic)
        self.assertGreater(int(read(os.path.join(group_of(pid), "memory.current"))), 60 * MIB)
        self.assertEqual(numbers(group_of(pid), "memory.events")["oom_kill"], 0)

    def test_tasks(self):
        topic, group, pid = self.limited(tasks=20)
        self.do(topic, fork=500)
        done = self.deed()
        self.assertEqual(done["error"], "Resource temporarily unavailable")
        # Twenty in all, the process itself among them.
        self.assertTrue(15 <= done["children"] < 20, done)
        self.assertGreater(numbers(group_of(pid), "pids.events")["max"], 0)
        self.kafka.until_committed(group, topic)
        self.assertTrue(alive(pid))

    def test_processors(self):
        topic, group, pid = self.limited(cpuPercent=50)
        self.do(topic, burn=6)
        done = self.deed()
        self.assertLess(done["share"], 0.7)
        self.assertGreater(numbers(group_of(pid), "cpu.stat")["nr_throttled"], 0)
        self.kafka.until_committed(group, topic)

    def test_a_restart_after_a_kill_finds_a_clean_place(self):
        topic, group, first = self.limited(5, memory="64MiB", cpuPercent=150, tasks=50)
        self.kafka.until_committed(group, topic)
        folder, daemon = group_of(first), self.main_pid()
        os.kill(daemon, signal.SIGKILL)
        second = int(self.wait_for("worker_ready", count=2, trigger="t")["pid"])
        self.until_shows(ActiveState="active", NRestarts="1")
        self.assertFalse(alive(first))
        self.assertFalse(self.seen("worker_limits_not_applied"))
        self.assertEqual(groups(), {"daemon", os.path.basename(group_of(second))})
        self.assertEqual(read(os.path.join(group_of(second), "pids.max")), "50")
        self.assertTrue(os.path.basename(folder) == os.path.basename(group_of(second)) or not os.path.exists(folder))
        self.kafka.produce(topic, [{"value": {"number": 5}}])
        self.kafka.until_committed(group, topic)


class WithoutTheDropIn(Case):
    def test_it_is_told_and_the_workers_run(self):
        topic, group, pid = self.run_one(1, worker={"limits": {"memory": "64MiB"}})
        self.assertEqual(self.wait_for("worker_limits_not_applied", trigger="t")["reason"],
                         "its control group is not delegated to the daemon")
        self.assertEqual(group_of(pid), CGROUP)
        self.kafka.until_committed(group, topic)


if __name__ == "__main__":
    unittest.main()
