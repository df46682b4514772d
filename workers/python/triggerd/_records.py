"""What a handler is given: Record, Batch and its Parts.

Everything is decoded when it is first asked for, and then kept: a handler that reads only `batch.values` pays for one
list of values, not for records. Objects may be kept after the handler has returned; they hold their batch's bytes.
"""

import itertools
import json

from ._columns import Columns, cut, cut_text


class NotText(ValueError):
    """A key or value is not UTF-8 though the trigger's dataType is string. `raw` and `raw_key` still give the bytes."""


class Part:
    """Consecutive records of one partition: a whole batch, or a stretch of one that spans partitions.

    topic, partition: where the records are from.
    attempt: of each of the records: 1 for a first delivery, one more for each attempt with it that failed.
    """

    __slots__ = ("topic", "partition", "attempt", "_columns", "_as_text", "_picked", "_raw_values", "_raw_keys", "_values", "_keys",
                 "_offsets", "_timestamps", "_headers", "_bad_text")

    def __init__(self, columns, as_text, picked=None):
        """`picked`: indices of the frame's records that are meant, where it is not all of them."""
        self.topic = columns.topic
        self.partition = columns.partition
        self.attempt = columns.attempt
        self._columns = columns
        self._as_text = as_text
        self._picked = picked
        self._raw_values = self._raw_keys = self._values = self._keys = None
        self._offsets = self._timestamps = self._headers = None
        self._bad_text = False  # some value or key is not UTF-8, so they are decoded one by one

    def pick(self, indices):
        """The same part with only these of its records."""
        return Part(self._columns, self._as_text, indices)

    @property
    def as_text(self):
        """The trigger's dataType is string."""
        return self._as_text

    @property
    def leader_epoch(self):
        """Of the partition's leader that gave the records, or None; only in the azure payload."""
        return self._columns.leader_epoch

    def why_unreadable(self, index):
        """Why the daemon could not present this record of a whole frame, or None; only in the azure payload."""
        columns = self._columns
        return columns.why_unreadable(index) if columns.unreadable and index in columns.unreadable else None

    @property
    def values(self):
        """List of str (dataType string) or bytes (binary), None for a tombstone. NotText where one is not UTF-8."""
        if not self._as_text:
            return self.raw_values
        if self._values is None:
            columns = self._columns
            try:
                self._values = self._chosen(cut_text(columns.values, columns.value_end, columns.value_null))
            except UnicodeDecodeError:  # perhaps of a record that is not chosen
                self._values = self._decode_all("value", self.raw_values)
        return self._values

    @property
    def keys(self):
        """List of keys, str or bytes as values are, None where a record has none."""
        if not self._as_text:
            return self.raw_keys
        if self._keys is None:
            self._keys = self._decode_all("key", self.raw_keys)
        return self._keys

    @property
    def raw_values(self):
        """List of bytes, whatever the dataType; None for a tombstone."""
        if self._raw_values is None:
            columns = self._columns
            self._raw_values = self._chosen(cut(columns.values, columns.value_end, columns.value_null))
        return self._raw_values

    @property
    def raw_keys(self):
        """List of bytes, whatever the dataType; None where a record has no key."""
        if self._raw_keys is None:
            columns = self._columns
            if columns.key_end is None:
                self._raw_keys = [None] * len(self)
            else:
                self._raw_keys = self._chosen(cut(columns.keys, columns.key_end, columns.key_null))
        return self._raw_keys

    @property
    def offsets(self):
        """List of int."""
        if self._offsets is None:
            columns = self._columns
            base = columns.base_offset
            if columns.offset_delta is None:
                self._offsets = self._chosen(list(range(base, base + columns.count)))
            else:
                self._offsets = self._chosen([base + delta for delta in columns.offset_delta])
        return self._offsets

    @property
    def timestamps(self):
        """List of int, milliseconds since 1970 in UTC; None where the records have none."""
        if self._timestamps is None:
            columns = self._columns
            base = columns.base_timestamp
            if columns.timestamp_delta is None:
                self._timestamps = [None if base == -1 else base] * len(self)
            else:
                self._timestamps = self._chosen([base + delta for delta in columns.timestamp_delta])
        return self._timestamps

    @property
    def headers(self):
        """For each record the list of its headers: (name, value), the value bytes or None."""
        if self._headers is None:
            if self._columns.header_first is None:
                self._headers = [[] for _ in range(len(self))]
            else:
                self._headers = self._chosen(self._cut_headers())
        return self._headers

    def _cut_headers(self):
        columns = self._columns
        null = frozenset(columns.header_null or ())
        pairs, begin, arena = [], 0, columns.headers
        for index, (name_end, value_end) in enumerate(zip(columns.header_name_end, columns.header_value_end)):
            # Kafka's custom is UTF-8, which nobody checks: other bytes survive as surrogates.
            name = str(arena[begin:name_end], "utf-8", "surrogateescape")
            pairs.append((name, None if index in null else arena[name_end:value_end]))
            begin = value_end
        first = columns.header_first
        return [pairs[begin:end] for begin, end in zip(first, first[1:])]

    def _chosen(self, column):
        return column if self._picked is None else [column[index] for index in self._picked]

    def _decode_all(self, what, column):
        return [None if raw is None else self._decode(what, index, raw) for index, raw in enumerate(column)]

    def _decode(self, what, index, raw):
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            self._bad_text = True
            raise NotText("the %s of %s/%d@%d is not UTF-8: %s at byte %d" % (
                what, self.topic, self.partition, self.offsets[index], error.reason, error.start)) from None

    def _one_value(self, index):
        if not self._bad_text:
            try:
                return self.values[index]
            except NotText:
                pass  # perhaps another record's value
        raw = self.raw_values[index]
        return None if raw is None else self._decode("value", index, raw)

    def _one_key(self, index):
        if not self._bad_text:
            try:
                return self.keys[index]
            except NotText:
                pass
        raw = self.raw_keys[index]
        return None if raw is None else self._decode("key", index, raw)

    def __len__(self):
        return self._columns.count if self._picked is None else len(self._picked)

    def __iter__(self):
        return map(Record, itertools.repeat(self, len(self)), itertools.count())

    def __getitem__(self, index):
        """The record at `index`, from the end where negative."""
        count = len(self)
        if not -count <= index < count:
            raise IndexError("record %d of %d" % (index, count))
        return Record(self, index % count)

    def __repr__(self):
        offsets = self.offsets
        return "<triggerd.Part %s/%d@%d..%d, %d records>" % (
            self.topic, self.partition, offsets[0], offsets[-1], len(self))


