/**
 * One store's connections to its server: a bounded pool, opened at first use; each statement and each wait has an end.
 *
 * A write is a transaction at READ COMMITTED, begun again after a deadlock. Whatever is lost before a commit was sent did not happen
 * and is tried once more on another connection; a commit that gets no answer may have happened.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'mysql2/promise';
import { CrossfadeError, StoreUnusable } from '../../errors.ts';
import { Connection, UnansweredCommit, within, type Cell } from './connection.ts';
import { Failure, failureOf, isBarring, LOCK_MS, openPool, SESSION_SETTINGS, type Address } from './database.ts';
import type { TableFacts } from './types.ts';

export interface SessionOptions {
  readonly address: Address;
  /** May rows be sent as a file? */
  readonly loads: boolean;
  /** What the store is, for messages: "old store of participation". */
  readonly label: string;
  /** Makes and checks tables; returns what it found, or says in words what is wrong. */
  setUp(connection: Connection): Promise<TableFacts | string>;
}

export interface WriteOptions {
  readonly timeoutMs?: number;
  readonly purpose?: Purpose;
  /** What a commit without an answer means to the caller: work that can be repeated only was not acknowledged. */
  readonly repeatable?: boolean;
}

/** How many connections there are, at most, for what. */
const POOLS = { requests: 10, apart: 4, copying: 2 } as const;
type Purpose = keyof typeof POOLS;

export class Session {
  readonly #options: SessionOptions;
  readonly #active = new Set<Promise<unknown>>();
  /** Connections that have their settings. */
  readonly #set = new WeakSet<object>();
  readonly #pools: Partial<Record<Purpose, Pool>> = {};
  #facts: Promise<TableFacts> | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** What is known of the table; looked up at first use and after each failure. */
  facts(): Promise<TableFacts> {
    this.#facts ??= this.#tracked(this.#setUp()).catch((error: unknown) => {
      this.#facts = null;
      throw error;
    });
    return this.#facts;
  }

  /** Work that only reads; each statement sees the newest commit. */
  read<T>(work: (c: Connection) => Promise<T>): Promise<T> {
    return this.#retried(work, {});
  }

  /** Work as one transaction, which may run more than once; nothing stays if it throws. */
  write<T>(work: (c: Connection) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    return this.#retried((c) => c.transaction(work), options, options.purpose);
  }

  /**
   * One statement that writes, as a transaction of its own; it is not repeated. null: it did nothing, because of another
   * transaction or because the table refuses the row.
   */
  async once(sql: string, cells: readonly Cell[]): Promise<number | null> {
    try {
      return await this.#tracked(this.#use((c) => c.runAndCommit(sql, cells)));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.kind === 'CONFLICT' || error.kind === 'REFUSED') return null;
      throw this.#explain(error, {});
    }
  }

  /** Long reading of one state of the database, beside which everything else goes on. */
  snapshot<T>(work: (c: Connection) => Promise<T>): Promise<T> {
    const begin = 'start transaction with consistent snapshot, read only';
    return this.#retried(async (c) => {
      await c.command('set transaction isolation level repeatable read');
      return c.transaction(work, begin);
    }, {});
  }

  /** As `write`, on a connection that no request waits for: rare work, which all others may have to wait for. */
  writeApart<T>(work: (c: Connection) => Promise<T>, options: WriteOptions): Promise<T> {
    return this.#retried((c) => c.transaction(work), options, 'apart');
  }

  /** Ends a statement of another connection; it is gone, or ends by its own timeout, if this does not succeed. */
  async interrupt(connection: Connection): Promise<void> {
    await this.#use((c) => c.command(`kill query ${connection.id}`), 'apart').catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error;
    });
  }

  /** What the work finds as it comes, on a connection that no request waits for. */
  async *stream<T>(work: (c: Connection) => AsyncIterable<T>): AsyncGenerator<T> {
    await this.facts();
    try {
      const connection = await this.#connect('copying');
      try {
        yield* work(connection);
      } finally {
        connection.release();
      }
    } catch (error) {
      throw error instanceof Failure ? this.#explain(error, {}) : error;
    }
  }

  /** Waits for what is under way. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled(this.#active);
      await Promise.all(Object.values(this.#pools).map((pool) => pool.end()));
    })();
    return this.#closed;
  }

  async #retried<T>(work: (c: Connection) => Promise<T>, options: WriteOptions, purpose?: Purpose): Promise<T> {
    await this.facts();
    const until = performance.now() + (options.timeoutMs ?? LOCK_MS);
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#tracked(this.#use(work, purpose));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const conflict = error.kind === 'CONFLICT' && performance.now() < until;
        const cutOff = error.kind === 'LOST' && attempt === 0 && !(error instanceof UnansweredCommit);
        if (!conflict && !cutOff) throw this.#explain(error, options);
        await delay(Math.random() * Math.min(2 ** attempt, 50));
      }
    }
  }

  async #use<T>(work: (c: Connection) => Promise<T>, purpose: Purpose = 'requests'): Promise<T> {
    const connection = await this.#connect(purpose);
    try {
      return await work(connection);
    } finally {
      connection.release();
    }
  }

  async #connect(purpose: Purpose): Promise<Connection> {
    if (this.#closed) throw this.#unavailable('it was closed here');
    const pool = (this.#pools[purpose] ??= openPool(
      this.#options.address,
      POOLS[purpose],
      purpose === 'copying' && this.#options.loads,
    ));
    const opening = pool.getConnection();
    const driver = await within(LOCK_MS, opening).catch((error: unknown) => {
      // Comes too late to be used, but not to be given back.
      void opening.then(
        (late) => late.release(),
        () => undefined,
      );
      throw failureOf(error);
    });
    const connection = new Connection(driver);
    if (this.#set.has(driver.connection)) return connection;
    try {
      for (const setting of SESSION_SETTINGS) await connection.command(setting);
    } catch (error) {
      connection.broken = true;
      connection.release();
      throw error;
    }
    this.#set.add(driver.connection);
    return connection;
  }

  async #setUp(): Promise<TableFacts> {
    const found = await this.#use((c) => this.#options.setUp(c)).catch((error: unknown) => {
      throw error instanceof Failure ? this.#explain(error, {}) : error;
    });
    if (typeof found === 'string') throw this.#unusable(found);
    return found;
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => this.#active.delete(tracked));
    this.#active.add(tracked);
    return tracked;
  }

  #explain(failure: Failure, { repeatable = false }: WriteOptions): CrossfadeError {
    // Another server may answer next time, or other tables be there.
    this.#facts = null;
    if (failure instanceof UnansweredCommit && !repeatable) {
      const message = `The ${this.#options.label} gave no answer to a commit (${this.#options.address.name}): ${failure.code}.`;
      return new CrossfadeError('OUTCOME_UNKNOWN', { message, cause: failure.cause ?? failure });
    }
    return isBarring(failure)
      ? this.#unusable(failure.message, failure)
      : this.#unavailable(failure.code, failure.cause ?? failure);
  }

  #unusable(why: string, cause?: unknown): StoreUnusable {
    const message = `The ${this.#options.label} can't be used (${this.#options.address.name}): ${why}.`;
    return new StoreUnusable(message, cause);
  }

  #unavailable(why: string, cause?: unknown): CrossfadeError {
    const message = `The ${this.#options.label} does not answer (${this.#options.address.name}): ${why}.`;
    return new CrossfadeError('STORE_UNAVAILABLE', { message, cause });
  }
}
