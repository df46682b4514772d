// The Node SDK's parts without a daemon: its codec against tests/vectors/wire, answers, the gate, what was thrown.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { Answers } from "../../workers/node/lib/answers.mjs";
import { Columns } from "../../workers/node/lib/columns.mjs";
import { BatchError, DeadLetter, Drop, Retry, failuresOf } from "../../workers/node/lib/failure.mjs";
import { Gate, WHOLE, sourceOf } from "../../workers/node/lib/gate.mjs";
import { Loop } from "../../workers/node/lib/loop.mjs";
import { Queue } from "../../workers/node/lib/queue.mjs";
import { NotText, Part } from "../../workers/node/lib/records.mjs";
import { Session } from "../../workers/node/lib/session.mjs";
import * as wire from "../../workers/node/lib/wire.mjs";

const VECTORS = new URL("../vectors/wire/", import.meta.url);
const CODES = { ok: 0, retry: 1, deadLetter: 2, drop: 3, release: 4 };
const hex = (bytes) => (bytes === null ? null : bytes.toString("hex"));

function vectors(bad) {
  return fs.readdirSync(VECTORS).filter((name) => name.endsWith(".hex") && name.endsWith(".bad.hex") === bad).map((name) => ({
    name,
    // As text: JSON.parse would round numbers that JavaScript does not have.
    meaning: JSON.parse(fs.readFileSync(new URL(name.replace(/hex$/, "json"), VECTORS), "utf8")
      .replace(/("(?:id|offset|timestamp)": )(\d{16,})/g, '$1"$2"')),
    raw: Buffer.from(fs.readFileSync(new URL(name, VECTORS), "utf8").replace(/\s/g, ""), "hex"),
  }));
}

const readers = {
  batch(fields, payload) {
    const columns = new Columns(payload, fields.leader_epoch !== undefined);
    assert.equal(columns.leaderEpoch, fields.leader_epoch ?? null);
    const bits = columns.unreadable ?? [];
    const unreadable = fields.records.map((_, index) => (bits[index >> 3] >> (index & 7) & 1) === 1);
    assert.deepEqual(unreadable, fields.records.map((record) => record.unreadable === true));
    for (const name of ["topic", "partition", "epoch", "run", "attempt"]) assert.equal(columns[name], fields[name], name);
    const part = new Part(columns, false);
    assert.deepEqual([...part].map((record) => ({
      offset: record.offset, timestamp: record.timestamp ?? -1, key: hex(record.key), value: hex(record.value),
      headers: record.headers.map(([name, value]) => ({ name, value: hex(value) })),
    })), fields.records.map(({ unreadable: _, ...record }) => ({
      ...record, offset: Number(record.offset), timestamp: Number(record.timestamp),
    })));
    assert.deepEqual(part.values.map(hex), fields.records.map((record) => record.value));
    assert.deepEqual(part.keys.map(hex), fields.records.map((record) => record.key));
    assert.deepEqual(part.offsets, fields.records.map((record) => Number(record.offset)));
  },
  cancel(fields, payload) {
    assert.deepEqual(wire.parseCancel(payload), fields);
  },
  drain(fields, payload) {
    assert.equal(wire.parseDrain(payload), fields.deadline_ms);
  },
  ping: (_, payload) => assert.equal(payload.length, 0),
  pong: (_, payload) => assert.equal(payload.length, 0),
  welcome: (fields, payload) => assert.deepEqual(wire.parseJson(payload), fields),
  bye: (fields, payload) => assert.deepEqual(wire.parseJson(payload), fields),
};
const writers = {
  ack: ({ fields }, id) => wire.ack(id, fields.answers.map(({ first, last, code, retry_after_ms: after, reason }) =>
    ({ first, last, code: CODES[code], after, reason: Buffer.from(reason) }))),
  hello: ({ fields }) =>
    wire.hello(fields.concurrency, fields.credit.records, fields.credit.bytes, fields.sdk, fields.pid, fields.features),
  log: ({ fields }) => wire.log(fields.level, fields.message),
  bye: ({ fields }) => wire.bye(fields.code, fields.message),
  ping: (_, id) => wire.frame(wire.PING, undefined, id),
  pong: (_, id) => wire.frame(wire.PONG, undefined, id),
};

