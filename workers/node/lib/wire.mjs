// Frames and their payloads, to bytes and back (lib/wire/PROTOCOL.md sections 2 to 8). No I/O.
//
// What the daemon sends is checked as strictly as the daemon checks us: a Malformed names the rule that was broken and
// ends the session. Batch payloads are read in columns.mjs.

import * as buffer from "node:buffer";

export const VERSION = "0.1.0";

export const [HELLO, WELCOME, BATCH, ACK, CREDIT, CANCEL, DRAIN, PING, PONG, LOG, BYE, EMIT] =
  Array.from({ length: 12 }, (_, at) => at + 1);
export const [OK, RETRY, DEAD_LETTER, DROP, RELEASE] = [0, 1, 2, 3, 4];
export const FLAG_MORE = 1;

export const PROTOCOL = 1;
export const HEADER_BYTES = 16;
export const MAX_PAYLOAD = 256 << 20; // daemon to worker
export const MAX_JSON = 64 << 10;
export const MAX_TOPIC_BYTES = 249;
const MAX_REASON = 4 << 10;
const MAX_MESSAGE = 8 << 10;
const ACK_FRAME_BYTES = 1 << 20; // answers beyond this go into a further Ack; a worker's payload may have 16 MiB
const ANSWER_BYTES = 24;
const JSON_FRAMES = new Set([HELLO, WELCOME, LOG, BYE]);
const WITH_ID = new Set([BATCH, ACK, PING, PONG]);
const NOTHING = Buffer.alloc(0);

/** The daemon broke a rule of the protocol; the text says which. */
export class Malformed extends Error {}

export const padded = (size) => (size + 7) & ~7;

/** Whether these bytes are UTF-8. Node before 18.14 has no isUtf8. */
export const isUtf8 = buffer.isUtf8 ?? ((bytes) => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
});

/** The frame header at `at`: {length, kind, flags, id (a BigInt)}. */
export function parseHeader(bytes, at) {
  const length = bytes.readUInt32LE(at);
  const kind = bytes[at + 4];
  const flags = bytes[at + 5];
  const id = bytes.readBigUInt64LE(at + 8);
  if (kind < HELLO || kind > BYE) throw new Malformed(`unknown frame type ${kind}`);
  if (bytes.readUInt16LE(at + 6) !== 0) throw new Malformed("reserved field of the frame header is not 0");
  if (length % 8 !== 0) throw new Malformed(`frame length ${length} is not a multiple of 8`);
  const limit = JSON_FRAMES.has(kind) ? MAX_JSON : MAX_PAYLOAD;
  if (length > limit) throw new Malformed(`frame length ${length} is over the limit of ${limit}`);
  if (flags & ~FLAG_MORE || (flags && kind !== BATCH)) {
    throw new Malformed(`unknown flags ${flags} on frame type ${kind}`);
  }
  if (id !== 0n && !WITH_ID.has(kind)) throw new Malformed(`frame type ${kind} has an id`);
  return { length, kind, flags, id };
}

/** One whole frame, padded. */
export function frame(kind, payload = NOTHING, id = 0n, fill = 0) {
  const size = padded(payload.length);
  const out = Buffer.alloc(HEADER_BYTES + size, fill);
  out.writeUInt32LE(size, 0);
  out[4] = kind;
  out[5] = out[6] = out[7] = 0;
  out.writeBigUInt64LE(id, 8);
  payload.copy(out, HEADER_BYTES);
  return out;
}

/** A frame of JSON; the caller keeps it within MAX_JSON. */
export function jsonFrame(kind, value) {
  return frame(kind, Buffer.from(JSON.stringify(value)), 0n, 0x20);
}

