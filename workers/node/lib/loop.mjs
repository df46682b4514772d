// Runs the handler: up to `concurrency` invocations at once, each lane's in order (PROTOCOL.md section 9).
//
// A handler that returns a promise is running until that is settled; one that does not has ended when it returns. So
// lanes are only looked after while something runs or waits: a synchronous handler costs no bookkeeping. Work is done in
// slices, between which the event loop reads the socket, whatever the handler does.

import { TimedOut, describe, failuresOf, refuseUnrun } from "./failure.mjs";
import { Queue } from "./queue.mjs";
import { Batch, Record } from "./records.mjs";
import { RETRY } from "./wire.mjs";

const SLICE_MS = 10; // the socket is read, and answers are sent, at least so often between calls

// One invocation that runs, or waits for its lanes: a record (`index`) of one delivery, or all of several (index −1).
class Unit {
  constructor(deliveries, index) {
    this.deliveries = deliveries;
    this.index = index;
    this.lanes = []; // full names
    this.behind = 0; // lanes in which another unit is before it
    this.started = false; // or answered without being started
    this.argument = null;
    this.overdueAt = 0;
    this.overdue = false;
  }
}

export class Loop {
  #session;
  #gate;
  #handler;
  #concurrency;
  #onEnd;
  #onError;
  #ready = new Queue(); // units that wait only for `concurrency`
  #lanes = new Map(); // full name: Queue of units, the first of which is ready or running
  #running = new Set(); // in the order they started, so the first is the first overdue
  #unsent = []; // Answers with something to tell
  #finished = false; // and some of them are complete
  #turn = null; // the next slice
  #sliceEnd = 0;
  #flushTimer = null;
  #overdueTimer = null;
  #ended = false;

  /**
   * handler(argument, deliveries, index): index in the frame of the only delivery, or −1.
   * onEnd(): drained. onError(error): the loop cannot go on. Both at most once.
   */
  constructor(session, handler, concurrency, { onEnd, onError }) {
    this.#session = session;
    this.#gate = session.gate;
    this.#handler = handler;
    this.#concurrency = concurrency;
    this.#onEnd = onEnd;
    this.#onError = onError;
  }