test("good vectors", () => {
  const seen = new Set();
  for (const { name, meaning, raw } of vectors(false)) {
    const { type, flags, fields } = meaning;
    seen.add(type);
    if (readers[type] !== undefined) {
      const header = wire.parseHeader(raw, 0);
      assert.deepEqual([header.length, header.flags, header.id], [raw.length - 16, flags, BigInt(meaning.id)], name);
      assert.equal(header.kind, wire[type.toUpperCase()], name);
      readers[type](fields, raw.subarray(16));
      // Where memory is not aligned the same is read.
      const shifted = Buffer.concat([Buffer.from([0]), raw]).subarray(1);
      readers[type](fields, shifted.subarray(16));
    }
    if (writers[type] !== undefined) assert.equal(hex(writers[type](meaning, BigInt(meaning.id))), hex(raw), name);
  }
  assert.deepEqual([...seen].sort(), ["ack", "batch", "bye", "cancel", "credit", "drain", "hello", "log", "ping", "pong", "welcome"]);
});

test("bad vectors are refused", () => {
  let tried = 0;
  const elsewhere = new Set(["bye_message.bad.hex", "ping_payload.bad.hex", "welcome_cardinality.bad.hex",
    "welcome_payload.bad.hex"]); // in the session
  for (const { name, meaning, raw } of vectors(true)) {
    if (!["worker", "any", "both"].includes(meaning.to) || elsewhere.has(name)) continue;
    ++tried;
    assert.throws(() => {
      const { kind, length } = wire.parseHeader(raw, 0);
      const payload = raw.subarray(16, 16 + length);
      if (kind === wire.BATCH) new Columns(payload);
      else if (kind === wire.CANCEL) wire.parseCancel(payload);
      else if (kind === wire.DRAIN) wire.parseDrain(payload);
      else if (kind === wire.WELCOME || kind === wire.BYE) wire.parseJson(payload);
    }, wire.Malformed, name);
  }
  assert.ok(tried > 40, `${tried}`);
});

test("columns are views of the frame, not copies", () => {
  const { raw } = vectors(false).find(({ name }) => name === "batch_dense.hex");
  const payload = Buffer.from(new Uint8Array(raw).buffer).subarray(16);
  const columns = new Columns(payload);
  assert.equal(columns.valueEnd.buffer, payload.buffer);
  assert.equal(columns.value(0).buffer, payload.buffer);
});

test("text is checked piece by piece where the whole is none, or only the whole is", () => {
  // Of three values: the two halves of an é, and one that is text by itself.
  const payload = Buffer.alloc(64 + 16 + 8 + 8);
  for (const [at, value] of [[0, 3], [36, 1], [40, 1], [48, 3], [64, 1], [68, 2], [72, 3]]) payload.writeUInt32LE(value, at);
  payload.write("t", 80);
  payload.set([0xc3, 0xa9, 0x61], 88);
  const part = new Part(new Columns(payload), true);
  assert.throws(() => part.at(0).value, NotText);
  assert.throws(() => part.at(1).text, /the value of t\/0@1 is not UTF-8/);
  assert.equal(part.at(2).value, "a");
  assert.deepEqual(part.pick([2]).values, ["a"]);
  assert.throws(() => part.values, NotText);
});

// The answers in Ack frames, as [[first, last, code, after, reason], …] for each.
function acks(bytes) {
  const found = [];
  while (bytes !== null && bytes.length > 0) {
    const count = bytes.readUInt32LE(16);
    const end = 16 + bytes.readUInt32LE(0);
    let from = 0;
    found.push(Array.from({ length: count }, (_, index) => {
      const at = 24 + 24 * index;
      const [first, last, code, after, to] = [0, 4, 8, 12, 16].map((field) => bytes.readUInt32LE(at + field));
      const reason = bytes.toString("utf8", 24 + 24 * count + from, 24 + 24 * count + to);
      from = to;
      return [first, last, code, after, reason];
    }));
    bytes = bytes.subarray(end);
  }
  return found;
}

test("all ok is 24 bytes, however it came about", () => {
  const whole = new Answers(9n, 500);
  whole.allOk();
  assert.equal(whole.take().length, 24);
  assert.equal(whole.take(), null);
  const single = new Answers(9n, 3);
  for (const index of [2, 0]) single.ok(index);
  assert.deepEqual(acks(single.take()), [[[0, 0, 0, 0, ""], [2, 2, 0, 0, ""]]]);
  single.ok(1);
  assert.deepEqual(acks(single.take()), [[]]);
});

