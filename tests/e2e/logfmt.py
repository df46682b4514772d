"""Lines of the daemon's log as dictionaries: `2026-… level=info event=worker_ready pid=17 reason="a b"`."""
import datetime
import json
import re

_PAIR = re.compile(r'([A-Za-z_][\w.]*)=("(?:\\.|[^"\\])*"|\S*)')


def parse(line):
    """The fields of one line, and its time in seconds as `_time`, which a journal's has not; {} where it is not one of the log's."""
    found = {}
    for name, value in _PAIR.findall(line):
        found.setdefault(name, json.loads(value) if value.startswith('"') else value)
    if "event" not in found or "level" not in found:
        return {}
    # Not at the line's begin where a program the daemon ran (kinit) has left its own line unfinished.
    time = re.search(r"\d{4}-\d\d-\d\dT[\d:]+\.\d+Z", line)
    if time:
        found["_time"] = datetime.datetime.strptime(time.group(), "%Y-%m-%dT%H:%M:%S.%fZ").timestamp()
    return found


def parse_metrics(text):
    """{(name, ((label, value), …)): number} of a Prometheus text."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.match(r'([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)', line)
        labels = re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', match.group(2) or "")
        found[match.group(1), tuple(sorted(labels))] = float(match.group(3))
    return found