/** The JSON object in a Welcome or Bye. */
export function parseJson(payload) {
  if (!isUtf8(payload)) throw new Malformed("JSON payload is not UTF-8");
  let value;
  try {
    value = JSON.parse(payload.toString("utf8"));
  } catch (error) {
    throw new Malformed(`JSON payload: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new Malformed("JSON payload is not an object");
  }
  return value;
}

/** {topic, partition, epoch} that the daemon is giving up. */
export function parseCancel(payload) {
  if (payload.length < 16) throw new Malformed("cancel is shorter than 16 bytes");
  const partition = payload.readInt32LE(0);
  const topicBytes = payload.readUInt32LE(8);
  if (payload.readUInt32LE(12) !== 0) throw new Malformed("reserved field of cancel is not 0");
  const end = 16 + topicBytes;
  if (partition < 0 || topicBytes < 1 || topicBytes > MAX_TOPIC_BYTES || payload.length !== padded(end)) {
    throw new Malformed("cancel has a bad partition or topic");
  }
  checkPadding(payload, end, payload.length);
  return { topic: text(payload.subarray(16, end), "cancel topic"), partition, epoch: payload.readUInt32LE(4) };
}

/** Milliseconds until the daemon stops waiting. */
export function parseDrain(payload) {
  if (payload.length !== 8) throw new Malformed("drain is not 8 bytes");
  if (payload.readUInt32LE(4) !== 0) throw new Malformed("reserved field of drain is not 0");
  return payload.readUInt32LE(0);
}

/** UTF-8 that the protocol promises. */
export function text(bytes, what) {
  if (!isUtf8(bytes)) throw new Malformed(`${what} is not UTF-8`);
  return bytes.toString("utf8");
}

/** Bytes between what a length says and the next multiple of 8 are zero. */
export function checkPadding(payload, begin, end) {
  for (let at = begin; at < end; ++at) {
    if (payload[at] !== 0) throw new Malformed("padding is not zero");
  }
}

export function hello(concurrency, creditRecords, creditBytes, sdk, pid, features = []) {
  return jsonFrame(HELLO, {
    protocol: { min: PROTOCOL, max: PROTOCOL }, sdk, pid, concurrency,
    credit: { records: creditRecords, bytes: creditBytes }, features,
  });
}

/** more: further members, such as an invocation's id. */
export function log(level, message, more = undefined) {
  return jsonFrame(LOG, { level, message: cut(message, MAX_MESSAGE).toString(), ...more });
}

export function bye(code, message) {
  return jsonFrame(BYE, { code, message: cut(message, MAX_MESSAGE).toString() });
}

/** Ack frames for answers {first, last, code, after (ms), reason (Buffer)}; none: ok for all that is unanswered. */
export function ack(id, answers) {
  if (answers.length === 0) return frame(ACK, Buffer.alloc(8), id);
  const frames = [];
  let begin = 0;
  let bytes = 0;
  answers.forEach((answer, at) => {
    if (bytes > ACK_FRAME_BYTES) {
      frames.push(ackFrame(id, answers.slice(begin, at)));
      begin = at;
      bytes = 0;
    }
    bytes += ANSWER_BYTES + answer.reason.length;
  });
  frames.push(ackFrame(id, answers.slice(begin)));
  return frames.length === 1 ? frames[0] : Buffer.concat(frames);
}

function ackFrame(id, answers) {
  const textBegin = 8 + ANSWER_BYTES * answers.length;
  const payload = Buffer.alloc(answers.reduce((size, answer) => size + answer.reason.length, textBegin));
  payload.writeUInt32LE(answers.length, 0);
  payload.writeUInt32LE(payload.length - textBegin, 4);
  let at = 8;
  let reasonEnd = 0;
  for (const { first, last, code, after, reason } of answers) {
    reason.copy(payload, textBegin + reasonEnd);
    reasonEnd += reason.length;
    payload.writeUInt32LE(first, at);
    payload.writeUInt32LE(last, at + 4);
    payload.writeUInt32LE(code, at + 8);
    payload.writeUInt32LE(after, at + 12);
    payload.writeUInt32LE(reasonEnd, at + 16);
    at += ANSWER_BYTES;
  }
  return frame(ACK, payload, id);
}

/** A reason as UTF-8, cut between characters. */
export const reasonBytes = (reason) => cut(reason, MAX_REASON);

function cut(message, limit) {
  const raw = Buffer.from(message); // a surrogate without its other half becomes U+FFFD
  let end = Math.min(raw.length, limit);
  while (end < raw.length && end > 0 && (raw[end] & 0xc0) === 0x80) --end;
  return raw.subarray(0, end);
}