test("answers become ranges; a failure told before does not hinder the short form", () => {
  const answers = new Answers(9n, 9);
  for (const index of [3, 1, 2, 7]) answers.ok(index);
  answers.release(5, 5);
  answers.release(4, 4);
  answers.fail(0, { code: wire.RETRY, after: 1500, reason: "why" });
  assert.deepEqual(acks(answers.take()), [[[0, 0, 1, 1500, "why"], [1, 3, 0, 0, ""], [4, 5, 4, 0, ""], [7, 7, 0, 0, ""]]]);
  for (const index of [6, 8]) answers.ok(index);
  assert.equal(answers.left, 0);
  assert.deepEqual(acks(answers.take()), [[]]);
});

test("reasons are cut between characters, many of them stay within a frame", () => {
  const cut = new Answers(9n, 2);
  cut.fail(0, { code: wire.RETRY, after: 0, reason: `a${"é".repeat(4000)}` });
  cut.fail(1, { code: wire.DROP, after: 0, reason: "\udcff" });
  const [[first, second]] = acks(cut.take());
  assert.equal(Buffer.byteLength(first[4]), 4095);
  assert.equal(second[4], "\ufffd");
  const many = new Answers(9n, 5000);
  for (let index = 0; index < 5000; ++index) many.fail(index, { code: wire.RETRY, after: 0, reason: index + "x".repeat(4000) });
  const bytes = many.take();
  assert.ok(acks(bytes).length > 10);
  assert.deepEqual(acks(bytes).flat().map(([index]) => index), Array.from({ length: 5000 }, (_, index) => index));
});

// Enough of a delivery for the gate.
function delivery({ run = 0, epoch = 1, partition = 0, keys = ["a"] } = {}) {
  const columns = { run, epoch, count: keys.length, key: (index) => (keys[index] === null ? null : Buffer.from(keys[index])) };
  return { columns, source: sourceOf("orders", partition), part: { frameIndex: (index) => index } };
}

test("a lane is held until a higher run of its own", () => {
  const gate = new Gate("partition");
  gate.hold(delivery({ run: 3 }), WHOLE);
  for (const [run, epoch, partition, held] of [[2, 1, 0, true], [3, 1, 0, true], [0, 1, 1, false], [3, 2, 0, false], [3, 0, 0, false],
    [4, 1, 0, false], [3, 1, 0, false]]) {
    assert.equal(gate.held(delivery({ run, epoch, partition }), WHOLE), held, `${run} ${epoch} ${partition}`);
  }
  assert.equal(gate.holding, false);
});

test("keys are lanes, a record without one is never held", () => {
  const gate = new Gate("key");
  gate.hold(delivery(), "a");
  gate.hold(delivery(), "");
  gate.hold(delivery(), null);
  assert.deepEqual(gate.admitted(delivery({ keys: ["b", "a", null, "b", ""] })), [0, 2, 3]);
  assert.equal(gate.admitted(delivery({ run: 1, keys: ["b", "a", ""] })), null);
  assert.equal(gate.holding, false);
  assert.deepEqual([...gate.lanes(delivery({ keys: ["b", null, "b", ""] }))], ["b", ""]);
});

test("only a retry holds", () => {
  const all = delivery({ keys: ["a", "b", "c", null] });
  const codes = [wire.DEAD_LETTER, wire.RETRY, wire.DROP, wire.RETRY];
  const failures = new Map(codes.map((code, index) => [index, { code }]));
  for (const [ordering, held] of [["key", ["b"]], ["partition", [WHOLE]], ["none", []]]) {
    const gate = new Gate(ordering);
    gate.attempted(all, failures);
    assert.deepEqual(["a", "b", "c", WHOLE].filter((lane) => gate.held(all, lane)), held, ordering);
  }
});

test("too many held lanes become all of their runs", () => {
  const gate = new Gate("key");
  for (let run = 0; run < 2500; ++run) gate.hold(delivery({ run }), `${run}`);
  for (const [lane, run, held] of [["0", 0, true], ["1500", 1500, true], ["2499", 2499, true], ["other", 1000, true],
    ["other", 2499, false], ["0", 2500, false], [null, 0, false]]) {
    assert.equal(gate.held(delivery({ run }), lane), held, `${lane} ${run}`);
  }
});

