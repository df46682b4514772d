// A Batch payload's columns (PROTOCOL.md section 4), checked whole and read in place. No I/O.
//
// Numeric columns are views of the frame's own memory, arenas are slices of it; nothing is decoded until it is asked for.

import { endianness } from "node:os";

import { MAX_TOPIC_BYTES, Malformed, checkPadding, padded, text } from "./wire.mjs";

export const [OFFSET_DELTA, TIMESTAMP_DELTA, KEYS, HEADERS, VALUE_NULL, KEY_NULL, HEADER_NULL, UNREADABLE] =
  [1, 2, 4, 8, 16, 32, 64, 128];

const HEAD_BYTES = 64;
const NATIVE_COLUMNS = 127;
const MAX_DELTA = 2 ** 30; // of timestamps, exclusive
const MAX_I64 = 2n ** 63n - 1n;
const SAME_ENDIAN = endianness() === "LE";

/** One Batch frame: the head's fields, its columns as typed arrays (null where there is none) and its arenas. */
export class Columns {
  /** `payload`: a Buffer, which is kept. `azure`: the head and columns of azure mode are allowed. */
  constructor(payload, azure = false) {
    if (payload.length < HEAD_BYTES) throw new Malformed("batch is shorter than its head");
    const u32 = (at) => payload.readUInt32LE(at);
    const n = this.count = u32(0);
    const columns = u32(4);
    const baseOffset = payload.readBigInt64LE(8);
    const baseTimestamp = payload.readBigInt64LE(16);
    this.baseOffset = Number(baseOffset);
    this.baseTimestamp = Number(baseTimestamp);
    this.partition = payload.readInt32LE(24);
    this.epoch = u32(28);
    this.run = u32(32);
    this.attempt = u32(36);
    const topicBytes = u32(40);
    const h = this.headerCount = u32(44);
    const [valueBytes, keyBytes, headerBytes] = [u32(48), u32(52), u32(56)];
    this.leaderEpoch = azure && u32(60) > 0 ? u32(60) - 1 : null;
    if (!azure && u32(60) !== 0) throw new Malformed("reserved field of the batch head is not 0");
    if (u32(60) > 2 ** 31) throw new Malformed("leader_epoch is over 2^31");
    checkHead(this, columns, azure, topicBytes, keyBytes, headerBytes);
    const reader = new Reader(payload);
    reader.require(4 * n); // before anything is made for n records: a column of values is always there
    this.valueEnd = reader.u32s(n);
    this.valueNull = columns & VALUE_NULL ? reader.bits(n) : null;
    this.unreadable = columns & UNREADABLE ? reader.bits(n) : null;
    this.keyEnd = columns & KEYS ? reader.u32s(n) : null;
    this.keyNull = columns & KEY_NULL ? reader.bits(n) : null;
    this.offsetDelta = columns & OFFSET_DELTA ? reader.u32s(n) : null;
    this.timestampDelta = columns & TIMESTAMP_DELTA ? reader.i32s(n) : null;
    this.headerFirst = columns & HEADERS ? reader.u32s(n + 1) : null;
    this.headerNameEnd = columns & HEADERS ? reader.u32s(h) : null;
    this.headerValueEnd = columns & HEADERS ? reader.u32s(h) : null;
    this.headerNull = columns & HEADER_NULL ? reader.bits(h) : null;
    this.topic = text(reader.bytes(topicBytes), "topic");
    this.values = reader.bytes(valueBytes);
    this.keys = reader.bytes(keyBytes);
    this.headers = reader.bytes(headerBytes);
    reader.finish();
    checkColumns(this, baseOffset, baseTimestamp);
  }

  /** The value's bytes, a slice of the frame; null for a tombstone. */
  value(index) {
    if (this.valueNull !== null && isSet(this.valueNull, index)) return null;
    const end = this.valueEnd;
    return this.values.subarray(index === 0 ? 0 : end[index - 1], end[index]);
  }

  /** The key's bytes, a slice of the frame; null where there is none. */
  key(index) {
    const end = this.keyEnd;
    if (end === null || (this.keyNull !== null && isSet(this.keyNull, index))) return null;
    return this.keys.subarray(index === 0 ? 0 : end[index - 1], end[index]);
  }

