// run(): a worker's life from the inherited socket to its exit status.

import fs from "node:fs";

import { Channel } from "./channel.mjs";
import { Loop } from "./loop.mjs";
import { Dismissed, Session } from "./session.mjs";
import * as wire from "./wire.mjs";

export const [EX_OK, EX_USAGE, EX_UNAVAILABLE, EX_SOFTWARE, EX_CONFIG] = [0, 64, 69, 70, 78];
export const DEFAULTS = { concurrency: 256, creditRecords: 65536, creditBytes: 64 << 20 };

const WORKER = Symbol.for("triggerd.worker"); // of the running worker, {send}; shared by all copies of this package
const LEVELS = ["debug", "info", "warn", "error"];
// What may be active without a thread of libuv's pool being busy.
const IDLE = new RegExp("Timeout|Immediate|TickObject|SocketWrap|ServerWrap|PipeWrap|TTYWrap|SignalWrap|ProcessWrap|UDP"
  + "|MessagePort|Worker|WriteWrap|Shutdown", "i");

export async function run(handler, options = {}) {
  const settings = { ...DEFAULTS, ...options };
  for (const name of Object.keys(DEFAULTS)) {
    const most = name === "concurrency" ? 65536 : Number.MAX_SAFE_INTEGER;
    if (!Number.isInteger(settings[name]) || settings[name] < 1 || settings[name] > most) {
      throw new RangeError(`${name} must be a whole number from 1 to ${most}`);
    }
  }
  const complaint = complaintAbout(handler);
  if (complaint !== null) return say(complaint, EX_CONFIG);
  return serve(settings, () => (argument) => handler(argument)); // a user's gets nothing else
}

/**
 * A worker's life. handlerFor(welcome, send): the handler, once the daemon has said what it is for; it may throw a
 * Refused. azure: as PROTOCOL.md says of azure mode. Resolves to the exit status.
 */
export async function serve({ concurrency, creditRecords, creditBytes, azure = false }, handlerFor) {
  const fd = inheritedSocket();
  if (fd === null) return EX_USAGE;
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {}); // a print never fails
  return new Promise((done) => {
    let loop = null;
    let over = false;
    let channel = null;
    const send = (data) => channel.send(data);
    const end = (status, ...frames) => {
      if (over) return;
      over = true;
      loop?.stop();
      delete globalThis[WORKER];
      frames.forEach(send);
      channel.close().then(() => done(status));
    };
    const failed = (error) => {
      if (error instanceof wire.Malformed) {
        end(say(`the daemon broke the protocol: ${error.message}`, EX_SOFTWARE), wire.bye("protocol_error", error.message));
      } else if (error instanceof Dismissed) {
        end(error.code === "shutdown" ? EX_OK : say(`the daemon ended the session: ${error.message}`, EX_SOFTWARE));
      } else if (error instanceof Refused) {
        end(say(error.message, error.status), wire.bye(error.code, error.message));
      } else {
        process.stderr.write(`${error.stack ?? error}\n`);
        end(EX_SOFTWARE, wire.bye("internal_error", String(error)));
      }
    };
    const session = new Session(send, { azure });
    channel = new Channel(fd, {
      onFrame: (header, payload) => {
        if (!over) session.take(header, payload);
      },
      onRead: () => {
        if (over || session.welcome === null) return;
        loop ??= new Loop(session, handlerFor(session.welcome, send), concurrency, {
          onEnd: () => end(EX_OK, wire.bye("drained", "")),
          onError: failed,
        });
        loop.wake();
      },
      onEnd: () => {
        if (!over) leaveNow(EX_UNAVAILABLE);
      },
      onError: failed,
    });
    process.on("SIGTERM", () => {
      if (loop === null) end(EX_OK);
      else if (!over) {
        session.drain();
        loop.wake();
      }
    });
    process.on("SIGINT", () => {}); // the daemon's affair
    globalThis[WORKER] = { send };
    send(wire.hello(concurrency, creditRecords, creditBytes, `node/${wire.VERSION}`, process.pid, azure ? ["azure"] : []));
  });
}

/** This worker cannot serve what the daemon's Welcome says: Bye `code`, and the process's exit status. */
export class Refused extends Error {
  constructor(code, message, status = EX_SOFTWARE) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function log(message, level = "info") {
  if (!LEVELS.includes(level)) throw new RangeError(`unknown level ${level}`);
  const worker = globalThis[WORKER];
  if (worker === undefined) process.stderr.write(`${level}: ${message}\n`);
  else worker.send(wire.log(level, String(message)));
}

/** What is wrong with it, or null. */
export function complaintAbout(handler) {
  if (typeof handler !== "function") return "the handler is not a function";
  const kind = Object.prototype.toString.call(handler);
  if (kind.includes("Generator")) return "the handler is a generator: it would never run; remove its yield";
  if (/^class\b/.test(Function.prototype.toString.call(handler))) return "the handler is a class, not a function";
  if (handler.length > 1) return "the handler must take one argument, the record or the batch";
  return null;
}

export function say(what, status) {
  process.stderr.write(`triggerd: ${what}\n`);
  return status;
}

// The socket named by TRIGGERD_FD, or null after saying what is wrong. Node has closed it to child processes.
function inheritedSocket() {
  const number = process.env.TRIGGERD_FD;
  delete process.env.TRIGGERD_FD;
  if (number === undefined) {
    say("this is a worker: triggerd starts it (worker.command in the fleet file), there is no TRIGGERD_FD", EX_USAGE);
    return null;
  }
  try {
    if (/^\d+$/.test(number) && fs.fstatSync(Number(number)).isSocket()) return Number(number);
  } catch {
    // said below
  }
  say(`TRIGGERD_FD=${number} is not a connected socket`, EX_USAGE);
  return null;
}

// Nothing is waited for: the daemon will deliver what was running to somebody else. process.exit() joins the threads of
// libuv's pool, which a call may hold up for ever; nobody is left to look at the status then.
function leaveNow(status) {
  const busy = process.getActiveResourcesInfo?.().some((name) => !IDLE.test(name));
  if (busy) process.kill(process.pid, "SIGKILL");
  process.exit(status);
}
