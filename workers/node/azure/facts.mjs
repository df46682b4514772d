// What a function is told of a record besides its value: trigger metadata, headers, trace context.
//
// With dataType string the daemon has put it into the envelope, which the value is; with binary it is in the columns.

import { isUtf8 } from "../lib/wire.mjs";

const ENVELOPE = ["Offset", "Partition", "Topic", "Timestamp", "Value", "Headers"];
const DATE = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,7})?(Z|[+-]\d\d:?\d\d)?$/;
const DOTNET_DATE = /^\d\d\/\d\d\/\d{4} /; // never JSON
const TRACE_PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** Of one record. All of it is made when it is asked for. */
export class Facts {
  #columns;
  #index;
  #keyType;
  #body; // the value's JSON object, where dataType is string and it is one
  #enveloped;

  constructor(columns, index, asText, keyType) {
    this.#columns = columns;
    this.#index = index;
    this.#keyType = keyType;
    this.#body = asText ? parsedObject(columns.value(index)) : null;
    this.#enveloped = this.#body !== null && ENVELOPE.every((name) => name in this.#body);
  }

  get key() {
    return this.#enveloped ? this.#body.Key ?? null : keyOf(this.#columns.key(this.#index), this.#keyType);
  }

  /** [{Key, Value (base64 or null)}], as the original names them. */
  get headers() {
    if (this.#enveloped) return this.#body.Headers ?? [];
    return this.#columns.headersOf(this.#index).map(([Key, value]) => ({ Key, Value: value === null ? null : value.toString("base64") }));
  }

  get timestamp() {
    return this.#enveloped ? this.#body.Timestamp : timestampText(this.#columns.timestamp(this.#index));
  }

  get leaderEpoch() { return this.#enveloped ? this.#body.LeaderEpoch ?? null : this.#columns.leaderEpoch; }
  get offset() { return this.#columns.offset(this.#index); }
  get partition() { return this.#columns.partition; }
  get topic() { return this.#columns.topic; }

  /** Trigger metadata of an invocation of this record alone, as a worker has parsed it: text that is JSON has become its value. */
  metadata() {
    const found = {};
    // The host makes text of what is in the body, and a worker reads the text; so true is "True" and a number a number.
    for (const [name, value] of Object.entries(this.#body ?? {})) {
      if (value === null || Array.isArray(value)) continue;
      const text = dotnetText(value);
      found[name] = DOTNET_DATE.test(text) ? text : parsed(text);
    }
    const { key, partition, topic, timestamp, offset, headers, leaderEpoch } = this;
    const known = { Key: typeof key === "string" ? parsed(key) : key, Partition: partition, Topic: parsed(topic), Timestamp: timestamp,
      Offset: offset, Headers: headers, LeaderEpoch: leaderEpoch, IsPartitionEOF: false };
    for (const [name, value] of Object.entries(known)) if (value !== null && !(name in found)) found[name] = value;
    return found;
  }

  /** {traceParent, traceState} of the record's own headers; of none where they are not what they should be. */
  trace() {
    const text = (name) => {
      const value = this.headers.find((header) => header.Key === name)?.Value;
      return typeof value === "string" ? Buffer.from(value, "base64").toString("latin1") : undefined;
    };
    const traceParent = text("traceparent");
    return traceParent !== undefined && TRACE_PARENT.test(traceParent) ? { traceParent, traceState: text("tracestate") } : {};
  }
}

/** Trigger metadata of an invocation of several records. */
export function metadataOfAll(facts) {
  return {
    KeyArray: facts.map(({ key }) => (Buffer.isBuffer(key) ? key.toString("base64") : key)),
    PartitionArray: facts.map(({ partition }) => partition),
    TopicArray: facts.map(({ topic }) => topic),
    TimestampArray: facts.map(({ timestamp }) => timestamp),
    OffsetArray: facts.map(({ offset }) => offset),
    HeadersArray: facts.map(({ headers }) => headers),
    LeaderEpochArray: facts.map(({ leaderEpoch }) => leaderEpoch),
    IsPartitionEOFArray: facts.map(() => false),
  };
}

/** With keys that begin with a small letter, also within; within arrays only where `deep`. */
export function camelCased(value, deep) {
  if (value === null || typeof value !== "object" || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return deep ? value.map((one) => camelCased(one, deep)) : value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) =>
    [name.charAt(0).toLowerCase() + name.slice(1), camelCased(one, deep)]));
}

/** Text that is JSON as its value, other text as it is: how a Node worker reads all text it is given. */
export function parsed(text) {
  if (!/^[\s{["\-0-9tfn]/.test(text)) return text; // an error for each text that is none would cost ten times the rest
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function parsedObject(bytes) {
  const value = bytes === null ? null : parsed(bytes.toString("utf8"));
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
}

function keyOf(raw, type) {
  if (raw === null || type === "binary") return raw === null ? null : Buffer.from(raw);
  if (type === "int") return raw.readInt32BE(0);
  if (type === "long") return Number(raw.readBigInt64BE(0));
  return isUtf8(raw) ? raw.toString("utf8") : new TextDecoder().decode(raw);
}

// In UTC, without zeros at the end of the fraction; of none, that of 1970.
function timestampText(milliseconds) {
  return new Date(milliseconds ?? 0).toISOString().replace(/\.?0*Z$/, "Z");
}

// A member of a JSON object as text of the host: it takes what looks like an ISO date for one.
function dotnetText(value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "string") return JSON.stringify(value);
  const date = DATE.exec(value);
  if (date === null || Number.isNaN(Date.parse(value))) return value;
  const [, year, month, day, hour, minute, second, zone] = date;
  if (zone === undefined || zone === "Z") return `${month}/${day}/${year} ${hour}:${minute}:${second}`;
  const local = new Date(value); // one with an offset becomes local time
  const two = (number) => String(number).padStart(2, "0");
  return `${two(local.getMonth() + 1)}/${two(local.getDate())}/${String(local.getFullYear()).padStart(4, "0")} `
    + `${two(local.getHours())}:${two(local.getMinutes())}:${two(local.getSeconds())}`;
}
