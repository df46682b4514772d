"""Triggers: single, many, with headers, other key types, binary values."""

import base64
import json
import logging
import typing

import azure.functions as func

triggers = func.Blueprint()
SOURCE = {"topic": "orders", "broker_list": "BrokerList", "username": "KafkaUser", "password": "KafkaPassword",
          "protocol": "SaslSsl", "authentication_mode": "Plain"}


@triggers.function_name(name="KafkaTrigger")
@triggers.kafka_trigger(arg_name="kevent", consumer_group="one", **SOURCE)
def single(kevent: func.KafkaEvent):
    logging.info("body %s", kevent.get_body().decode("utf-8"))
    logging.info("metadata %s", json.dumps({name: text for name, text in kevent.metadata.items() if name != "sys"}, sort_keys=True))


@triggers.function_name(name="KafkaTriggerMany")
@triggers.kafka_trigger(arg_name="kevents", consumer_group="many", cardinality="MANY", data_type="string", **SOURCE)
def many(kevents: typing.List[func.KafkaEvent]):
    for event in kevents:
        logging.info(event.get_body())


@triggers.function_name(name="KafkaTriggerWithHeaders")
@triggers.kafka_trigger(arg_name="kevent", consumer_group="headers", data_type="string", **SOURCE)
def with_headers(kevent: func.KafkaEvent):
    logging.info("message " + kevent.metadata["Value"])
    for header in json.loads(kevent.metadata["Headers"]):
        logging.info("%s=%s", header["Key"], base64.b64decode(header["Value"]).decode("ascii"))


@triggers.function_name(name="KafkaTriggerManyWithHeaders")
@triggers.kafka_trigger(arg_name="kevents", consumer_group="many-headers", cardinality="MANY", data_type="string", **SOURCE)
def many_with_headers(kevents: typing.List[func.KafkaEvent]):
    for event in kevents:
        parsed = json.loads(event.get_body().decode("utf-8"))
        logging.info("message " + parsed["Value"])
        for header in parsed["Headers"]:
            logging.info("%s=%s", header["Key"], base64.b64decode(header["Value"]).decode("ascii"))


@triggers.function_name(name="KeyBinary")
@triggers.kafka_trigger(arg_name="kevent", consumer_group="key", key_data_type="BINARY", **SOURCE)
def key_binary(kevent: func.KafkaEvent):
    logging.info("key %s", base64.b64decode(json.loads(kevent.get_body())["Key"]))


@triggers.function_name(name="ValueBinary")
@triggers.kafka_trigger(arg_name="kevent", consumer_group="value", data_type="binary", **SOURCE)
def value_binary(kevent: bytes, context: func.Context):
    logging.info("value %r of %s", kevent, context.function_name)


@triggers.function_name(name="KeyAndValueBinary")
@triggers.kafka_trigger(arg_name="kevent", consumer_group="both", data_type="binary", key_data_type="BINARY", **SOURCE)
def both_binary(kevent: func.KafkaEvent):
    logging.info("value %r, key %r", kevent.get_body(), kevent.metadata["Key"])


@triggers.function_name(name="Generic")
@triggers.generic_trigger(arg_name="kevent", type="kafkaTrigger", topic="orders", brokerList="BrokerList", consumerGroup="generic")
async def generic(kevent: func.KafkaEvent):
    logging.warning("key %s", kevent.key)
