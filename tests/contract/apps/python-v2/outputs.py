"""Outputs of a Kafka trigger: single, many, with headers, many with headers, several bindings, the return value."""

import json
import typing

import azure.functions as func

from triggers import SOURCE

outputs = func.Blueprint()
TARGET = {"broker_list": "BrokerList"}


def envelope(value):
    return {"Offset": 364, "Partition": 0, "Topic": "any", "Timestamp": "2022-04-09T03:20:06.591Z", "Value": value,
            "Headers": [{"Key": "test", "Value": "python"}]}


@outputs.function_name(name="KafkaOutput")
@outputs.kafka_trigger(arg_name="kevent", consumer_group="out", **SOURCE)
@outputs.kafka_output(arg_name="out", topic="copies", **TARGET)
def single(kevent: func.KafkaEvent, out: func.Out[str]):
    out.set("copy of " + json.loads(kevent.get_body())["Value"])


@outputs.function_name(name="KafkaOutputMany")
@outputs.kafka_trigger(arg_name="kevents", consumer_group="out-many", cardinality="MANY", data_type="string", **SOURCE)
@outputs.kafka_output(arg_name="out", topic="copies", **TARGET)
def many(kevents: typing.List[func.KafkaEvent], out: func.Out[str]):
    out.set(json.dumps(["one", "two"]))


@outputs.function_name(name="KafkaOutputWithHeaders")
@outputs.kafka_trigger(arg_name="kevent", consumer_group="out-headers", **SOURCE)
@outputs.generic_output_binding(arg_name="out", type="kafka", topic="copies", brokerList="BrokerList")
def with_headers(kevent: func.KafkaEvent, out: func.Out[str]):
    out.set(json.dumps(envelope("one")))


@outputs.function_name(name="KafkaOutputManyWithHeaders")
@outputs.kafka_trigger(arg_name="kevents", consumer_group="out-many-headers", cardinality="MANY", data_type="string", **SOURCE)
@outputs.kafka_output(arg_name="out", topic="copies", **TARGET)
def many_with_headers(kevents: typing.List[func.KafkaEvent], out: func.Out[str]):
    out.set(json.dumps([envelope("one"), envelope("two")]))


@outputs.function_name(name="TwoOutputs")
@outputs.kafka_trigger(arg_name="kevent", consumer_group="out-two", **SOURCE)
@outputs.kafka_output(arg_name="texts", topic="texts", **TARGET)
@outputs.kafka_output(arg_name="lists", topic="lists", **TARGET)
def two(kevent: str, texts: func.Out[bytes], lists: func.Out[typing.List[str]]):
    lists.set(["a", "b"])
    texts.set("é".encode())


@outputs.function_name(name="Returns")
@outputs.kafka_trigger(arg_name="kevent", consumer_group="out-returns", **SOURCE)
@outputs.kafka_output(arg_name="$return", topic="copies", **TARGET)
def returns(kevent: func.KafkaEvent):
    return kevent.metadata["Value"] if kevent.offset % 2 == 0 else None