  /** value() of each record. */
  allValues() {
    return cut(this.values, this.valueEnd, this.valueNull);
  }

  /** key() of each record. */
  allKeys() {
    return this.keyEnd === null ? new Array(this.count).fill(null) : cut(this.keys, this.keyEnd, this.keyNull);
  }

  offset(index) {
    return this.baseOffset + (this.offsetDelta === null ? index : this.offsetDelta[index]);
  }

  /** Milliseconds since 1970 in UTC, or null. */
  timestamp(index) {
    if (this.baseTimestamp === -1) return null;
    return this.timestampDelta === null ? this.baseTimestamp : this.baseTimestamp + this.timestampDelta[index];
  }

  /** [name, value or null] of each header of the record. */
  headersOf(index) {
    const pairs = [];
    if (this.headerFirst === null) return pairs;
    for (let at = this.headerFirst[index]; at < this.headerFirst[index + 1]; ++at) {
      const nameEnd = this.headerNameEnd[at];
      const name = this.headers.toString("utf8", at === 0 ? 0 : this.headerValueEnd[at - 1], nameEnd);
      const isNull = this.headerNull !== null && isSet(this.headerNull, at);
      pairs.push([name, isNull ? null : this.headers.subarray(nameEnd, this.headerValueEnd[at])]);
    }
    return pairs;
  }
}

// A loop of its own: it is what a batch handler costs, and half of what a call for each piece would.
function cut(arena, ends, nulls) {
  const pieces = new Array(ends.length);
  let begin = 0;
  for (let at = 0; at < ends.length; ++at) {
    const end = ends[at];
    pieces[at] = arena.subarray(begin, end);
    begin = end;
  }
  for (let at = 0; nulls !== null && at < ends.length; ++at) if (isSet(nulls, at)) pieces[at] = null;
  return pieces;
}

export function isSet(bits, index) {
  return (bits[index >> 3] & (1 << (index & 7))) !== 0;
}

// Walks over the payload after its head, one padded column after the other.
class Reader {
  constructor(payload) {
    this.payload = payload;
    this.at = HEAD_BYTES;
  }

  require(size) {
    if (size > this.payload.length - this.at) throw new Malformed("batch is shorter than its columns");
  }

  bytes(size) {
    this.require(size);
    const begin = this.at;
    const end = begin + size;
    this.at = begin + padded(size);
    if (this.at !== end) checkPadding(this.payload, end, this.at);
    return this.payload.subarray(begin, end);
  }

  u32s(count) {
    const bytes = this.aligned(count);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
  }

  i32s(count) {
    const bytes = this.aligned(count);
    return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  }

  aligned(count) {
    const bytes = this.bytes(4 * count);
    if (SAME_ENDIAN && bytes.byteOffset % 4 === 0) return bytes;
    const copy = Buffer.from(new Uint8Array(bytes).buffer);
    return SAME_ENDIAN ? copy : copy.swap32();
  }

  bits(count) {
    const bits = this.bytes((count + 7) >> 3);
    if (count % 8 !== 0 && bits[bits.length - 1] >> count % 8 !== 0) {
      throw new Malformed("a null bit is set beyond the last record or header");
    }
    return bits;
  }

  finish() {
    const left = this.payload.length - this.at;
    if (left !== 0) throw new Malformed(`batch is ${left} bytes longer than its columns`);
  }
}

