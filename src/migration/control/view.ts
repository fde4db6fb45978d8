/**
 * A view: one control record with the time it was asked for, and how long it may be trusted.
 *
 * It is renewed while the record stays the same and left behind when another comes. Its lease is counted from before the question was
 * sent, by the greater of elapsed monotonic and elapsed wall time (the first stands still in a suspended machine, the second may jump back).
 */
import type { Clock } from '../clock.ts';
import type { ControlRecord } from './control.ts';

export interface Asked {
  readonly monotonic: number;
  readonly wall: number;
}

export class View {
  readonly record: ControlRecord;
  operations = 0;
  #over = false;
  #asked: Asked;
  /** What the last look at the clocks gave, milliseconds. */
  #seen = 0;
  readonly #leaseMs: number;
  readonly #clock: Clock;

  constructor(record: ControlRecord, asked: Asked, leaseMs: number, clock: Clock) {
    this.record = record;
    this.#asked = asked;
    this.#leaseMs = leaseMs;
    this.#clock = clock;
  }

  /** Since when the lease runs. */
  get asked(): Asked {
    return this.#asked;
  }

  renewed(asked: Asked): void {
    if (asked.monotonic <= this.#asked.monotonic) return;
    this.#asked = asked;
    this.#seen = 0;
  }

  /** Ends the lease now, whatever time it has left. */
  end(): void {
    this.#over = true;
  }

  /** Does the lease run? NEW has no way out, so once settled there what it says stays true. */
  valid(): boolean {
    if (this.#over) return false;
    const { place, switching } = this.record;
    if (place.state === 'NEW' && switching === null) return true;
    return this.#elapsed() < this.#leaseMs;
  }

  /**
   * Had more than half of the lease gone by when `valid` was asked last? Then the renewal is late, whatever holds it up. Settled in NEW
   * nothing is lost by a late one, and the clocks are not read.
   */
  late(): boolean {
    return this.#seen > this.#leaseMs / 2;
  }

  #elapsed(): number {
    this.#seen = Math.max(this.#clock.monotonic() - this.#asked.monotonic, this.#clock.wall() - this.#asked.wall);
    return this.#seen;
  }
}
