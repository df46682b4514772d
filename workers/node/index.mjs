// Node worker for triggerd: write a handler, and triggerd hands it Kafka records.
//
//   export function handle(record) {
//     console.log(record.topic, record.offset, record.value);
//   }
//
// Started by triggerd as `node main.mjs handler.mjs`, or by a script of yours that ends in
// `process.exit(await run(handle))`. Returning settles the record, throwing fails the attempt; Retry, DeadLetter,
// Drop and, for batches, BatchError say more. index.d.ts describes each.

export { BatchError, DeadLetter, Drop, Retry } from "./lib/failure.mjs";
export { Batch, NotText, Part, Record } from "./lib/records.mjs";
export { log, run } from "./lib/run.mjs";
export { VERSION as version } from "./lib/wire.mjs";
