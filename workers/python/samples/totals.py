"""Totals per section of records like {"package": "hello", "version": "2.10", "installed_size": 276}, keyed by section.

Works with either cardinality. Where TOTALS_FILE names a file, each record handled is one line of it:

    topic partition offset section size

A record may be delivered twice (after a crash), so lines name their record: whoever adds them up counts each
(topic, partition, offset) once. One write per invocation, appended, so that processes can share the file and an
attempt leaves all of its lines or, where it raises, is made again. At exit the process prints what it saw itself.
"""

import atexit
import collections
import json
import os
import urllib.parse

import triggerd

_totals = collections.defaultdict(lambda: [0, 0])  # section: records, size in KiB
_path = os.environ.get("TOTALS_FILE")
_file = os.open(_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if _path else None


def handle(batch):
    records = [batch] if isinstance(batch, triggerd.Record) else batch
    found = [(record, section_of(record.key), json.loads(record.value)["installed_size"]) for record in records]
    if _file is not None:
        lines = "".join(f"{record.topic} {record.partition} {record.offset} {section} {size}\n"
                        for record, section, size in found).encode()
        if os.write(_file, lines) != len(lines):
            raise OSError(f"{_path} took only a part of the lines")
    for _, section, size in found:
        total = _totals[section]
        total[0] += 1
        total[1] += size


def section_of(key):
    """One word, whatever the key."""
    return urllib.parse.quote(key, safe="/") if key else "-"


@atexit.register
def print_totals():
    for section, (count, size) in sorted(_totals.items()):
        print(f"{section}: {count} records, {size} KiB")
    print(f"{sum(count for count, _ in _totals.values())} records, "
          f"{sum(size for _, size in _totals.values())} KiB in {len(_totals)} sections")
