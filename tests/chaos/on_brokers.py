"""Brokers that are killed, stopped or restarted, the controller and the group's coordinator among them; commits that are
refused while records flow.
"""
import os
import re
import signal
import subprocess

from daemon import alive
from faults import Fault
from rig import PATIENCE, TRIGGER
from waiting import until

BROKERS = (1, 2, 3)
OFFSETS = "__consumer_offsets"


def coordinator(rig):
    def probe():
        try:
            return max(rig.kafka.group(rig.group)["coordinator"], 0)
        except AssertionError:
            return None
    return until("the group has a coordinator", probe, PATIENCE)


def controller(rig, but=0):
    """The active one, as soon as it is another than `but`."""
    def probe():
        try:
            said = rig.cluster.do("run", "org.apache.kafka.tools.MetadataQuorumCommand", "--bootstrap-server", rig.kafka.brokers,
                                  "describe", "--status")
        except subprocess.CalledProcessError:  # while there is none
            return None
        leader = int(re.search(r"LeaderId:\s*(-?\d+)", said).group(1))
        return leader if leader > 0 and leader != but else None
    return until("there is another controller" if but else "there is a controller", probe, PATIENCE)


def kill(rig, broker):
    rig.addCleanup(rig.cluster.do, "up", len(BROKERS))
    pid = rig.cluster.pid(broker)
    rig.cluster.do("kill", broker)
    until("the broker is gone", lambda: not alive(pid))


class BrokerKill(Fault):
    name, what = "broker_kill", "kill -9 of a broker, the group's coordinator first; records go on; restarted"
    short_times, quick_session, brokers_fail = 1, False, True

    def inject(self, rig):
        broker = coordinator(rig) if rig.row.times == 0 else rig.rng.choice(BROKERS)
        found = rig.hit(*rig.running)
        kill(rig, broker)
        rig.moment()
        rig.cluster.do("restart", broker)
        rig.in_sync()
        rig.say(f"broker {broker} killed, {found} in flight")


class ControllerKill(Fault):
    name, what = "controller_kill", "kill -9 of the broker that is the active controller; restarted"
    times, quick_session, brokers_fail = 2, False, True

    def inject(self, rig):
        broker = controller(rig)
        found = rig.hit(*rig.running)
        kill(rig, broker)
        rig.moment()
        now = controller(rig, but=broker)
        rig.cluster.do("restart", broker)
        rig.in_sync()
        rig.say(f"controller {broker} killed, {found} in flight, now it is {now}")


class BrokerStop(Fault):
    name, what = "broker_stop", "SIGSTOP of a broker until the others take over its partitions; SIGCONT"
    quick_session, brokers_fail = False, True

    def inject(self, rig):
        broker = rig.rng.choice(BROKERS)
        found = rig.hit(*rig.running)
        rig.addCleanup(lambda pid=rig.cluster.pid(broker): alive(pid) and os.kill(pid, signal.SIGCONT))
        rig.cluster.do("pause", broker)

        def fenced():
            try:
                return set(rig.kafka.run("in-sync", rig.topic).values()) == {len(BROKERS) - 1}
            except AssertionError:
                return False
        until(f"broker {broker} is out", fenced, PATIENCE)
        rig.moment()
        rig.cluster.do("resume", broker)
        rig.in_sync()
        rig.say(f"broker {broker} stood until it was out, {found} in flight")


class CoordinatorRestart(Fault):
    name, what = "coordinator_restart", "the group's coordinator is restarted in order, under load"
    graceful, quick_session, brokers_fail = True, False, True
    times = 2

    def inject(self, rig):
        broker = coordinator(rig)
        pid = rig.cluster.pid(broker)
        rig.cluster.do("restart", broker)
        rig.assertNotEqual(rig.cluster.pid(broker), pid)
        rig.in_sync()
        rig.say(f"broker {broker} restarted")


class CommitRefused(Fault):
    name, what = "commit_refused", "every commit is refused (the offsets topic takes no record of its size), then taken again"
    graceful = True

    def refuse(self, rig):
        """Until the daemon has heard it twice and everything it may have in flight is."""
        rig.addCleanup(self.allow, rig)
        marks = [(daemon, daemon.mark()) for daemon in rig.running]
        rig.kafka.run("configure", OFFSETS, "max.message.bytes=1")
        for daemon, mark in marks:
            daemon.wait_for("commit_failed", timeout=PATIENCE, since=mark, count=2)
        limit = int(rig.properties["maxInFlight"])
        for daemon in rig.running:
            daemon.until_metric("triggerd_in_flight_records", lambda v: v >= limit, PATIENCE, trigger=TRIGGER)
            rig.assertLessEqual(daemon.metric("triggerd_in_flight_records", trigger=TRIGGER), limit)

    def allow(self, rig):
        rig.kafka.run("configure", OFFSETS, "max.message.bytes=")

    def inject(self, rig):
        self.refuse(rig)
        self.allow(rig)
        rig.say("commits refused, maxInFlight reached, taken again")


class CommitRefusedKill(CommitRefused):
    name, what = "commit_refused_kill", "likewise, and kill -9 of the daemon while commits are refused and maxInFlight is in flight"
    graceful = False
    times = 2

    def inject(self, rig):
        self.refuse(rig)
        daemon = rig.pick()
        found = rig.hit(daemon)
        rig.assertEqual(daemon.end(signal.SIGKILL), -signal.SIGKILL)
        rig.gone(daemon)
        self.allow(rig)
        rig.start()
        rig.say(f"{daemon.name} killed while commits were refused, {found} in flight")
