"""The load: 1,000 groups that nobody is a member of, 250 topics of 4 partitions, 4,300 commits; and the truth about it."""
import json
import time

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

GROUPS, TOPICS, PARTITIONS, EXTRA = 1000, 250, 4, 75  # EXTRA groups read a second topic: 300 rows more


def topic(number):
    return f"t{number % TOPICS:04}"


def triggers():
    """As lag_side wants them."""
    return {f"g{g:04}": {"group": f"lag-bench-{g:04}", "topics": [topic(g)] + ([topic(g + 100)] if g < EXTRA else [])}
            for g in range(GROUPS)}


def end_of(name, partition):
    return 20 + (int(name[1:]) * 7 + partition * 3) % 50


def commit_of(group, name, partition):
    return (int(group[-4:]) * 5 + partition + int(name[1:])) % 20


class Load:
    def __init__(self, brokers):
        self.client = AdminClient({"bootstrap.servers": brokers})
        self.producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20})
        self.truth = {}  # (trigger, topic, partition): lag

    def make(self):
        """Idempotent: a broker that has it is left alone."""
        names = [topic(t) for t in range(TOPICS)]
        if topic(0) not in self.client.list_topics(timeout=30).topics:
            for future in self.client.create_topics([NewTopic(n, PARTITIONS, 1) for n in names], operation_timeout=60).values():
                future.result()
            for name in names:
                for p in range(PARTITIONS):
                    for _ in range(end_of(name, p)):
                        self.producer.produce(name, b"x" * 100, partition=p)
                self.producer.poll(0)
            self.producer.flush()
        for trigger, spec in triggers().items():
            places = [(n, p) for n in spec["topics"] for p in range(PARTITIONS)]
            self.commit(spec["group"], {place: commit_of(spec["group"], *place) for place in places})
        self.read_truth()

    def commit(self, group, offsets):
        wanted = [TopicPartition(n, p, o) for (n, p), o in offsets.items()]
        deadline = time.monotonic() + 60
        while True:  # while __consumer_offsets is made, success comes with errors inside
            try:
                request = ConsumerGroupTopicPartitions(group, wanted)
                result = self.client.alter_consumer_group_offsets([request])[group].result()
                if all(tp.error is None for tp in result.topic_partitions):
                    return
            except KafkaException:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError(f"{group}: no commit")

    def produce(self, name, partition, count=1):
        for _ in range(count):
            self.producer.produce(name, b"y", partition=partition)
        self.producer.flush()

    def read_truth(self):
        """By another client than those that are measured, one partition at a time: commits are what we committed."""
        from confluent_kafka import Consumer
        consumer = Consumer({"bootstrap.servers": self.client_brokers(), "group.id": "lag-bench-truth"})
        ends = {(topic(t), p): consumer.get_watermark_offsets(TopicPartition(topic(t), p), timeout=30)[1]
                for t in range(TOPICS) for p in range(PARTITIONS)}
        consumer.close()
        self.truth = {(trigger, n, p): ends[n, p] - commit_of(spec["group"], n, p)
                      for trigger, spec in triggers().items() for n in spec["topics"] for p in range(PARTITIONS)}

    def client_brokers(self):
        return ",".join(f"{b.host}:{b.port}" for b in self.client.list_topics(timeout=30).brokers.values())

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            json.dump(triggers(), f)
