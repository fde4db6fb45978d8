/**
 * Keys that were picked to be compared and could not be, because a store did not answer. They are listed, as a difference that names the
 * store and the code of its failure, and remembered here until they have been compared after all: when the store answers again they are
 * looked at like any other key, and what comes of that takes the place of what is listed.
 *
 * An outage lists no more than what was asked before the breaker opened, and no more than `MOST` at any time.
 */
import type { FoundDifference } from '../control/control.ts';
import { compareOneSided } from './compare.ts';
import type { JobContext } from './context.ts';
import type { Answers } from './sides.ts';
import { comparable } from './steps.ts';

const MOST = 128;

export class Unseen {
  readonly #ctx: JobContext;
  readonly #keys = new Set<string>();
  /** Of which all of this is. */
  #run: number | null = null;
  /** The end of what was begun last; never rejects, whoever began it hears of failures. */
  #turn: Promise<void> = Promise.resolve();

  constructor(ctx: JobContext) {
    this.#ctx = ctx;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  first(count: number): readonly string[] {
    return [...this.#keys].slice(0, count);
  }

  /** What another run left unseen says nothing about this one. */
  enter(run: number | null): void {
    if (run !== this.#run) this.#keys.clear();
    this.#run = run;
  }

  /** To be looked at again, as far as there is room. */
  remember(keys: readonly string[]): void {
    for (const key of keys) if (this.#keys.size < MOST) this.#keys.add(key);
  }

  /** Remembers and lists them. Never rejects. */
  list(run: number | null, keys: readonly string[], answers: Answers): Promise<void> {
    return this.#inTurn(() => {
      this.remember(keys);
      const kept = keys.filter((key) => this.#keys.has(key));
      return this.#note(run, compareOneSided(kept, answers));
    });
  }

  /** What came of keys that were compared; never between the two halves of `list`, which would list them for ever. */
  settle(keys: readonly string[], found: readonly FoundDifference[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#ctx.control.settleDifferences(this.#ctx.dataset.name, keys, found);
      for (const key of keys) this.#keys.delete(key);
    });
  }

  /** What is being written has been written. */
  async written(): Promise<void> {
    await this.#turn;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #note(run: number | null, found: readonly FoundDifference[]): Promise<void> {
    const { control, dataset, log } = this.#ctx;
    try {
      const still = await this.#ctx.record();
      if (!comparable(still) || still.run !== run || still.switching) return;
      await control.noteDifferences(dataset.name, found);
    } catch (error) {
      log.warn(
        { dataset: dataset.name, err: error },
        'a store did not answer a comparison, and that could not be listed',
      );
    }
  }
}
