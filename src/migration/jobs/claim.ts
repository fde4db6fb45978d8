/** "This instance does that job." Spares the stores double work; correctness never rests on it. */
import type { JobContext } from './context.ts';

export interface Claim {
  /** false: another process does it. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
}

const TTL_MS = 3000;

/** A claim is a write to the control store, so it is renewed now and then and not before every step. */
export class JobClaim implements Claim {
  readonly #ctx: Pick<JobContext, 'control' | 'dataset' | 'clock' | 'instanceId'>;
  readonly #job: string;
  #renewAt = -Infinity;

  constructor(ctx: Pick<JobContext, 'control' | 'dataset' | 'clock' | 'instanceId'>, job: string) {
    this.#ctx = ctx;
    this.#job = job;
  }

  async hold(): Promise<boolean> {
    const { control, dataset, clock, instanceId } = this.#ctx;
    const now = clock.monotonic();
    if (now < this.#renewAt) return true;
    const held = await control.claim(dataset.name, this.#job, instanceId, TTL_MS);
    this.#renewAt = held ? now + TTL_MS / 3 : -Infinity;
    return held;
  }

  async release(): Promise<void> {
    if (this.#renewAt === -Infinity) return;
    this.#renewAt = -Infinity;
    const { control, dataset, instanceId } = this.#ctx;
    await control.unclaim(dataset.name, this.#job, instanceId);
  }
}
