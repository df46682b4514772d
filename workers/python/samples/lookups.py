"""An async handler: 256 records wait for an answer at once, those of one key in order (`ordering: key`).

The lookup stands for a call to a database or a web service; here it only takes its time.
"""

import asyncio
import random

import triggerd


async def look_up(customer):
    await asyncio.sleep(random.uniform(0.001, 0.02))
    return f"customer {customer}"


async def handle(record):
    customer = record.json()["customer"]
    try:
        name = await asyncio.wait_for(look_up(customer), timeout=5)
    except asyncio.TimeoutError:
        raise triggerd.Retry("the customer service does not answer", after=10)
    print(f"order of {name}")
