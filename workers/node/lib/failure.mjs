// What a handler threw, as answers for the daemon and as text for people.
//
// An outcome is {code, after (ms), reason}; a record without one is ok. What kind of error one is says a symbol, not its
// class: an application may have a copy of this package of its own.

import { inspect } from "node:util";

import * as wire from "./wire.mjs";

const KIND = Symbol.for("triggerd.outcome");
const PACKAGE = new URL("../", import.meta.url).href;
const MAX_MS = 2 ** 32 - 1;

/** The attempt failed, without a stack trace. `after`: seconds to wait at least before the next one. */
export class Retry extends Error {
  constructor(reason, options) {
    const alone = reason !== null && typeof reason === "object" && !(reason instanceof Error) && options === undefined;
    const { after = null, ...more } = (alone ? reason : options) ?? {};
    const text = alone ? more.reason : reason;
    if (after !== null && !(typeof after === "number" && after >= 0)) {
      throw new RangeError("after must be at least 0 seconds");
    }
    super(reasonOf(text, "the handler asked for a retry"));
    this.after = after;
  }
  get name() { return "Retry"; }
  get [KIND]() { return "retry"; }
}

/** No further attempt will help: the trigger's `onFailure` says what becomes of the record, at once. */
export class DeadLetter extends Error {
  constructor(reason) {
    super(reasonOf(reason, "the handler gave it up"));
  }
  get name() { return "DeadLetter"; }
  get [KIND]() { return "deadLetter"; }
}

/** Nobody needs the record: it is settled, and counted as dropped. */
export class Drop extends Error {
  constructor(reason) {
    super(reasonOf(reason, "the handler dropped it"));
  }
  get name() { return "Drop"; }
  get [KIND]() { return "drop"; }
}

/** Some records of a batch failed: the others are ok. */
export class BatchError extends Error {
  constructor(errors) {
    super("some records of the batch failed");
    this.errors = checked(errors);
    this.message = `failed records of the batch: ${this.errors.size}`;
  }
  get name() { return "BatchError"; }
  get [KIND]() { return "batch"; }
}

/** An attempt took longer than the trigger's timeout. */
export class TimedOut extends Error {
  get name() { return "TimedOut"; }
  get [KIND]() { return "timedOut"; }
}

/**
 * For each part of a batch, of so many records: a Map of index in the part to outcome, of those that are not ok.
 * error: what was thrown; sizes: the parts' lengths.
 */
export function failuresOf(error, sizes) {
  if (error?.[KIND] !== "batch") {
    const outcome = describe(error);
    return sizes.map((size) => new Map(Array.from({ length: size }, (_, index) => [index, outcome])));
  }
  const count = sizes.reduce((sum, size) => sum + size, 0);
  const most = Math.max(...error.errors.keys());
  if (most >= count) {
    const wrong = new RangeError(`BatchError names record ${most} of a batch of ${count}`);
    wrong.stack = error.stack;
    return failuresOf(wrong, sizes);
  }
  const failures = sizes.map(() => new Map());
  for (const [index, cause] of error.errors) {
    let [part, place] = [0, index];
    for (; place >= sizes[part]; ++part) place -= sizes[part];
    failures[part].set(place, describe(cause));
  }
  return failures;
}

/** The outcome of a record for which this was thrown; an unexpected error's stack goes to stderr. */
export function describe(error) {
  if (typeof error === "string") return { code: wire.RETRY, after: 0, reason: error };
  switch (error?.[KIND]) {
    case "batch": // of a record alone: it is a batch of one
      return failuresOf(error, [1])[0].get(0);
    case "retry": {
      const after = error.after === null ? 0 : Math.max(1, Math.floor(Math.min(error.after * 1000, MAX_MS)));
      return { code: wire.RETRY, after, reason: error.message };
    }
    case "deadLetter":
      return { code: wire.DEAD_LETTER, after: 0, reason: error.message };
    case "drop":
      return { code: wire.DROP, after: 0, reason: error.message };
    case "timedOut":
      return { code: wire.RETRY, after: 0, reason: error.message };
    default:
      process.stderr.write(`${trace(error)}\n`); // one write, so that two attempts' lines do not mix
      return { code: wire.RETRY, after: 0, reason: named(error) };
  }
}

/** A handler's result is ignored, but one that still has to run means that no work was done. */
export function refuseUnrun(result) {
  if (typeof result.next === "function" && (Symbol.iterator in result || Symbol.asyncIterator in result)) {
    throw new TypeError("the handler returned a generator that nobody runs; remove its yield");
  }
}

/** "Name: text" of an error, or of whatever else was thrown. */
export function named(error) {
  if (!(error instanceof Error)) return typeof error === "string" ? error : inspect(error);
  return error.message === "" ? error.name : `${error.name}: ${error.message}`;
}

/** The error with its stack and causes, without the SDK's own frames. */
export function trace(error) {
  return inspect(error).split("\n").filter((line) => !line.includes(PACKAGE)).join("\n");
}

function reasonOf(reason, otherwise) {
  if (reason === undefined) return otherwise;
  if (reason instanceof Error) return named(reason);
  if (typeof reason !== "string") throw new TypeError(`a reason is text or an Error, not ${inspect(reason)}`);
  return reason;
}

function checked(errors) {
  if (errors === null || typeof errors !== "object" || Array.isArray(errors)) {
    throw new TypeError("a BatchError is made of a Map or an object: index to error");
  }
  const entries = errors instanceof Map ? [...errors] : Object.entries(errors).map(([at, error]) => [Number(at), error]);
  if (entries.length === 0) throw new RangeError("a BatchError names the records that failed; where none did, return");
  for (const [index, error] of entries) {
    if (!Number.isInteger(index)) throw new TypeError(`the index of a record is a whole number, not ${inspect(index)}`);
    if (index < 0) throw new RangeError(`the index of a record is at least 0, not ${index}`);
    if (!(typeof error === "string" || error instanceof Error) || error[KIND] === "batch") {
      throw new TypeError(`the error of record ${index} must be an Error or text, not ${inspect(error)}`);
    }
  }
  return new Map(entries);
}
