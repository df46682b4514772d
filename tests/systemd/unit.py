"""What a test in the guest begins with: the unit as installed, its drop-ins and fleet file, what systemd says of it."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import unittest
import uuid

from kafka import Kafka
from logfmt import parse
from waiting import PATIENCE, until

UNIT = "triggerd.service"
SHIPPED = "/src/systemd"
APP = "/srv/app"
DROP_INS = f"/etc/systemd/system/{UNIT}.d"
FLEET = "/etc/triggerd/triggerd.yaml"
STATE = "/var/lib/triggerd"
SOCKET = "/run/triggerd/admin.sock"
CGROUP = f"/sys/fs/cgroup/system.slice/{UNIT}"
QUICK_SESSION = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}


def run(*argv, check=True):
    """What the command says; on both streams where it fails, which is a failure unless check is False."""
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and result.returncode:
        raise AssertionError(f"{' '.join(argv)}: status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def status_of(pid):
    """/proc/PID/status, by name."""
    return dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").split("\n") if ":\t" in line)


def alive(pid):
    """A zombie has ended."""
    try:
        return read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_in(group):
    """Of a control group, by its folder."""
    return [int(pid) for pid in read(os.path.join(group, "cgroup.procs")).split()]


def group_of(pid):
    return "/sys/fs/cgroup" + read(f"/proc/{pid}/cgroup").removeprefix("0::")


def show(*names):
    """Properties of the unit, as text."""
    return dict(line.split("=", 1) for line in run("systemctl", "show", UNIT, *(f"-p{n}" for n in names)).splitlines())


class Case(unittest.TestCase):
    maxDiff = None
    drop_ins = ()  # of systemd/, for every test of the class

    def setUp(self):
        self.kafka = Kafka("/src/build", os.environ["KAFKA_BROKERS"])
        self.unique = uuid.uuid4().hex[:8]
        said = run("journalctl", "-q", "-n", "1", "-o", "cat", "--show-cursor")
        self.cursor = said.rsplit("-- cursor: ", 1)[1].strip()
        self.addCleanup(self._clean)
        for name in self.drop_ins:
            with open(os.path.join(SHIPPED, name), encoding="utf-8") as file:
                self.drop_in(name, file.read())

    def _clean(self):
        outcome = self._outcome.result
        if any(case is self for case, _ in outcome.failures + outcome.errors) or any(e for _, e in getattr(self._outcome, "errors", ())):
            print("\n--- the unit's journal\n" + "\n".join(self.journal_text().splitlines()[-50:]))
            print(run("systemctl", "status", "--no-pager", "-n0", UNIT, check=False), flush=True)
        run("systemctl", "kill", "--signal=KILL", UNIT, check=False)
        run("systemctl", "stop", UNIT, check=False)
        shutil.rmtree(DROP_INS, ignore_errors=True)
        run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed", UNIT, check=False)
        shutil.rmtree(STATE, ignore_errors=True)

    # --- what is installed for the test

    def drop_in(self, name, text):
        os.makedirs(DROP_INS, exist_ok=True)
        with open(os.path.join(DROP_INS, name), "w", encoding="utf-8") as file:
            file.write(text)
        run("systemctl", "daemon-reload")

    def topic(self, records=0):
        """A new one with so many records, and the name of a group."""
        topic = self.kafka.create(f"t-{self.unique}-{uuid.uuid4().hex[:4]}", 1)
        if records:
            self.kafka.produce(topic, [{"value": {"number": number}} for number in range(records)])
        return topic, "g-" + topic

    def trigger(self, topic, group, command=None, worker=None, **properties):
        """A trigger of handlers/deeds.py."""
        return {"brokerList": self.kafka.brokers, "topic": topic, "consumerGroup": group, "kafka": QUICK_SESSION,
                "worker": {"command": command or ["python3", "-m", "triggerd", f"{APP}/deeds.py"], **(worker or {})}, **properties}

    def fleet(self, triggers, text=None, **fleet):
        """Writes the fleet file as an administrator would: root's, readable by the group."""
        fleet = {"admin": {"listen": ["127.0.0.1:7071", f"unix:{SOCKET}"]}, "drainTimeout": "30s", "triggers": triggers, **fleet}
        with open(FLEET, "w", encoding="utf-8") as file:
            file.write(text or json.dumps(fleet))
        os.chmod(FLEET, 0o640)
        shutil.chown(FLEET, "root", "triggerd")

    def start(self, *options):
        run("systemctl", *options, "start", UNIT)

    def run_one(self, records=0, worker=None, **properties):
        """Starts the unit with one trigger, "t", that is ready; (topic, group, pid of its worker)."""
        topic, group = self.topic(records)
        self.fleet({"t": self.trigger(topic, group, worker=worker, **properties)})
        self.start()
        return topic, group, int(self.wait_for("worker_ready", trigger="t")["pid"])

    def do(self, topic, **deed):
        """A record that says what its handler is to do, once: if it comes again it is only settled."""
        self.kafka.produce(topic, [{"value": {"id": uuid.uuid4().hex, **deed}}])

    # --- what is seen

    def journal_text(self):
        """What the unit and systemd about it have logged since the test began."""
        return run("journalctl", "-q", "--no-pager", "-o", "cat", "-u", UNIT, "--after-cursor", self.cursor)

    def seen(self, event, **fields):
        found = map(parse, self.journal_text().splitlines())
        return [e for e in found if e.get("event") == event and all(e.get(n) == str(v) for n, v in fields.items())]

    def wait_for(self, event, count=1, **fields):
        """The count-th such line of the daemon's log."""
        def probe():
            return self.seen(event, **fields)[count - 1:]
        try:
            return until(f"{event} {fields} ×{count}", probe)[0]
        except AssertionError as error:
            raise AssertionError(f"{error}; the unit: {show('ActiveState', 'SubState', 'Result', 'StatusText')}") from None

    def deed(self, count=1):
        """What the count-th deed came to: handlers/deeds.py prints it."""
        def probe():
            return [e["line"] for e in self.seen("worker_output") if e["line"].startswith("deed ")][count - 1:]
        return json.loads(until("a deed is done", probe)[0][5:])

    def until_shows(self, timeout=PATIENCE, **wanted):
        """Until the unit has these properties; all of them, and what else is of interest."""
        def probe():
            now = show(*wanted, "MainPID", "NRestarts", "Result", "ExecMainStatus", "SubState")
            return now if all(now[name] == value for name, value in wanted.items()) else None
        return until(f"{UNIT} is {wanted}", probe, timeout)

    def main_pid(self):
        return int(show("MainPID")["MainPID"])

    def get(self, path, unix=False, **headers):
        """(status, text) of the admin listener, which is up."""
        connection = http.client.HTTPConnection("127.0.0.1", 7071, timeout=60)
        if unix:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(SOCKET)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text
