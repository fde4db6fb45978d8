/**
 * The port to a queue of jobs that processes share: which of them does which piece of background work, and who takes a piece over.
 *
 * A piece is no more than a name: what it has done is known by the stores' checkpoints, the journal's debts and the verification's position,
 * all of them fenced, so that a piece may be lost, done twice, or go on in a process that everybody took for dead. Where there is no queue
 * (an embedded control store, which one process uses alone) or it is not up, the same steps are taken by each process for itself.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { CrossfadeError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { StepResult } from './context.ts';

/** Part `part` of `parts` of a job, from 0. */
export interface Piece {
  readonly job: string;
  readonly part: number;
  readonly parts: number;
}

/**
 * DONE: nothing is left of the piece now; MORE: it is to be taken up again at once, by whoever is free. `keep`: this process is still at it,
 * said now and then of a piece that is not put back for long; false: it was given to another.
 */
export type Work = (piece: Piece, signal: AbortSignal, keep: () => Promise<boolean>) => Promise<'DONE' | 'MORE'>;

export interface JobQueue {
  /** Begins to take pieces, in the background and again whenever the queue was away. `work` throws: the queue tries again later. */
  start(work: Work): void;
  /** Does the queue answer, as far as this process knows? */
  up(): boolean;
  /** Sees to it that these pieces wait or are worked on; nothing changes for those that do. Lower `turn`s are taken first. */
  offer(pieces: readonly Piece[], turn: number): Promise<void>;
  /** Gives free what is held by processes that are gone: nobody who is alive holds a piece for longer than a slice and a step, or keeps it. */
  reclaim(): Promise<void>;
  /** Returns when no piece is worked on here any more. */
  stop(): Promise<void>;
}

export type OpenQueue = (context: {
  /** Which pieces belong together: no other deployment's or dataset's are taken. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
}) => JobQueue;

/** For how long one process works on a piece before it puts it back, milliseconds. */
export const SLICE_MS = 1000;
/** A piece that is held for longer, and was not kept, belongs to a process that is gone, or to a step that hangs: it is given to another, milliseconds. */
export const HELD_MS = 3000;
const FIRST_BACKOFF_MS = 25;
const LONGEST_BACKOFF_MS = 500;

/**
 * Takes steps for one slice, or, of a piece that is `WHOLE`, for as long as it gets on; waits a little longer each time while it cannot go on.
 * Throws what is no device's absence.
 */
export async function slice(
  step: (signal: AbortSignal) => Promise<StepResult>,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
  how: 'SLICED' | 'WHOLE' = 'SLICED',
): Promise<'DONE' | 'MORE'> {
  let until = clock.monotonic() + SLICE_MS;
  let backoff = FIRST_BACKOFF_MS;
  while (!signal.aborted && clock.monotonic() < until) {
    const { kind } = await step(signal).catch((error: unknown): StepResult => {
      if (!(error instanceof CrossfadeError) || error.code === 'INTERNAL') throw error;
      log.debug({ err: error }, 'a piece of work waits');
      return { kind: 'BLOCKED', why: error.message };
    });
    if (kind === 'IDLE') return 'DONE';
    if (kind === 'PROGRESSED') {
      backoff = FIRST_BACKOFF_MS;
      if (how === 'WHOLE') until = clock.monotonic() + SLICE_MS;
      // An embedded store has held up requests for as long as the step took.
      await nextTurn();
    } else {
      await clock.delay(backoff, signal);
      backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS);
    }
  }
  return 'MORE';
}

/** The bounds of a part when `count` things are shared out evenly: from the first, up to but without the second. */
export function shareOf({ part, parts }: Piece, count: number): { readonly from: number; readonly below: number } {
  return { from: Math.floor((part * count) / parts), below: Math.floor(((part + 1) * count) / parts) };
}

/** All parts of a job. */
export function partsOf(job: string, parts: number): readonly Piece[] {
  return Array.from({ length: parts }, (_, part) => ({ job, part, parts }));
}
