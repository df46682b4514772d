"""A batch handler that says what became of each record (`cardinality: many`).

Books payments like {"account": "A", "amount": 12} in the SQLite file PAYMENTS_DB, each once, however often it is
delivered. What is no payment and never will be one is given up (with `onFailure: { deadLetter: TOPIC }` it goes there), a
tombstone is dropped, and where the file is locked only the payment concerned comes again.
"""

import os
import sqlite3

import triggerd

db = sqlite3.connect(os.environ.get("PAYMENTS_DB", "payments.db"), timeout=1, isolation_level=None)
db.execute("CREATE TABLE IF NOT EXISTS payment (topic, partition, offset, account, amount, "
           "PRIMARY KEY (topic, partition, offset))")


def book(record):
    payment = record.json()
    if payment is None:
        raise triggerd.Drop("a tombstone")
    if payment["amount"] <= 0:
        raise triggerd.DeadLetter(f"the amount is {payment['amount']}")
    db.execute("INSERT OR IGNORE INTO payment VALUES (?, ?, ?, ?, ?)",
               (record.topic, record.partition, record.offset, payment["account"], payment["amount"]))


def handle(batch):
    errors = {}
    for index, record in enumerate(batch):
        try:
            book(record)
        except (ValueError, KeyError, TypeError) as error:  # no further attempt will read it
            errors[index] = triggerd.DeadLetter(error)
        except sqlite3.OperationalError as error:
            errors[index] = triggerd.Retry(error, after=1)
        except (triggerd.DeadLetter, triggerd.Drop) as error:
            errors[index] = error
    if errors:
        raise triggerd.BatchError(errors)
