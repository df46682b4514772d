"""The smallest handler: prints each record, which triggerd shows in its log.

    worker: { command: [python3, -m, triggerd, hello.py] }
"""


def handle(record):
    print(f"{record.topic}/{record.partition}@{record.offset} {record.key}: {record.value}")
