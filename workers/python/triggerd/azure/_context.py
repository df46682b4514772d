"""An invocation, and the func.Context of it. Everything is made when it is asked for, on any thread."""

import contextvars
import random
import re
import threading
import time

from ._facts import Facts, metadata_of_all

# The invocation that runs here. Threads that a handler starts itself have none, but may set the id (thread_local).
current = contextvars.ContextVar("triggerd_azure_invocation", default=None)
thread_local = threading.local()

_TRACE_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?\Z")


_random = random.Random()  # not the module's own, which an app may seed


def new_uuid():
    """A random uuid (version 4) as text, several times as fast as uuid.uuid4()."""
    digits = "%032x" % _random.getrandbits(128)
    return "%s-%s-4%s-%s%s-%s" % (digits[:8], digits[8:12], digits[13:16], "89ab"[int(digits[16], 16) & 3], digits[17:20],
                                  digits[20:])


def _now_text():
    """The time in UTC, as .NET writes it in JSON."""
    global _second
    now, known = time.time(), _second
    if int(now) != known[0]:
        known = _second = int(now), time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return "%s.%07dZ" % (known[1], now % 1 * 10_000_000)


_second = 0, ""  # the last one that was asked for; replaced as a whole


class Invocation:
    """One call of the function: for the record `index` of `part` (cardinality one), or for all of `parts`."""

    # Set on an instance only where it is asked for: an invocation is made for each record.
    parts = outs = _id = _facts = _metadata = None
    _all_facts = None  # with several records: {(part, index): Facts}

    def __init__(self, function, part, index):
        self.function = function
        self.part = part
        self.index = index

    @property
    def id(self):
        """A uuid, as text."""
        if self._id is None:
            self._id = new_uuid()
        return self._id

    @property
    def attempt(self):
        return self.part.attempt if self.parts is None else max(part.attempt for part in self.parts)

    @property
    def facts(self):
        """Of the only record."""
        if self._facts is None:
            self._facts = Facts(self.part, self.index, self.function.key_type)
        return self._facts

    def facts_of(self, part, index):
        """Of one of several records."""
        if self._all_facts is None:
            self._all_facts = {}
        facts = self._all_facts.get((part, index))
        if facts is None:
            facts = self._all_facts[part, index] = Facts(part, index, self.function.key_type)
        return facts

    @property
    def metadata(self):
        """What func.KafkaEvent.metadata gives; the same for all records of the invocation."""
        if self._metadata is None:
            known = {"sys": '{"MethodName":%s,"UtcNow":"%s","RandGuid":"%s"}' % (
                self.function.name_in_json, _now_text(), new_uuid())}
            if self.parts is None:
                known.update(self.facts.metadata(self.part, self.index))
            else:
                known.update(metadata_of_all([(self.facts_of(part, index), part, index)
                                              for part in self.parts for index in range(len(part))]))
            self._metadata = known
        return self._metadata

    @property
    def first(self):
        """(topic, partition, offset) of the first record: what the next attempt has in common with this one."""
        part = self.part if self.parts is None else self.parts[0]
        return part.topic, part.partition, part.offsets[self.index or 0]


class TraceContext:
    """Of the record's own headers traceparent and tracestate; empty text where there are none, or with several records."""

    attributes = property(lambda self: {}, doc="None are known: always empty.")

    def __init__(self, parent, state):
        self.trace_parent = self.Traceparent = parent
        self.trace_state = self.Tracestate = state

    @property
    def Attributes(self):  # the spelling of earlier SDKs
        return self.attributes


class RetryContext:
    """retry_count: 0 for the first attempt. max_retry_count: -1 for ever. exception: of the attempt before, or None."""

    def __init__(self, retry_count, max_retry_count, exception):
        self.retry_count = retry_count
        self.max_retry_count = max_retry_count
        self.exception = exception


class LastException:
    """What the attempt before raised, in this process."""

    source = ""

    def __init__(self, message, stack_trace):
        self.message = message
        self.stack_trace = stack_trace


class Context:
    """func.Context of an invocation."""

    __slots__ = ("_invocation",)

    def __init__(self, invocation):
        self._invocation = invocation

    @property
    def invocation_id(self):
        return self._invocation.id

    @property
    def thread_local_storage(self):
        """Set its invocation_id in a thread of your own to have what it logs named so."""
        return thread_local

    @property
    def function_name(self):
        return self._invocation.function.name

    @property
    def function_directory(self):
        return self._invocation.function.directory

    @property
    def trace_context(self):
        return TraceContext(*_trace(self._invocation))

    @property
    def retry_context(self):
        invocation = self._invocation
        function, retries = invocation.function, invocation.attempt - 1
        return RetryContext(retries, function.max_retry_count, function.failures.get(invocation.first) if retries else None)


def _trace(invocation):
    if invocation.parts is not None:
        return "", ""
    parent = (invocation.facts.header("traceparent") or b"").decode("latin-1")
    if not _TRACE_PARENT.match(parent):
        return "", ""
    return parent, (invocation.facts.header("tracestate") or b"").decode("latin-1")
