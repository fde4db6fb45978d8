/** The rows of a store in key order, from where a copy stands, for as long as it goes on: read as a stream where the store has one. */
import type { Clock } from '../clock.ts';
import { PART_ROWS, type KeyRange, type Stored, type StoreReader } from '../stores/store.ts';

/** A server keeps what others remove for as long as a statement runs: it ends after so many rows, or after this time (milliseconds). */
const STATEMENT = { rows: 1_000_000, ms: 30_000 };

export class Source {
  readonly #reader: StoreReader;
  readonly #clock: Clock;
  readonly #statement: typeof STATEMENT;
  #rows: AsyncIterator<readonly Stored[]> | null = null;
  #left = 0;
  #openedAt = 0;
  /** The key of the last row that was given out. */
  at: string | null;

  constructor(reader: StoreReader, after: string | null, clock: Clock, statement = STATEMENT) {
    this.#reader = reader;
    this.#clock = clock;
    this.#statement = statement;
    this.at = after;
  }

  /** The next rows, at most `PART_ROWS`; empty: there are no more. */
  async next(): Promise<readonly Stored[]> {
    for (;;) {
      if (!this.#rows) await this.#open();
      const { done, value } = await this.#take();
      if (!done) {
        this.#left -= value.length;
        this.at = value.at(-1)?.key ?? this.at;
        return value;
      }
      this.#rows = null;
      // A statement that gave as many rows as it might has left some.
      if (this.#left > 0) return [];
    }
  }

  /** Ends a statement that has run for long; the next rows come from another. To be called where a pause costs nothing. */
  async refresh(): Promise<void> {
    if (this.#rows && this.#clock.monotonic() - this.#openedAt > this.#statement.ms) await this.close();
  }

  async close(): Promise<void> {
    const rows = this.#rows;
    this.#rows = null;
    await rows?.return?.();
  }

  async #open(): Promise<void> {
    const range = { after: this.at, upTo: null };
    const { rows: most } = this.#statement;
    const rows = (await this.#reader.stream?.(range, most)) ?? pages(this.#reader, range, most);
    this.#rows = rows[Symbol.asyncIterator]();
    this.#left = most;
    this.#openedAt = this.#clock.monotonic();
  }

  async #take(): Promise<IteratorResult<readonly Stored[], unknown>> {
    try {
      return await (this.#rows?.next() ?? { done: true, value: undefined });
    } catch (error) {
      this.#rows = null;
      throw error;
    }
  }
}

async function* pages(
  reader: StoreReader,
  { after: from, upTo }: KeyRange,
  most: number,
): AsyncGenerator<readonly Stored[]> {
  for (let after = from, left = most; left > 0;) {
    const wanted = Math.min(PART_ROWS, left);
    const page = await reader.page({ after, upTo }, wanted);
    if (page.length > 0) yield page;
    if (page.length < wanted) return;
    left -= page.length;
    after = page.at(-1)?.key ?? after;
  }
}
