"""Functions that fail, with the two strategies."""

import logging

import azure.functions as func

from triggers import SOURCE

retries = func.Blueprint()


@retries.function_name(name="KafkaTriggerRetryFixed")
@retries.kafka_trigger(arg_name="kevent", consumer_group="fixed", **SOURCE)
@retries.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:10")
def fixed(kevent: func.KafkaEvent, context: func.Context):
    retry = context.retry_context
    logging.info("retry %d of %d, %s", retry.retry_count, retry.max_retry_count, retry.exception and retry.exception.message)
    raise Exception("unhandled error")


@retries.function_name(name="KafkaTriggerRetryExponential")
@retries.kafka_trigger(arg_name="kevent", consumer_group="exponential", **SOURCE)
@retries.retry(strategy="exponential_backoff", max_retry_count="5", minimum_interval="00:00:10", maximum_interval="00:15:00")
def exponential(kevent: func.KafkaEvent):
    raise Exception("unhandled error")
