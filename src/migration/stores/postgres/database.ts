/**
 * A PostgreSQL database for the control store, the journal and whatever else is written with kysely.
 *
 * Transactions are READ COMMITTED and lock the rows they read (`lockRows`). What others make fail, deadlocks and serialisation, is begun
 * again here.
 */
import {
  PostgresDialect,
  Kysely,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
} from 'kysely';
import type { Transaction } from 'kysely';
import type { SqlDatabase } from '../../sql/database.ts';
import { NotifyChannel } from './channel.ts';
import { appendOnly } from './append-only.ts';
import type { Cell, Connection } from './connection.ts';
import { openPool, type Pool } from './pool.ts';
import { untilFree } from './retry.ts';

const CONNECTIONS = 8;
/**
 * The journal and the control store are asked by keys, whose values change no plan; left to itself the server plans again for each
 * request what it finds cheap to run, and takes longer for that than for all the rest.
 */
const PLANS = { plan_cache_mode: 'force_generic_plan' } as const;

/** One number for everybody who makes tables: `create table if not exists` fails when two do it at once. */
const MAKING_TABLES = 'select pg_advisory_xact_lock(4091700842)';

/** Opens nothing yet. Throws what the driver throws if this is no URL of a server. */
export function openPostgres<Tables>(url: string): SqlDatabase<Tables> {
  const pool = openPool(url, CONNECTIONS, PLANS);
  const db = new Kysely<Tables>({ dialect: new PooledDialect(pool) });
  const channel = new NotifyChannel(url);
  return {
    read: db,
    rows: (query) => rowsOf(pool, query),
    byteText: 'text collate "C"',
    appendOnly,
    write: <T>(work: (tx: Transaction<Tables>) => Promise<T>) => untilFree(() => db.transaction().execute(work)),
    once: (work) => untilFree(() => work(db)),
    lockRows: (query) => query.forUpdate(),
    concurrentWriters: true,
    gather: (tables) => gather(pool, tables),
    migrate: (statements) => untilFree(() => makeTables(pool, statements)),
    channel,
    close: async () => {
      await channel.close();
      await db.destroy();
    },
  };
}

async function rowsOf(pool: Pool, { sql, parameters }: Pick<CompiledQuery, 'sql' | 'parameters'>) {
  const connection = await pool.acquire();
  try {
    return await connection.all(sql, parameters.map(cellOf));
  } finally {
    pool.release(connection);
  }
}

async function gather(pool: Pool, tables: readonly string[]): Promise<void> {
  const connection = await pool.acquire();
  try {
    await connection.control(`analyze ${tables.join(', ')}`);
  } finally {
    pool.release(connection);
  }
}

/** Of what the tables hold: texts and integers. */
function cellOf(value: unknown): Cell {
  return value === null || typeof value === 'string' ? value : String(value);
}

async function makeTables(pool: Pool, statements: readonly string[]): Promise<void> {
  const connection = await pool.acquire();
  try {
    await makeTablesOn(connection, statements);
  } finally {
    pool.release(connection);
  }
}

/** In one transaction, and one such transaction at a time. */
export async function makeTablesOn(connection: Connection, statements: readonly string[]): Promise<void> {
  await connection.transaction([MAKING_TABLES, ...statements], async () => {});
}

class PooledDialect extends PostgresDialect {
  readonly #pool: Pool;
  constructor(pool: Pool) {
    super({ pool: () => Promise.reject(new Error('the driver of this dialect has a pool of its own')) });
    this.#pool = pool;
  }
  override createDriver(): Driver {
    return new PooledDriver(this.#pool);
  }
}

class PooledDriver implements Driver {
  readonly #pool: Pool;
  constructor(pool: Pool) {
    this.#pool = pool;
  }
  async init(): Promise<void> {}
  async acquireConnection(): Promise<PooledConnection> {
    return new PooledConnection(await this.#pool.acquire());
  }
  async beginTransaction({ connection }: PooledConnection): Promise<void> {
    await connection.control('begin isolation level read committed');
  }
  commitTransaction({ connection }: PooledConnection): Promise<void> {
    return connection.commit();
  }
  rollbackTransaction({ connection }: PooledConnection): Promise<void> {
    return connection.rollback();
  }
  async releaseConnection({ connection }: PooledConnection): Promise<void> {
    this.#pool.release(connection);
  }
  destroy(): Promise<void> {
    return this.#pool.end();
  }
}

class PooledConnection implements DatabaseConnection {
  readonly connection: Connection;
  constructor(connection: Connection) {
    this.connection = connection;
  }
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount } = await this.connection.query<R & object>(sql, parameters);
    return { rows, numAffectedRows: BigInt(rowCount ?? 0) };
  }
  // oxlint-disable-next-line require-yield
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('rows are not streamed here: read them page by page');
  }
}
