"""Wait for something that has no event: a metric, a commit, a file."""
import time

INTERVAL = 0.02
PATIENCE = 120.0  # ends what hangs; nothing that works comes near it, on a busy machine neither


def until(what, probe, timeout=PATIENCE):
    """The first true value of probe(); an AssertionError that says `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what} (last: {value!r})")
        time.sleep(INTERVAL)