class Record:
    """One Kafka record."""

    __slots__ = ("_part", "_index")

    def __init__(self, part, index):
        self._part = part
        self._index = index

    @property
    def value(self):
        """str (dataType string) or bytes (binary); None for a tombstone, which is not an empty value."""
        part = self._part
        return part._one_value(self._index) if part._as_text else part.raw_values[self._index]

    @property
    def key(self):
        """str or bytes as the value is; None where there is none."""
        part = self._part
        return part._one_key(self._index) if part._as_text else part.raw_keys[self._index]

    @property
    def raw(self):
        """The value's bytes, whatever the dataType; None for a tombstone."""
        return self._part.raw_values[self._index]

    @property
    def raw_key(self):
        """The key's bytes, whatever the dataType; None where there is none."""
        return self._part.raw_keys[self._index]

    @property
    def text(self):
        """The value as str, whatever the dataType; None for a tombstone. NotText where it is not UTF-8."""
        part = self._part
        if part._as_text:
            return part._one_value(self._index)
        raw = part.raw_values[self._index]
        return None if raw is None else part._decode("value", self._index, raw)

    def json(self):
        """The value parsed as JSON; None for a tombstone."""
        text = self.text
        return None if text is None else json.loads(text)

    @property
    def headers(self):
        """List of (name, value), in the producer's order; a value is bytes or None."""
        return self._part.headers[self._index]

    def header(self, name, default=None):
        """The value of the last header of this name."""
        for found, value in reversed(self.headers):
            if found == name:
                return value
        return default

    def origin(self):
        """(its Part, its index there)."""
        return self._part, self._index

    @property
    def topic(self):
        return self._part.topic

    @property
    def partition(self):
        return self._part.partition

    @property
    def offset(self):
        return self._part.offsets[self._index]

    @property
    def timestamp(self):
        """Milliseconds since 1970 in UTC, or None."""
        return self._part.timestamps[self._index]

    @property
    def attempt(self):
        """1 for a first delivery, one more for each attempt that failed. What was given back unhandled is not counted."""
        return self._part.attempt

    def __repr__(self):
        return "<triggerd.Record %s/%d@%d>" % (self.topic, self.partition, self.offset)


class Batch:
    """The records of one invocation, from one or several partitions.

    parts: list of Part, one per partition's stretch; the columns below are theirs, one after the other.
    """

    __slots__ = ("parts",)

    def __init__(self, parts):
        self.parts = parts

    def _joined(self, column):
        if len(self.parts) == 1:
            return getattr(self.parts[0], column)
        joined = []
        for part in self.parts:
            joined += getattr(part, column)
        return joined

    values = property(lambda self: self._joined("values"), doc=Part.values.__doc__)
    keys = property(lambda self: self._joined("keys"), doc=Part.keys.__doc__)
    raw_values = property(lambda self: self._joined("raw_values"), doc=Part.raw_values.__doc__)
    raw_keys = property(lambda self: self._joined("raw_keys"), doc=Part.raw_keys.__doc__)
    offsets = property(lambda self: self._joined("offsets"), doc=Part.offsets.__doc__)
    timestamps = property(lambda self: self._joined("timestamps"), doc=Part.timestamps.__doc__)
    headers = property(lambda self: self._joined("headers"), doc=Part.headers.__doc__)

    @property
    def attempt(self):
        """The highest of the parts'."""
        return max(part.attempt for part in self.parts)

    def __len__(self):
        return sum(map(len, self.parts))

    def __iter__(self):
        """Record after record, made as they are asked for."""
        for part in self.parts:
            yield from part

    def __getitem__(self, index):
        """The record at `index`, from the end where negative."""
        count = len(self)
        if not -count <= index < count:
            raise IndexError("record %d of %d" % (index, count))
        index %= count
        for part in self.parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise AssertionError("unreachable")

    def __repr__(self):
        return "<triggerd.Batch of %d: %s>" % (len(self), ", ".join(map(repr, self.parts)))


def part_of(payload, as_text, azure=False):
    """(Columns, Part) of a Batch frame's payload."""
    columns = Columns(payload, azure)
    return columns, Part(columns, as_text)
