// Which records may still be given to the handler: Cancel, Drain and the run rule (PROTOCOL.md sections 7 and 9). No I/O.
//
// A lane is held from the moment one of its records was answered `retry` until the daemon delivers a record of it in a
// higher run; what comes of other lanes of the partition ends nothing. A lane's records are asked about in their order, so
// the first of a later run ends the hold.
//
// A lane is WHOLE or, with ordering key, the key's bytes as Latin-1 text; null, for a record without a key, is never held.

import * as wire from "./wire.mjs";

export const WHOLE = ""; // the lane of each record of a partition, where the ordering is `partition`
const MOST = 1000; // lanes of a partition that are held one by one

export const sourceOf = (topic, partition) => `${partition}/${topic}`;

export class Gate {
  #cancelled = new Map(); // source: the highest epoch given up
  #held = new Map(); // source: of one epoch, its held lanes

  constructor(ordering) {
    this.byKey = ordering === "key";
    this.ordered = ordering !== "none";
    this.draining = false;
    this.holding = false; // some lane may be held: a cheap first question for the hot path
  }

  cancel(topic, partition, epoch) {
    const source = sourceOf(topic, partition);
    this.#cancelled.set(source, Math.max(epoch, this.#cancelled.get(source) ?? -1));
  }

  /** No record of this delivery may be started any more. */
  closed(delivery) {
    if (this.draining) return true;
    return this.#cancelled.size > 0 && delivery.columns.epoch <= (this.#cancelled.get(delivery.source) ?? -1);
  }

  /** The lane of a record, by its index in the frame; null: it waits for nobody. */
  laneOf(delivery, index) {
    if (!this.ordered) return null;
    if (!this.byKey) return WHOLE;
    const key = delivery.columns.key(index);
    return key === null ? null : key.toString("latin1");
  }

  /** For `many`: which of the delivery's records may be handled now: null for all, else their indices. */
  admitted(delivery) {
    if (this.closed(delivery)) return [];
    if (!this.holding) return null;
    if (!this.byKey) return this.held(delivery, WHOLE) ? [] : null;
    const known = new Map(); // so that each lane is asked about once: the answer may end its hold
    const indices = [];
    for (let index = 0; index < delivery.columns.count; ++index) {
      const lane = this.laneOf(delivery, index);
      if (!known.has(lane)) known.set(lane, this.held(delivery, lane));
      if (!known.get(lane)) indices.push(index);
    }
    return indices.length === delivery.columns.count ? null : indices;
  }

  /** The lanes of all the delivery's records, within its partition. */
  lanes(delivery) {
    const lanes = new Set();
    if (this.ordered && !this.byKey) return lanes.add(WHOLE);
    for (let index = 0; this.byKey && index < delivery.columns.count; ++index) lanes.add(this.laneOf(delivery, index));
    lanes.delete(null);
    return lanes;
  }

  /** For `many`: the attempt has ended. failures: Map of index in the delivery's part to outcome. */
  attempted(delivery, failures) {
    for (const [index, outcome] of failures) {
      if (outcome.code === wire.RETRY) this.hold(delivery, this.laneOf(delivery, delivery.part.frameIndex(index)));
    }
  }

  /** This lane of the delivery's partition waits for a run after the delivery's. */
  hold(delivery, lane) {
    if (lane === null) return;
    const { epoch, run } = delivery.columns;
    let held = this.#held.get(delivery.source);
    if (held === undefined || held.epoch < epoch) {
      // everyLane: all lanes are held up to this run. It takes the place of too many of them, whose records may have been
      // delivered again to other workers: what is held needlessly is only delivered once more.
      held = { epoch, runs: new Map(), everyLane: -1 };
      this.#held.set(delivery.source, held);
    } else if (held.epoch > epoch) {
      return;
    }
    held.runs.set(lane, Math.max(run, held.runs.get(lane) ?? 0));
    this.holding = true;
    if (held.runs.size > MOST) {
      held.everyLane = Math.max(held.everyLane, ...held.runs.values());
      held.runs.clear();
    }
  }

  /** The lane waits for a later run than this delivery's. If it need not wait any more, that is remembered. */
  held(delivery, lane) {
    const held = this.#held.get(delivery.source);
    const { epoch, run } = delivery.columns;
    if (held === undefined || held.epoch !== epoch || lane === null) return false;
    if (run <= held.everyLane) return true;
    const until = held.runs.get(lane);
    if (until === undefined) return false;
    if (until >= run) return true;
    held.runs.delete(lane);
    if (held.runs.size === 0 && held.everyLane < 0) {
      this.#held.delete(delivery.source);
      this.holding = this.#held.size > 0;
    }
    return false;
  }
}
