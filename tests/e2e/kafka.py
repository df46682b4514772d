"""Topics, records and groups of the cluster the tests run on, by kafka_tool (tests/support)."""
import json
import os
import subprocess

from waiting import PATIENCE, until


class Kafka:
    def __init__(self, build, brokers):
        self.tool = os.path.join(build, "tests", "kafka_tool")
        self.brokers = brokers

    def run(self, *args, data=None):
        result = subprocess.run([self.tool, "-b", self.brokers, *map(str, args)], input=data, capture_output=True,
                                text=True, timeout=300)
        if result.returncode:
            raise AssertionError(f"kafka_tool {args}: {result.stderr.strip()}")
        return json.loads(result.stdout) if result.stdout.strip() else None

    def create(self, topic, partitions=4, replicas=1, **config):
        self.run("create", topic, partitions, replicas, *(f"{k.replace('_', '.')}={v}" for k, v in config.items()))
        return topic

    def produce(self, topic, records):
        """Each a dictionary as kafka_tool takes it; anything else than a string, None or {"hex"} becomes JSON text."""
        return self.run("produce", topic, data="".join(map(self.line, records)))["produced"]

    def line(self, record):
        value = record.get("value")
        if not (value is None or isinstance(value, str) or "hex" in value):
            record = {**record, "value": json.dumps(value)}
        return json.dumps(record) + "\n"

    def fill(self, topic, count, size=100):
        return self.run("produce-fill", topic, count, size)["produced"]

    def stream(self, topic, count, size, per_second, stdout=subprocess.DEVNULL):
        """A steady producer in the background; wait() says that all is delivered. stdout: how many are, line by line."""
        return subprocess.Popen([self.tool, "-b", self.brokers, "produce-fill", topic, str(count), str(size),
                                 str(per_second)], stdout=stdout, text=True)

    def read(self, topic):
        """Every record of the topic, as kafka_tool prints them."""
        return self.run("read", topic)

    def ends(self, topic):
        return {int(p): offset for p, offset in self.run("ends", topic).items()}

    def transact(self, topic, name, records):
        """As produce, in transactions: each ends at a record that is the text "commit" or "abort"."""
        lines = (self.line({"end": r} if isinstance(r, str) else r) for r in records)
        return self.run("transact", topic, name, data="".join(lines))["produced"]

    def commit(self, group, topic, partition, offset, *metadata):
        """Of a group without members."""
        self.run("commit", group, topic, partition, offset, *metadata)

    def metadata(self, group, topic):
        """Of the group's commits, where there is one."""
        return {int(p): text for p, text in self.run("committed-metadata", group, topic).items()}

    def committed(self, group, topic):
        return {int(p): offset for p, offset in self.run("committed", group, topic).items()}

    def group(self, group):
        return self.run("group", group)

    def until_committed(self, group, topic, timeout=PATIENCE):
        """Every record that is there now is committed; partitions without records may lack a commit."""
        ends = {p: end for p, end in self.ends(topic).items() if end > 0}

        def probe():
            have = self.committed(group, topic)
            return {p: have[p] for p in ends} == ends
        until(f"{group} commits {ends} of {topic}", probe, timeout)
        return ends
