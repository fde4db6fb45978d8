/** How long requests of this process waited because of a switch: the longest, those still waiting included. */
import type { Clock } from '../clock.ts';

export class PauseMeter {
  readonly #clock: Clock;
  /** Since when a request waits, less what it had waited before; a request may wait several times. */
  readonly #waiting = new Map<object, number>();
  #waited = new WeakMap<object, number>();
  #longest = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts over, at an announce. */
  reset(): void {
    this.#longest = 0;
    this.#waited = new WeakMap();
  }

  /** `request`: any object of the request's own, the same for all of its waits. */
  async measure<T>(request: object, wait: Promise<T>): Promise<T> {
    this.#waiting.set(request, this.#clock.monotonic() - (this.#waited.get(request) ?? 0));
    try {
      return await wait;
    } finally {
      const waited = this.#clock.monotonic() - (this.#waiting.get(request) ?? 0);
      this.#waiting.delete(request);
      this.#waited.set(request, waited);
      this.#longest = Math.max(this.#longest, waited);
    }
  }

  longestMs(): number {
    const now = this.#clock.monotonic();
    return [...this.#waiting.values()].reduce((longest, since) => Math.max(longest, now - since), this.#longest);
  }
}
