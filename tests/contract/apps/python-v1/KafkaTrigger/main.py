import logging

from azure.functions import KafkaEvent

from ..shared.wording import worded
from .near import place


def main(kevent: KafkaEvent):
    logging.info(worded(place, kevent.get_body().decode("utf-8")))
