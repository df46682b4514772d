// A batch handler that says what became of each record (`cardinality: many`): payments like {"account": "A", "amount": 12}.
//
// What is no payment and never will be one is given up (with `onFailure: { deadLetter: TOPIC }` it goes there), a tombstone
// is dropped, and where the bank is closed only the payment concerned comes again.

import { BatchError, DeadLetter, Drop, Retry } from "triggerd";

const closed = new Set((process.env.CLOSED_ACCOUNTS ?? "").split(","));
const totals = new Map();

function book(record) {
  let payment;
  try {
    payment = record.json();
  } catch (error) {
    throw new DeadLetter(error); // no further attempt will read it
  }
  if (payment === null) throw new Drop("a tombstone");
  if (!(payment.amount > 0)) throw new DeadLetter(`the amount is ${payment.amount}`);
  if (closed.has(payment.account)) throw new Retry("the bank is closed", { after: 1 });
  totals.set(payment.account, (totals.get(payment.account) ?? 0) + payment.amount);
}

export function handle(batch) {
  const errors = new Map();
  let index = 0;
  for (const record of batch) {
    try {
      book(record);
    } catch (error) {
      errors.set(index, error);
    }
    ++index;
  }
  if (errors.size > 0) throw new BatchError(errors);
}

process.on("exit", () => {
  for (const [account, total] of totals) console.log(`${account}: ${total}`);
});
