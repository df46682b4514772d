"""The in-process Python client: confluent_consumer.py BROKERS TOPIC GROUP COUNT [property=value...]

The same work as raw_consumer: reads, counts bytes, commits once; the clock starts at the assignment.
"""
import json
import resource
import sys
import time

import confluent_kafka

BATCH = 500


def main():
    brokers, topic, group, count = sys.argv[1:5]
    begin = {}

    def on_assign(_consumer, _partitions):
        begin.update(wall=time.monotonic(), cpu=time.process_time())
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
        **dict(pair.split("=", 1) for pair in sys.argv[5:])})
    consumer.subscribe([topic], on_assign=on_assign)
    records = size = 0
    while records < int(count):
        batch = consumer.consume(BATCH, 0.1)
        for message in batch:
            if message.error() is None:
                size += len(message.value())
                records += 1
    consumer.commit(asynchronous=False)
    seconds, cpu = time.monotonic() - begin["wall"], time.process_time() - begin["cpu"]
    print(json.dumps({"records": records, "bytes": size, "seconds": seconds, "cpu": cpu,
                      "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                      "version": confluent_kafka.version(), "librdkafka": confluent_kafka.libversion()[0]}))
    consumer.close()


main()
