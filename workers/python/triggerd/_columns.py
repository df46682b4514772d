"""A Batch payload's columns (PROTOCOL.md section 4), checked whole and decoded as late as possible. No I/O.

The checks are C-speed passes over whole columns, so a batch costs the same per record whatever it holds: a column is
in order when sorting it changes nothing, which timsort finds in one pass.
"""

import struct
import sys
from array import array

from ._wire import MAX_TOPIC_BYTES, Malformed, check_padding, text

(OFFSET_DELTA, TIMESTAMP_DELTA, KEYS, HEADERS, VALUE_NULL, KEY_NULL, HEADER_NULL,
 UNREADABLE) = (1 << bit for bit in range(8))

_HEAD = struct.Struct("<IIqqiIIIIIIIII")
_ALL_COLUMNS = 127  # of the native payload; azure has UNREADABLE too
_MAX_I64 = 2 ** 63 - 1
_MAX_DELTA = 2 ** 30  # of timestamps, exclusive
_BIG_ENDIAN = sys.byteorder == "big"


class Columns:
    """One Batch frame: the head's fields, and its columns as lists.

    Of the azure payload only: leader_epoch (None: not known) and unreadable, the set of records that cannot be presented
    (None: there are none).
    """

    __slots__ = ("count", "base_offset", "base_timestamp", "partition", "epoch", "run", "attempt", "topic", "value_end",
                 "value_null", "key_end", "key_null", "offset_delta", "timestamp_delta", "header_first",
                 "header_name_end", "header_value_end", "header_null", "values", "keys", "headers", "leader_epoch",
                 "unreadable")

    def __init__(self, payload, azure=False):
        """Reads `payload` (bytes or a view of them); Malformed where it breaks a rule. Nothing of it is kept."""
        if len(payload) < _HEAD.size:
            raise Malformed("batch is shorter than its head")
        (self.count, columns, self.base_offset, self.base_timestamp, self.partition, self.epoch, self.run,
         self.attempt, topic_bytes, header_count, value_bytes, key_bytes, header_bytes, epoch_mark) = _HEAD.unpack_from(payload)
        _check_head(self, columns & ~UNREADABLE if azure else columns, topic_bytes, header_count, key_bytes, header_bytes)
        if epoch_mark and not azure:
            raise Malformed("reserved field of the batch head is not 0")
        if epoch_mark > 1 << 31:
            raise Malformed("leader_epoch is over 2^31")
        self.leader_epoch = epoch_mark - 1 if epoch_mark else None
        reader = _Reader(payload)
        n, h = self.count, header_count
        reader.require(4 * n)  # before any arithmetic with n: a column of values is always there
        self.value_end = reader.column("I", n)
        self.value_null = reader.bits(n) if columns & VALUE_NULL else None
        self.unreadable = (frozenset(reader.bits(n)) or None) if columns & UNREADABLE else None
        self.key_end = reader.column("I", n) if columns & KEYS else None
        self.key_null = reader.bits(n) if columns & KEY_NULL else None
        self.offset_delta = reader.column("I", n) if columns & OFFSET_DELTA else None
        self.timestamp_delta = reader.column("i", n) if columns & TIMESTAMP_DELTA else None
        self.header_first = reader.column("I", n + 1) if columns & HEADERS else None
        self.header_name_end = reader.column("I", h) if columns & HEADERS else None
        self.header_value_end = reader.column("I", h) if columns & HEADERS else None
        self.header_null = reader.bits(h) if columns & HEADER_NULL else None
        self.topic = text(reader.bytes(topic_bytes), "topic")
        self.values = reader.bytes(value_bytes)
        self.keys = reader.bytes(key_bytes)
        self.headers = reader.bytes(header_bytes)
        reader.finish()
        _check_columns(self, header_count)

    def why_unreadable(self, index):
        """What the daemon says of a record in `unreadable`."""
        begin = self.value_end[index - 1] if index else 0
        return self.values[begin:self.value_end[index]].decode("utf-8", "replace")