  /** Something came: invocations, Cancel, Drain or SIGTERM. */
  wake() {
    this.#turn ??= setImmediate(() => {
      this.#turn = null;
      this.#guarded(() => this.#work());
    });
  }

  stop() {
    this.#ended = true;
    clearImmediate(this.#turn);
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#overdueTimer);
  }

  #guarded(step) {
    if (this.#ended) return;
    try {
      step();
    } catch (error) {
      this.stop();
      this.#onError(error);
    }
  }

  // setTimeout fires at once where it is given more than it takes (24 days). The socket keeps the process alive.
  #later(step, ms) {
    return setTimeout(() => this.#guarded(step), Math.min(Math.ceil(ms), 2 ** 31 - 1)).unref();
  }

  #work() {
    if (this.#session.changed) {
      this.#session.changed = false;
      this.#releaseClosed();
      const { drainMs } = this.#session;
      if (drainMs !== null) this.#later(() => this.#end(), drainMs);
    }
    const now = Date.now();
    this.#sliceEnd = now + SLICE_MS;
    this.#pump(now);
    if (this.#ended) return;
    // Answers of unfinished batches go before the next slice; where there is none, they wait for the rest a while.
    if (this.#finished || this.#turn !== null) this.#flush();
    else if (this.#unsent.length > 0) this.#flushTimer ??= this.#later(() => this.#flush(), SLICE_MS);
  }

  // Starts what may be started, for the rest of the slice.
  #pump(begin) {
    const { arrived, many } = this.#session;
    let now = begin;
    while (this.#running.size < this.#concurrency) {
      if (now >= this.#sliceEnd || now < begin) { // or the clock was set back
        this.wake();
        return;
      }
      if (this.#finished) this.#flush(); // before a call that may be a slow one
      if (this.#ready.length > 0) this.#startUnit(this.#ready.shift());
      else if (arrived.length > 0) many ? this.#takeMany(arrived.shift()) : this.#takeOne(arrived);
      else break;
      now = Date.now();
    }
    if (this.#gate.draining && this.#running.size === 0) this.#end();
  }

  #takeOne(arrived) {
    const deliveries = arrived.peek();
    const delivery = deliveries[0];
    const index = delivery.next++;
    const last = delivery.columns.count - 1;
    const closed = this.#gate.closed(delivery);
    if (index === last || closed) arrived.shift();
    if (closed) this.#release(delivery, index, last);
    else if (this.#lanes.size === 0 || !this.#enqueue(new Unit(deliveries, index))) this.#runOne(deliveries, index, null);
  }

  #takeMany(deliveries) {
    if (this.#lanes.size === 0 || !this.#enqueue(new Unit(deliveries, -1))) this.#runMany(deliveries, null);
  }

  // Puts the unit into its lanes where one of them is occupied; false where it may be run at once.
  #enqueue(unit) {
    const names = this.#laneNames(unit);
    if (!names.some((name) => this.#lanes.has(name))) return false;
    this.#register(unit, names);
    return true;
  }

  #laneNames({ deliveries, index }) {
    if (index >= 0) {
      const lane = this.#gate.laneOf(deliveries[0], index);
      return lane === null ? [] : [`${deliveries[0].source}\0${lane}`];
    }
    const names = new Set();
    for (const delivery of deliveries) {
      for (const lane of this.#gate.lanes(delivery)) names.add(`${delivery.source}\0${lane}`);
    }
    return [...names];
  }

  #register(unit, names) {
    unit.lanes = names;
    for (const name of names) {
      let queue = this.#lanes.get(name);
      if (queue === undefined) this.#lanes.set(name, queue = new Queue());
      if (queue.length > 0) ++unit.behind;
      queue.push(unit);
    }
  }

  #startUnit(unit) {
    if (unit.started) this.#leaveLanes(unit); // it was released while it waited
    else if (unit.index >= 0) this.#runOne(unit.deliveries, unit.index, unit);
    else this.#runMany(unit.deliveries, unit);
  }

  #runOne(deliveries, index, unit) {
    const delivery = deliveries[0];
    const gate = this.#gate;
    if (gate.closed(delivery) || (gate.holding && gate.held(delivery, gate.laneOf(delivery, index)))) {
      this.#release(delivery, index, index);
    } else if (this.#call(new Record(delivery.part, index), deliveries, index, unit)) {
      return;
    }
    if (unit !== null) this.#leaveLanes(unit);
  }

  #runMany(deliveries, unit) {
    const left = deliveries.filter((delivery) => this.#admit(delivery));
    const argument = left.length === 0 ? null : new Batch(left.map((delivery) => delivery.part));
    if (argument !== null && this.#call(argument, left, -1, unit)) return;
    if (unit !== null) this.#leaveLanes(unit);
  }

  // Releases what may not be started of it; false where that is all.
  #admit(delivery) {
    const indices = this.#gate.admitted(delivery);
    if (indices === null) return true;
    if (indices.length === 0) {
      this.#release(delivery, 0, delivery.columns.count - 1);
      return false;
    }
    delivery.narrow(indices);
    this.#note(delivery);
    return true;
  }

  // Calls the handler; true where it is running now.
  #call(argument, deliveries, index, waiting) {
    const handler = this.#handler;
    try {
      const result = handler(argument, deliveries, index);
      if (result !== undefined && result !== null) {
        if (typeof result.then === "function") {
          this.#runs(waiting ?? new Unit(deliveries, index), deliveries, argument, result);
          return true;
        }
        refuseUnrun(result);
      }
    } catch (error) {
      this.#failed(deliveries, index, error);
      return false;
    }
    if (index >= 0) deliveries[0].answers.ok(index);
    else for (const delivery of deliveries) delivery.settle(new Map());
    for (const delivery of deliveries) this.#note(delivery);
    return false;
  }

  #runs(unit, deliveries, argument, promise) {
    unit.started = true;
    unit.deliveries = deliveries;
    unit.argument = argument;
    if (unit.lanes.length === 0) this.#register(unit, this.#laneNames(unit));
    const { timeoutMs } = this.#session.welcome;
    unit.overdueAt = performance.now() + timeoutMs;
    this.#running.add(unit);
    if (timeoutMs > 0) this.#overdueTimer ??= this.#later(() => this.#abortOverdue(), timeoutMs);
    Promise.resolve(promise).then(() => this.#guarded(() => this.#unitEnded(unit, false)),
      (error) => this.#guarded(() => this.#unitEnded(unit, true, error)));
  }

  #unitEnded(unit, failed, error) {
    this.#running.delete(unit);
    if (unit.overdue) {
      this.#failed(unit.deliveries, unit.index, new TimedOut(`timed out after ${this.#session.welcome.timeoutMs / 1000} s`));
    } else if (failed) {
      this.#failed(unit.deliveries, unit.index, error);
    } else {
      for (const delivery of unit.deliveries) {
        if (unit.index >= 0) delivery.answers.ok(unit.index);
        else delivery.settle(new Map());
        this.#note(delivery);
      }
    }
    this.#leaveLanes(unit);
    // In the slice that goes on, at once; what was finished is told when it ends. So promises that need no event to be
    // settled do not cost a turn of the event loop each, nor hold it up.
    const now = Date.now();
    if (now < this.#sliceEnd) this.#pump(now);
    this.wake();
  }

  #failed(deliveries, index, error) {
    if (index >= 0) {
      const delivery = deliveries[0];
      const outcome = describe(error);
      delivery.answers.fail(index, outcome);
      if (outcome.code === RETRY) this.#gate.hold(delivery, this.#gate.laneOf(delivery, index));
      this.#note(delivery);
      return;
    }
    const failures = failuresOf(error, deliveries.map((delivery) => delivery.part.length));
    deliveries.forEach((delivery, at) => {
      this.#gate.attempted(delivery, failures[at]);
      delivery.settle(failures[at]);
      this.#note(delivery);
    });
  }

  #leaveLanes(unit) {
    for (const name of unit.lanes) {
      const queue = this.#lanes.get(name);
      queue.shift();
      const next = queue.peek();
      if (next === undefined) this.#lanes.delete(name);
      else if (--next.behind === 0) this.#ready.push(next);
    }
  }

  #release(delivery, first, last) {
    delivery.answers.release(first, last);
    this.#note(delivery);
  }

  // Answers at once for what was cancelled while it waited.
  #releaseClosed() {
    const { arrived, many } = this.#session;
    for (const deliveries of arrived.clear()) {
      const left = deliveries.filter((delivery) => {
        const closed = this.#gate.closed(delivery);
        if (closed) this.#release(delivery, delivery.next, delivery.columns.count - 1);
        return !closed;
      });
      if (left.length > 0) arrived.push(left);
    }
    const waiting = new Set(this.#ready);
    for (const queue of this.#lanes.values()) for (const unit of queue) waiting.add(unit);
    for (const unit of waiting) {
      if (unit.started) continue;
      unit.deliveries = unit.deliveries.filter((delivery) => {
        const closed = this.#gate.closed(delivery);
        if (closed) this.#release(delivery, many ? 0 : unit.index, many ? delivery.columns.count - 1 : unit.index);
        return !closed;
      });
      unit.started = unit.deliveries.length === 0;
    }
  }

  #abortOverdue() {
    this.#overdueTimer = null;
    const now = performance.now();
    const { timeoutMs } = this.#session.welcome;
    for (const unit of this.#running) {
      if (unit.overdue) continue; // it was told, and takes its time
      if (unit.overdueAt > now) {
        this.#overdueTimer = this.#later(() => this.#abortOverdue(), unit.overdueAt - now);
        return;
      }
      unit.overdue = true;
      unit.argument.abort(new TimedOut(`timed out after ${timeoutMs / 1000} s`));
    }
  }

  // Some of its records have an answer.
  #note(delivery) {
    const { answers } = delivery;
    if (!answers.dirty) {
      answers.dirty = true;
      this.#unsent.push(answers);
    }
    if (answers.left === 0) {
      this.#finished = true;
      this.#session.finish(delivery);
    }
  }

  #flush() {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
    this.#finished = false;
    const frames = [];
    for (const answers of this.#unsent) {
      answers.dirty = false;
      const taken = answers.take();
      if (taken !== null) frames.push(taken);
    }
    this.#unsent.length = 0;
    if (frames.length > 0) this.#session.send(frames.length === 1 ? frames[0] : Buffer.concat(frames));
  }

  #end() {
    this.#flush();
    this.stop();
    this.#onEnd();
  }
}
