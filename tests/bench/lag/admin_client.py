"""The plain client: confluent-kafka's AdminClient, ends of all partitions, then the commits of each group.

admin_client.py BROKERS GROUPS: for each line on stdin one refresh, answered by {"took":s,"rows":n,"lag":sum}.
"""
import json
import sys
import time

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec


def refresh(client, groups, partitions):
    """Everything is asked for at once and then gathered: its best case. Commits first, as every exporter should."""
    asked = [f for g in groups for f in client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(g)]).values()]
    commits = [answer.result() for answer in asked]
    ends = {(tp.topic, tp.partition): f.result().offset
            for tp, f in client.list_offsets({p: OffsetSpec.latest() for p in partitions}).items()}
    return [ends[tp.topic, tp.partition] - tp.offset for c in commits for tp in c.topic_partitions]


def main():
    brokers, path = sys.argv[1:3]
    with open(path, encoding="utf-8") as f:
        triggers = json.load(f).values()
    groups = [t["group"] for t in triggers]
    partitions = [TopicPartition(topic, p) for topic in sorted({n for t in triggers for n in t["topics"]}) for p in range(4)]
    client = AdminClient({"bootstrap.servers": brokers})
    for _ in sys.stdin:
        begin = time.monotonic()
        lags = refresh(client, groups, partitions)
        print(json.dumps({"took": time.monotonic() - begin, "rows": len(lags), "lag": sum(lags)}), flush=True)


main()
