"""One function of an app: its bindings, what its parameters are, and how it is called for an invocation."""

import inspect
import typing

from .._failure import BatchError, DeadLetter, Drop, Retry
from . import _logs
from ._context import Context, Invocation, LastException, current
from ._dotnet import compact
from ._event import event_classes
from ._outputs import Out, encoded

_KEPT_FAILURES = 1000  # exceptions remembered for the next attempt's RetryContext
_OURS = (Retry, DeadLetter, Drop, BatchError)


class NotCallable(Exception):
    """The function and its bindings do not fit together; the text says why, for people."""


class Function:
    """call: the app's own function. directory: what Context.function_directory gives.

    key_type, max_retry_count, outputs (binding: its number): of Welcome. failures: {first record: LastException}.
    """

    def __init__(self, functions, name, call, directory, bindings):
        self.name = name
        self.name_in_json = compact(name)
        self.directory = directory
        self.is_async = inspect.iscoroutinefunction(call)
        self.key_type, self.max_retry_count, self.outputs, self.failures = "string", 0, {}, {}
        self._call = call
        self._one_event, self._many_event = event_classes(functions)
        functions.Context.register(Context)
        functions.Out.register(Out)
        self.returns = None  # name of the binding that the result is for
        self._outs = []      # names of the parameters that are func.Out
        self._trigger_type = None
        self._event_only = False  # the usual case: the event is the only parameter
        self._makers = self._make_makers(bindings)

    def welcomed(self, welcome):
        """Takes over what the daemon says; NotCallable where the handler is made for the other cardinality."""
        self.key_type = str(welcome.get("keyDataType", "string")).lower()
        self.max_retry_count = welcome.get("maxRetryCount", 0)
        self.outputs = {name: number for number, name in enumerate(welcome.get("outputs", ()))}
        many = welcome["cardinality"] == "many"
        if self._trigger_type in ("str", "bytes") and many:
            raise NotCallable("the cardinality is MANY: the trigger's parameter must be a list, not %s" % self._trigger_type)
        if self._trigger_type in ("List[str]", "List[bytes]") and not many:
            raise NotCallable("the cardinality is ONE: the trigger's parameter must not be a %s" % self._trigger_type)

    def one(self, part, index):
        """Calls it for one record. Its outputs: a list of (number, bytes), or None."""
        why = part.why_unreadable(index)
        if why is not None:
            raise DeadLetter(why)
        return self._call_user(Invocation(self, part, index))

    def many(self, parts):
        """Calls it for all records of these parts; outputs as of one()."""
        return self._call_user(_of_all(self, parts))

    async def handle(self, argument):
        """one() or many() for an async function: argument is a Record or a Batch."""
        parts = getattr(argument, "parts", None)
        if parts is not None:
            invocation = _of_all(self, parts)
        else:
            invocation = Invocation(self, *argument.origin())
            why = invocation.part.why_unreadable(invocation.index)
            if why is not None:
                raise DeadLetter(why)
        current.set(invocation)
        try:
            result = await self._call(*[make(invocation) for make in self._makers])
            return self._outputs_of(invocation, result)
        except _OURS:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed(invocation, error) from None

    def _call_user(self, invocation):
        current.set(invocation)
        try:
            if self._event_only:
                result = self._call(self._make_event(invocation))
            else:
                result = self._call(*[make(invocation) for make in self._makers])
            if result is None and not self._outs:
                return None
            return self._outputs_of(invocation, result)
        except _OURS:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed(invocation, error) from None

    def _failed(self, invocation, error):
        """Logs it with the invocation's id, and keeps it for the next attempt."""
        outcome = Retry(error)
        stack = _logs.traceback_of(error)
        _logs.send("error", "%s failed: %s\n%s" % (self.name, outcome.reason, stack), invocation.id, self.name)
        if len(self.failures) >= _KEPT_FAILURES:
            self.failures.pop(next(iter(self.failures), None), None)
        self.failures[invocation.first] = LastException(outcome.reason, stack)
        return outcome

    def _outputs_of(self, invocation, result):
        outputs = []
        if result is not None:
            if self.returns is None:
                raise RuntimeError("the function %s has no $return binding, but returned something" % self.name)
            outputs.append(self._output(self.returns, result))
        for name in self._outs:
            value = invocation.outs[name].get()
            if value is not None:
                outputs.append(self._output(name, value))
        return outputs

    def _output(self, name, value):
        if name not in self.outputs:
            raise RuntimeError("the daemon does not serve the output binding %s" % name)
        return self.outputs[name], encoded(name, value)

    def _make_makers(self, bindings):
        """For each parameter, in order, what makes its argument of an Invocation."""
        parameters = dict(inspect.signature(self._call).parameters)
        types = _annotations(self._call)
        triggers = [one["name"] for one in bindings if one["type"].lower() == "kafkatrigger"]
        outs = [one["name"] for one in bindings if str(one.get("direction", "in")).lower() in ("out", "1")]
        others = [one["name"] for one in bindings if one["name"] not in triggers and one["name"] not in outs]
        if len(triggers) != 1 or others:
            raise NotCallable("it must have one Kafka trigger and no other input" + "".join(", not %s" % name for name in others))
        unbound = [name for name in outs if name not in parameters]
        self.returns = unbound[0] if unbound and ("$return" in unbound or len(outs) == 1) else None
        missing = [name for name in triggers + unbound if name not in parameters and name != self.returns]
        if missing:
            raise NotCallable("its bindings name parameters that it does not have: " + ", ".join(missing))
        makers = []
        for name in parameters:
            if name == triggers[0]:
                self._trigger_type = _type_of(types.get(name))
                makers.append(self._make_trigger)
            elif name in outs:
                self._outs.append(name)
                makers.append(_make_out(name))
            elif name == "context":
                makers.append(Context)
            else:
                raise NotCallable("its parameter %s has no binding" % name)
        self._event_only = self._trigger_type == "event" and len(makers) == 1
        return makers

    def _make_event(self, invocation):
        if invocation.parts is None:
            return self._one_event(invocation)
        event = self._many_event
        return [event(invocation, part, index) for part in invocation.parts for index in range(len(part))]

    def _make_trigger(self, invocation):
        kind = self._trigger_type
        if kind == "event":
            return self._make_event(invocation)
        if invocation.parts is None:  # as the dataType has it, whichever of the two was asked for: so does the original
            part = invocation.part
            return part.values[invocation.index] if part.as_text else part.raw_values[invocation.index] or b""
        values = [value or b"" for part in invocation.parts for value in part.raw_values]
        return values if kind == "List[bytes]" else [value.decode("utf-8") for value in values]


def _of_all(function, parts):
    invocation = Invocation(function, None, None)
    invocation.parts = parts
    return invocation


def _make_out(name):
    def make(invocation):
        if invocation.outs is None:
            invocation.outs = {}
        out = invocation.outs[name] = Out()
        return out
    return make


def _annotations(call):
    try:
        return typing.get_type_hints(call)
    except Exception:  # of a name that only a type checker knows
        return dict(getattr(call, "__annotations__", {}))


def _type_of(annotation):
    """What a trigger's parameter is given: event, str, bytes, List[str] or List[bytes]."""
    if annotation in (str, bytes):
        return annotation.__name__
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is not None and len(arguments) == 1 and arguments[0] in (str, bytes):
        return "List[%s]" % arguments[0].__name__
    return "event"
