/**
 * Reads by key of one operation: those of one tick are one question, and a key is asked for once. What `DataLoader` is for, with less
 * work for the one key that most operations read.
 */
import type { Row } from './dataset.ts';

export interface Wanted {
  readonly key: string;
  /** The key's fields. */
  readonly row: Row;
}

interface Waiting<V> extends Wanted {
  readonly resolve: (value: V | null) => void;
  readonly reject: (error: unknown) => void;
}

const settled = Promise.resolve();

export class Gathered<V> {
  readonly #ask: (wanted: readonly Wanted[]) => Promise<ReadonlyMap<string, V | null>>;
  readonly #known = new Map<string, Promise<V | null>>();
  #batch: Waiting<V>[] | null = null;

  /** `ask` gets each key once; what it does not bring is not there. */
  constructor(ask: (wanted: readonly Wanted[]) => Promise<ReadonlyMap<string, V | null>>) {
    this.#ask = ask;
  }

  load(key: string, row: Row): Promise<V | null> {
    const known = this.#known.get(key);
    if (known) return known;
    const answer = new Promise<V | null>((resolve, reject) => this.#join({ key, row, resolve, reject }));
    this.#known.set(key, answer);
    return answer;
  }

  #join(waiting: Waiting<V>): void {
    if (this.#batch) {
      this.#batch.push(waiting);
      return;
    }
    const batch = [waiting];
    this.#batch = batch;
    // Behind the promises of this tick: what resolvers ask for in a row of them travels together.
    void settled.then(() => process.nextTick(() => this.#send(batch)));
  }

  #send(batch: readonly Waiting<V>[]): void {
    this.#batch = null;
    this.#ask(batch).then(
      (found) => {
        for (const { key, resolve } of batch) resolve(found.get(key) ?? null);
      },
      (error: unknown) => {
        for (const { key, reject } of batch) {
          // Whoever asks again is not told of an old failure.
          this.#known.delete(key);
          reject(error);
        }
      },
    );
  }
}
