/** Two gates at each call of a request's ports, one before it is made and one before its answer is handed over; a scheduler opens them. */
import type * as fc from 'fast-check';
import { request, type Interceptor } from './intercept.ts';
import { pause } from './operate.ts';

/** What a request waits for, at most, milliseconds. */
const BOUND_MS = 10_000;
/** How long calls that are under way may take to come back before the scheduler goes on without them, milliseconds. */
const SETTLE_MS = 3;

/** Lets calls of requests through one by one, as the scheduler says. */
export class Gates {
  readonly log: string[] = [];
  readonly #scheduler: fc.Scheduler;
  #running = 0;
  #atGate = 0;
  #over = false;
  #turns = 0;
  readonly #late: (() => void)[] = [];
  #moved = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(scheduler: fc.Scheduler) {
    this.#scheduler = scheduler;
  }

  /** The task begins after so many calls of the switch; each of its own calls is made and answered when the scheduler says so. */
  async run<T>(name: string, after: number, task: () => Promise<T>): Promise<T> {
    await this.#turn(after);
    this.#running++;
    const through: Interceptor = async (call, run) => {
      if (name === 'switch') this.#switchMoved();
      if (call === 'control.renew' || call === 'control.instances') return run();
      await this.#pass(`${name} asks ${call}`);
      try {
        return await run();
      } finally {
        await this.#pass(`${name} hears of ${call}`);
      }
    };
    try {
      await this.#pass(`${name} begins`);
      return await request.run(through, task);
    } finally {
      this.#running--;
      if (name === 'switch') this.#switchMoved(Infinity);
    }
  }

  #switchMoved(by = 1): void {
    this.#moved += by;
    for (const waiting of this.#waiting.splice(0)) waiting();
  }

  async #turn(after: number): Promise<void> {
    while (this.#moved < after) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Until `done`; what is set off by requests and outlives them is let through at the end. */
  async open(done: Promise<unknown>): Promise<void> {
    const settled = new AbortController();
    const settle = () => settled.abort();
    done.then(settle, settle);
    const end = performance.now() + BOUND_MS;
    while (!settled.signal.aborted && performance.now() < end) {
      await this.#quiet();
      this.#turns++;
      for (const waiting of this.#late.splice(0)) waiting();
      if (this.#scheduler.count() > 0) await this.#scheduler.waitNext(1);
    }
    this.#over = true;
    for (const waiting of this.#late.splice(0)) waiting();
    await this.#scheduler.waitIdle();
    await done;
  }

  /** Resolves when the scheduler had so many turns, or all is over. */
  async turns(count: number): Promise<void> {
    const until = this.#turns + count;
    while (!this.#over && this.#turns < until) await new Promise<void>((resolve) => this.#late.push(resolve));
  }

  async #pass(what: string): Promise<void> {
    if (this.#over) return;
    this.#atGate++;
    await this.#scheduler.schedule(Promise.resolve(), what);
    this.#atGate--;
    this.log.push(what);
  }

  /** Until everybody is at a gate, or those that are not have had their time. */
  async #quiet(): Promise<void> {
    const end = performance.now() + SETTLE_MS;
    while (this.#atGate < this.#running && performance.now() < end) await pause(1);
  }
}
