// One life of a worker, from Hello on: the handshake, and what each frame asks of the worker.

import { Answers } from "./answers.mjs";
import { Columns } from "./columns.mjs";
import { Gate, sourceOf } from "./gate.mjs";
import { Queue } from "./queue.mjs";
import { Part } from "./records.mjs";
import * as wire from "./wire.mjs";

const ALLOWED = {
  cardinality: ["one", "many"], dataType: ["string", "binary"], ordering: ["partition", "key", "none"],
};

/** The daemon said Bye. */
export class Dismissed extends Error {
  constructor({ code, message }) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** One Batch frame on its way through this worker. `part`: what the handler is given of it. `next`: the first record of
 *  it that was not looked at yet, for cardinality one. */
export class Delivery {
  constructor(columns, part, answers) {
    this.columns = columns;
    this.part = part;
    this.answers = answers;
    this.source = sourceOf(columns.topic, columns.partition);
    this.next = 0;
    this.picked = null; // the indices of `part`, where it is not all of the frame
  }

  /** Releases all records but these. */
  narrow(indices) {
    const chosen = new Set(indices);
    this.picked = indices;
    this.part = this.part.pick(indices);
    for (let index = 0; index < this.columns.count; ++index) {
      if (!chosen.has(index)) this.answers.release(index, index);
    }
  }

  /** The attempt with all of `part` has ended. failures: Map of index in it to outcome; the others are ok. */
  settle(failures) {
    if (this.picked === null && failures.size === 0) {
      this.answers.allOk();
      return;
    }
    for (let place = 0; place < this.part.length; ++place) {
      const outcome = failures.get(place);
      const index = this.part.frameIndex(place);
      if (outcome === undefined) this.answers.ok(index);
      else this.answers.fail(index, outcome);
    }
  }
}

export class Session {
  #channel;
  #azure; // this worker's own mode; the daemon must be in it too
  #open = new Map(); // batch id: Delivery that has records without an answer
  #invocation = []; // deliveries of one that goes on in the next frame
  #asText = false;

  /** `send(frames)` writes to the daemon. `azure`: as PROTOCOL.md says of azure mode. */
  constructor(send, { azure = false } = {}) {
    this.send = send;
    this.#azure = azure;
    this.welcome = null;
    this.many = false;
    this.gate = null;
    this.arrived = new Queue(); // invocations not taken yet, each a list of Delivery; of one, for cardinality one
    this.changed = false; // Cancel or Drain came; the loop releases what is closed and resets it
    this.drainMs = null; // the Drain's deadline once one came
  }

  /** One frame from the daemon. Malformed and Dismissed come through. */
  take({ kind, flags, id }, payload) {
    if (this.welcome === null) {
      if (kind === wire.BYE) throw new Dismissed(wire.parseJson(payload));
      if (kind !== wire.WELCOME) throw new wire.Malformed(`frame type ${kind} before welcome`);
      this.#welcomed(wire.parseJson(payload));
      return;
    }
    switch (kind) {
      case wire.BATCH:
        this.#batch(flags, id, payload);
        break;
      case wire.PING:
      case wire.PONG:
        if (payload.length > 0) throw new wire.Malformed("ping or pong has a payload");
        if (kind === wire.PING) this.send(wire.frame(wire.PONG, undefined, id));
        break;
      case wire.CANCEL: {
        const { topic, partition, epoch } = wire.parseCancel(payload);
        this.gate.cancel(topic, partition, epoch);
        this.changed = true;
        break;
      }
      case wire.DRAIN:
        this.drainMs = wire.parseDrain(payload);
        this.drain();
        break;
      case wire.BYE:
        throw new Dismissed(wire.parseJson(payload));
      default:
        throw new wire.Malformed(`frame type ${kind} is not for a worker`);
    }
  }

  /** All of its records have an answer. */
  finish(delivery) {
    this.#open.delete(delivery.answers.id);
  }

  /** Nothing more is started, be it that the daemon said so or SIGTERM. */
  drain() {
    this.gate.draining = this.changed = true;
    if (this.#invocation.length > 0) this.arrived.push(this.#invocation);
    this.#invocation = [];
  }

  #welcomed(welcome) {
    for (const [member, values] of Object.entries(ALLOWED)) {
      if (!values.includes(welcome[member])) {
        throw new wire.Malformed(`welcome: ${member} is ${quoted(welcome[member])}`);
      }
    }
    const { protocol, timeoutMs } = welcome;
    if (protocol !== wire.PROTOCOL || !Number.isInteger(timeoutMs) || timeoutMs < 0) {
      throw new wire.Malformed(`welcome: protocol is ${quoted(protocol)}, timeoutMs ${quoted(timeoutMs)}`);
    }
    this.many = welcome.cardinality === "many";
    this.#asText = welcome.dataType === "string";
    this.gate = new Gate(welcome.ordering);
    this.welcome = welcome;
  }

  #batch(flags, id, payload) {
    const more = (flags & wire.FLAG_MORE) !== 0;
    if (more && !this.many) throw new wire.Malformed("an invocation of one record spans frames");
    if (this.#open.has(id)) throw new wire.Malformed(`batch ${id} is open already`);
    const columns = new Columns(payload, this.#azure);
    const delivery = new Delivery(columns, new Part(columns, this.#asText), new Answers(id, columns.count));
    this.#open.set(id, delivery);
    this.#invocation.push(delivery);
    if (!more) {
      this.arrived.push(this.#invocation);
      this.#invocation = [];
    }
  }
}

const quoted = (value) => (typeof value === "string" ? `'${value}'` : String(value));
