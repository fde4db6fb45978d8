/** Leaves a device alone that has failed several times in a row, for longer each time it fails again. */
import type { Clock } from '../clock.ts';

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly after: number;
  readonly firstRestMs: number;
  readonly longestRestMs: number;
}

export class Breaker {
  readonly #clock: Clock;
  readonly #options: BreakerOptions;
  #failures = 0;
  #restMs = 0;
  #until = -Infinity;

  constructor(clock: Clock, options: BreakerOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Open: nothing is to be asked. When a rest is over, what is asked next decides whether another begins. */
  get open(): boolean {
    return this.#clock.monotonic() < this.#until;
  }

  /** It has opened since the last success. */
  get tripped(): boolean {
    return this.#restMs > 0;
  }

  /** Milliseconds until it is not open any more. */
  get restLeftMs(): number {
    return Math.max(0, this.#until - this.#clock.monotonic());
  }

  /** true: this failure opened it. */
  failed(): boolean {
    const { after, firstRestMs, longestRestMs } = this.#options;
    if (++this.#failures < after || this.open) return false;
    this.#restMs = Math.min(this.#restMs * 2 || firstRestMs, longestRestMs);
    this.#until = this.#clock.monotonic() + this.#restMs;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#restMs = 0;
    this.#until = -Infinity;
  }
}
