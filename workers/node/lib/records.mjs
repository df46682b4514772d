// What a handler is given: Record, Batch and its Parts.
//
// Everything is decoded when it is first asked for: a handler that reads only `batch.values` pays for one array of values,
// not for records. Objects may be kept after the handler has ended; a Buffer of theirs is a slice of the memory that its
// frame was received into (at least 256 KiB), which is kept with it.

import { isUtf8 } from "./wire.mjs";

/** A key or value is not UTF-8 though the trigger's dataType is string. `raw` and `rawKey` still give the bytes. */
export class NotText extends Error {
  get name() {
    return "NotText";
  }
}

const YES = 1;
const NO = 2; // some of the column is not UTF-8, so each text is checked by itself

/** Consecutive records of one partition: a whole batch, or a stretch of one that spans partitions. */
export class Part {
  #columns;
  #asText;
  #picked; // indices of the frame's records that are meant, where it is not all of them
  #textValues = 0;
  #textKeys = 0;
  #cache = {};

  constructor(columns, asText, picked = null) {
    this.#columns = columns;
    this.#asText = asText;
    this.#picked = picked;
  }

  get topic() { return this.#columns.topic; }
  get partition() { return this.#columns.partition; }
  get attempt() { return this.#columns.attempt; }
  get length() { return this.#picked === null ? this.#columns.count : this.#picked.length; }

  get rawValues() { return this.#cache.rawValues ??= this.#chosen(this.#columns.allValues()); }
  get rawKeys() { return this.#cache.rawKeys ??= this.#chosen(this.#columns.allKeys()); }
  get offsets() { return this.#cache.offsets ??= this.#each((columns, at) => columns.offset(at)); }
  get timestamps() { return this.#cache.timestamps ??= this.#each((columns, at) => columns.timestamp(at)); }
  get headers() { return this.#cache.headers ??= this.#each((columns, at) => columns.headersOf(at)); }
  get values() { return this.#asText ? this.#cache.values ??= this.#texts(this.textAt) : this.rawValues; }
  get keys() { return this.#asText ? this.#cache.keys ??= this.#texts(this.keyTextAt) : this.rawKeys; }

  // By index in this part. valueAt and keyAt: as the dataType says; textAt and keyTextAt: as text, whatever it says.
  valueAt(index) { return this.#asText ? this.textAt(index) : this.rawAt(index); }
  keyAt(index) { return this.#asText ? this.keyTextAt(index) : this.rawKeyAt(index); }
  rawAt(index) { return this.#columns.value(this.frameIndex(index)); }
  rawKeyAt(index) { return this.#columns.key(this.frameIndex(index)); }
  offsetAt(index) { return this.#columns.offset(this.frameIndex(index)); }
  timestampAt(index) { return this.#columns.timestamp(this.frameIndex(index)); }
  headersAt(index) { return this.#columns.headersOf(this.frameIndex(index)); }

  textAt(index) {
    const { values, valueEnd } = this.#columns;
    this.#textValues ||= isAllText(values, valueEnd);
    return this.#decode("value", index, this.rawAt(index), this.#textValues);
  }

  keyTextAt(index) {
    const { keys, keyEnd } = this.#columns;
    this.#textKeys ||= keyEnd === null ? YES : isAllText(keys, keyEnd);
    return this.#decode("key", index, this.rawKeyAt(index), this.#textKeys);
  }

  /** The record at `index`, from the end where negative; undefined where there is none. */
  at(index) {
    const place = index < 0 ? index + this.length : index;
    return place >= 0 && place < this.length ? new Record(this, place) : undefined;
  }

  *[Symbol.iterator]() {
    for (let index = 0; index < this.length; ++index) yield new Record(this, index);
  }

  /** The same part with only these of its records. For the SDK's own use. */
  pick(indices) {
    return new Part(this.#columns, this.#asText, indices);
  }

  /** The index in the frame. For the SDK's own use. */
  frameIndex(index) {
    return this.#picked === null ? index : this.#picked[index];
  }

  #chosen(column) {
    return this.#picked === null ? column : this.#picked.map((index) => column[index]);
  }

  #each(get) {
    const found = new Array(this.length);
    for (let index = 0; index < found.length; ++index) found[index] = get(this.#columns, this.frameIndex(index));
    return found;
  }

  #texts(get) {
    const found = new Array(this.length);
    for (let index = 0; index < found.length; ++index) found[index] = get.call(this, index);
    return found;
  }

  #decode(what, index, raw, column) {
    if (raw === null) return null;
    if (column === NO && !isUtf8(raw)) {
      throw new NotText(`the ${what} of ${this.topic}/${this.partition}@${this.offsetAt(index)} is not UTF-8`);
    }
    return raw.toString("utf8");
  }
}

// One check for a whole arena: it is UTF-8, and no piece of it begins in the middle of a character.
function isAllText(arena, ends) {
  if (!isUtf8(arena)) return NO;
  for (let at = 0; at < ends.length; ++at) {
    if ((arena[ends[at]] & 0xc0) === 0x80) return NO; // past the last piece there is undefined, which is 0 here
  }
  return YES;
}

/** One Kafka record. */
export class Record {
  #part;
  #index;
  #controller = null;

  constructor(part, index) {
    this.#part = part;
    this.#index = index;
  }

  get value() { return this.#part.valueAt(this.#index); }
  get key() { return this.#part.keyAt(this.#index); }
  get raw() { return this.#part.rawAt(this.#index); }
  get rawKey() { return this.#part.rawKeyAt(this.#index); }
  get text() { return this.#part.textAt(this.#index); }
  get headers() { return this.#part.headersAt(this.#index); }
  get topic() { return this.#part.topic; }
  get partition() { return this.#part.partition; }
  get offset() { return this.#part.offsetAt(this.#index); }
  get timestamp() { return this.#part.timestampAt(this.#index); }
  get attempt() { return this.#part.attempt; }
  get signal() { return (this.#controller ??= new AbortController()).signal; }

  json() {
    const text = this.text;
    return text === null ? null : JSON.parse(text);
  }

  /** The value of the last header of this name; undefined where there is none. */
  header(name) {
    return this.headers.reduce((last, [found, value]) => (found === name ? value : last), undefined);
  }

  /** The attempt took too long. For the SDK's own use. */
  abort(reason) {
    (this.#controller ??= new AbortController()).abort(reason);
  }

  toString() {
    return `${this.topic}/${this.partition}@${this.offset}`;
  }
}

/** The records of one invocation, from one or several partitions. */
export class Batch {
  #controller = null;

  constructor(parts) {
    this.parts = parts;
    this.length = parts.reduce((sum, part) => sum + part.length, 0);
  }

  get values() { return this.#joined("values"); }
  get keys() { return this.#joined("keys"); }
  get rawValues() { return this.#joined("rawValues"); }
  get rawKeys() { return this.#joined("rawKeys"); }
  get offsets() { return this.#joined("offsets"); }
  get timestamps() { return this.#joined("timestamps"); }
  get headers() { return this.#joined("headers"); }
  get attempt() { return this.parts.reduce((most, part) => Math.max(most, part.attempt), 0); }
  get signal() { return (this.#controller ??= new AbortController()).signal; }

  at(index) {
    let place = index < 0 ? index + this.length : index;
    if (place < 0) return undefined;
    for (const part of this.parts) {
      if (place < part.length) return part.at(place);
      place -= part.length;
    }
    return undefined;
  }

  *[Symbol.iterator]() {
    for (const part of this.parts) yield* part;
  }

  abort(reason) {
    (this.#controller ??= new AbortController()).abort(reason);
  }

  #joined(column) {
    return this.parts.length === 1 ? this.parts[0][column] : this.parts.flatMap((part) => part[column]);
  }
}
