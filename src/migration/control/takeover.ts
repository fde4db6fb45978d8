/**
 * Sees to it that a switch whose driver died or sleeps comes to its end: whoever knows of a switch that does not move drives it too.
 * Driving twice is harmless, so the only question is how soon: at once for the end of a flip, when requests are waiting.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Lease } from './lease.ts';
import type { SwitchDriver } from './switch.ts';

export interface TakeoverOptions {
  readonly lease: Lease;
  readonly driver: SwitchDriver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leaseMs: number;
}

/** How long a record in FLIP or SETTLE may stand still before another instance helps, milliseconds. */
const HELP_AFTER_MS = 200;

export class Takeover {
  readonly #options: TakeoverOptions;
  readonly #stopping = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #watched = -1;
  #unsubscribe: (() => void) | null = null;

  constructor(options: TakeoverOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.lease.onView(() => this.#look());
    this.#look();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#stopping.abort();
    await this.#watching;
  }

  #look(): void {
    if (this.#stopping.signal.aborted) return;
    const { revision, switching } = this.#options.lease.newest();
    if (!switching || revision <= this.#watched || this.#options.driver.isDriving(switching.epoch)) return;
    this.#watched = revision;
    const patience = switching.phase === 'ANNOUNCE' ? this.#options.leaseMs : HELP_AFTER_MS;
    this.#watching = Promise.all([this.#watching, this.#watch(revision, switching.epoch, patience)]).then(() => {});
  }

  async #watch(revision: number, number: number, patienceMs: number): Promise<void> {
    const { clock, driver, lease, log } = this.#options;
    // Not all at once: of a hundred instances one is enough, and the others see its progress.
    await clock.delay(patienceMs * (1 + Math.random()), this.#stopping.signal);
    const { revision: now, switching } = lease.newest();
    if (this.#stopping.signal.aborted || now !== revision || !switching || driver.isDriving(number)) return;
    log.info({ epoch: number, phase: switching.phase }, 'taking over a switch that does not move');
    await driver.drive(number).catch((error: unknown) => {
      log.warn({ err: error, epoch: number }, 'a switch is held up; trying again');
      this.#watched = -1;
      this.#look();
    });
  }
}
