// Handlers for session_sdk_test.cpp: each says what it got, and fails where a value says so. session_handlers.py is the same.

import { BatchError, DeadLetter, Drop, Retry } from "triggerd";

function errorOf(record) {
  const reason = `attempt ${record.attempt}`;
  switch (record.value) {
    case "retry": return new Retry(reason, { after: 2 });
    case "dead letter": return new DeadLetter(reason);
    case "drop": return new Drop(reason);
    default: return null;
  }
}

function check(records) {
  const values = records.map((record) => record.value);
  console.log(`got ${values.length}: ${values.map((value) => value.slice(0, 10)).join(" ")}`);
  if (values.includes("fail")) throw new TypeError("the value says fail");
  return new Map(records.map((record, index) => [index, errorOf(record)]).filter(([, error]) => error !== null));
}

export function one(record) {
  for (const error of check([record]).values()) throw error;
}

export async function oneAsync(record) {
  one(record);
}

export function many(batch) {
  const errors = check([...batch]);
  if (errors.size > 0) throw new BatchError(errors);
}

export async function manyAsync(batch) {
  many(batch);
}
