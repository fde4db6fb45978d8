/** How long requests of this process waited because of a switch: the longest, those still waiting included. */
import type { Clock } from '../clock.ts';

export class PauseMeter {
  readonly #clock: Clock;
  readonly #waiting = new Set<{ readonly since: number }>();
  #longest = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts over, at an announce. */
  reset(): void {
    this.#longest = 0;
  }

  async measure<T>(wait: Promise<T>): Promise<T> {
    const entry = { since: this.#clock.monotonic() };
    this.#waiting.add(entry);
    try {
      return await wait;
    } finally {
      this.#waiting.delete(entry);
      this.#longest = Math.max(this.#longest, this.#clock.monotonic() - entry.since);
    }
  }

  longestMs(): number {
    const now = this.#clock.monotonic();
    return [...this.#waiting].reduce((longest, { since }) => Math.max(longest, now - since), this.#longest);
  }
}
