/**
 * The history of a run: one JSON line for everything that was asked and answered, and for everything that was done to the system.
 *
 * Times are whole microseconds of one clock in the process that runs the chaos, no two the same, so that "ended before the other began" is
 * exact. `to` null: no answer came, or one that says that nobody knows.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';

export type Value = string | null;
export type WriteKind = 'CREATE' | 'CHANGE' | 'REMOVE';

export interface WriteLine {
  readonly is: 'write';
  readonly kind: WriteKind;
  readonly key: string;
  readonly from: number;
  readonly to: number | null;
  /** What it was told that it had found; absent: it was told nothing of it. */
  readonly before?: Value;
  readonly after: Value;
  readonly via: number;
}

/** A write that was answered with an error that says that nothing was written. */
export interface FailedWriteLine extends Omit<WriteLine, 'is' | 'to' | 'before'> {
  readonly is: 'failed write';
  readonly to: number;
  readonly code: string;
}

export interface ReadLine {
  readonly is: 'read';
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly value: Value;
  /** `refusal`: what a write that was refused was shown. */
  readonly how: 'key' | 'refusal' | 'final';
  readonly via: number;
}

/** A page tells of every key of its event from `first` to `last` whether it is there; null: from the start, to the end. */
export interface ListLine {
  readonly is: 'list';
  readonly of: string;
  readonly from: number;
  readonly to: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly found: readonly (readonly [key: string, value: string])[];
  readonly via: number;
}

export interface CountLine {
  readonly is: 'count';
  readonly of: string;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly via: number;
}

/** What one operation was told at its two ends of what it takes to take part. */
export interface AcceptsLine {
  readonly is: 'accepts';
  readonly from: number;
  readonly to: number;
  readonly first: string;
  readonly second: string;
  readonly via: number;
}

/** A request that got an error; `code` LOST: its connection broke or it was given up. */
export interface ErrorLine {
  readonly is: 'error';
  readonly what: string;
  readonly from: number;
  readonly to: number;
  readonly code: string;
  readonly via: number;
}

/** From before it was asked for until it was known to have settled, or to have been cancelled. */
export interface SwitchLine {
  readonly is: 'switch';
  readonly from: number;
  readonly to: number;
  readonly place: string;
  readonly arrived: string;
  readonly pauseMs: number | null;
}

/** `on`: an instance's number, or what all of them share. */
export interface FaultLine {
  readonly is: 'fault';
  readonly kind: string;
  readonly on: number | 'all';
  readonly from: number;
  readonly to: number;
}

export interface ViolationLine {
  readonly is: 'violation';
  readonly what: string;
}

export interface StartLine {
  readonly is: 'start';
  readonly seed: number;
  readonly instances: number;
  /** Keys that clients write, in byte order; an event's name stands before a slash. */
  readonly keys: readonly string[];
  /** Rows of each event that nobody writes. */
  readonly untouched: Readonly<Record<string, number>>;
  /** How long after a fault requests may still fail of it, microseconds. */
  readonly graceUs: number;
}

export type Line =
  | StartLine
  | WriteLine
  | FailedWriteLine
  | ReadLine
  | ListLine
  | CountLine
  | AcceptsLine
  | ErrorLine
  | SwitchLine
  | FaultLine
  | ViolationLine;

export class Recorder {
  readonly file: string;
  readonly #stream: WriteStream;
  readonly #began = performance.now();
  #now = 0;

  constructor(file: string) {
    this.file = file;
    this.#stream = createWriteStream(file);
  }

  tick(): number {
    this.#now = Math.max(this.#now + 1, Math.floor((performance.now() - this.#began) * 1000));
    return this.#now;
  }

  write(line: Line): void {
    this.#stream.write(`${JSON.stringify(line)}\n`);
  }

  async end(): Promise<void> {
    this.#stream.end();
    await once(this.#stream, 'close');
  }
}
