/**
 * The copy as one piece of the queue: whichever process gets it copies for as long as it gets on, and keeps the piece meanwhile, with what it
 * has read ahead and learned of its pace. When that process is gone or stands still, the queue gives the piece to another, which goes
 * on at the checkpoint. Without a queue, or while it is away, the process that has the claim copies.
 *
 * Which of them copies is a matter of double work alone: the fence and the checkpoint decide whose batch counts.
 */
import type { JobContext, StepResult } from './context.ts';
import { copyDue, copyStep, type CopyState } from './copy.ts';
import { slice, type JobQueue } from './queue.ts';
import { IDLE } from './steps.ts';

/** Behind what a switch may wait for, before what nobody waits for. */
const TURN = 5;
const JOB = /^copy (\d+)$/;

export class SharedCopy {
  readonly #ctx: JobContext;
  readonly #queue: JobQueue | null;
  readonly #state: CopyState;
  /** A step is taken here: what is remembered between steps is for one at a time. */
  #busy = false;

  constructor(ctx: JobContext, queue: JobQueue | null, state: CopyState) {
    this.#ctx = ctx;
    this.#queue = queue;
    this.#state = state;
  }

  /** The loop of copy: it offers the piece, or copies here. */
  async step(signal: AbortSignal): Promise<StepResult> {
    if (this.#busy) return IDLE;
    if (!this.#queue?.up()) return this.#alone(() => copyStep(this.#ctx, this.#state, signal));
    // It may have copied here until now.
    await this.#alone(() => this.#state.bulk.close());
    await this.#state.claim.release();
    const due = await copyDue(this.#ctx, this.#state);
    if ('kind' in due) return due;
    await this.#queue.offer([{ job: `copy ${due.checkpoint.epoch}`, part: 0, parts: 1 }], TURN);
    return IDLE;
  }

  /** The epoch of the copy that a job of this name is about; null: of none. */
  epochOf(job: string): number | null {
    const [, epoch] = JOB.exec(job) ?? [];
    return epoch === undefined ? null : Number(epoch);
  }

  /** What a process does with the piece that it got. */
  async work(epoch: number, signal: AbortSignal, keep: () => Promise<boolean>): Promise<'DONE' | 'MORE'> {
    if (this.#busy) return 'DONE';
    const ctx = this.#ctx;
    const state = { ...this.#state, claim: { hold: keep, release: () => Promise.resolve() } };
    const step = async (): Promise<StepResult> =>
      (await ctx.record()).epoch === epoch ? copyStep(ctx, state, signal) : IDLE;
    return this.#alone(() => slice(step, ctx, signal, 'WHOLE').finally(() => state.bulk.close()));
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}
