/** How fast, how much at once: the sliding rate that operators see, the size of a batch, and the limit an operator sets. */
import type { Clock } from '../clock.ts';

/** Rate of a counter that only grows, over a sliding window. Fed by whoever sees the counter, the worker or only a reader. */
export class Meter {
  readonly #clock: Clock;
  readonly #windowMs: number;
  #samples: { readonly at: number; readonly count: number }[] = [];

  constructor(clock: Clock, windowMs = 10_000) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** A count below the last one starts anew. */
  observe(count: number): void {
    const at = this.#clock.monotonic();
    if (count < (this.#samples.at(-1)?.count ?? 0)) this.#samples = [];
    this.#samples.push({ at, count });
    const horizon = at - this.#windowMs;
    const first = this.#samples.findIndex((sample) => sample.at >= horizon);
    if (first > 0) this.#samples.splice(0, first);
  }

  /** Per second; 0 until two samples are apart in time. */
  rate(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at <= first.at) return 0;
    return ((last.count - first.count) * 1000) / (last.at - first.at);
  }
}

export interface PaceLimits {
  readonly least: number;
  readonly most: number;
  readonly start: number;
  readonly targetMs: number;
}

/**
 * The size of a batch, so that a step takes about `targetMs`: an embedded store blocks the event loop, and requests, for as long.
 * Halves or doubles at most from one batch to the next.
 */
export class Pace {
  readonly #limits: PaceLimits;
  #size: number;

  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#size = limits.start;
  }

  get size(): number {
    return this.#size;
  }

  took(rows: number, ms: number): void {
    if (rows === 0) return;
    const { least, most, targetMs } = this.#limits;
    const fitting = ms > 0 ? Math.round((rows * targetMs) / ms) : this.#size * 2;
    // A short batch tells what is too much, not what would be enough.
    const wish = rows < this.#size ? Math.min(fitting, this.#size) : fitting;
    const near = Math.min(Math.max(wish, Math.floor(this.#size / 2)), this.#size * 2);
    this.#size = Math.min(Math.max(near, least), most);
  }
}

/** Batches for each second of a limited rate: fewer cost less, more are smoother. */
const BATCHES_PER_SECOND = 10;

/** A token bucket that holds one batch: starts empty, so that a limit is never exceeded, also not by a first burst. */
export class RateLimit {
  readonly #clock: Clock;
  #tokens = 0;
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  /**
   * Waits until a batch may go, and says how large it may be (1 to `want`); 0 when the signal ended the wait.
   * What the batch did not need is given back with `refund`.
   */
  async take(perSecond: number, want: number, signal?: AbortSignal): Promise<number> {
    const batch = Math.max(1, Math.min(want, Math.floor(perSecond / BATCHES_PER_SECOND)));
    for (;;) {
      this.#fill(perSecond, batch);
      if (this.#tokens >= batch) break;
      if (signal?.aborted) return 0;
      await this.#clock.delay(Math.ceil(((batch - this.#tokens) * 1000) / perSecond), signal);
    }
    this.#tokens -= batch;
    return batch;
  }

  refund(tokens: number): void {
    this.#tokens += tokens;
  }

  #fill(perSecond: number, capacity: number): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(capacity, this.#tokens + ((now - this.#at) * perSecond) / 1000);
    this.#at = now;
  }
}
