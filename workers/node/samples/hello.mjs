// The smallest handler: prints each record, which triggerd shows in its log.
//
//   worker: { command: [node, …/main.mjs, hello.mjs] }

export function handle(record) {
  console.log(`${record.topic}/${record.partition}@${record.offset} ${record.key}: ${record.value}`);
}