class _Reader:
    """Walks over the payload after its head, one padded column after the other."""

    def __init__(self, payload):
        self._view = memoryview(payload)
        self._at = _HEAD.size

    def require(self, size):
        if size > len(self._view) - self._at:
            raise Malformed("batch is shorter than its columns")

    def bytes(self, size):
        return bytes(self._slice(size))

    def _slice(self, size):
        self.require(size)
        begin, end = self._at, self._at + size
        self._at = end + -end % 8
        if self._at != end:
            check_padding(self._view, end, self._at)
        return self._view[begin:end]

    def column(self, kind, count):
        raw = self._slice(4 * count)
        if _BIG_ENDIAN:
            values = array(kind, bytes(raw))
            values.byteswap()
            return values.tolist()
        return raw.cast(kind).tolist()

    def bits(self, count):
        """Indices of the bits that are set."""
        raw = self.bytes((count + 7) // 8)
        found = [8 * at + bit for at, byte in enumerate(raw) if byte for bit in range(8) if byte >> bit & 1]
        if found and found[-1] >= count:
            raise Malformed("a null bit is set beyond the last record or header")
        return found

    def finish(self):
        if self._at != len(self._view):
            raise Malformed("batch is %d bytes longer than its columns" % (len(self._view) - self._at))


def _check_head(head, columns, topic_bytes, header_count, key_bytes, header_bytes):
    if head.count == 0:
        raise Malformed("batch has no records")
    if columns & ~_ALL_COLUMNS:
        raise Malformed("batch has unknown columns %#x" % columns)
    if columns & KEY_NULL and not columns & KEYS:
        raise Malformed("key_null without key_end")
    if columns & HEADER_NULL and not columns & HEADERS:
        raise Malformed("header_null without header columns")
    if key_bytes and not columns & KEYS:
        raise Malformed("key bytes without key_end")
    if (header_count or header_bytes) and not columns & HEADERS:
        raise Malformed("headers without header columns")
    if head.base_timestamp == -1 and columns & TIMESTAMP_DELTA:
        raise Malformed("timestamp deltas without a base timestamp")
    if head.base_offset < 0 or head.partition < 0 or head.base_timestamp < -1:
        raise Malformed("base_offset, partition or base_timestamp is negative")
    if not 1 <= topic_bytes <= MAX_TOPIC_BYTES:
        raise Malformed("topic must have 1 to %d bytes" % MAX_TOPIC_BYTES)
    if head.attempt == 0:
        raise Malformed("attempt is 0")


def _check_columns(batch, header_count):
    _check_ends("value", batch.value_end, batch.values)
    _check_nulls("value", batch.value_null, batch.value_end)
    if batch.key_end is not None:
        _check_ends("key", batch.key_end, batch.keys)
        _check_nulls("key", batch.key_null, batch.key_end)
    deltas = batch.offset_delta
    if deltas is not None and (deltas[0] != 0 or deltas != sorted(set(deltas))):
        raise Malformed("offset_delta does not rise from 0")
    last = batch.count - 1 if deltas is None else deltas[-1]
    if batch.base_offset + last > _MAX_I64:
        raise Malformed("an offset overflows")
    deltas = batch.timestamp_delta
    if deltas is not None:
        least, most = min(deltas), max(deltas)
        if deltas[0] != 0 or least <= -_MAX_DELTA or most >= _MAX_DELTA:
            raise Malformed("timestamp_delta does not begin with 0 or leaves its bounds")
        if batch.base_timestamp + least < 0 or batch.base_timestamp + most > _MAX_I64:
            raise Malformed("a timestamp is negative or overflows")
    if batch.header_first is not None:
        first = batch.header_first
        if first[0] != 0 or first[-1] != header_count or first != sorted(first):
            raise Malformed("header_first does not rise from 0 to header_count")
        ends = [0] * (2 * header_count)
        ends[::2] = batch.header_name_end
        ends[1::2] = batch.header_value_end
        _check_ends("header", ends, batch.headers)
        for index in batch.header_null or ():
            if ends[2 * index] != ends[2 * index + 1]:
                raise Malformed("header value %d is null but not empty" % index)


def _check_ends(what, ends, arena):
    if ends != sorted(ends):
        raise Malformed("%s ends do not rise" % what)
    if (ends[-1] if ends else 0) != len(arena):
        raise Malformed("%s ends do not reach the end of their arena" % what)


def _check_nulls(what, nulls, ends):
    for index in nulls or ():
        if ends[index] != (ends[index - 1] if index else 0):
            raise Malformed("%s %d is null but not empty" % (what, index))


def cut(arena, ends, nulls):
    """The arena's pieces as a list; None where null."""
    begin = 0
    pieces = [arena[begin:(begin := end)] for end in ends]
    for index in nulls or ():
        pieces[index] = None
    return pieces


def cut_text(arena, ends, nulls):
    """As cut, the pieces decoded from UTF-8 one by one, so that no more than the result is ever held."""
    begin = 0
    pieces = [arena[begin:(begin := end)].decode() for end in ends]
    for index in nulls or ():
        pieces[index] = None
    return pieces
