"""A worker that does what a mode of its command line says, most of it wrong: for tests of the daemon's side.

    python3 stub_worker.py MODE [ARGUMENT...]

Written from lib/wire/PROTOCOL.md alone, and independent of the Python SDK. What it wants a test to know it prints.
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

HELLO, WELCOME, BATCH, ACK, CREDIT, CANCEL, DRAIN, PING, PONG, LOG, BYE = range(1, 12)
HEADER = struct.Struct("<IBBHQ")


def say(text):
    print(text, flush=True)


def pause_for_ever():
    threading.Event().wait()


class Daemon:
    """The daemon's end, as a worker sees it."""

    def __init__(self):
        self.socket = socket.socket(fileno=int(os.environ["TRIGGERD_FD"]))

    def send(self, kind, payload=b"", number=0, fill=b"\0"):
        payload += fill * (-len(payload) % 8)
        self.socket.sendall(HEADER.pack(len(payload), kind, 0, 0, number) + payload)

    def send_json(self, kind, value):
        self.send(kind, json.dumps(value).encode(), fill=b" ")

    def hello(self, **changes):
        self.send_json(HELLO, {"protocol": {"min": 1, "max": 1}, "sdk": "stub/1", "pid": os.getpid(), "concurrency": 1,
                               "credit": {"records": 1000, "bytes": 1 << 24}, "features": [], **changes})

    def read(self, count, step=1 << 20):
        parts = []
        while count:
            part = self.socket.recv(min(count, step))
            if not part:
                os._exit(0)  # the daemon is gone
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def frame(self, step=1 << 20):
        length, kind, _, _, number = HEADER.unpack(self.read(16))
        return kind, number, self.read(length, step)

    def ack(self, number, *answers):
        """No answers: ok for all. An answer: (first, last, code)."""
        body = b"".join(struct.pack("<IIIIII", first, last, code, 0, 0, 0) for first, last, code in answers)
        self.send(ACK, struct.pack("<II", len(answers), 0) + body, number)

    def bye(self, code, message=""):
        self.send_json(BYE, {"code": code, "message": message})

    def welcome(self):
        kind, _, payload = self.frame()
        assert kind == WELCOME, kind
        return json.loads(payload)

    def serve(self, on_batch=None, on_drain=None, step=1 << 20):
        while True:
            kind, number, payload = self.frame(step)
            if kind == BATCH:
                (on_batch or (lambda n, _: self.ack(n)))(number, payload)
            elif kind == PING:
                say("pinged")
                self.send(PONG, b"", number)
            elif kind == PONG:
                say(f"ponged {number}")
            elif kind == CANCEL:
                partition, epoch, size, _ = struct.unpack_from("<iIII", payload)
                say(f"cancelled {payload[16:16 + size].decode()}[{partition}] epoch {epoch}")
            elif kind == DRAIN:
                if on_drain is None:
                    self.bye("drained")
                    sys.exit(0)
                on_drain()
            elif kind == BYE:
                say("daemon said " + json.dumps(json.loads(payload), sort_keys=True))
                sys.exit(1)


def started():
    daemon = Daemon()
    daemon.hello()
    daemon.welcome()
    return daemon


def ok():
    started().serve()


def no_hello():
    print("still importing", file=sys.stderr, flush=True)
    pause_for_ever()


def exit_early():
    print("no module named billing", file=sys.stderr, flush=True)
    sys.exit(3)


def bye_first():
    Daemon().bye("handler_missing", "handler.py defines no handle()")
    sys.exit(78)


def ack_first():
    Daemon().ack(1)
    pause_for_ever()


def garbage():
    Daemon().socket.sendall(b"\xff" * 64)
    pause_for_ever()


def broken_json():
    Daemon().send(HELLO, b"{\"protocol\":")
    pause_for_ever()


def newer_protocol():
    daemon = Daemon()
    daemon.hello(protocol={"min": 7, "max": 9})
    daemon.serve()


def hello_twice():
    daemon = started()
    daemon.hello()
    daemon.serve()


def daemons_frame():
    daemon = started()
    daemon.send(DRAIN, struct.pack("<II", 0, 0))
    daemon.serve()


def oversized():
    daemon = started()
    daemon.socket.sendall(HEADER.pack((16 << 20) + 8, ACK, 0, 0, 1))
    daemon.serve()


def violate_and_stay():
    daemon = started()
    daemon.socket.sendall(b"\xff" * 64)
    pause_for_ever()


def bad_index():
    daemon = started()
    daemon.serve(lambda number, payload: daemon.ack(number, (0, struct.unpack_from("<I", payload)[0], 0)))


