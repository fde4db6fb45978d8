/**
 * What a server knows of the journal's tables, kept near to what they are.
 *
 * A server that plans statements by statistics gathers them once a minute at best, and keeps the plan of a prepared statement until
 * then. A journal that was empty a moment ago and has ten thousand entries now would be read as if it were empty still: whole, for each
 * key. So whoever appends asks for statistics each time a slot has four times the entries of the last time, a few times a run.
 */
import type { Access } from './access.ts';
import { ENTRY_TABLES } from './tables.ts';

/** Entries of one slot, of many that fill alike. */
const FIRST = 4;
const TIMES = 4;

export class Statistics {
  readonly #access: Access;
  #generation = NaN;
  #next = FIRST;
  #gathering: Promise<void> = Promise.resolve();

  constructor(access: Access) {
    this.#access = access;
  }

  /** A slot of this generation has so many entries now. */
  grown(generation: number, entries: number): void {
    if (generation !== this.#generation) this.#next = FIRST;
    this.#generation = generation;
    if (entries < this.#next) return;
    while (this.#next <= entries) this.#next *= TIMES;
    this.#gathering = this.#gathering.then(() => this.#gather());
  }

  /** Returns when nothing is under way. */
  async ended(): Promise<void> {
    await this.#gathering;
  }

  async #gather(): Promise<void> {
    try {
      await this.#access.guard(async (database) => database.gather?.(ENTRY_TABLES));
    } catch {
      // A journal that does not answer says so to whoever needs an answer; without statistics it is slower, and right.
    }
  }
}
