/**
 * One store's connection to its file: opened at first use, and again after a failure.
 *
 * Work is synchronous: a transaction begins, runs and commits without giving way to anything else in this process, so one connection
 * serves readers and writers, and a lock on the file lasts no longer than the statements under it. Other processes, and other
 * connections of this one, are waited for outside the driver (see database.ts).
 */
import { CrossfadeError } from '../../errors.ts';
import { BUSY_MS, connect, isBusy, isSqliteError, statementCache, whenFree } from './database.ts';

/** What SQLite takes and gives: NULL, INTEGER, REAL, TEXT, BLOB. */
export type Cell = null | bigint | number | string | Buffer;

export class Connection {
  readonly #db: ReturnType<typeof connect>;
  readonly #prepare: ReturnType<typeof statementCache>;

  constructor(file: string, options: { readonly mustExist: boolean }) {
    this.#db = connect(file, options);
    this.#prepare = statementCache(this.#db);
  }

  /** The rows of a query, as arrays in the order of its columns. */
  all(sql: string, cells: readonly Cell[] = []): readonly (readonly Cell[])[] {
    return this.#prepare(sql)
      .raw(true)
      .all(...cells) as Cell[][];
  }

  /** The first row of a query. */
  get(sql: string, cells: readonly Cell[] = []): readonly Cell[] | undefined {
    return this.#prepare(sql)
      .raw(true)
      .get(...cells) as Cell[] | undefined;
  }

  /** How many rows the statement changed. */
  run(sql: string, cells: readonly Cell[] = []): number {
    return this.#prepare(sql).run(...cells).changes;
  }

  /** `begin immediate`: the write lock comes first, so what the work reads stays true until it commits. */
  transaction<T>(work: () => T): T {
    return this.#db.transaction(work).immediate();
  }

  /** Inside a transaction: undone alone when it throws. */
  savepoint<T>(work: () => T): T {
    return this.#db.transaction(work)();
  }

  /** From here on, until the connection is closed, everything reads one state of the file. */
  beginSnapshot(): void {
    this.run('begin');
    this.get('select count(*) from sqlite_schema');
  }

  close(): void {
    this.#db.close();
  }
}

export interface SessionOptions {
  readonly file: string;
  /** Make the file when it is missing at the first opening. One that goes missing later is a loss, and an empty one no substitute. */
  readonly create: boolean;
  /** What the store is, for messages: "old store of participation". */
  readonly label: string;
  /** Makes (if `create`) and checks tables after each opening; throws an error that says what is wrong. */
  setUp(connection: Connection, options: { readonly create: boolean }): void;
}

export class Session {
  readonly #options: SessionOptions;
  #connection: Connection | null = null;
  #closed = false;
  #wasOpen = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Work that only reads; each statement sees the newest commit. */
  read<T>(work: (connection: Connection) => T): Promise<T> {
    return this.#use(work, BUSY_MS);
  }

  /** Work as one transaction under the file's write lock; it waits `timeoutMs` at most for the lock. Nothing stays if it throws. */
  write<T>(work: (connection: Connection) => T, timeoutMs: number = BUSY_MS): Promise<T> {
    return this.#use((connection) => connection.transaction(() => work(connection)), timeoutMs);
  }

  /** Long reading on a connection of its own, of one state of the file, beside which everything else goes on. */
  async snapshot<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    await this.read(() => undefined);
    let connection: Connection | null = null;
    try {
      const opened = await whenFree(() => new Connection(this.#options.file, { mustExist: true }));
      connection = opened;
      await whenFree(() => opened.beginSnapshot());
      return await work(opened);
    } catch (error) {
      throw this.#explain(error);
    } finally {
      connection?.close();
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #use<T>(work: (connection: Connection) => T, timeoutMs: number): Promise<T> {
    try {
      return await whenFree(() => work(this.#open()), timeoutMs);
    } catch (error) {
      // A file that is only busy is still the right file.
      if (isSqliteError(error) && !isBusy(error)) this.#drop();
      throw this.#explain(error);
    }
  }

  #open(): Connection {
    if (this.#closed) throw this.#unavailable('it was closed here');
    if (this.#connection) return this.#connection;
    const { file, setUp } = this.#options;
    const create = this.#options.create && !this.#wasOpen;
    let connection: Connection | null = null;
    try {
      connection = new Connection(file, { mustExist: !create });
      setUp(connection, { create });
    } catch (error) {
      connection?.close();
      throw isBusy(error) ? error : this.#unavailable(error instanceof Error ? error.message : String(error), error);
    }
    this.#connection = connection;
    this.#wasOpen = true;
    return connection;
  }

  #drop(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  #explain(error: unknown): unknown {
    return isSqliteError(error) ? this.#unavailable(error.message, error) : error;
  }

  #unavailable(why: string, cause?: unknown): CrossfadeError {
    const message = `The ${this.#options.label} does not answer (${this.#options.file}): ${why}.`;
    return new CrossfadeError('STORE_UNAVAILABLE', { message, cause });
  }
}
