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

/** How long a transaction tries to begin on a busy file before it fails, milliseconds. */
const BUSY_MS = 5000;
/** SQLite's own default is 2 GiB of cached statements' worth of nothing; a few hundred shapes are all there are here. */
const STATEMENTS = 500;

class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const until = performance.now() + BUSY_MS;
    for (let wait = 1; ; wait = Math.min(wait * 2, 20)) {
      try {
        await connection.executeQuery(CompiledQuery.raw('begin immediate'));
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > until) throw error;
        await delay(wait);
      }
    }
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
  return {
    raw: writer,
    read,
    byteText: 'text',
    write: <T>(work: (tx: Transaction<Tables>) => Promise<T>) => write.transaction().execute(work),
    lockRows: (query) => query,
    migrate: (statements) =>
      write.transaction().execute(async (tx) => {
        for (const statement of statements) await tx.executeQuery(CompiledQuery.raw(statement));
      }),
    close: async () => {
      await read.destroy();
      await write.destroy();
    },
  };
}

function connect(file: string): SqliteDriverDatabase.Database {
  const db = new SqliteDriverDatabase(file, { timeout: 0 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  db.pragma('temp_store = MEMORY');
  db.defaultSafeIntegers(true);
  return db;
}

/** kysely prepares a statement for each execution; this keeps the prepared ones. */
function cached(db: SqliteDriverDatabase.Database): KyselySqlite {
  const statements = new Map<string, SqliteDriverDatabase.Statement<unknown[]>>();
  return {
    close: () => db.close(),
    prepare: (sql) => {
      let statement = statements.get(sql);
      if (!statement) {
        if (statements.size >= STATEMENTS) statements.clear();
        statement = db.prepare<unknown[]>(sql);
        statements.set(sql, statement);
      }
      return {
        reader: statement.reader,
        all: (parameters) => statement.all(...parameters),
        run: (parameters) => statement.run(...parameters),
        iterate: (parameters) => statement.iterate(...parameters) as IterableIterator<unknown>,
      };
    },
  };
}

export function isBusy(error: unknown): boolean {
  return error instanceof SqliteDriverDatabase.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
