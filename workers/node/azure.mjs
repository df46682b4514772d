#!/usr/bin/env node
// Serves a function of an Azure Functions app as it is: `node azure.mjs run FUNCTION`, or says which functions an app of model v4 has:
// `node azure.mjs index`. The daemon starts both, in the app's folder; README.md says with what.

import fs from "node:fs";
import path from "node:path";

import { Core } from "./azure/core.mjs";
import { handlerOf } from "./azure/invoke.mjs";
import { AppError, loadApp, loadFunction } from "./azure/load.mjs";
import { v3Model } from "./azure/v3.mjs";
import { trace } from "./lib/failure.mjs";
import { DEFAULTS, EX_OK, EX_SOFTWARE, EX_USAGE, Refused, say, serve } from "./lib/run.mjs";

const DAY_MS = 86_400_000;

async function main([command, name, ...rest]) {
  const known = (command === "index" && name === undefined) || (command === "run" && name !== undefined && rest.length === 0);
  if (!known) return say("usage: node azure.mjs index | run FUNCTION", EX_USAGE);
  if (process.env.TRIGGERD_FD === undefined) {
    return say("this is to be started by triggerd: name the app under apps in the fleet file (TRIGGERD_FD is not set)", EX_USAGE);
  }
  const core = new Core();
  core.install();
  try {
    return command === "index" ? await index(core) : await run(core, name);
  } catch (error) {
    if (error instanceof AppError) return say(error.message, error.status);
    process.stderr.write(`${trace(error)}\n`);
    return say(`the app cannot be loaded: ${error?.message ?? error}`, EX_SOFTWARE);
  }
}

async function index(core) {
  const pipe = Number(process.env.TRIGGERD_FD);
  delete process.env.TRIGGERD_FD;
  const failed = await loadApp(core, process.cwd());
  if (core.functions.size === 0 && failed.length > 0) throw new AppError("no function of the app can be loaded");
  const functions = [...core.functions.values()].map(({ name, scriptFile, bindings, retryOptions }) => ({
    name, scriptFile, bindings: Object.entries(bindings).map(([own, binding]) => ({ ...binding, name: own })), retry: retryOf(retryOptions),
  }));
  const model = core.model === null ? "none" : `${core.model.name} ${core.model.version}`;
  writeAll(pipe, Buffer.from(JSON.stringify({ sdk: model, functions, failed })));
  return EX_OK;
}

async function run(core, name) {
  const described = JSON.parse(process.env.TRIGGERD_AZURE ?? "{}");
  const folder = described.folder ?? process.cwd();
  const registered = described.functionFolder ? await fromFolder(core, name, described) : await fromApp(core, name, folder);
  const settings = { ...DEFAULTS, azure: true };
  const status = await serve(settings, (welcome, send) => {
    if (welcome.payload !== "azure" || !welcome.features?.includes("azure")) {
      throw new Refused("payload_mismatch", "this worker serves a function of an Azure app, and the daemon sends another payload");
    }
    core.send = send;
    return handlerOf(core, registered, welcome, send);
  });
  await core.run("appTerminate", core.hookContext(core.appOnlyHookData, {}));
  return status;
}

// Model v3: the function's own folder, as function.json describes it.
async function fromFolder(core, name, { functionFolder, scriptFile, entryPoint, bindings }) {
  core.model = v3Model;
  const callback = await loadFunction(functionFolder, scriptFile, entryPoint);
  core.started = true;
  return { name, callback, directory: path.resolve(functionFolder), bindings: byName(bindings) };
}

async function fromApp(core, name, folder) {
  const failed = await loadApp(core, folder);
  const registered = core.functions.get(name);
  if (registered === undefined) {
    throw new AppError(`the app registers no function called ${name}, only: ${[...core.functions.keys()].join(", ") || "none"}`
      + (failed.length > 0 ? `; ${failed.map(({ file }) => file).join(", ")} cannot be loaded` : ""));
  }
  return { ...registered, directory: folder };
}

function byName(bindings) {
  return Object.fromEntries((bindings ?? []).map((binding) => [binding.name, binding]));
}

// As function.json spells it.
function retryOf(options) {
  if (!options) return null;
  const found = { strategy: options.strategy ?? options.retryStrategy, maxRetryCount: options.maxRetryCount };
  for (const name of ["delayInterval", "minimumInterval", "maximumInterval"]) {
    if (options[name] !== undefined) found[name] = timeSpan(options[name]);
  }
  return found;
}

// {seconds} of the SDK, or what an app gave: milliseconds, or a TimeSpan's text.
function timeSpan(duration) {
  if (typeof duration === "string") return duration;
  const ms = typeof duration === "number" ? duration : Number(duration.seconds ?? 0) * 1000;
  const days = Math.floor(ms / DAY_MS);
  const time = new Date(ms % DAY_MS).toISOString().slice(11, 23).replace(/\.000$/, "");
  return days > 0 ? `${days}.${time}` : time;
}

function writeAll(fd, data) {
  for (let at = 0; at < data.length;) at += fs.writeSync(fd, data, at);
}

process.exit(await main(process.argv.slice(2)));
