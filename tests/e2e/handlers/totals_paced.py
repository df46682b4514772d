"""The sample totals.py at a bounded pace, so that a fault can be placed in the middle of its work."""
import os
import time

import totals

_pause = float(os.environ.get("PAUSE_MS", "2")) / 1000


def handle(batch):
    totals.handle(batch)
    time.sleep(_pause)
