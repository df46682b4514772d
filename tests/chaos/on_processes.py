"""Daemons and workers that are killed, stopped for a while, or ended in order."""
import os
import signal

from daemon import alive
from faults import Fault
from rig import PATIENCE, TRIGGER, last
from waiting import until

SHORT_STOP = 2.0  # seconds; far below any time-out here


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[0]


def freeze(rig, pid):
    """Stopped, and seen to be; it goes on at the end of the test at the latest."""
    rig.addCleanup(thaw, pid)
    os.kill(pid, signal.SIGSTOP)
    until(f"process {pid} stands", lambda: state(pid) == "T")


def thaw(pid):
    if alive(pid):
        os.kill(pid, signal.SIGCONT)


def a_worker(rig, daemon):
    """The pid of one of its workers that live."""
    return rig.rng.choice(until("a worker lives", lambda: [p for p in daemon.worker_pids() if alive(p)], PATIENCE))


class DaemonRestart(Fault):
    name, what = "daemon_restart", "SIGTERM to the daemon, then a new one"
    graceful = True

    def inject(self, rig):
        daemon = rig.pick()
        daemon.stop(PATIENCE)
        daemon.wait_for("trigger_drained", trigger=TRIGGER)
        rig.gone(daemon)
        rig.say(f"{daemon.name} ended in order")
        rig.start()


class DaemonKill(Fault):
    name, what = "daemon_kill", "kill -9 of the daemon, then a new one at once"

    def inject(self, rig):
        daemon = rig.pick()
        found = rig.hit(daemon)
        status = daemon.end(signal.SIGKILL)
        rig.assertEqual(status, -signal.SIGKILL)
        rig.gone(daemon)
        rig.say(f"{daemon.name} killed, {found} in flight")
        rig.start()


class DaemonPause(Fault):
    name, what = "daemon_pause", f"SIGSTOP of the daemon for {SHORT_STOP:g} s, less than its session"
    graceful, quick_session = True, False

    def inject(self, rig):
        daemon = rig.pick()
        freeze(rig, daemon.process.pid)
        last(SHORT_STOP)
        thaw(daemon.process.pid)
        rig.say(f"{daemon.name} stood for {SHORT_STOP:g} s")


class DaemonStop(Fault):
    name, what = "daemon_stop", "SIGSTOP of one of two daemons until its session is over and the other owns all; SIGCONT"
    daemons, times = 2, 2

    def inject(self, rig):
        daemon = rig.pick()
        mark, found = daemon.mark(), rig.hit(daemon)
        freeze(rig, daemon.process.pid)
        rig.until_shared(but=1)
        rig.moment()
        thaw(daemon.process.pid)
        daemon.wait_for("partitions_revoked", timeout=PATIENCE, since=mark, lost="true")
        rig.say(f"{daemon.name} stood until it was expelled, {found} in flight")
        rig.until_shared()


class WorkerKill(Fault):
    name, what = "worker_kill", "kill -9 of a worker"
    times = 5

    def inject(self, rig):
        daemon = rig.pick()
        pid, mark = a_worker(rig, daemon), daemon.mark()
        found = rig.hit(daemon)
        os.kill(pid, signal.SIGKILL)
        daemon.wait_for("worker_lost", timeout=PATIENCE, since=mark, pid=pid)
        rig.say(f"worker {pid} of {daemon.name} killed, {found} in flight")


class WorkerOom(Fault):
    name, what = "worker_oom", "a worker dies by SIGKILL in the middle of a batch, as one that grew too large"
    times = 5

    def inject(self, rig):
        before = [(daemon, daemon.mark(), rig.in_flight(daemon)) for daemon in rig.running]
        with open(rig.path("deadly"), "w", encoding="ascii"):
            pass

        def its_daemon():
            return next(((d, in_flight) for d, mark, in_flight in before if d.seen("worker_lost", since=mark)), None)
        daemon, in_flight = until("a worker dies", its_daemon, PATIENCE)
        found = rig.hit_with(daemon, in_flight)
        rig.assertFalse(os.path.exists(rig.path("deadly")), "it died of what it was told")
        rig.say(f"a worker died in the middle, {found} in flight")


class WorkerPause(Fault):
    name, what = "worker_pause", f"SIGSTOP of a worker for {SHORT_STOP:g} s, less than worker.timeout"
    graceful = True

    def inject(self, rig):
        pid = a_worker(rig, rig.pick())
        freeze(rig, pid)
        last(SHORT_STOP)
        thaw(pid)
        rig.say(f"worker {pid} stood for {SHORT_STOP:g} s")


class WorkerStop(Fault):
    name, what = "worker_stop", "SIGSTOP of a worker until worker.timeout (5 s) ends it"
    worker = {"timeout": "5s"}
    times = 2

    def inject(self, rig):
        daemon = rig.pick()
        pid, mark = a_worker(rig, daemon), daemon.mark()
        found = rig.hit(daemon)
        freeze(rig, pid)
        daemon.wait_for("attempt_timed_out", timeout=PATIENCE, since=mark)
        daemon.wait_for("worker_lost", timeout=PATIENCE, since=mark, pid=pid)
        rig.say(f"worker {pid} stood until it was ended, {found} in flight")
