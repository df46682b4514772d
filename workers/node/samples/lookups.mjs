// An async handler: 256 records wait for an answer at once, those of one key in order (`ordering: key`).
//
// The lookup stands for a call to a database or a web service; here it only takes its time.

import { setTimeout as pause } from "node:timers/promises";

import { Retry } from "triggerd";

async function lookUp(customer, signal) {
  await pause(1 + 19 * Math.random(), undefined, { signal });
  return `customer ${customer}`;
}

export async function handle(record) {
  const { customer } = record.json();
  let name;
  try {
    name = await lookUp(customer, record.signal); // given up when worker.timeout has passed
  } catch (error) {
    throw new Retry(error, { after: 10 });
  }
  console.log(`order of ${name}`);
}
