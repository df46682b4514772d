"""Calls and words that have no place here: blocking librdkafka calls, sleeps in tests, names of machines."""
import fnmatch
import re

from tree import Finding, code_only, line_of

# Calls that wait for a broker or for librdkafka's threads. An event loop must never make one; the janitor may.
BLOCKING = re.compile(r"\b(rd_kafka_(?:committed|query_watermark_offsets|offsets_for_times|consumer_close|commit|flush|seek|"
                      r"seek_partitions|metadata|destroy|destroy_flags|unsubscribe_sync|init_transactions|"
                      r"commit_transaction|abort_transaction|send_offsets_to_transaction|pause_partitions|"
                      r"consumer_poll|topic_conf_dup_sync))\s*\(")
MAY_BLOCK = {
    "lib/kafka/janitor.*": "the one thread that is there to wait",
    "lib/kafka/topic_list.cpp": "called on a thread of the lag source that is there to wait",
    "lib/kafka/handle.hpp": "the deleters, used by the janitor",
    "daemon/dlq_*": "a command of its own; it has no loop",
    "daemon/demo*": "the demo's mock cluster and producer have a thread of their own",
}
SLEEP = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep|time\.sleep|asyncio\.sleep|sleep)\s*\((?!0\))|^\s*sleep +[\d.$]|[;&|] *sleep +[\d.$]", re.M)
MAY_SLEEP = {
    "tests/kafka/*": "waits for processes that have no other sign, with deadlines",
    "tests/support/kafka_produce.cpp": "paces a steady stream of records",
    "tests/e2e/handlers/*": "a handler that takes its time is what is tested",
    "tests/scale/handlers/*": "a handler that takes its time is what has to be scaled",
    "tests/chaos/handlers/*": "a handler that takes its time is part of a fault",
    "tests/systemd/handlers/*": "a handler that waits for a file has no other sign",
    "tests/support/stub_worker*": "a worker that hangs is what is tested",
    "tests/bench/*": "a handler that takes its time is what is measured",
    "tests/e2e/waiting.py": "the one poll interval, of what has no event to wait for",
}
HOSTS = re.compile(r"registry\.npmjs|npmjs\.org|pypi\.org|pythonhosted|repo1?\.maven|deb\.debian\.org|snapshot\.debian|crates\.io|"
                   r"proxy\.golang|nuget\.org/|repo\.packagist|rubygems\.org")
MACHINE = re.compile(r"(?<![\w.})~])/(?:work|root)(?=[/\s\"'`,;:)]|$)|(?<![\w.})])/tmp/[A-Za-z0-9_]|(?<![\w.})])/home/[a-z]", re.M)


def allowed(file, table):
    return any(fnmatch.fnmatch(file, pattern) for pattern in table)


def blocking(tree):
    for file in tree.cpp("lib/", "daemon/"):
        if allowed(file, MAY_BLOCK):
            continue
        text = code_only(tree.text(file))
        for match in BLOCKING.finditer(text):
            yield Finding(file, line_of(text, match.start()), "blocking",
                          f"{match.group(1)} blocks; only the janitor may call it")


def without_comments(file, text):
    if file.endswith((".cpp", ".hpp", ".h")):
        return code_only(text)
    return re.sub(r"(^|\s)#[^\n]*", r"\1", text)


def sleeps(tree):
    for file in tree.cpp("tests/") + [f for f in tree.python() + tree.shell() if f.startswith("tests/")]:
        if allowed(file, MAY_SLEEP) or file.startswith("tests/lint/"):
            continue
        text = without_comments(file, tree.text(file))
        for match in SLEEP.finditer(text):
            yield Finding(file, line_of(text, match.start()), "sleep",
                          "a test waits for a named event with a deadline; it does not sleep")


def machines(tree):
    for file in tree.files:
        if file.startswith("tests/lint/"):
            continue
        text = tree.text(file)
        if "\0" in text:
            continue
        for pattern, what in ((HOSTS, "a registry's host name"), (MACHINE, "a path of one machine")):
            for match in pattern.finditer(text):
                yield Finding(file, line_of(text, match.start()), "machine", f"{what}: {match.group(0)}")
