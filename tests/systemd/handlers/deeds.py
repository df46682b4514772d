"""A handler that does to its process what limits and sandboxes are there for, as the record's value says.

  hog_mib    memory to take, a mebibyte after the other
  fork       children to start, as many as there may be, up to this number
  burn       seconds of work for a processor
  child      start a process in a session of its own, that stays
  gate       a file below STATE to wait for
  limit      a file of its own control group to read
They are done in the order they are written in, and once (the record's id is kept in STATE), and "deed {…}" on stdout says what it came to. START_GATE is a file
that the process waits for before it is ready.
"""
import json
import os
import signal
import subprocess
import time

STATE = "/var/lib/triggerd"
_kept = []


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.05)


def hog(mib):
    for _ in range(mib):
        _kept.append(b"x" * (1 << 20))
    return {"mib": mib}


def fork(most):
    children = []
    error = None
    try:
        while len(children) < most:
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            children.append(pid)
    except OSError as refused:
        error = refused.strerror
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return {"children": len(children), "error": error}


def burn(seconds):
    begun, used = time.monotonic(), time.process_time()
    while time.monotonic() - begun < seconds:
        pass
    return {"share": (time.process_time() - used) / (time.monotonic() - begun)}


def child(_):
    started = subprocess.Popen(["sleep", "infinity"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {"pid": started.pid}


def gate(name):
    print("deed " + json.dumps({"waits": name}), flush=True)
    wait_for(os.path.join(STATE, name))
    return {"passed": name}


def limit(file):
    """As runtimes do that size their heap by it."""
    with open("/proc/self/cgroup", encoding="ascii") as f:
        folder = "/sys/fs/cgroup" + f.read().strip().removeprefix("0::")
    try:
        with open(os.path.join(folder, file), encoding="ascii") as f:
            return {"limit": f.read().strip()}
    except OSError as refused:
        return {"error": refused.strerror}


DEEDS = {"hog_mib": hog, "fork": fork, "burn": burn, "child": child, "gate": gate, "limit": limit}


def first_time(number):
    """Only the daemon's own user has a place to keep that."""
    try:
        os.close(os.open(os.path.join(STATE, "done-" + number), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False
    except OSError:
        return True


def handle(record):
    orders = record.json()
    wanted = [name for name in orders if name in DEEDS]
    if wanted and first_time(orders["id"]):
        for name in wanted:
            print("deed " + json.dumps(DEEDS[name](orders[name])), flush=True)


if "START_GATE" in os.environ:
    wait_for(os.environ["START_GATE"])
