/// <reference types="node" />

/** One Kafka record. Everything is decoded when it is read. */
export class Record {
  private constructor();
  /** Text (dataType string) or bytes (binary); null for a tombstone, which is not an empty value. Throws NotText. */
  readonly value: string | Buffer | null;
  /** Text or bytes as the value is; null where there is none. Throws NotText. */
  readonly key: string | Buffer | null;
  /** The value's bytes, whatever the dataType: a slice of the memory the frame came in; copy it to keep it for long. */
  readonly raw: Buffer | null;
  /** The key's bytes, likewise. */
  readonly rawKey: Buffer | null;
  /** The value as text, whatever the dataType; null for a tombstone. Throws NotText. */
  readonly text: string | null;
  /** The value parsed as JSON; null for a tombstone. Throws NotText or a SyntaxError. */
  json<T = any>(): T;
  /** Name and value, in the producer's order; names may repeat. */
  readonly headers: [name: string, value: Buffer | null][];
  /** The value of the last header of this name; undefined where there is none. */
  header(name: string): Buffer | null | undefined;
  readonly topic: string;
  readonly partition: number;
  /** Exact up to 2^53. */
  readonly offset: number;
  /** Milliseconds since 1970 in UTC, or null. */
  readonly timestamp: number | null;
  /** 1 for a first delivery, one more for each attempt that failed. */
  readonly attempt: number;
  /** Aborted when the attempt has taken longer than `worker.timeout`. */
  readonly signal: AbortSignal;
}

/** The columns of a Batch or of one of its Parts: arrays in the records' order, each made when it is first read. */
export interface Columns extends Iterable<Record> {
  readonly length: number;
  /** The record at `index`, from the end where negative; undefined where there is none. */
  at(index: number): Record | undefined;
  readonly values: (string | Buffer | null)[];
  readonly keys: (string | Buffer | null)[];
  readonly rawValues: (Buffer | null)[];
  readonly rawKeys: (Buffer | null)[];
  readonly offsets: number[];
  readonly timestamps: (number | null)[];
  readonly headers: [name: string, value: Buffer | null][][];
  /** Of a Batch: the highest of its parts'. */
  readonly attempt: number;
}

/** Consecutive records of one partition. */
export interface Part extends Columns {}
export class Part {
  private constructor();
  readonly topic: string;
  readonly partition: number;
}

/** The records of one invocation, from one or several partitions. */
export interface Batch extends Columns {}
export class Batch {
  private constructor();
  /** One per partition's stretch; the columns are theirs, one after the other. */
  readonly parts: Part[];
  /** Aborted when the attempt has taken longer than `worker.timeout`. */
  readonly signal: AbortSignal;
}

/** A key or value is not UTF-8 though the trigger's dataType is string. */
export class NotText extends Error {}

/** Text or an error, for people: the daemon's log, a dead letter's headers. At most 4 KiB of UTF-8, the rest is cut. */
export type Reason = string | Error;

/** Throw it to have the attempt count as failed without a stack trace. */
export class Retry extends Error {
  /** after: seconds to wait at least before the next attempt, 0 to 49 days; without it the trigger's `retry` decides. */
  constructor(reason?: Reason, options?: { after?: number });
  constructor(options: { after?: number; reason?: Reason });
  readonly after: number | null;
}

/** Throw it for a record that no further attempt will help: `onFailure` says what becomes of it, at once. */
export class DeadLetter extends Error {
  constructor(reason?: Reason);
}

/** Throw it for a record that nobody needs: it is settled, and counted as dropped. */
export class Drop extends Error {
  constructor(reason?: Reason);
}

/**
 * Throw it from a batch handler of which some records failed: the others are ok. By their index in the Batch, at least one.
 * Text is a retry for that reason. An index that the batch does not have fails the attempt as a whole.
 */
export class BatchError extends Error {
  constructor(errors: Map<number, Error | string> | { [index: number]: Error | string });
  readonly errors: Map<number, Error | string>;
}

export type Handler = ((record: Record) => unknown) | ((batch: Batch) => unknown);

export interface Options {
  /** Records or batches at once, as far as the handler returns promises: 1 to 65536, default 256. */
  concurrency?: number;
  /** The most records waiting in this process: at least 1, default 65536. */
  creditRecords?: number;
  /** The most bytes of their keys, values and headers: at least 1, default 64 MiB. */
  creditBytes?: number;
}

/**
 * Serves records to `handler` until the daemon says stop; resolves to the exit status. Where the daemon is gone the
 * process ends at once. Once per process. Throws a RangeError for bad options.
 */
export function run(handler: Handler, options?: Options): Promise<number>;

/** One line in the daemon's log. Outside a worker: on stderr. */
export function log(message: unknown, level?: "debug" | "info" | "warn" | "error"): void;

export const version: string;
