"""What a function gives its output bindings, as the text that the daemon takes."""

import json

MAX_BYTES = 15 << 20  # of one output; a frame to the daemon may have 16 MiB


class Out:
    """func.Out: the handler sets it at most once; the last value counts."""

    __slots__ = ("_value",)

    def __init__(self):
        self._value = None

    def set(self, value):
        self._value = value

    def get(self):
        return self._value


def encoded(name, value):
    """The bytes for the output binding `name`. ValueError or TypeError where it cannot be text.

    Text stays as it is, and bytes must be UTF-8 (the original writes the name of a .NET type for them). Lists and
    objects become JSON: an array is a record for each of its elements.
    """
    if isinstance(value, str):
        raw = value.encode("utf-8")
    elif isinstance(value, (bytes, bytearray, memoryview)):
        raw = bytes(value)
        raw.decode("utf-8")
    elif isinstance(value, (dict, list, tuple)):
        raw = json.dumps(value, ensure_ascii=False, default=_in_json).encode("utf-8")
    elif isinstance(value, int):
        raw = b"%d" % value
    elif isinstance(value, float):
        raw = repr(value).encode()
    else:
        raise TypeError("the output %s takes text, bytes, lists and dicts, not %s" % (name, type(value).__name__))
    if len(raw) > MAX_BYTES:
        raise ValueError("the output %s is longer than %d MiB" % (name, MAX_BYTES >> 20))
    return raw


def _in_json(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8")
    raise TypeError("%s has no place in an output's JSON" % type(value).__name__)
