"""The KafkaEvent that a handler is given: the SDK's class, of which everything is made when it is asked for."""

from ._facts import in_json


def event_classes(functions):
    """(OneEvent, ManyEvent) for the app's SDK, the module azure.functions."""

    class OneEvent(functions.KafkaEvent):
        """The only record of an invocation."""

        def __init__(self, invocation):
            self._invocation = invocation

        def get_body(self):
            return self._invocation.part.raw_values[self._invocation.index] or b""

        @property
        def key(self):
            return self.metadata.get("Key")

        @property
        def offset(self):
            return self._invocation.part.offsets[self._invocation.index]

        @property
        def partition(self):
            return self._invocation.part.partition

        @property
        def topic(self):
            return self._invocation.part.topic

        @property
        def timestamp(self):
            return self.metadata["Timestamp"].strip('"')

        @property
        def headers(self):
            return self._invocation.facts.headers

        @property
        def metadata(self):
            return self._invocation.metadata

    class ManyEvent(functions.KafkaEvent):
        """One of an invocation's records."""

        def __init__(self, invocation, part, index):
            self._invocation = invocation
            self._part = part
            self._index = index

        def get_body(self):
            return self._part.raw_values[self._index] or b""

        def facts(self):
            return self._invocation.facts_of(self._part, self._index)

        @property
        def key(self):
            return in_json(self.facts().key)

        @property
        def offset(self):
            return self._part.offsets[self._index]

        @property
        def partition(self):
            return self._part.partition

        @property
        def topic(self):
            return self._part.topic

        @property
        def timestamp(self):
            return self.facts().timestamp

        @property
        def headers(self):
            return self.facts().headers

        @property
        def metadata(self):
            return self._invocation.metadata

    return OneEvent, ManyEvent
