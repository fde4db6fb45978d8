/** One store's way to its database: connections that know the store's tables, and every failure told as the port wants it. */
import { CrossfadeError, StoreUnusable, type ErrorCode } from '../../errors.ts';
import { barring, DriverFailure } from './codes.ts';
import { LONG_MS, Unusable, type Connection } from './connection.ts';
import type { Connections } from './pool.ts';
import { untilFree } from './retry.ts';
import { NO_LIMITS, type Limits } from './types.ts';

export interface SessionOptions {
  /** Ended with the session. */
  readonly connections: Connections;
  /** What the store is, for messages: "old store of participation". */
  readonly label: string;
  /** Makes and checks tables; throws `Unusable` that says what is wrong. */
  setUp(connection: Connection): Promise<Limits>;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #pool: Connections;
  #setUp: Promise<void> | null = null;
  #closed = false;
  /** What the columns of the dataset's table hold; known inside `read` and `write`. */
  limits: Limits = NO_LIMITS;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#pool = options.connections;
  }

  /** Statements that each stand alone. STORE_UNAVAILABLE if they can't be made, or `lost` if the connection breaks under them. */
  read<T>(work: (c: Connection) => Promise<T>, lost: ErrorCode = 'STORE_UNAVAILABLE'): Promise<T> {
    return untilFree(() => this.#use(work)).catch((error: unknown) => {
      throw this.#explain(error, lost);
    });
  }

  /** One transaction; it may run more than once. `opening`: see `Connection.transaction`. */
  write<T>(opening: readonly string[], work: (c: Connection) => Promise<T>, lost?: ErrorCode): Promise<T> {
    return this.read((c) => c.transaction(opening, () => work(c)), lost);
  }

  /** Statements that go over a whole table, all of one state of it. */
  survey<T>(work: (c: Connection) => Promise<T>): Promise<T> {
    const opening = [
      'set transaction isolation level repeatable read, read only',
      `set local statement_timeout = '${LONG_MS}ms'`,
    ];
    return this.write(opening, work);
  }

  /** What the work finds as it comes, all of one state of the table. Work that is left early loses its connection. */
  async *stream<T>(work: (c: Connection) => AsyncIterable<T>): AsyncGenerator<T> {
    try {
      const connection = await this.#open();
      try {
        yield* work(connection);
      } finally {
        this.#pool.release(connection);
      }
    } catch (error) {
      throw this.#explain(error, 'STORE_UNAVAILABLE');
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.end();
  }

  async #use<T>(work: (c: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#open();
    try {
      return await work(connection);
    } catch (error) {
      // It may come back as another one, and whoever changed the tables may have changed more of them.
      if (connection.lost || isAboutTables(error)) this.#setUp = null;
      throw error;
    } finally {
      this.#pool.release(connection);
    }
  }

  /** A connection that knows the store's tables; to be released. */
  async #open(): Promise<Connection> {
    if (this.#closed) throw new Unusable('it was closed here');
    const connection = await this.#acquire();
    try {
      await this.#ready(connection);
      return connection;
    } catch (error) {
      this.#setUp = null;
      this.#pool.release(connection);
      throw error;
    }
  }

  async #acquire(): Promise<Connection> {
    try {
      return await this.#pool.acquire();
    } catch (error) {
      throw error instanceof Unusable ? error : new NotReached(error);
    }
  }

  /** The first one here sets up, the others wait for it. */
  async #ready(connection: Connection): Promise<void> {
    this.#setUp ??= this.#options.setUp(connection).then((limits) => {
      this.limits = limits;
    });
    const mine = this.#setUp;
    try {
      await mine;
    } catch (error) {
      if (this.#setUp === mine) this.#setUp = null;
      throw error instanceof Unusable ? error : new NotReached(error);
    }
  }

  #explain(error: unknown, lost: ErrorCode): unknown {
    const barred =
      error instanceof Unusable ? error.message : barring(error instanceof NotReached ? error.cause : error);
    if (barred !== null)
      return new StoreUnusable(
        `The ${this.#options.label} can't be used: ${barred}.`,
        error instanceof NotReached ? error.cause : error,
      );
    if (error instanceof NotReached) return this.#unavailable(error.cause);
    if (!(error instanceof DriverFailure)) return error;
    if (error.meaning === 'LOST' && lost !== 'STORE_UNAVAILABLE') {
      return new CrossfadeError(lost, { cause: error.cause });
    }
    return this.#unavailable(error.cause);
  }

  #unavailable(cause: unknown): CrossfadeError {
    return new CrossfadeError('STORE_UNAVAILABLE', { message: `The ${this.#options.label} does not answer.`, cause });
  }
}

/** Nothing was asked of the server yet. */
class NotReached extends Error {
  constructor(cause: unknown) {
    super('no connection', { cause: cause instanceof DriverFailure ? cause.cause : cause });
  }
}

/** Undefined or changed tables and columns (class 42: names and access). */
function isAboutTables(error: unknown): boolean {
  return error instanceof DriverFailure && error.code?.startsWith('42') === true;
}
