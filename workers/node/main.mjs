#!/usr/bin/env node
// `node main.mjs handler.mjs`: loads a file's handler and serves it.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { named, trace } from "./lib/failure.mjs";
import { provideSdk } from "./lib/provide.mjs";
import { DEFAULTS, EX_CONFIG, EX_SOFTWARE, EX_USAGE, complaintAbout, run, say } from "./lib/run.mjs";
import { VERSION } from "./lib/wire.mjs";

const USAGE = `usage: node main.mjs FILE [--handler NAME] [--concurrency N] [--credit-records N] [--credit-bytes N]

A triggerd worker: serves the handler of a JavaScript module. The handler takes a record (cardinality one) or a batch
(many) and may be async. Returning settles the records, throwing has them tried again.

  FILE                the module
  --handler NAME      the export to call (default: handle, else the default export)
  --concurrency N     records or batches at once, as far as the handler returns promises (default: ${DEFAULTS.concurrency})
  --credit-records N  the most records waiting in this process (default: ${DEFAULTS.creditRecords})
  --credit-bytes N    the most bytes of them (default: ${DEFAULTS.creditBytes})
  --help, --version
`;
const OPTIONS = {
  handler: { type: "string" }, concurrency: { type: "string" }, "credit-records": { type: "string" },
  "credit-bytes": { type: "string" }, help: { type: "boolean" }, version: { type: "boolean" },
};

class CannotLoad extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

async function main() {
  let found;
  try {
    found = parse(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(USAGE.split("\n", 1)[0] + "\n");
    return say(error.message, EX_USAGE);
  }
  const { file, name, settings, text } = found;
  if (text !== undefined) {
    process.stdout.write(text);
    return 0;
  }
  if (process.env.TRIGGERD_FD === undefined) {
    return say("this is a worker, to be started by triggerd: put its command line under worker.command in the fleet file "
      + "(TRIGGERD_FD is not set)", EX_USAGE);
  }
  let handler;
  try {
    handler = await load(path.resolve(file), name);
  } catch (error) {
    if (error instanceof CannotLoad) return say(error.message, error.status);
    throw error;
  }
  const complaint = complaintAbout(handler);
  if (complaint !== null) return say(`${file}, ${name ?? "handle"}: ${complaint}`, EX_CONFIG);
  return run(handler, settings);
}

function parse(args) {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  if (values.help) return { text: USAGE };
  if (values.version) return { text: `triggerd Node worker ${VERSION}\n` };
  if (positionals.length !== 1) throw new Error("one FILE is required");
  const settings = {};
  for (const [option, setting] of [["concurrency", "concurrency"], ["credit-records", "creditRecords"],
    ["credit-bytes", "creditBytes"]]) {
    if (values[option] === undefined) continue;
    settings[setting] = Number(values[option]);
    if (!/^\d+$/.test(values[option]) || settings[setting] < 1) {
      throw new Error(`--${option} takes a number of at least 1, not ${values[option]}`);
    }
  }
  if (settings.concurrency > 65536) throw new Error("--concurrency is at most 65536");
  return { file: positionals[0], name: values.handler, settings };
}

async function load(file, name) {
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) throw new CannotLoad(`there is no file ${file}`, EX_CONFIG);
  provideSdk(file);
  let module;
  try {
    module = await import(pathToFileURL(file));
  } catch (error) {
    process.stderr.write(`${trace(error)}\n`);
    throw new CannotLoad(`${file} cannot be imported: ${named(error)}`, EX_SOFTWARE);
  }
  const wanted = name ?? "handle";
  // What a CommonJS module exports is its default; Node guesses names of it, not always all.
  const handler = module[wanted] ?? module.default?.[wanted] ?? (name === undefined ? module.default : undefined);
  if (handler === undefined) throw new CannotLoad(`${file} has no handler called ${wanted}`, EX_CONFIG);
  return handler;
}

process.exit(await main());
