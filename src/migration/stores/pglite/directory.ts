/**
 * The PostgreSQL of a directory: one in this process, whoever uses it, and in no other process.
 *
 * PGlite itself lets two processes open one directory and ruin it, so a file beside the directory is locked for as long as somebody here
 * uses it. The library is large and slow to start: it is loaded at the first use, and not before.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { realPath } from '../paths.ts';
import { Unusable, type Connection } from '../postgres/connection.ts';
import { Pool, type Connections } from '../postgres/pool.ts';
import { lockFile, type FileLock } from '../sqlite/lock.ts';
import { Wire, type Backend } from './wire.ts';

/** Starting it, and waiting for the one connection, milliseconds: long, for a first start takes seconds. */
const CONNECT_MS = 60_000;

interface Running {
  readonly backend: Backend & { close(): Promise<void> };
  readonly pool: Pool;
}

class Directory {
  readonly #path: string;
  #users = 0;
  #lock: FileLock | null = null;
  #running: Promise<Running> | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  enter(): void {
    this.#users += 1;
  }

  /** The last one closes the database and frees the directory. */
  leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return Promise.resolve();
    const running = this.#running;
    this.#running = null;
    const before = this.#ended;
    this.#ended = (async () => {
      await before;
      await end(running);
      if (this.#users > 0) return;
      this.#lock?.release();
      this.#lock = null;
      directories.delete(this.#path);
    })();
    return this.#ended;
  }

  /** Does it hold a database? */
  get made(): boolean {
    return existsSync(join(this.#path, 'PG_VERSION'));
  }

  /** Throws `Unusable` if another process has it. Makes the directory around it. */
  lock(): void {
    if (this.#lock) return;
    mkdirSync(dirname(this.#path), { recursive: true });
    this.#lock = lockFile(`${this.#path}.lock`);
    if (!this.#lock) throw new Unusable(`another process is using ${this.#path}`);
  }

  async pool(): Promise<Pool> {
    this.lock();
    this.#running ??= this.#ended.then(() => start(this.#path));
    const mine = this.#running;
    try {
      return (await mine).pool;
    } catch (error) {
      if (this.#running === mine) this.#running = null;
      throw error;
    }
  }
}

async function start(path: string): Promise<Running> {
  const { PGlite } = await import('@electric-sql/pglite');
  const backend = await PGlite.create(path);
  const stream = (): Wire => new Wire(backend);
  return { backend, pool: new Pool({ stream, max: 1, connectionTimeoutMillis: CONNECT_MS, idleMs: 0 }) };
}

async function end(running: Promise<Running> | null): Promise<void> {
  // One that did not start has told whoever wanted it.
  const started = await running?.catch(() => null);
  if (!started) return;
  await started.pool.end();
  await started.backend.close();
}

const directories = new Map<string, Directory>();

/**
 * The one connection to the database in a directory, shared by all who have asked for it here. `create`: make a database that is missing.
 * Throws `Unusable` if another process has the directory.
 */
export function connectionsTo(path: string, { create }: { readonly create: boolean }): Connections {
  const real = realPath(path);
  const directory = directories.get(real) ?? new Directory(real);
  // One that may not be made is not locked before it is needed, for it may be gone for good.
  if (create || directory.made) directory.lock();
  directories.set(real, directory);
  directory.enter();
  const lent = new Map<Connection, Pool>();
  let ended: Promise<void> | null = null;
  return {
    acquire: async () => {
      if (!create && !directory.made) throw new Unusable(`there is no database in ${real}`);
      const pool = await directory.pool();
      const connection = await pool.acquire();
      lent.set(connection, pool);
      return connection;
    },
    release: (connection) => {
      lent.get(connection)?.release(connection);
      lent.delete(connection);
    },
    end: () => (ended ??= directory.leave()),
  };
}
