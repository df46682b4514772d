// What became of the records of one batch, until it is told to the daemon (PROTOCOL.md section 5). No I/O.

import * as wire from "./wire.mjs";

const NO_REASON = Buffer.alloc(0);

/** The answers for one Batch frame. `left`: its records without one so far. */
export class Answers {
  #ranges = []; // not sent yet: {first, last, code, after, reason}
  #plain = true; // nothing but ok among them

  constructor(id, count) {
    this.id = id;
    this.count = count;
    this.left = count;
    this.dirty = false; // there is something to tell; set and reset by the loop
  }

  ok(index) {
    const ranges = this.#ranges;
    const previous = ranges.length === 0 ? undefined : ranges[ranges.length - 1];
    if (previous !== undefined && previous.code === wire.OK && previous.last + 1 === index) {
      previous.last = index;
    } else {
      ranges.push({ first: index, last: index, code: wire.OK, after: 0, reason: NO_REASON });
    }
    --this.left;
  }

  /** The whole batch is ok; none of its records has an answer yet. */
  allOk() {
    this.#add(0, this.count - 1, wire.OK, 0, NO_REASON);
  }

  /** outcome: {code, after, reason (text)}. */
  fail(index, outcome) {
    this.#plain = false;
    this.#add(index, index, outcome.code, outcome.after, wire.reasonBytes(outcome.reason));
  }

  release(first, last) {
    this.#plain = false;
    this.#add(first, last, wire.RELEASE, 0, NO_REASON);
  }

  /** Ack frames with all that is known and was not taken before; null where there is nothing. */
  take() {
    const ranges = this.#ranges;
    const plain = this.#plain;
    if (ranges.length === 0) return null;
    this.#ranges = [];
    this.#plain = true;
    return wire.ack(this.id, this.left === 0 && plain ? [] : merged(ranges));
  }

  #add(first, last, code, after, reason) {
    this.#ranges.push({ first, last, code, after, reason });
    this.left -= last - first + 1;
  }
}

// In the order of their records; neighbours that say the same become one.
function merged(ranges) {
  ranges.sort((one, other) => one.first - other.first);
  const result = [];
  let previous = null;
  for (const range of ranges) {
    if (previous !== null && previous.last + 1 === range.first && previous.code === range.code
        && previous.after === range.after && previous.reason.equals(range.reason)) {
      previous.last = range.last;
    } else {
      result.push(previous = range);
    }
  }
  return result;
}
