"""The daemon under a service manager, which the test plays: what it is told, and when."""
import os
import signal
import socket
import threading
import time

from daemon import Daemon
from harness import BINARY, Case
from waiting import PATIENCE


class Manager:
    """The socket that systemd has, and what came, each with its time."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.name = name
        self.said = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            text = self.socket.recv(4096).decode()
            if not text:
                return
            with self._changed:
                self.said.append((time.monotonic(), text.split("\n")))
                self._changed.notify_all()

    def mark(self):
        with self._changed:
            return len(self.said)

    def caught_up(self):
        """A mark behind all that had been sent: a word of our own goes the same way, and comes last."""
        word = f"CAUGHT_UP={time.monotonic()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(word.encode(), "\0" + self.name[1:] if self.name.startswith("@") else self.name)
        self.wait_for(word)
        return self.mark()

    def wait_for(self, start, since=0, count=1):
        """(time, line): the count-th line after the mark that begins so."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                found = [(at, line) for at, lines in self.said[since:] for line in lines if line.startswith(start)]
                if len(found) >= count:
                    return found[count - 1]
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"no {start!r} ×{count} among {len(self.said)}; the last: {self.said[-10:]}")

    def lines(self):
        with self._changed:
            return [line for _, lines in self.said for line in lines]


class Notify(Case):
    def managed(self, name, usec, **properties):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": "a"}])
        manager = Manager(name)
        daemon = Daemon(BINARY, self.folder, "daemon1", {"triggers": {"t": self.trigger(topic, group, **properties)}},
                        {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": str(usec)})
        self.daemons.append(daemon)
        return manager, daemon.start(), topic, group

    def test_ready_fed_and_stopping(self):
        manager, daemon, topic, group = self.managed(self.path("notify"), 400_000)
        ready, _ = manager.wait_for("READY=1")
        self.assertTrue(daemon.seen("worker_ready", trigger="t"), "READY came before the worker")
        self.kafka.until_committed(group, topic)
        manager.wait_for("STATUS=1 triggers, all ready")
        mark = manager.mark()
        manager.wait_for("WATCHDOG=1", since=mark, count=10)
        daemon.stop()
        lines = manager.lines()
        self.assertEqual((lines.count("READY=1"), lines.count("STOPPING=1")), (1, 1))
        self.assertIn("STATUS=draining", lines)
        # Nothing of the manager's reaches a worker.
        self.assertFalse([line for line in lines if not line.startswith(("READY=", "STATUS=", "WATCHDOG=", "STOPPING=",
                                                                         "EXTEND_TIMEOUT_USEC="))])

    def test_an_abstract_name_and_a_drain_that_takes_its_time(self):
        gate = self.path("gate")
        manager, daemon, topic, group = self.managed("@triggerd-e2e-" + self.unique, 2_000_000)
        self.kafka.produce(topic, [{"value": {"gate": gate}}])
        manager.wait_for("READY=1")
        self.until_records(2, phase="start")
        mark = manager.mark()
        daemon.process.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1", since=mark)
        manager.wait_for("EXTEND_TIMEOUT_USEC=15000000", since=mark, count=3)
        manager.wait_for("WATCHDOG=1", since=mark, count=3)  # it drains, and is well
        self.make("gate")
        self.assertEqual(daemon.wait(), 0)

    def test_a_process_that_stands_still_feeds_no_more(self):
        manager, daemon, _, _ = self.managed(self.path("notify"), 200_000)
        manager.wait_for("READY=1")
        os.kill(daemon.process.pid, signal.SIGSTOP)
        self.addCleanup(lambda: daemon.process.poll() is None and os.kill(daemon.process.pid, signal.SIGCONT))
        os.waitid(os.P_PID, daemon.process.pid, os.WSTOPPED | os.WNOWAIT)
        mark = manager.caught_up()
        # Its workers go on meanwhile: were one of them to feed, its word would be here.
        self.kafka.create(self.name("meanwhile"), 1)
        self.assertEqual(manager.caught_up(), mark + 1)
        os.kill(daemon.process.pid, signal.SIGCONT)
        manager.wait_for("WATCHDOG=1", since=mark)
        daemon.stop()
