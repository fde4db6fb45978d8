/**
 * SQLite files through better-sqlite3 and kysely: write-ahead log, synced on every commit.
 *
 * One connection writes and one reads, so that a reader never waits for a transaction of this process. better-sqlite3 is synchronous
 * and kysely's transactions are not: between two statements of a transaction another engine instance in the same process may come
 * along, and blocking in the driver would then block the one it waits for. So nobody waits inside the driver (busy_timeout 0);
 * a transaction takes the write lock at its beginning (`begin immediate`), and is begun again later when the file is busy.
 */
import { setTimeout as delay } from 'node:timers/promises';
import SqliteDriverDatabase from 'better-sqlite3';
import { CompiledQuery, Kysely, SqliteDialect, SqliteDriver } from 'kysely';
import type { DatabaseConnection, SqliteDatabase as KyselySqlite, SqliteDialectConfig, Transaction } from 'kysely';
import type { SqlDatabase } from '../../sql/database.ts';

/** How long work waits for a busy file before it fails, milliseconds. */
export const BUSY_MS = 5000;
/** How long opening waits inside the driver while another connection turns the write-ahead log on, milliseconds. */
const OPEN_MS = 1000;
/** Prepared statements kept for each connection; a few hundred shapes are all there are here. */
const STATEMENTS = 500;

class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await whenFree(() => connection.executeQuery(CompiledQuery.raw('begin immediate')));
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;
  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }
  override createDriver(): ImmediateDriver {
    return new ImmediateDriver(this.#config);
  }
}

export interface SqliteFile<Tables> extends SqlDatabase<Tables> {
  /** The connection that writes, for `iterate` and pragmas; never inside a `write`. */
  readonly raw: SqliteDriverDatabase.Database;
}

/** Opens or creates the file; throws better-sqlite3's error if it cannot, or if it is not a database. */
export function openSqliteFile<Tables>(file: string): SqliteFile<Tables> {
  const writer = connect(file);
  const reader = connect(file);
  const write = new Kysely<Tables>({ dialect: new ImmediateDialect({ database: cached(writer) }) });
  const read = new Kysely<Tables>({ dialect: new SqliteDialect({ database: cached(reader) }) });
  const arrays = statementCache(reader);
  return {
    raw: writer,
    read,
    rows: async ({ sql, parameters }) =>
      arrays(sql)
        .raw(true)
        .all(...parameters) as readonly (readonly unknown[])[],
    byteText: 'text',
    appendOnly,
    write: <T>(work: (tx: Transaction<Tables>) => Promise<T>) => write.transaction().execute(work),
    once: <T>(work: (db: Kysely<Tables>) => Promise<T>) => write.transaction().execute(work),
    lockRows: (query) => query,
    concurrentWriters: false,
    migrate: (statements) =>
      write.transaction().execute(async (tx) => {
        for (const statement of statements) await tx.executeQuery(CompiledQuery.raw(statement));
      }),
    close: async () => {
      await read.destroy();
      await write.destroy();
      // kysely closes what it has used; a connection that was never needed is still open.
      reader.close();
      writer.close();
    },
  };
}

/** By triggers; whoever can write to the file can take them away again. */
function appendOnly(table: string): readonly string[] {
  return ['update', 'delete'].map(
    (change) =>
      `create trigger if not exists ${table}_no_${change} before ${change} on ${table}
       begin select raise(abort, '${table} is append-only'); end`,
  );
}

/** One connection, set up as all of them are; integers come out as bigint. `mustExist`: never make the file. */
export function connect(file: string, options: { readonly mustExist?: boolean } = {}): SqliteDriverDatabase.Database {
  const db = new SqliteDriverDatabase(file, { timeout: OPEN_MS, fileMustExist: options.mustExist ?? false });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('temp_store = MEMORY');
    db.pragma('busy_timeout = 0');
    db.defaultSafeIntegers(true);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Does the work, again after a growing pause while the file is busy; the last busy error is thrown when `timeoutMs` have passed. */
export async function whenFree<T>(work: () => T | Promise<T>, timeoutMs: number = BUSY_MS): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (let wait = 1; ; wait = Math.min(wait * 2, 20)) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= until) throw error;
      await delay(Math.min(wait, Math.max(until - performance.now(), 0)));
    }
  }
}

/** kysely prepares a statement for each execution; this keeps the prepared ones. */
function cached(db: SqliteDriverDatabase.Database): KyselySqlite {
  const statement = statementCache(db);
  return {
    close: () => db.close(),
    prepare: (sql) => {
      const prepared = statement(sql);
      return {
        reader: prepared.reader,
        all: (parameters) => prepared.all(...parameters),
        run: (parameters) => prepared.run(...parameters),
        iterate: (parameters) => prepared.iterate(...parameters) as IterableIterator<unknown>,
      };
    },
  };
}

/** Prepares each text once, and forgets all of them when there are too many. */
export function statementCache(
  db: SqliteDriverDatabase.Database,
): (sql: string) => SqliteDriverDatabase.Statement<unknown[]> {
  const statements = new Map<string, SqliteDriverDatabase.Statement<unknown[]>>();
  return (sql) => {
    let statement = statements.get(sql);
    if (!statement) {
      if (statements.size >= STATEMENTS) statements.clear();
      statement = db.prepare<unknown[]>(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
}

export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && error.code.startsWith('SQLITE_BUSY');
}

export function isSqliteError(error: unknown): error is InstanceType<typeof SqliteDriverDatabase.SqliteError> {
  return error instanceof SqliteDriverDatabase.SqliteError;
}
