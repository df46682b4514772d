#!/usr/bin/env python3
"""Golden frames of the worker protocol: what each means (NAME.json) and its bytes (NAME.hex).

Written from lib/wire/PROTOCOL.md alone, not from the C++ codec, so that the two check each other.
`generate.py` writes the files beside itself; `generate.py --check` says whether they are up to date.
"""
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
TYPES = {"hello": 1, "welcome": 2, "batch": 3, "ack": 4, "credit": 5, "cancel": 6,
         "drain": 7, "ping": 8, "pong": 9, "log": 10, "bye": 11}
CODES = {"ok": 0, "retry": 1, "deadLetter": 2, "drop": 3, "release": 4}


def pad(data, fill=b"\0"):
    return data + fill * (-len(data) % 8)


def frame(kind, payload=b"", frame_id=0, flags=0, reserved=0, length=None):
    number = kind if isinstance(kind, int) else TYPES[kind]
    size = len(payload) if length is None else length
    return struct.pack("<IBBHQ", size, number, flags, reserved, frame_id) + payload


def json_payload(fields):
    return pad(json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode(), b" ")


def u32s(numbers):
    return pad(b"".join(struct.pack("<I", n) for n in numbers))


def bits(flags):
    out = bytearray((len(flags) + 7) // 8)
    for i, flag in enumerate(flags):
        out[i // 8] |= int(flag) << (i % 8)
    return pad(bytes(out))


def ends(pieces):
    total, out = 0, []
    for piece in pieces:
        total += len(piece or b"")
        out.append(total)
    return out


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def batch_payload(f, **override):
    """The frame the daemon writes: a column only where some record needs it (§4.2)."""
    records = f["records"]
    values = [unhex(r["value"]) for r in records]
    keys = [unhex(r["key"]) for r in records]
    headers = [(h["name"].encode(), unhex(h["value"])) for r in records for h in r["headers"]]
    deltas = [r["offset"] - records[0]["offset"] for r in records]
    times = [r["timestamp"] - records[0]["timestamp"] for r in records]
    columns, body = 0, u32s(ends(values))
    if None in values:
        columns |= 16
        body += bits([v is None for v in values])
    if any(r.get("unreadable") for r in records):
        columns |= 128
        body += bits([bool(r.get("unreadable")) for r in records])
    if any(k is not None for k in keys):
        columns |= 4
        body += u32s(ends(keys))
        if None in keys:
            columns |= 32
            body += bits([k is None for k in keys])
    if deltas != list(range(len(records))):
        columns |= 1
        body += u32s(deltas)
    if any(times):
        columns |= 2
        body += pad(b"".join(struct.pack("<i", t) for t in times))
    if headers:
        columns |= 8
        first, name_end, value_end, at = [0], [], [], 0
        for r in records:
            first.append(first[-1] + len(r["headers"]))
        for name, value in headers:
            name_end.append(at + len(name))
            value_end.append(at + len(name) + len(value or b""))
            at = value_end[-1]
        body += u32s(first) + u32s(name_end) + u32s(value_end)
        if any(v is None for _, v in headers):
            columns |= 64
            body += bits([v is None for _, v in headers])
    topic = f["topic"].encode()
    arenas = [b"".join(v or b"" for v in values), b"".join(k or b"" for k in keys),
              b"".join(n + (v or b"") for n, v in headers)]
    head = {"n": len(records), "columns": columns, "base_offset": records[0]["offset"],
            "base_timestamp": records[0]["timestamp"], "partition": f["partition"], "epoch": f["epoch"],
            "run": f["run"], "attempt": f["attempt"], "topic_bytes": len(topic), "header_count": len(headers),
            "value_bytes": len(arenas[0]), "key_bytes": len(arenas[1]), "header_bytes": len(arenas[2]),
            "leader_epoch": f.get("leader_epoch", -1) + 1}
    head.update(override)
    return struct.pack("<IIqqiIIIIIIIII", *head.values()) + body + pad(topic) + b"".join(map(pad, arenas))


def ack_payload(f):
    answers = f["answers"]
    reasons = [a["reason"].encode() for a in answers]
    out = struct.pack("<II", len(answers), sum(map(len, reasons)))
    for a, end in zip(answers, ends(reasons)):
        out += struct.pack("<6I", a["first"], a["last"], CODES[a["code"]], a["retry_after_ms"], end, 0)
    return pad(out + b"".join(reasons))


def payload(kind, f):
    if kind in ("hello", "welcome", "log", "bye"):
        return json_payload(f)
    if kind == "batch":
        return batch_payload(f)
    if kind == "ack":
        return ack_payload(f)
    if kind == "credit":
        return struct.pack("<IIQ", f["records"], 0, f["bytes"])
    if kind == "cancel":
        topic = f["topic"].encode()
        return pad(struct.pack("<iIII", f["partition"], f["epoch"], len(topic), 0) + topic)
    if kind == "drain":
        return struct.pack("<II", f["deadline_ms"], 0)
    return b""


def encode(v):
    return frame(v["type"], payload(v["type"], v["fields"]), v["id"], v["flags"])


def record(offset, value, key=None, timestamp=1763856000000, headers=()):
    def text(x):
        return None if x is None else (x if isinstance(x, bytes) else x.encode()).hex()
    return {"offset": offset, "timestamp": timestamp, "key": text(key), "value": text(value),
            "headers": [{"name": n, "value": text(v)} for n, v in headers]}


def batch(records, frame_id=1, flags=0, **fields):
    base = {"topic": "orders", "partition": 3, "epoch": 1, "run": 0, "attempt": 1}
    base.update(fields, records=records)
    return {"type": "batch", "id": frame_id, "flags": flags, "fields": base}


def plain(kind, fields=None, frame_id=0):
    return {"type": kind, "id": frame_id, "flags": 0, "fields": fields or {}}


def answer(first, last, code, reason="", retry_after_ms=0):
    return {"first": first, "last": last, "code": code, "retry_after_ms": retry_after_ms, "reason": reason}


HELLO = {"protocol": {"min": 1, "max": 1}, "sdk": "python/0.1.0", "pid": 4711, "concurrency": 1,
         "credit": {"records": 65536, "bytes": 67108864}, "features": []}
WELCOME = {"protocol": 1, "daemon": "triggerd/0.1.0", "trigger": "orders", "group": "orders-billing", "worker": 3,
           "cardinality": "many", "dataType": "string", "ordering": "partition", "maxBatchSize": 500,
           "timeoutMs": 300000, "features": []}
THREE = [record(100, "alpha"), record(101, "be"), record(102, "gamma!")]

GOOD = {
    "hello": plain("hello", HELLO),
    "hello_async": plain("hello", {**HELLO, "sdk": "café/2", "concurrency": 256, "features": ["progress", "emit"]}),
    "welcome": plain("welcome", WELCOME),
    "welcome_azure": plain("welcome", {**WELCOME, "features": ["azure"], "payload": "azure", "keyDataType": "long",
                                       "maxRetryCount": 5, "outputs": ["out", "audit"]}),
    "welcome_azure_for_ever": plain("welcome", {**WELCOME, "features": ["azure"], "payload": "azure",
                                                "keyDataType": "string", "maxRetryCount": -1, "outputs": []}),
    "welcome_one_binary_key": plain("welcome", {**WELCOME, "cardinality": "one", "dataType": "binary",
                                                "ordering": "key", "worker": 0, "maxBatchSize": 1}),
    "batch_dense": batch(THREE),
    "batch_single_byte": batch([record(0, "x", timestamp=0)], topic="t", partition=0),
    "batch_no_timestamps": batch([record(7, "a", timestamp=-1), record(8, "b", timestamp=-1)]),
    "batch_timestamps": batch([record(100, "a", timestamp=1000), record(101, "b", timestamp=995),
                               record(102, "c", timestamp=2_000)]),
    "batch_holes": batch([record(1 << 40, "a"), record((1 << 40) + 2, "b"), record((1 << 40) + 70000, "c")]),
    "batch_keys": batch([record(1, "a", "k1"), record(2, "b", "key2"), record(3, "c", "k1")]),
    "batch_null_and_empty_keys": batch([record(1, "a"), record(2, "b", ""), record(3, "c", "k"), record(4, "d")]),
    "batch_tombstones": batch([record(i, None if i in (0, 8, 9) else "v%d" % i, "k%d" % i) for i in range(10)]),
    "batch_empty_values": batch([record(1, ""), record(2, "x"), record(3, "")]),
    "batch_only_tombstone": batch([record(5, None, "gone")]),
    "batch_headers": batch([record(1, "a", headers=[("trace", "01"), ("trace", "02"), ("empty", ""), ("null", None)]),
                            record(2, "b"), record(3, "c", headers=[("ключ", b"\xff\x00"), ("", "nameless")])]),
    "batch_more": batch(THREE, frame_id=8, flags=1, partition=0),
    "batch_retry": batch([record(101, "be", "k")], frame_id=9, attempt=3, run=2, epoch=4),
    "batch_binary": batch([record(1, bytes(range(256)), b"\x00\xff")]),
    "batch_everything": batch(
        [record(10, "a", "k", 50, [("h", None)]), record(12, None, None, 49), record(13, "", "", 1 << 29, [("x", "")])],
        frame_id=(1 << 64) - 1, flags=1, epoch=(1 << 32) - 1, run=(1 << 32) - 1, attempt=(1 << 32) - 1,
        topic="a.b-c_D", partition=(1 << 31) - 1),
    "batch_leader_epoch": batch(THREE, leader_epoch=0),
    "batch_unreadable": batch(
        [record(1, '{"Offset":1}'), {**record(2, "the key has 3 bytes; keyDataType int has 4"), "unreadable": True},
         record(3, '{"Offset":3}')], leader_epoch=(1 << 31) - 1),
    "ack_all": plain("ack", {"answers": []}, 7),
    "ack_range": plain("ack", {"answers": [answer(0, 499, "ok")]}, 7),
    "ack_retry_then_release": plain("ack", {"answers": [
        answer(0, 2, "ok"), answer(3, 3, "retry", "ValueError: schön\nline two", 1500), answer(4, 9, "release")]}, 8),
    "ack_two_reasons": plain("ack", {"answers": [answer(5, 5, "retry", "first"), answer(0, 0, "retry"),
                                                 answer(2, 3, "retry", "second")]}, (1 << 64) - 1),
    "ack_dead_letter": plain("ack", {"answers": [answer(0, 0, "deadLetter", "no such account: 4711")]}, 9),
    "ack_drop": plain("ack", {"answers": [answer(2, 5, "drop")]}, 9),
    "ack_every_code": plain("ack", {"answers": [
        answer(0, 1, "ok"), answer(2, 2, "drop", "a test's order"), answer(3, 3, "retry", "busy", 30000),
        answer(4, 6, "deadLetter", "größer als erlaubt"), answer(7, 8, "release"), answer(9, 9, "ok")]}, 10),
    "credit": plain("credit", {"records": 1000, "bytes": 1 << 33}),
    "cancel": plain("cancel", {"topic": "orders", "partition": 3, "epoch": 2}),
    "drain": plain("drain", {"deadline_ms": 10000}),
    "ping": plain("ping", frame_id=42),
    "pong": plain("pong", frame_id=42),
    "log": plain("log", {"level": "warn", "message": "quote \" backslash \\ tab \t and é"}),
    "bye": plain("bye", {"code": "drained", "message": ""}),
    "bye_protocol_error": plain("bye", {"code": "protocol_error", "message": "batch: n must be at least 1"}),
}


def patched(data, at, layout, value):
    out = bytearray(data)
    struct.pack_into(layout, out, at, value)
    return bytes(out)


def bad_batch(base, patch=None, **head):
    """A good batch with numbers of its head replaced, then bytes of its payload (offset, layout, value)."""
    body = batch_payload(base["fields"], **head)
    if patch:
        body = patched(body, *patch)
    return frame("batch", body, 1)


W, D = "worker", "daemon"
M = "frame_malformed"

# Below, each yields name: (bytes, to, must, error code, part of the reason). `must`: an SDK must refuse it to stay safe.


def bad_frames():
    dense = GOOD["batch_dense"]
    yield "frame_type_zero", frame(0), W, True, M, "type 0 is unknown"
    yield "frame_type_reserved", frame(12), W, True, M, "type 12 is unknown"
    yield "frame_reserved", frame("ping", reserved=1), W, False, M, "reserved must be 0"
    yield "frame_flags", frame("ping", flags=1), W, False, M, "flags must be 0"
    yield "frame_batch_flags", frame("batch", batch_payload(dense["fields"]), 1, 2), W, False, M, "flags"
    yield "frame_id", frame("drain", struct.pack("<II", 1, 0), 5), W, False, M, "id must be 0"
    yield "frame_length_not_8", frame("ping", length=4), W, True, M, "multiple of 8"
    yield "frame_over_256_mib", frame("batch", length=(256 << 20) + 8), W, True, "frame_too_large", "over the limit"
    yield "frame_over_16_mib", frame("ack", length=(16 << 20) + 8), D, True, "frame_too_large", "over the limit"
    yield "frame_json_over_64_kib", frame("log", length=(64 << 10) + 8), D, True, "frame_too_large", "over the limit"
    yield "ping_payload", frame("ping", b"\0" * 8), W, False, M, "no payload"


def bad_batch_heads():
    dense = GOOD["batch_dense"]
    yield "batch_short", frame("batch", b"\0" * 56), W, True, M, "shorter than its head"
    yield "batch_n_zero", bad_batch(dense, n=0), W, True, M, "n must be at least 1"
    yield "batch_n_larger", bad_batch(dense, n=1 << 30), W, True, M, "length is"
    yield "batch_column_unknown", bad_batch(dense, columns=256), W, True, M, "unknown bits"
    yield "batch_key_null_without_keys", bad_batch(dense, columns=32), W, True, M, "key_null without keys"
    yield "batch_header_null_without_headers", bad_batch(dense, columns=64), W, True, M, "header_null without headers"
    yield "batch_base_offset", bad_batch(dense, base_offset=-1), W, False, M, "base_offset"
    yield "batch_base_timestamp", bad_batch(dense, base_timestamp=-2), W, False, M, "base_timestamp"
    yield "batch_partition", bad_batch(dense, partition=-1), W, False, M, "partition"
    yield "batch_attempt", bad_batch(dense, attempt=0), W, False, M, "attempt"
    yield "batch_leader_epoch", bad_batch(dense, leader_epoch=(1 << 31) + 1), W, False, M, "leader_epoch"
    yield "batch_topic_empty", bad_batch(dense, topic_bytes=0), W, False, M, "topic must have"
    yield "batch_topic_long", bad_batch(dense, topic_bytes=250), W, True, M, "topic must have"
    yield "batch_value_bytes", bad_batch(dense, value_bytes=(1 << 32) - 1), W, True, M, "length is"
    yield "batch_value_end_short", bad_batch(dense, value_bytes=12), W, True, M, "value_end does not end with its arena"
    yield "batch_value_end_falls", bad_batch(dense, (64, "<I", 8)), W, True, M, "value_end falls at record 1"
    yield "batch_value_end_past", bad_batch(dense, (72, "<I", 99)), W, True, M, "value_end does not end"
    yield "batch_padding", bad_batch(dense, (76, "<I", 1)), W, False, M, "padding must be zero"
    yield "batch_key_bytes_without_keys", bad_batch(dense, key_bytes=8), W, True, M, "key_bytes without keys"
    yield "batch_header_count_without_headers", bad_batch(dense, header_count=1), W, True, M, "without headers"
    yield "batch_cut", frame("batch", batch_payload(dense["fields"])[:-8], 1), W, True, M, "length is"
    yield "batch_longer", frame("batch", batch_payload(dense["fields"]) + b"\0" * 8, 1), W, True, M, "length is"


def bad_batch_columns():
    keys, empty_keys, nulls = GOOD["batch_keys"], GOOD["batch_null_and_empty_keys"], GOOD["batch_tombstones"]
    unreadable = GOOD["batch_unreadable"]
    headers, holes, times = GOOD["batch_headers"], GOOD["batch_holes"], GOOD["batch_timestamps"]
    yield "batch_key_end_falls", bad_batch(keys, (80, "<I", 7)), W, True, M, "key_end falls at record 1"
    yield "batch_value_null_not_empty", bad_batch(nulls, (104, "<B", 3)), W, False, M, "value 1 is null and not empty"
    yield "batch_value_null_tail", bad_batch(nulls, (105, "<B", 7)), W, False, M, "bits past the last record"
    yield "batch_unreadable_tail", bad_batch(unreadable, (80, "<B", 8)), W, False, M, "bits past the last record"
    yield "batch_key_null_not_empty", bad_batch(empty_keys, (96, "<B", 4)), W, False, M, "key 2 is null and not empty"
    yield "batch_offset_delta_first", bad_batch(holes, (80, "<I", 1)), W, False, M, "offset_delta must begin with 0"
    yield "batch_offset_delta_falls", bad_batch(holes, (84, "<I", 0)), W, False, M, "offset_delta does not rise at record 1"
    yield "batch_offset_overflow", bad_batch(holes, base_offset=(1 << 63) - 2), W, False, M, "an offset overflows"
    yield "batch_timestamp_delta_first", bad_batch(times, (80, "<i", 5)), W, False, M, "timestamp_delta must begin with 0"
    yield "batch_timestamp_delta_wide", bad_batch(times, (84, "<i", 1 << 30)), W, False, M, "within 2^30"
    yield "batch_timestamp_negative", bad_batch(times, (84, "<i", -1001)), W, False, M, "negative"
    yield "batch_timestamp_delta_without", bad_batch(times, base_timestamp=-1), W, False, M, "without base_timestamp"
    yield "batch_header_first", bad_batch(headers, (92, "<I", 7)), W, True, M, "header_first must go"
    yield "batch_header_first_falls", bad_batch(headers, (84, "<I", 9)), W, True, M, "header_first falls"
    yield "batch_header_name_end", bad_batch(headers, (96, "<I", 500)), W, True, M, "the ends of header 0"
    yield "batch_header_value_end", bad_batch(headers, (120, "<I", 4)), W, True, M, "the ends of header 0"
    yield "batch_header_null_not_empty", bad_batch(headers, (144, "<B", 1)), W, False, M, "header 0 is null and not empty"


def bad_acks_and_credits():
    ok = ack_payload({"answers": [answer(0, 2, "retry", "12345678")]})
    yield "ack_short", frame("ack", b"", 1), D, True, M, "shorter than its head"
    yield "ack_count", frame("ack", patched(ok, 0, "<I", 1 << 31), 1), D, True, M, "length does not match"
    yield "ack_reasons_alone", frame("ack", struct.pack("<II", 0, 8) + b"12345678", 1), D, True, M, "reasons without answers"
    yield "ack_last_before_first", frame("ack", patched(ok, 8, "<I", 3), 1), D, True, M, "last is before first"
    yield "ack_code_unknown", frame("ack", patched(ok, 16, "<I", 5), 1), D, True, M, "code 5 is not in use"
    yield "ack_code_largest", frame("ack", patched(ok, 16, "<I", (1 << 32) - 1), 1), D, True, M, \
        "code 4294967295 is not in use"
    for name, code in (("ok", 0), ("dead_letter", 2), ("drop", 3), ("release", 4)):
        yield "ack_retry_after_with_" + name, frame("ack", patched(patched(ok, 16, "<I", code), 20, "<I", 9), 1), \
            D, True, M, "retry_after_ms without retry"
    yield "ack_reason_end_past", frame("ack", patched(ok, 24, "<I", 9), 1), D, True, M, "reason_end falls or passes"
    yield "ack_reason_end_short", frame("ack", patched(ok, 24, "<I", 7), 1), D, True, M, "the last reason_end"
    yield "ack_reserved", frame("ack", patched(ok, 28, "<I", 1), 1), D, True, M, "reserved must be 0"
    yield "ack_padding", frame("ack", patched(ack_payload({"answers": [answer(0, 0, "retry", "1")]}), 39, "<B", 1), 1), \
        D, True, M, "padding"
    yield "credit_short", frame("credit", b"\1" * 8), D, True, M, "length must be 16"
    yield "credit_zero", frame("credit", struct.pack("<IIQ", 0, 0, 5)), D, True, M, "at least 1"
    yield "credit_reserved", frame("credit", struct.pack("<IIQ", 1, 1, 5)), D, True, M, "reserved must be 0"


def bad_cancels_and_drains():
    cancel = payload("cancel", GOOD["cancel"]["fields"])
    yield "cancel_short", frame("cancel", b"\0" * 8), W, True, M, "shorter than its head"
    yield "cancel_topic_bytes", frame("cancel", patched(cancel, 8, "<I", 60)), W, True, M, "length does not match"
    yield "cancel_topic_empty", frame("cancel", patched(cancel, 8, "<I", 0)), W, False, M, "topic must have"
    yield "cancel_partition", frame("cancel", patched(cancel, 0, "<i", -1)), W, False, M, "partition"
    yield "cancel_reserved", frame("cancel", patched(cancel, 12, "<I", 1)), W, False, M, "reserved must be 0"
    yield "cancel_padding", frame("cancel", patched(cancel, 23, "<B", 1)), W, False, M, "padding"
    yield "drain_short", frame("drain"), W, True, M, "length must be 8"
    yield "drain_reserved", frame("drain", struct.pack("<II", 1, 1)), W, False, M, "reserved must be 0"


def bad_json():
    def text(kind, data):
        return frame(kind, pad(data if isinstance(data, bytes) else data.encode(), b" "))
    def hello(**change):
        return frame("hello", json_payload({**HELLO, **change}))
    yield "hello_not_json", text("hello", "hello!"), D, True, M, "not JSON"
    yield "hello_not_utf8", text("hello", b'{"sdk":"\xff\xfe"}'), D, True, M, "not JSON"
    yield "hello_nul_padding", frame("hello", pad(json.dumps(HELLO).encode() + b" \0")), D, True, M, "not JSON"
    yield "hello_deep", text("hello", '{"x":' + "[" * 9 + "]" * 9 + "}"), D, True, M, "not JSON"
    yield "hello_list", text("hello", "[]"), D, True, M, "must be a JSON object"
    yield "hello_empty", frame("hello"), D, True, M, "not JSON"
    yield "hello_member_missing", text("hello", '{"protocol":{"min":1,"max":1}}'), D, True, M, "sdk is missing"
    yield "hello_protocol_number", hello(protocol=1), D, True, M, "protocol must be an object"
    yield "hello_protocol_range", hello(protocol={"min": 2, "max": 1}), D, True, M, "protocol.max"
    yield "hello_concurrency_zero", hello(concurrency=0), D, True, M, "concurrency must be a whole number"
    yield "hello_concurrency_over", hello(concurrency=65537), D, True, M, "concurrency must be a whole number"
    yield "hello_concurrency_text", hello(concurrency="1"), D, True, M, "concurrency must be a whole number"
    yield "hello_concurrency_fraction", hello(concurrency=1.0), D, True, M, "concurrency must be a whole number"
    yield "hello_credit_zero", hello(credit={"records": 0, "bytes": 1}), D, True, M, "credit.records"
    yield "hello_features", hello(features=["a", 1]), D, True, M, "features must be a list of strings"
    yield "welcome_payload", frame("welcome", json_payload({**WELCOME, "payload": "x"})), W, False, M, "unknown value"
    yield "welcome_cardinality", frame("welcome", json_payload({**WELCOME, "cardinality": "some"})), W, False, M, \
        "cardinality has an unknown value"
    yield "log_level", text("log", '{"level":"fatal","message":""}'), D, True, M, "level has an unknown value"
    yield "bye_message", text("bye", '{"code":"drained","message":null}'), W, False, M, "message must be a string"


def bad():
    for part in (bad_frames, bad_batch_heads, bad_batch_columns, bad_acks_and_credits, bad_cancels_and_drains, bad_json):
        yield from part()


def lines(data):
    text = data.hex()
    return "\n".join(text[i:i + 64] for i in range(0, len(text), 64)) + "\n"


def files():
    for name, vector in GOOD.items():
        yield name + ".json", json.dumps(vector, indent=1, ensure_ascii=False) + "\n"
        yield name + ".hex", lines(encode(vector))
    for name, data, to, must, code, reason in bad():
        about = {"to": to, "sdk": "must" if must else "may", "code": code, "reason": reason}
        yield name + ".bad.json", json.dumps(about, ensure_ascii=False) + "\n"
        yield name + ".bad.hex", lines(data)


def main():
    expected = dict(files())
    present = {p.name: p for pattern in ("*.json", "*.hex") for p in HERE.glob(pattern)}
    if "--check" in sys.argv:
        stale = sorted({n for n, t in expected.items() if n not in present or present[n].read_text() != t}
                       | set(present) - set(expected))
        sys.exit("not up to date, run generate.py: " + ", ".join(stale) if stale else 0)
    for name in set(present) - set(expected):
        present[name].unlink()
    for name, text in expected.items():
        (HERE / name).write_text(text)


if __name__ == "__main__":
    main()