def crash():
    def on_batch(_number, _payload):
        print("Traceback: division by zero", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    started().serve(on_batch)


def ack_then_exit():
    daemon = started()

    def on_batch(number, _payload):
        daemon.ack(number, (0, 0, 0))
        sys.exit(1)
    daemon.serve(on_batch)


def hang():
    def on_batch(_number, _payload):
        say("hanging")
        pause_for_ever()
    started().serve(on_batch)


def deaf():
    daemon = started()
    pause_for_ever()
    daemon.serve()


def close_socket():
    started().socket.close()
    pause_for_ever()


def strange_acks():
    """Twice, late, and for a batch that never was."""
    daemon = started()

    def on_batch(number, _payload):
        daemon.ack(number + 1000)
        daemon.ack(number, (0, 1, 1))
        daemon.ack(number, (0, 1, 0))
        daemon.ack(number)
        daemon.ack(number)
    daemon.serve(on_batch)


def credit():
    daemon = started()
    daemon.send(CREDIT, struct.pack("<IIQ", 7, 0, 700))
    daemon.send_json(LOG, {"level": "warn", "message": "window is small"})
    daemon.send(PING, b"", 42)
    daemon.serve()


def printing(lines="3"):
    daemon = started()

    def on_batch(number, _payload):
        for i in range(int(lines)):
            print(f"out {i}")
        sys.stdout.flush()
        print("a" * 9000, file=sys.stderr)
        sys.stderr.buffer.write(b"bad \xff byte\r\nno end")
        sys.stderr.flush()
        daemon.ack(number)
    daemon.serve(on_batch)


def environment():
    daemon = started()
    for name in sorted(os.environ):
        if name.startswith(("ORDERS_", "PYTHONPATH", "NOTIFY_", "TRIGGERD_")):
            say(f"env {name}={os.environ[name]}")
    say(f"cwd {os.getcwd()}")
    say("fds " + ",".join(name for name in sorted(os.listdir("/proc/self/fd"), key=int)
                          if os.path.exists(f"/proc/self/fd/{name}")))
    say(f"stdin {os.readlink('/proc/self/fd/0')}")
    say(f"group {os.getpgid(0) == os.getpid()}")
    with open("/proc/self/status") as lines:
        status = dict(line.split(":\t", 1) for line in lines)
    say(f"blocked {int(status['SigBlk'], 16)} ignored {int(status['SigIgn'], 16) & (1 << (signal.SIGUSR1 - 1))}")
    daemon.serve()


def trickle():
    """Reads little at a time; checks the pattern of the value arena."""
    daemon = started()
    pattern = bytes(i * 7 % 251 for i in range(251))

    def on_batch(number, payload):
        size = struct.unpack_from("<I", payload, 48)[0]
        good = payload[len(payload) - size - (-size % 8):][:size] == (pattern * (size // 251 + 1))[:size]
        say(f"arena {size} {'good' if good else 'bad'}")
        daemon.ack(number)
    daemon.serve(on_batch, step=3000)


def slow_drain():
    """Leaves on TERM, not on Drain."""
    signal.signal(signal.SIGTERM, lambda *_: (say("terminated"), os._exit(0)))
    daemon = started()
    daemon.serve(on_drain=lambda: say("drain ignored"))


def stubborn():
    signal.signal(signal.SIGTERM, lambda *_: say("term ignored"))
    daemon = started()
    daemon.serve(on_drain=lambda: say("drain ignored"))


def family(where="inside"):
    """Leaves a process behind that keeps its pipes, in its group or (outside) in one of its own."""
    daemon = started()
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"],
                             start_new_session=where == "outside")
    say(f"child {child.pid}")
    daemon.serve(lambda _number, _payload: os._exit(9))


def flaky(path):
    """Does not start while there is such a file; serves where there is none."""
    if os.path.exists(path):
        print("reading the rules", file=sys.stderr)
        print(f"no rules in {os.path.basename(path)}", file=sys.stderr, flush=True)
        sys.exit(3)
    started().serve()


def held(path):
    """Says Hello once there is no such file."""
    while os.path.exists(path):
        time.sleep(0.005)
    started().serve()


def ok_then(what):
    """Answers its first batch. hang: never comes back from the second. leave: does not answer it, but leaves when it
    is told to drain. crash: likewise, but crashes then."""
    daemon = started()
    batches = []

    def on_batch(number, _payload):
        batches.append(number)
        if len(batches) == 1:
            daemon.ack(number)
        elif what == "hang":
            say("hanging")
            pause_for_ever()

    daemon.serve(on_batch, on_drain=(lambda: os.kill(os.getpid(), signal.SIGSEGV)) if what == "crash" else None)


def hog(mebibytes="64", children="0", drains="yes"):
    """Keeps so much memory from its first batch on; its children share it and touch none of it."""
    daemon = started()
    kept = []

    def on_batch(number, _payload):
        if not kept:
            kept.append(b"x" * (int(mebibytes) << 20))
            for _ in range(int(children)):
                if os.fork() == 0:
                    pause_for_ever()
        daemon.ack(number)
    daemon.serve(on_batch, on_drain=None if drains == "yes" else lambda: say("drain ignored"))


def hog_child(mebibytes="64"):
    """A child in a process group of its own has the memory."""
    daemon = started()
    # It ends when this process does, however that is.
    code = f"import sys; kept = b'x' * ({mebibytes} << 20); print('full', flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdin=subprocess.PIPE)
    daemon.serve()
    child.stdin.close()


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