test("cancel closes epochs, drain all", () => {
  const gate = new Gate("partition");
  gate.cancel("orders", 0, 4);
  gate.cancel("orders", 0, 2);
  for (const [epoch, partition, closed] of [[4, 0, true], [1, 0, true], [5, 0, false], [1, 1, false]]) {
    assert.equal(gate.closed(delivery({ epoch, partition })), closed);
  }
  gate.draining = true;
  assert.equal(gate.closed(delivery({ epoch: 9 })), true);
});

test("what was thrown, cut into the parts of its batch", () => {
  const error = new BatchError(new Map([[0, new Drop("a")], [2, new DeadLetter("b")], [3, "c"], [6, new Retry("d", { after: 2 })]]));
  const answer = (code, reason, after = 0) => ({ code, after, reason });
  assert.deepEqual(failuresOf(error, [3, 1, 2, 1]), [
    new Map([[0, answer(3, "a")], [2, answer(2, "b")]]), new Map([[0, answer(1, "c")]]), new Map(),
    new Map([[0, answer(1, "d", 2000)]])]);
  assert.deepEqual(failuresOf(new Drop("all"), [2, 1]).map((part) => part.size), [2, 1]);
});

test("waits and reasons", () => {
  for (const [error, code, after, reason] of [[new Retry("r", { after: 0 }), 1, 1, "r"], [new Retry("r", { after: 0.0001 }), 1, 1, "r"],
    [new Retry({ after: 1.5, reason: "r" }), 1, 1500, "r"], [new Retry("r", { after: Infinity }), 1, 2 ** 32 - 1, "r"],
    [new Retry(), 1, 0, "the handler asked for a retry"], [new DeadLetter(), 2, 0, "the handler gave it up"],
    [new DeadLetter(new TypeError("x")), 2, 0, "TypeError: x"], [new Drop(), 3, 0, "the handler dropped it"]]) {
    assert.deepEqual(failuresOf(error, [1])[0].get(0), { code, after, reason });
  }
  for (const make of [() => new Retry("r", { after: -0.001 }), () => new Retry("r", { after: NaN }), () => new Retry({ after: "1" })]) {
    assert.throws(make, RangeError);
  }
  for (const make of [() => new Retry(30), () => new Drop(null), () => new DeadLetter(Buffer.from("x"))]) {
    assert.throws(make, TypeError);
  }
});

test("an attempt that ends between a Drain and the next slice ends nothing that waits", async () => {
  const { raw } = vectors(false).find(({ name }) => name === "batch_dense.hex"); // several records
  const drain = vectors(false).find(({ name }) => name === "drain.hex").raw;
  const sent = [];
  const session = new Session((bytes) => sent.push(...acks(bytes)));
  const welcome = { protocol: 1, cardinality: "one", dataType: "binary", ordering: "partition", timeoutMs: 0 };
  session.take({ kind: wire.WELCOME }, wire.jsonFrame(wire.WELCOME, welcome).subarray(16));
  let end;
  const attempt = new Promise((done) => {
    end = done;
  });
  await new Promise((onEnd, onError) => {
    const loop = new Loop(session, () => {
      setTimeout(() => {
        session.take(wire.parseHeader(drain, 0), drain.subarray(16));
        loop.wake();
        end(); // its reaction runs before the slice
      });
      return attempt;
    }, 5, { onEnd, onError });
    session.take(wire.parseHeader(raw, 0), raw.subarray(16));
    loop.wake();
  });
  const { count } = new Columns(raw.subarray(16));
  assert.ok(count > 1);
  assert.deepEqual(sent.flat().map(([first, last, code]) => [first, last, code]), [[0, 0, wire.OK], [1, count - 1, wire.RELEASE]]);
});

test("a queue keeps its order and forgets what was taken", () => {
  const queue = new Queue();
  let [pushed, shifted] = [0, 0];
  for (let round = 0; round < 5000; ++round) {
    for (let times = round % 3; times >= 0; --times) queue.push(pushed++);
    for (let times = round % 2; times >= 0 && queue.length > 0; --times) assert.equal(queue.shift(), shifted++);
    assert.equal(queue.length, pushed - shifted);
  }
  assert.deepEqual([...queue], queue.clear());
  assert.deepEqual([queue.length, queue.peek(), queue.shift()], [0, undefined, undefined]);
});
