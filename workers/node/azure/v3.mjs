// The programming model of function.json apps: module.exports = async (context, event), or with context.done().
// It has the shape of the v4 SDK's own model, so that both are invoked alike (invoke.mjs).

import { format } from "node:util";

import { camelCased } from "./facts.mjs";

/** The model, for Core.model. */
export const v3Model = { name: "function.json", version: "3", getInvocationModel: (core) => new Invocation(core) };

class Invocation {
  #core;
  #done = false;
  #promised = false;
  #finish;
  #finished = new Promise((resolve, reject) => {
    this.#finish = { resolve, reject };
  });

  constructor(core) {
    this.#core = core;
    this.#finished.catch(() => {}); // where a promise of the function's ends before
  }

  getArguments() {
    const { invocationId, metadata, request } = this.#core;
    const inputs = request.inputData.map(({ data }) => inputOf(data));
    const log = (level) => (...args) => this.#log(level, args);
    const context = {
      invocationId,
      executionContext: {
        invocationId, functionName: metadata.name, functionDirectory: metadata.directory, retryContext: request.retryContext,
      },
      bindings: Object.fromEntries(request.inputData.map(({ name }, index) => [name, inputs[index]])),
      bindingDefinitions: Object.entries(metadata.bindings).map(([name, { type, direction }]) => ({ name, type, direction })),
      traceContext: {
        traceparent: request.traceContext.traceParent, tracestate: request.traceContext.traceState, attributes: {},
      },
      log: Object.assign(log("information"), {
        error: log("error"), warn: log("warning"), info: log("information"), verbose: log("trace"),
      }),
      done: (error, result) => {
        this.#onDone();
        if (error) this.#finish.reject(error instanceof Error ? error : new Error(String(error)));
        else this.#finish.resolve(result);
      },
    };
    lazily(context, "bindingData", () => ({ invocationId, ...camelCased(request.plainMetadata(), false) }));
    return { context, inputs };
  }

  async invokeFunction(context, inputs, callback) {
    try {
      const result = callback(context, ...inputs);
      if (result === null || result === undefined || typeof result.then !== "function") return await this.#finished;
      this.#promised = true;
      return await Promise.race([Promise.resolve(result).then((value) => {
        this.#onDone();
        return value;
      }), this.#finished]);
    } finally {
      this.#done = true;
    }
  }

  getResponse(context, result) {
    const outputs = Object.entries(this.#core.metadata.bindings).filter(([, { direction }]) => /^out$/i.test(direction ?? ""));
    const returned = outputs.some(([name]) => name === "$return");
    const response = { outputData: [], returnValue: returned && result ? typed(result) : undefined };
    for (const [name] of outputs) {
      if (name === "$return") continue;
      // What is returned by name goes before what context.bindings has.
      const own = !returned && result !== null && typeof result === "object" ? result[name] : undefined;
      const value = own !== undefined ? own : context.bindings[name];
      if (value !== undefined) response.outputData.push({ name, data: typed(value) });
    }
    return response;
  }

  #onDone() {
    if (this.#done) {
      this.#core.log("error", "user", this.#promised ? "Error: the function returned a promise and called 'done': do one of the two."
        : "Error: the function called 'done' more than once.");
    }
    this.#done = true;
  }

  #log(level, args) {
    if (this.#done && this.#core.state !== "postInvocationHooks") {
      this.#core.log("warning", "user", "Warning: 'log' was called after the function's end: is there a call that is not awaited? "
        + `Function name: ${this.#core.metadata.name}. Invocation Id: ${this.#core.invocationId}.`);
    }
    this.#core.log(level, "user", format(...args));
  }
}

/** A property that is made when it is first read, and may be set. */
export function lazily(object, name, make) {
  const define = (value) => Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  Object.defineProperty(object, name, {
    configurable: true, enumerable: true, set: define,
    get() {
      const value = make();
      define(value);
      return value;
    },
  });
}

// A single text is parsed where it is JSON; the texts of a batch stay text, as this model has always had them.
function inputOf(data) {
  if (data.string !== undefined) {
    try {
      return JSON.parse(data.string);
    } catch {
      return data.string;
    }
  }
  return data.collectionString?.string ?? data.collectionBytes?.bytes ?? data.bytes;
}

function typed(value) {
  if (value === null || value === undefined) return value;
  if (typeof value === "string") return { string: value };
  if (ArrayBuffer.isView(value)) return { bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
  if (typeof value === "number") return Number.isInteger(value) ? { int: value } : { double: value };
  return { json: JSON.stringify(value) };
}
