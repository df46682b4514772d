"""The machine's Debian package index (`apt-cache dumpavail`): about 60,000 stanzas of real input."""
import collections
import json
import subprocess


def stanzas(text):
    """One dictionary of the fields we use for each stanza."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line[:1].isalpha() and ": " in line)
        if "Package" in fields:
            yield {"package": fields["Package"], "version": fields.get("Version", ""),
                   "section": fields.get("Section", "unknown"), "installed_size": int(fields.get("Installed-Size", "0"))}


def read():
    """[] on a machine whose package lists were never fetched."""
    result = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=False)
    return list(stanzas(result.stdout.decode("utf-8", "replace")))


def records(found):
    """For kafka_tool: one JSON record a stanza, keyed by section."""
    for stanza in found:
        value = {name: stanza[name] for name in ("package", "version", "installed_size")}
        yield {"key": stanza["section"], "value": json.dumps(value)}


def straight_totals(found):
    """{section: (stanzas, installed size)}, by one pass over the index."""
    totals = collections.defaultdict(lambda: [0, 0])
    for stanza in found:
        totals[stanza["section"]][0] += 1
        totals[stanza["section"]][1] += stanza["installed_size"]
    return {section: tuple(total) for section, total in totals.items()}
