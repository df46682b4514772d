// What an app's programming model expects of a worker: the module `@azure/functions-core`, which is nowhere to be installed from,
// with the functions, hooks and the model that an app registers.

import Module from "node:module";

import * as wire from "../lib/wire.mjs";

const NAME = "@azure/functions-core";
const LEVELS = { trace: "debug", debug: "debug", information: "info", warning: "warn", error: "error", critical: "error", none: "debug" };
const HOOKS = ["appStart", "appTerminate", "preInvocation", "postInvocation", "log"];

class Disposable {
  #dispose;

  constructor(dispose) {
    this.#dispose = dispose;
  }

  static from(...all) {
    return new Disposable(() => all.forEach((one) => one.dispose()));
  }

  dispose() {
    this.#dispose?.();
    this.#dispose = undefined;
  }
}

class HookContext {
  #hookData;
  #appHookData;

  constructor(hookData, appHookData) {
    this.#hookData = hookData;
    this.#appHookData = appHookData;
  }

  get hookData() { return this.#hookData; }
  set hookData(_) { throw new Error("Cannot assign to read only property 'hookData'"); }
  get appHookData() { return this.#appHookData; }
  set appHookData(_) { throw new Error("Cannot assign to read only property 'appHookData'"); }
}

/** One app, as it registers itself. functions: name to {name, bindings (by name), retryOptions, callback, scriptFile}. */
export class Core {
  #hooks = new Map(HOOKS.map((name) => [name, []]));

  constructor() {
    this.functions = new Map();
    this.model = null;
    this.appHookData = {}; // shared by all hooks
    this.appOnlyHookData = {}; // by those of the app's own life
    this.loading = null; // the file that is being loaded
    this.started = false;
    this.send = null; // to the daemon, once there is one
  }

  /** Gives the app this module. Once per process. */
  install() {
    const api = this.#api();
    const { require } = Module.prototype;
    Module.prototype.require = function requireOrCore(id) {
      return id === NAME ? api : require.call(this, id);
    };
  }

  /** Runs the hooks of this name, in their order; what one throws comes through. */
  async run(name, context) {
    const hooks = this.#hooks.get(name);
    for (const callback of hooks.length > 0 ? [...hooks] : hooks) await callback(context);
  }

  /** A hook's context: `own` and what all have. hookData is for the hooks of one invocation, or of the app's life. */
  hookContext(hookData, own) {
    return Object.assign(new HookContext(hookData, this.appHookData), own);
  }

  /** One line for the daemon's log; hooks may change it. about: {hookData, context, invocation, function}. */
  log(level, category, message, about = {}) {
    const hooks = this.#hooks.get("log");
    let line = { level, message };
    if (hooks.length > 0) {
      line = this.hookContext(about.hookData ?? this.appOnlyHookData,
        { level, message, category, invocationContext: about.context });
      for (const callback of hooks) callback(line);
    }
    if (category === "system" && LEVELS[line.level] === "debug") return; // the SDK's talk to the worker
    if (this.send === null) {
      process.stderr.write(`${LEVELS[line.level] ?? "info"}: ${line.message}\n`);
      return;
    }
    const { invocation, function: name } = about;
    this.send(wire.log(LEVELS[line.level] ?? "info", String(line.message), { invocation, function: name }));
  }

  #api() {
    const core = this;
    return {
      version: "3.13.0", // of the original's worker whose interface this is
      hostVersion: "4.1037.0",
      registerFunction: (metadata, callback) => this.#register(metadata, callback),
      registerHook: (name, callback) => {
        if (!this.#hooks.has(name)) throw new RangeError(`Unrecognized hook "${name}"`);
        this.#hooks.get(name).push(callback);
        return new Disposable(() => {
          const list = this.#hooks.get(name);
          if (list.includes(callback)) list.splice(list.indexOf(callback), 1);
        });
      },
      setProgrammingModel: (model) => {
        this.model = model;
      },
      getProgrammingModel: () => this.model,
      log: (level, category, message) => core.log(level, category, message),
      Disposable,
    };
  }

  #register(metadata, callback) {
    if (this.started) throw new Error("A function can only be registered during app startup.");
    const name = metadata.name ?? metadata.functionId;
    if (typeof name !== "string" || name === "") throw new TypeError("A function has no name.");
    if (typeof callback !== "function") throw new TypeError(`The handler of function "${name}" is not a function.`);
    if (this.functions.has(name)) throw new Error(`A function with name "${name}" has already been registered.`);
    this.functions.set(name, { ...metadata, name, callback, scriptFile: this.loading });
    return new Disposable(() => this.functions.delete(name));
  }
}
