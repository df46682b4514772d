// What a function gives its output bindings, as Emit frames (PROTOCOL.md, the azure payload). No I/O.

import { EMIT, frame, isUtf8 } from "../lib/wire.mjs";

const MAX_BYTES = 15 << 20; // of one invocation's outputs; a frame to the daemon may have 16 MiB

/** [{output (index in `names`), bytes}] of an invocation's response. Throws where one cannot be delivered. */
export function outputsOf(response, names) {
  const found = [];
  const add = (name, data) => {
    const bytes = bytesOf(name, data);
    if (bytes === null) return;
    const output = names.indexOf(name);
    if (output < 0) {
      throw new TypeError(`the function wrote to ${name}, which is none of its Kafka outputs: ${names.join(", ") || "it has none"}`);
    }
    found.push({ output, bytes });
  };
  if (names.includes("$return")) add("$return", response.returnValue);
  for (const { name, data } of response.outputData ?? []) add(name, data);
  const total = found.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (total > MAX_BYTES) throw new RangeError(`the outputs of one invocation are longer than ${MAX_BYTES >> 20} MiB`);
  return found;
}

/** The frame that says: the records first to last of this batch wait for these outputs. */
export function emit(id, first, last, outputs) {
  const begin = 16 + 8 * outputs.length;
  const size = outputs.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const payload = Buffer.alloc(begin + size);
  [first, last, outputs.length, size].forEach((field, at) => payload.writeUInt32LE(field, 4 * at));
  let end = 0;
  outputs.forEach(({ output, bytes }, at) => {
    bytes.copy(payload, begin + end);
    end += bytes.length;
    payload.writeUInt32LE(output, 16 + 4 * at);
    payload.writeUInt32LE(end, 16 + 4 * outputs.length + 4 * at);
  });
  return frame(EMIT, payload, id);
}

// Text stays as it is, bytes must be UTF-8 (the original writes the name of a .NET type for them).
function bytesOf(name, data) {
  if (data === null || data === undefined) return null;
  if (typeof data.string === "string") return Buffer.from(data.string);
  if (data.json !== undefined && data.json !== null) return Buffer.from(data.json);
  if (data.bytes !== undefined && data.bytes !== null) {
    const bytes = Buffer.from(data.bytes);
    if (!isUtf8(bytes)) throw new TypeError(`the output ${name} takes text, and these bytes are not UTF-8`);
    return bytes;
  }
  for (const kind of ["int", "double"]) if (data[kind] !== undefined && data[kind] !== null) return Buffer.from(String(data[kind]));
  throw new TypeError(`the output ${name} takes text, bytes, lists and objects`);
}
