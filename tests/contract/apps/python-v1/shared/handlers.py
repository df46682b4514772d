import logging

from shared.wording import worded


async def on_order(kevent: str):
    logging.info(worded("async", kevent))
