import logging

from azure.functions import KafkaEvent


def main(kevents: KafkaEvent):  # a list none the less: what comes goes by the cardinality
    for event in kevents:
        logging.info(event.get_body())