function checkHead(head, columns, azure, topicBytes, keyBytes, headerBytes) {
  if (head.count === 0) throw new Malformed("batch has no records");
  if (columns & ~(azure ? NATIVE_COLUMNS | UNREADABLE : NATIVE_COLUMNS)) {
    throw new Malformed(`batch has unknown columns 0x${columns.toString(16)}`);
  }
  if (columns & KEY_NULL && !(columns & KEYS)) throw new Malformed("key_null without key_end");
  if (columns & HEADER_NULL && !(columns & HEADERS)) throw new Malformed("header_null without header columns");
  if (keyBytes && !(columns & KEYS)) throw new Malformed("key bytes without key_end");
  if ((head.headerCount || headerBytes) && !(columns & HEADERS)) throw new Malformed("headers without header columns");
  if (head.baseTimestamp === -1 && columns & TIMESTAMP_DELTA) {
    throw new Malformed("timestamp deltas without a base timestamp");
  }
  if (head.baseOffset < 0 || head.partition < 0 || head.baseTimestamp < -1) {
    throw new Malformed("base_offset, partition or base_timestamp is negative");
  }
  if (topicBytes < 1 || topicBytes > MAX_TOPIC_BYTES) {
    throw new Malformed(`topic must have 1 to ${MAX_TOPIC_BYTES} bytes`);
  }
  if (head.attempt === 0) throw new Malformed("attempt is 0");
}

function checkColumns(batch, baseOffset, baseTimestamp) {
  const n = batch.count;
  checkEnds("value", batch.valueEnd, batch.values.length);
  checkNulls("value", batch.valueNull, batch.valueEnd);
  if (batch.keyEnd !== null) {
    checkEnds("key", batch.keyEnd, batch.keys.length);
    checkNulls("key", batch.keyNull, batch.keyEnd);
  }
  const deltas = batch.offsetDelta;
  if (deltas !== null) {
    let rises = deltas[0] === 0;
    for (let at = 1; at < n; ++at) rises = rises && deltas[at] > deltas[at - 1];
    if (!rises) throw new Malformed("offset_delta does not rise from 0");
  }
  if (baseOffset + BigInt(deltas === null ? n - 1 : deltas[n - 1]) > MAX_I64) throw new Malformed("an offset overflows");
  if (batch.timestampDelta !== null) checkTimestamps(batch.timestampDelta, baseTimestamp);
  if (batch.headerFirst !== null) checkHeaders(batch);
}

function checkTimestamps(deltas, base) {
  let [least, most] = [0, 0];
  for (const delta of deltas) {
    if (delta < least) least = delta;
    if (delta > most) most = delta;
  }
  if (deltas[0] !== 0 || least <= -MAX_DELTA || most >= MAX_DELTA) {
    throw new Malformed("timestamp_delta does not begin with 0 or leaves its bounds");
  }
  if (base + BigInt(least) < 0n || base + BigInt(most) > MAX_I64) {
    throw new Malformed("a timestamp is negative or overflows");
  }
}

function checkHeaders({ count, headerCount, headerFirst, headerNameEnd, headerValueEnd, headerNull, headers }) {
  let rises = headerFirst[0] === 0 && headerFirst[count] === headerCount;
  for (let at = 0; at < count; ++at) rises = rises && headerFirst[at] <= headerFirst[at + 1];
  if (!rises) throw new Malformed("header_first does not rise from 0 to header_count");
  let end = 0;
  for (let at = 0; at < headerCount; ++at) {
    if (headerNameEnd[at] < end || headerValueEnd[at] < headerNameEnd[at]) throw new Malformed("header ends do not rise");
    end = headerValueEnd[at];
    if (headerNull !== null && isSet(headerNull, at) && end !== headerNameEnd[at]) {
      throw new Malformed(`header value ${at} is null but not empty`);
    }
  }
  if (end !== headers.length) throw new Malformed("header ends do not reach the end of their arena");
}

function checkEnds(what, ends, arenaBytes) {
  let end = 0;
  for (let at = 0; at < ends.length; ++at) {
    if (ends[at] < end) throw new Malformed(`${what} ends do not rise`);
    end = ends[at];
  }
  if (end !== arenaBytes) throw new Malformed(`${what} ends do not reach the end of their arena`);
}

function checkNulls(what, nulls, ends) {
  if (nulls === null) return;
  for (let at = 0; at < ends.length; ++at) {
    if (nulls[at >> 3] === 0) {
      at |= 7; // eight at once: usually there are few
    } else if (isSet(nulls, at) && ends[at] !== (at === 0 ? 0 : ends[at - 1])) {
      throw new Malformed(`${what} ${at} is null but not empty`);
    }
  }
}
