"""Frames and their payloads, to bytes and back (lib/wire/PROTOCOL.md sections 2 to 8). No I/O.

What the daemon sends is checked as strictly as the daemon checks us: a Malformed names the rule that was broken and
ends the session. Batch payloads are read in _columns.py.
"""

import json
import struct

HELLO, WELCOME, BATCH, ACK, CREDIT, CANCEL, DRAIN, PING, PONG, LOG, BYE, EMIT = range(1, 13)
FLAG_MORE = 1

PROTOCOL = 1
HEADER_BYTES = 16
MAX_PAYLOAD = 256 << 20  # daemon to worker
MAX_JSON = 64 << 10
MAX_REASON = 4 << 10
MAX_TOPIC_BYTES = 249
EMIT_FRAME_BYTES = 1 << 20  # likewise, of outputs; a single one may be larger
ACK_FRAME_BYTES = 1 << 20  # answers beyond this go into a further Ack; the limit for a worker's payload is 16 MiB

OK, RETRY, DEAD_LETTER, DROP, RELEASE = range(5)

_HEADER = struct.Struct("<IBBHQ")
_ANSWER = struct.Struct("<IIIIII")
_CANCEL = struct.Struct("<iIII")
_PAIR = struct.Struct("<II")
_JSON_FRAMES = frozenset((HELLO, WELCOME, LOG, BYE))
_EMIT = struct.Struct("<IIII")
_ALL_OK = bytes(8)  # count 0, no reasons


class Malformed(Exception):
    """The daemon broke a rule of the protocol; the text says which."""


def parse_header(buffer, offset):
    """The frame header at `offset`: (length, type, flags, id)."""
    length, kind, flags, reserved, number = _HEADER.unpack_from(buffer, offset)
    if not HELLO <= kind <= BYE:
        raise Malformed("unknown frame type %d" % kind)
    if reserved:
        raise Malformed("reserved field of the frame header is not 0")
    if length % 8:
        raise Malformed("frame length %d is not a multiple of 8" % length)
    limit = MAX_JSON if kind in _JSON_FRAMES else MAX_PAYLOAD
    if length > limit:
        raise Malformed("frame length %d is over the limit of %d" % (length, limit))
    if flags & ~FLAG_MORE or (flags and kind != BATCH):
        raise Malformed("unknown flags %d on frame type %d" % (flags, kind))
    if number and kind not in (BATCH, ACK, PING, PONG):
        raise Malformed("frame type %d has an id" % kind)
    return length, kind, flags, number


def frame(kind, payload=b"", number=0, flags=0, fill=b"\0"):
    """One whole frame, padded."""
    payload = payload + fill * (-len(payload) % 8)
    return _HEADER.pack(len(payload), kind, flags, 0, number) + payload


def json_frame(kind, value):
    """A frame of JSON. Text that is not valid Unicode is escaped; the caller keeps it within MAX_JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return frame(kind, text.encode("utf-8", "backslashreplace"), fill=b" ")


def parse_json(payload):
    """The JSON object in a Welcome or Bye."""
    try:
        value = json.loads(bytes(payload).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed("JSON payload: %s" % error) from None
    if not isinstance(value, dict):
        raise Malformed("JSON payload is not an object")
    return value


def parse_cancel(payload):
    """(topic, partition, epoch) that the daemon is giving up."""
    if len(payload) < _CANCEL.size:
        raise Malformed("cancel is shorter than %d bytes" % _CANCEL.size)
    partition, epoch, topic_bytes, reserved = _CANCEL.unpack_from(payload)
    if reserved:
        raise Malformed("reserved field of cancel is not 0")
    end = _CANCEL.size + topic_bytes
    if partition < 0 or not 1 <= topic_bytes <= MAX_TOPIC_BYTES or len(payload) != end + -end % 8:
        raise Malformed("cancel has a bad partition or topic")
    check_padding(payload, end, len(payload))
    return text(payload[_CANCEL.size:end], "cancel topic"), partition, epoch


def parse_drain(payload):
    """Milliseconds until the daemon stops waiting."""
    if len(payload) != _PAIR.size:
        raise Malformed("drain is not %d bytes" % _PAIR.size)
    deadline_ms, reserved = _PAIR.unpack(payload)
    if reserved:
        raise Malformed("reserved field of drain is not 0")
    return deadline_ms


def text(raw, what):
    """UTF-8 that the protocol promises."""
    try:
        return bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("%s is not UTF-8: %s" % (what, error.reason)) from None


def check_padding(payload, begin, end):
    """Bytes between what a length says and the next multiple of 8 are zero."""
    if any(payload[begin:end]):
        raise Malformed("padding is not zero")


def hello(concurrency, credit_records, credit_bytes, sdk, pid, features=()):
    return json_frame(HELLO, {
        "protocol": {"min": PROTOCOL, "max": PROTOCOL}, "sdk": sdk, "pid": pid, "concurrency": concurrency,
        "credit": {"records": credit_records, "bytes": credit_bytes},
        "features": list(features)})


def log(level, message, **members):
    return json_frame(LOG, {"level": level, "message": _cut(message), **members})


def bye(code, message):
    return json_frame(BYE, {"code": code, "message": _cut(message)})


def ack(number, answers):
    """Ack frames for answers (first, last, code, retry_after_ms, reason bytes); none: ok for all that is unanswered."""
    if not answers:
        return frame(ACK, _ALL_OK, number)
    out, head, reasons = [], [], []
    reason_end = 0
    for first, last, code, retry_after_ms, reason in answers:
        if len(head) * _ANSWER.size + reason_end > ACK_FRAME_BYTES:
            out.append(_ack_frame(number, head, reasons, reason_end))
            head, reasons, reason_end = [], [], 0
        reason_end += len(reason)
        head.append(_ANSWER.pack(first, last, code, retry_after_ms, reason_end, 0))
        reasons.append(reason)
    out.append(_ack_frame(number, head, reasons, reason_end))
    return b"".join(out)


def emit(number, first, last, outputs):
    """Emit frames: outputs (number of the output, bytes), that the answers of records first to last of the batch wait for."""
    out, batch, size = [], [], 0
    for output in outputs:
        if batch and size + len(output[1]) > EMIT_FRAME_BYTES:
            out.append(_emit_frame(number, first, last, batch))
            batch, size = [], 0
        batch.append(output)
        size += len(output[1]) + 8
    if batch:
        out.append(_emit_frame(number, first, last, batch))
    return b"".join(out)


def _emit_frame(number, first, last, outputs):
    ends, end = [], 0
    for _, value in outputs:
        end += len(value)
        ends.append(end)
    count = len(outputs)
    numbers = struct.pack("<%dI" % (2 * count), *[which for which, _ in outputs], *ends)
    return frame(EMIT, _EMIT.pack(first, last, count, end) + numbers + b"".join([value for _, value in outputs]), number)


def _ack_frame(number, head, reasons, reason_bytes):
    return frame(ACK, _PAIR.pack(len(head), reason_bytes) + b"".join(head) + b"".join(reasons), number)


def reason_bytes(reason):
    """A reason as UTF-8 of at most MAX_REASON bytes, cut between characters."""
    raw = reason.encode("utf-8", "backslashreplace")
    if len(raw) <= MAX_REASON:
        return raw
    return raw[:MAX_REASON].decode("utf-8", "ignore").encode("utf-8")


def _cut(message):
    # JSON escapes a control character with six bytes, so this many always stay within MAX_JSON.
    raw = message.encode("utf-8", "backslashreplace")[:8 << 10]
    return raw.decode("utf-8", "ignore")
