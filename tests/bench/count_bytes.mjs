// The handler of the benchmark: looks at each value once, as a handler does, and counts.

let records = 0;
let bytes = 0;

export function handle(batch) {
  for (const value of batch.values) bytes += value.length;
  records += batch.length;
}

process.on("exit", () => console.log(`${records} records, ${bytes} bytes`));
