/**
 * The copy between stores that stream: one transaction a batch as everywhere, but the batch is large, and its rows are written while
 * those behind them are still being read and mapped.
 *
 * A batch that the new store undoes is gone over again in small ones, which settle row by row; then it goes on in streams.
 */
import { digestOf } from '../digest.ts';
import { compareKeys } from '../key.ts';
import type { Checkpoint, CopyPart, StoreWriter } from '../stores/store.ts';
import type { JobContext } from './context.ts';
import { mapBatch } from './mapping.ts';
import type { RateLimit } from './meter.ts';
import { Source } from './source.ts';
import { copies } from './steps.ts';
import { Throttle } from './throttle.ts';

export interface BulkLimits {
  /** Rows of a batch: the first one, one at least, one at most. */
  readonly start: number;
  readonly least: number;
  readonly most: number;
  /** A batch ends after this time, milliseconds: a switch may wait for it. */
  readonly longestMs: number;
  /** What is quarantined is kept in memory until the batch ends. */
  readonly quarantined: number;
}

const LIMITS: BulkLimits = { start: 25_000, least: 1000, most: 200_000, longestMs: 1000, quarantined: 1000 };
/** Below this rate, rows a second, small batches are smoother. */
const SLOW_RATE = 10_000;
/** How often a running batch asks whether it is still wanted, milliseconds. */
const ASK_EVERY_MS = 100;

export interface BulkBatch {
  readonly outcome: 'COPIED' | 'MOVED' | 'FENCED' | 'UNDONE';
  readonly rows: number;
}

export class Bulk {
  readonly #ctx: JobContext;
  readonly #limits: BulkLimits;
  readonly #throttle: Throttle;
  #size: number;
  #source: Source | null = null;
  /** Up to this key rows are copied the slow way. */
  #settleUpTo: string | null = null;

  constructor(ctx: JobContext, limits: Partial<BulkLimits> = {}) {
    this.#ctx = ctx;
    this.#limits = { ...LIMITS, ...limits };
    this.#size = this.#limits.start;
    const stores = [ctx.stores.OLD, ctx.stores.NEW];
    this.#throttle = new Throttle({ clock: ctx.clock, stores, served: ctx.served });
  }

  /** Is this the way to copy what comes now? */
  fits({ after }: Checkpoint, rateLimit: number | null): boolean {
    if (!this.#ctx.stores.NEW.writer.copyStream) return false;
    if (rateLimit !== null && rateLimit < SLOW_RATE) return false;
    if (this.#settleUpTo === null) return true;
    if (after === null || compareKeys(after, this.#settleUpTo) < 0) return false;
    this.#settleUpTo = null;
    return true;
  }

  /** Copies one batch. */
  async batch(checkpoint: Checkpoint, limit: RateLimit, signal?: AbortSignal): Promise<BulkBatch> {
    const { writer } = this.#ctx.stores.NEW;
    await this.#throttle.settle(signal);
    const source = await this.#sourceAt(checkpoint.after);
    const made = { rows: 0 };
    const outcome = await stream(writer, checkpoint, this.#parts(source, made, limit, signal));
    if (outcome === 'COPIED') {
      if (made.rows >= this.#size) this.#size = Math.min(this.#size * 2, this.#limits.most);
      await source.refresh();
    } else {
      await this.close();
    }
    if (outcome === 'UNDONE') {
      this.#size = Math.max(Math.floor(this.#size / 4), this.#limits.least);
      this.#settleUpTo = source.at;
    }
    return { outcome, rows: made.rows };
  }

  /** Gives back what is kept between batches. */
  async close(): Promise<void> {
    const source = this.#source;
    this.#source = null;
    await source?.close();
  }

  async #sourceAt(after: string | null): Promise<Source> {
    if (this.#source && this.#source.at !== after) await this.close();
    this.#source ??= new Source(this.#ctx.stores.OLD.reader, after, this.#ctx.clock);
    return this.#source;
  }

  async *#parts(
    source: Source,
    made: { rows: number },
    limit: RateLimit,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<CopyPart> {
    const { clock, dataset } = this.#ctx;
    const began = clock.monotonic();
    const wanted = await this.#whileWanted();
    let quarantined = 0;
    for (;;) {
      const found = await source.next();
      const from = clock.monotonic();
      await this.#admit(found.length, limit, signal);
      const { rows, olds, quarantine } = await mapBatch(dataset, found);
      made.rows += found.length;
      quarantined += quarantine.length;
      yield { rows, olds, quarantine, digest: digestOf(found), to: source.at, complete: found.length === 0 };
      if (found.length === 0) return;
      await this.#throttle.rest(clock.monotonic() - from, signal);
      const enough = made.rows >= this.#size || quarantined >= this.#limits.quarantined;
      const late = clock.monotonic() - began >= this.#limits.longestMs;
      if (enough || late || signal?.aborted || !(await wanted())) return;
    }
  }

  /** Waits until so many rows may be copied. */
  async #admit(rows: number, limit: RateLimit, signal?: AbortSignal): Promise<void> {
    const { rateLimit } = (await this.#ctx.record()).copy;
    if (rateLimit === null) return;
    for (let left = rows; left > 0;) {
      if (signal?.aborted) return;
      left -= await limit.take(rateLimit, left, signal);
    }
  }

  /** Asks the record now and then whether this copy goes on as it began. */
  async #whileWanted(): Promise<() => Promise<boolean>> {
    const { clock } = this.#ctx;
    const { epoch, copy } = await this.#ctx.record();
    let askAt = clock.monotonic() + ASK_EVERY_MS;
    return async () => {
      if (clock.monotonic() < askAt) return true;
      askAt = clock.monotonic() + ASK_EVERY_MS;
      const now = await this.#ctx.record();
      return copies(now) && now.epoch === epoch && !now.copy.paused && now.copy.rateLimit === copy.rateLimit;
    };
  }
}

async function stream(writer: StoreWriter, { epoch, after }: Checkpoint, parts: AsyncGenerator<CopyPart>) {
  try {
    return (await writer.copyStream?.(epoch, after, parts)) ?? 'UNDONE';
  } finally {
    await parts.return(undefined);
  }
}
