/** One connection to the server: each statement has an end, and a commit without an answer is told apart from work that did not happen. */
import type { PoolConnection, QueryResult } from 'mysql2/promise';
import { Failure, failureOf, STATEMENT_MS } from './database.ts';
import { loadDriver } from './driver.ts';
import { withLiterals } from './literals.ts';
import { LineFile } from './line-file.ts';
import { textRows } from './text-rows.ts';

/** What is bound and what is found. */
export type Cell = null | bigint | number | string | Buffer;

export class Connection {
  readonly #driver: PoolConnection;
  /** Not to be used again. */
  broken = false;

  constructor(driver: PoolConnection) {
    this.#driver = driver;
  }

  get id(): number {
    return this.#driver.threadId;
  }

  /** The rows of a query, as arrays in the order of its columns. */
  async all(
    sql: string,
    cells: readonly Cell[] = [],
    timeoutMs: number = STATEMENT_MS,
  ): Promise<readonly (readonly Cell[])[]> {
    const result = await this.#send(timeoutMs, () =>
      this.#driver.execute<QueryResult>({ sql, rowsAsArray: true }, bound(cells)),
    );
    return Array.isArray(result) ? (result as Cell[][]) : [];
  }

  /** The first row of a query. */
  async get(
    sql: string,
    cells: readonly Cell[] = [],
    timeoutMs: number = STATEMENT_MS,
  ): Promise<readonly Cell[] | undefined> {
    return (await this.all(sql, cells, timeoutMs))[0];
  }

  /** How many rows the statement found to write. */
  async run(sql: string, cells: readonly Cell[] = []): Promise<number> {
    const result = await this.#send(STATEMENT_MS, () => this.#driver.execute<QueryResult>(sql, bound(cells)));
    return 'affectedRows' in result ? result.affectedRows : 0;
  }

  /** As `run`, outside of a transaction. */
  async runAndCommit(sql: string, cells: readonly Cell[]): Promise<number> {
    try {
      return await this.run(sql, cells);
    } catch (error) {
      throw this.broken ? new UnansweredCommit(failureOf(error)) : error;
    }
  }

  /** A statement without values, which need not be one that can be prepared. */
  async command(sql: string): Promise<void> {
    await this.#send(STATEMENT_MS, () => this.#driver.query<QueryResult>(sql));
  }

  /**
   * The rows of a query as they come, as packets (text-rows.ts); the server waits while nobody asks for more. Left early, or silent for
   * too long, the connection is broken.
   */
  async *stream(sql: string, cells: readonly Cell[]): AsyncGenerator<Buffer> {
    let ended = false;
    try {
      const statement = withLiterals(sql, cells);
      yield* textRows(this.#driver.connection, statement, (answer) => within(STATEMENT_MS, answer));
      ended = true;
    } catch (error) {
      const failure = failureOf(error);
      ended = failure.kind !== 'LOST' && failure.kind !== 'TIMED_OUT';
      throw failure;
    } finally {
      this.broken ||= !ended;
    }
  }

  /** `load data local infile` of these lines: how many rows there are now, and how many things the server frowned at. What `lines` throws is thrown on. */
  async load(sql: string, lines: AsyncIterable<string>): Promise<{ readonly rows: number; readonly warnings: number }> {
    const file = new LineFile(lines);
    try {
      const result = await this.#send(STATEMENT_MS, () =>
        this.#driver.query<QueryResult>({ sql, infileStreamFactory: () => file.open() }),
      );
      return 'affectedRows' in result
        ? { rows: result.affectedRows, warnings: 'warningStatus' in result ? result.warningStatus : 0 }
        : { rows: 0, warnings: 0 };
    } catch (error) {
      throw file.failure ? file.failure.error : error;
    }
  }

  async transaction<T>(work: (c: Connection) => Promise<T>, begin = 'start transaction'): Promise<T> {
    await this.command(begin);
    let result: T;
    try {
      result = await work(this);
    } catch (error) {
      await this.#rollback();
      throw error;
    }
    try {
      await this.command('commit');
    } catch (error) {
      this.broken = true;
      throw failureOf(error).kind === 'CONFLICT' ? error : new UnansweredCommit(failureOf(error));
    }
    return result;
  }

  release(): void {
    if (this.broken) this.#driver.destroy();
    else this.#driver.release();
  }

  async #rollback(): Promise<void> {
    if (this.broken) return;
    // The failure that made it necessary is the one to tell; a connection that can't roll back is closed, which rolls back too.
    await this.command('rollback').catch(() => {
      this.broken = true;
    });
  }

  async #send(timeoutMs: number, call: () => Promise<[QueryResult, unknown]>): Promise<QueryResult> {
    try {
      const [result] = await within(timeoutMs, call());
      return result;
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'LOST' || failure.kind === 'TIMED_OUT') this.broken = true;
      throw failure;
    }
  }
}

/** What was sent may have been done. */
export class UnansweredCommit extends Failure {
  constructor({ kind, code, message, cause, errno }: Failure) {
    super(kind, code, message, { cause, errno });
  }
}

/** The driver would bind a bigint as text, which the server compares with a whole number by way of a double. */
function bound(cells: readonly Cell[]) {
  return cells.map((cell) => (typeof cell === 'bigint' ? loadDriver().TypedParameter.BIGINT(cell) : cell));
}

/** The work's answer, or TIMED_OUT; the work itself goes on. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: timeUp, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Failure('TIMED_OUT', 'TIMED_OUT', `no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
