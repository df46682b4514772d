"""One triggerd process: its fleet file, its log as events, its metrics, its end."""
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from logfmt import parse, parse_metrics
from waiting import PATIENCE, until



class Daemon:
    """`triggerd run` of a fleet given as a dictionary. JSON is YAML, so the file is written as JSON."""

    def __init__(self, binary, folder, name, fleet, env=None):
        self.name = name
        self.binary = binary
        self.file = os.path.join(folder, name + ".yaml")
        self.raw_log = os.path.join(folder, name + ".log")
        fleet = {"admin": {"listen": "127.0.0.1:0"}, "log": {"level": "debug"}, **fleet}
        with open(self.file, "w", encoding="utf-8") as f:
            json.dump(fleet, f, indent=1)
        self.env = {**os.environ, **(env or {})}
        self.events = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = None

    def argv(self):
        return [self.binary, "run", "-c", self.file]

    def start(self):
        self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self):
        with open(self.raw_log, "ab") as raw:
            for line in self.process.stderr:
                raw.write(line)
                raw.flush()
                event = parse(line.decode("utf-8", "replace"))
                if event:
                    with self._changed:
                        self.events.append(event)
                        self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def tail(self, lines=60):
        with open(self.raw_log, encoding="utf-8", errors="replace") as f:
            return "".join(f"  {self.name}| {line[:400].rstrip()}\n" for line in f.readlines()[-lines:])

    def mark(self):
        """A place in the log, for wait_for(since=…)."""
        with self._changed:
            return len(self.events)

    def seen(self, event, since=0, **fields):
        with self._changed:
            return [e for e in self.events[since:] if e["event"] == event and
                    all(str(e.get(name)) == str(value) for name, value in fields.items())]

    def wait_for(self, event, timeout=PATIENCE, since=0, count=1, **fields):
        """The count-th such line since the mark; fails when the daemon ends without it."""
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                have, ended = len(self.events), self._ended
            found = self.seen(event, since, **fields)
            if len(found) >= count:
                return found[count - 1]
            left = deadline - time.monotonic()
            if ended or left <= 0:
                why = "the daemon ended" if ended else f"{timeout:g} s passed"
                raise AssertionError(f"{self.name}: {why} without {event} {fields or ''} ×{count}\n{self.tail()}")
            with self._changed:
                self._changed.wait_for(lambda: len(self.events) > have or self._ended, left)

    # --- the admin listener

    def get(self, path, timeout=30, **headers):
        """(status, text)"""
        return self._ask(urllib.request.Request(self._url(path), headers=headers), timeout)

    def post(self, path, body=None, timeout=30, **headers):
        """(status, text); the body as JSON"""
        data = b"" if body is None else json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
        return self._ask(urllib.request.Request(self._url(path), data=data, headers=headers, method="POST"), timeout)

    def _url(self, path):
        return f"http://127.0.0.1:{self.wait_for('admin_listening')['port']}{path}"

    @staticmethod
    def _ask(request, timeout):
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        status, text = self.get("/metrics")
        assert status == 200, (status, text)
        return parse_metrics(text)

    def metric(self, name, **labels):
        """The sum over the series with these labels; None where there is none."""
        values = [value for (found, pairs), value in self.metrics().items()
                  if found == name and labels.items() <= dict(pairs).items()]
        return sum(values) if values else None

    def until_metric(self, name, predicate, timeout=PATIENCE, **labels):
        def probe():
            value = self.metric(name, **labels)
            return (value,) if value is not None and predicate(value) else None
        return until(f"{self.name}: {name}{labels}", probe, timeout)[0]

    # --- its end

    def worker_pids(self):
        """Of all that were ready so far."""
        return sorted({int(e["pid"]) for e in self.seen("worker_ready")})

    def end(self, signum, timeout=PATIENCE):
        """Signals, waits, and returns the exit status; the log has been read to its end."""
        self.process.send_signal(signum)
        return self.wait(timeout)

    def wait(self, timeout=PATIENCE):
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name}: still there after {timeout:g} s\n{self.tail()}") from None
        self._reader.join(timeout)
        return status

    def stop(self, timeout=PATIENCE):
        """SIGTERM; drained, and nothing else went wrong."""
        status = self.end(signal.SIGTERM, timeout)
        assert status == 0, f"{self.name}: exit status {status}\n{self.tail()}"

    def kill9(self):
        """SIGKILL, and until its workers are gone too: they notice by their socket."""
        pids = self.worker_pids()
        self.end(signal.SIGKILL)
        until(f"workers {pids} end with their daemon", lambda: not any(map(alive, pids)))

    def close(self):
        """For clean-up: whatever is left of it."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process:
            self._reader.join(10)
            self.process.stderr.close()


def core_limits(pid):
    """Soft and hard."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        return next(line for line in f if line.startswith("Max core file size")).split()[4:6]


def alive(pid):
    """A zombie has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
