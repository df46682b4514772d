// Loads an app's code: all files that `main` means (model v4), or one function's script (model v3).

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { named, trace } from "../lib/failure.mjs";
import { EX_CONFIG, EX_SOFTWARE } from "../lib/run.mjs";
import { filesMatching } from "./glob.mjs";

// Where apps have their functions that say nothing in package.json, as the original's samples do not.
const USUAL = ["src/functions/*.{js,cjs,mjs}", "dist/src/functions/*.{js,cjs,mjs}", "index.js"];

/** The app cannot be served; the process's exit status. */
export class AppError extends Error {
  constructor(message, status = EX_SOFTWARE) {
    super(message);
    this.status = status;
  }
}

/**
 * Loads the files of a v4 app into `core`. A file that cannot be loaded does not keep the others from being: its stack
 * goes to stderr. Returns [{file, error}] of those. AppError where there is nothing to load, or the SDK is missing.
 */
export async function loadApp(core, folder) {
  const manifest = path.join(folder, "package.json");
  let main;
  try {
    ({ main } = JSON.parse(fs.readFileSync(manifest, "utf8")));
  } catch (error) {
    if (error.code !== "ENOENT") throw new AppError(`${manifest}: ${error.message}`, EX_CONFIG);
  }
  const pattern = main ?? USUAL.find((usual) => filesMatching(folder, usual).length > 0);
  const files = pattern === undefined ? [] : filesMatching(folder, pattern);
  if (files.length === 0) {
    throw new AppError(main === undefined ? `${manifest} names no main, and there is none of ${USUAL.join(", ")}`
      : `no file in ${folder} matches main of package.json, ${main}`, EX_CONFIG);
  }
  const failed = [];
  for (const file of files) {
    core.loading = file;
    try {
      await loadModule(path.join(folder, file));
    } catch (error) {
      refuseWithoutSdk(error, folder);
      process.stderr.write(`${file} cannot be loaded:\n${trace(error)}\n`);
      failed.push({ file, error: named(error) });
    }
  }
  core.loading = null;
  if (failed.length > 0) {
    process.stderr.write(`${failed.length} of ${files.length} files of the app cannot be loaded: `
      + `${failed.map(({ file, error }) => `${file} (${error.split("\n", 1)[0]})`).join(", ")}\n`);
  }
  await core.run("appStart", core.hookContext(core.appOnlyHookData, { functionAppDirectory: folder }));
  core.started = true;
  return failed;
}

/** The function of a v3 script, bound to what it was exported in. */
export async function loadFunction(folder, scriptFile, entryPoint) {
  const file = path.resolve(folder, scriptFile ?? usualScript(folder));
  let exported;
  try {
    exported = await loadModule(file);
  } catch (error) {
    refuseWithoutSdk(error, path.dirname(folder));
    process.stderr.write(`${trace(error)}\n`);
    throw new AppError(`${file} cannot be loaded: ${named(error).split("\n", 1)[0]}`);
  }
  const names = exported !== null && typeof exported === "object" ? Object.keys(exported) : [];
  const callback = typeof exported === "function" ? exported
    : exported?.[entryPoint || (names.length === 1 ? names[0] : undefined)] ?? (entryPoint ? undefined : exported?.run ?? exported?.index);
  if (typeof callback !== "function") {
    throw new AppError(`${file} exports no function ${entryPoint || "alone, or called run or index: name it by entryPoint"}`, EX_CONFIG);
  }
  return typeof exported === "function" ? callback : callback.bind(exported);
}

function usualScript(folder) {
  for (const name of ["run.js", "index.js", "index.cjs", "index.mjs"]) if (fs.existsSync(path.join(folder, name))) return name;
  const scripts = fs.readdirSync(folder).filter((name) => /\.[cm]?js$/.test(name));
  if (scripts.length !== 1) throw new AppError(`${folder}: which file is the function's? name it by scriptFile`, EX_CONFIG);
  return scripts[0];
}

// What a module exports: module.exports as it is, or an ES module's namespace.
async function loadModule(file) {
  try {
    return createRequire(file)(file);
  } catch (error) {
    if (!["ERR_REQUIRE_ESM", "ERR_REQUIRE_ASYNC_MODULE"].includes(error?.code)) throw error;
  }
  return import(pathToFileURL(file));
}

function refuseWithoutSdk(error, folder) {
  if (/Cannot find (?:module|package) '@azure\/functions'/.test(error?.message)) {
    throw new AppError(`the app needs the package @azure/functions, which is not installed: run npm install in ${folder}`, EX_CONFIG);
  }
}
