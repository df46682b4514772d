// One invocation of an app's function: its arguments, its hooks, its outputs. Models v3 and v4 alike.

import { randomUUID } from "node:crypto";

import { BatchError, DeadLetter, named } from "../lib/failure.mjs";
import { isSet } from "../lib/columns.mjs";
import { Facts, camelCased, metadataOfAll } from "./facts.mjs";
import { emit, outputsOf } from "./outputs.mjs";
import { lazily } from "./v3.mjs";

const REMEMBERED = 1000; // failures of attempts, for the next one's retry context

/**
 * The handler for lib/loop.mjs. core: the app; registered: {name, bindings, callback, directory}; welcome: of azure mode;
 * send: writes a frame.
 */
export function handlerOf(core, registered, welcome, send) {
  const many = welcome.cardinality === "many";
  const asText = welcome.dataType === "string";
  const failures = new Map(); // first record: what the last attempt with it threw
  const trigger = Object.entries(registered.bindings).find(([, { type }]) => /^kafkaTrigger$/i.test(type ?? ""))[0];

  /** places: [{delivery, index in its frame}] of the records the function is called with. */
  async function invoke(places) {
    const facts = [];
    const factsOf = (at) => facts[at] ??= new Facts(places[at].delivery.columns, places[at].index, asText, welcome.keyDataType);
    const first = places[0].delivery.columns;
    const name = `${first.topic}/${first.partition}@${first.offset(places[0].index)}`;
    const attempt = places.reduce((most, { delivery }) => Math.max(most, delivery.columns.attempt), 0);
    const values = places.map(({ delivery, index }) => {
      const value = delivery.columns.value(index);
      return asText ? value.toString("utf8") : Buffer.from(value ?? "");
    });
    const plainMetadata = () => ({
      sys: { MethodName: registered.name, UtcNow: new Date().toISOString(), RandGuid: randomUUID() },
      ...(many ? metadataOfAll(places.map((_, at) => factsOf(at))) : factsOf(0).metadata()),
    });
    const request = {
      inputData: [{ name: trigger, data: inputOf(values, many, asText) }],
      triggerMetadata: null, // made when it is asked for, below
      plainMetadata,
      traceContext: many || (asText && !values[0].includes("traceparent")) ? {} : factsOf(0).trace(), // rarely read the value for it
      retryContext: {
        retryCount: attempt - 1, maxRetryCount: welcome.maxRetryCount, exception: attempt > 1 ? failures.get(name) : undefined,
      },
    };
    try {
      const outputs = outputsOf(await run(request), welcome.outputs);
      failures.delete(name);
      return outputs;
    } catch (error) {
      if (failures.size >= REMEMBERED) failures.delete(failures.keys().next().value);
      failures.set(name, { message: named(error), source: registered.name, stackTrace: error?.stack ?? "" });
      throw error;
    }
  }

  async function run(request) {
    const hookData = {};
    const about = { hookData, context: undefined, invocation: randomUUID(), function: registered.name };
    const coreContext = {
      invocationId: about.invocation, request, metadata: registered, state: undefined,
      log: (level, category, message) => core.log(level, category, message, about),
    };
    const model = await core.model.getInvocationModel(coreContext);
    const { context, inputs } = await model.getArguments();
    about.context = context;
    if ("triggerMetadata" in context) lazily(context, "triggerMetadata", () => camelCased(request.plainMetadata(), true));
    const before = core.hookContext(hookData, { functionCallback: registered.callback, inputs, invocationContext: context });
    coreContext.state = "preInvocationHooks";
    await core.run("preInvocation", before);
    const after = core.hookContext(hookData, { inputs: before.inputs, result: null, error: null, invocationContext: context });
    coreContext.state = "invocation";
    try {
      after.result = await model.invokeFunction(context, before.inputs, before.functionCallback);
    } catch (error) {
      after.error = error ?? new Error("the function threw nothing");
    }
    coreContext.state = "postInvocationHooks";
    await core.run("postInvocation", after);
    coreContext.state = undefined;
    if (after.error) throw after.error;
    return model.getResponse(context, after.result);
  }

  async function one(record, [delivery], index) {
    const text = unreadable(delivery.columns, index);
    if (text !== null) throw new DeadLetter(text);
    const outputs = await invoke([{ delivery, index }]);
    if (outputs.length > 0) send(emit(delivery.answers.id, index, index, outputs));
  }

  async function batch(records, deliveries) {
    const places = [];
    const errors = new Map(); // by place in the batch
    const readable = []; // their places in the batch
    let place = 0;
    for (const delivery of deliveries) {
      for (let at = 0; at < delivery.part.length; ++at, ++place) {
        const index = delivery.part.frameIndex(at);
        const text = unreadable(delivery.columns, index);
        if (text !== null) {
          errors.set(place, new DeadLetter(text));
        } else {
          readable.push(place);
          places.push({ delivery, index });
        }
      }
    }
    if (places.length > 0) {
      try {
        const outputs = await invoke(places);
        const { delivery, index } = places[places.length - 1];
        if (outputs.length > 0) send(emit(delivery.answers.id, index, index, outputs));
      } catch (error) {
        if (errors.size === 0) throw error;
        core.log("error", "user", error?.stack ?? String(error), { function: registered.name });
        for (const at of readable) errors.set(at, named(error));
      }
    }
    if (errors.size > 0) throw new BatchError(errors);
  }
  return many ? batch : one;
}

function inputOf(values, many, asText) {
  if (!many) return asText ? { string: values[0] } : { bytes: values[0] };
  return asText ? { collectionString: { string: values } } : { collectionBytes: { bytes: values } };
}

// Why the record cannot be presented, or null.
function unreadable(columns, index) {
  if (columns.unreadable === null || !isSet(columns.unreadable, index)) return null;
  return columns.value(index)?.toString("utf8") || "the record cannot be presented";
}
