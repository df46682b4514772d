"""Python worker for triggerd: write a handler, and triggerd hands it Kafka records.

    def handle(record):
        print(record.topic, record.offset, record.value)

Started by triggerd as `python3 -m triggerd handler.py`, or by a script of yours that ends in
`sys.exit(triggerd.run(handle))`. Returning settles the record, raising fails the attempt; Retry,
DeadLetter, Drop and, for batches, BatchError say more.
"""

from ._failure import BatchError, DeadLetter, Drop, Retry
from ._records import Batch, NotText, Part, Record
from ._run import log, run
from ._session import VERSION as __version__

__all__ = ["Batch", "BatchError", "DeadLetter", "Drop", "NotText", "Part", "Record", "Retry", "log", "run", "__version__"]
