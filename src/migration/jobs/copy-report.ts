/** The copy's part of the story that the log tells: begun or gone on with, how far now and then, complete. By the instance that copies. */
import type { Checkpoint } from '../stores/store.ts';
import type { JobContext } from './context.ts';
import type { Meter } from './meter.ts';

/** How often the copy says how far it is. */
const REPORT_MS = 30_000;

export class CopyReport {
  readonly #ctx: JobContext;
  readonly #meter: Meter;
  /** The epoch of the copy that this instance works at. */
  #epoch: number | null = null;
  #loggedAt = -Infinity;

  constructor(ctx: JobContext, meter: Meter) {
    this.#ctx = ctx;
    this.#meter = meter;
  }

  /** A batch is to be copied from here. */
  working(checkpoint: Checkpoint): void {
    const begins = checkpoint.epoch !== this.#epoch;
    const now = this.#ctx.clock.monotonic();
    if (!begins && now - this.#loggedAt < REPORT_MS) return;
    this.#epoch = checkpoint.epoch;
    this.#loggedAt = now;
    const { total } = checkpoint;
    if (begins && checkpoint.after === null)
      this.#ctx.log.info({ dataset: this.#ctx.dataset.name, total }, 'the copy has begun');
    else this.#say(checkpoint, 'the copy goes on');
  }

  complete(checkpoint: Checkpoint): void {
    if (checkpoint.epoch !== this.#epoch) return;
    this.#epoch = null;
    this.#say(checkpoint, 'the copy is complete');
  }

  #say({ total, copied, quarantined }: Checkpoint, message: string): void {
    const rowsPerSecond = Math.round(this.#meter.rate());
    const facts = { dataset: this.#ctx.dataset.name, total, copied, quarantined, rowsPerSecond };
    if (quarantined > 0) this.#ctx.log.warn(facts, message);
    else this.#ctx.log.info(facts, message);
  }
}
