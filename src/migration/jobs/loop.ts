/** Repeats a step for as long as it is wanted: at once while it gets on, at leisure while there is nothing to do, ever later while it can't. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { CrossfadeError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { StepResult } from './context.ts';

const FIRST_BACKOFF_MS = 25;
const LONGEST_BACKOFF_MS = 2000;
/** What is over sooner is no news: it is said when the loop waits for this long at once, milliseconds. */
const NEWS_MS = 800;

export interface LoopOptions {
  readonly name: string;
  /** The signal ends waits inside the step when the loop is stopped. */
  readonly step: (signal: AbortSignal) => Promise<StepResult>;
  readonly clock: Clock;
  readonly log: Logger;
  /** How often to look when nobody wakes the loop, milliseconds. */
  readonly pollMs?: number;
}

export class Loop {
  readonly #options: LoopOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> | null = null;
  #nap: AbortController | null = null;
  #woken = false;
  #backoff = 0;
  #said: string | null = null;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Once; a stopped loop is not started again. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Something changed: the next step comes now, whatever the loop waits for. */
  wake(): void {
    this.#woken = true;
    this.#nap?.abort();
  }

  /** Returns when the running step has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#nap?.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#woken = false;
      const pause = await this.#once(signal);
      if (pause === 0) await nextTurn();
      else await this.#sleep(pause);
    }
  }

  /** Takes a step; for how long to pause after it, milliseconds. */
  async #once(signal: AbortSignal): Promise<number> {
    try {
      const result = await this.#options.step(signal);
      if (result.kind === 'BLOCKED') return this.#hindered(result.why, null);
      this.#backoff = 0;
      if (result.kind === 'IDLE') return this.#options.pollMs ?? 1000;
      this.#said = null;
      return 0;
    } catch (error) {
      return this.#hindered(error instanceof Error ? error.message : String(error), error);
    }
  }

  #hindered(why: string, error: unknown): number {
    this.#backoff = Math.min(this.#backoff * 2 || FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS);
    if (why === this.#said || (error === null && this.#backoff < NEWS_MS)) return this.#backoff;
    this.#said = why;
    this.#say(why, error);
    return this.#backoff;
  }

  /** A device that is away is the way of the world; anything else that was thrown is a fault. */
  #say(why: string, error: unknown): void {
    const { name, log } = this.#options;
    if (error === null) log.info({ job: name }, `${name} waits: ${why}`);
    else if (error instanceof CrossfadeError && error.code !== 'INTERNAL')
      log.warn({ job: name, err: error }, `${name} waits`);
    else log.error({ job: name, err: error }, `${name} failed and will be tried again`);
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#stopped.signal.aborted) return;
    this.#nap = new AbortController();
    await this.#options.clock.delay(ms, this.#nap.signal);
    this.#nap = null;
  }
}
