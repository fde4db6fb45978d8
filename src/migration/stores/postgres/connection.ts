/**
 * Connections to a PostgreSQL server: sessions that are all set up alike, and failures told in one way (pool.ts keeps them).
 *
 * The safety of the fence rests on READ COMMITTED (see fence.ts), so a session is used only if that is its isolation, and only on the
 * primary. Every wait has an end: the server's timeouts end statements, locks and transactions that stand idle, and when the server
 * itself hangs the driver gives up and throws the connection away.
 */
import { Client } from 'pg';
import type { ClientBase, QueryResult, QueryResultRow } from 'pg';
import { Asked, type Cell } from './asked.ts';
import { DriverFailure } from './codes.ts';
import { copyIn, copyOut } from './copy-streams.ts';

export type { Cell };

/** The oldest major version that is supported. */
const LEAST_VERSION = 15;
/** For making a connection, and for waiting until one is free, milliseconds. */
export const CONNECT_MS = 5000;
const STATEMENT_MS = 15_000;
const LOCK_MS = 5000;
/** A process that stands still holds up switches with a transaction that it has begun; this is for how long. */
const IDLE_IN_TRANSACTION_MS = 4000;
/** The driver waits longer than the server, which answers if it can. */
export const ANSWER_MS = STATEMENT_MS + 3000;
/** Statements that go over a whole table, milliseconds. */
export const LONG_MS = 3_600_000;
const COPYING = { answerMs: ANSWER_MS, longestMs: LONG_MS };
/** Prepared statements kept for each connection; a few hundred shapes are all there are here. */
const STATEMENTS = 500;

const SETTINGS: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  client_min_messages: 'warning',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  statement_timeout: `${STATEMENT_MS}ms`,
  lock_timeout: `${LOCK_MS}ms`,
  idle_in_transaction_session_timeout: `${IDLE_IN_TRANSACTION_MS}ms`,
};

/** A server or a session that can't be used, in words for operators. */
export class Unusable extends Error {
  override readonly name = 'Unusable';
}

export class Connection {
  readonly #client: ClientBase;
  #lost = false;

  constructor(client: ClientBase) {
    this.#client = client;
  }

  /** Nothing more can be asked of it. */
  get lost(): boolean {
    return this.#lost;
  }

  /** It broke while nothing was asked of it. */
  breaks(): void {
    this.#lost = true;
  }

  /** The rows of a statement, as arrays in the order of its columns. `timeoutMs`: of the driver, not of the server. */
  async all(sql: string, cells: readonly Cell[] = [], timeoutMs = ANSWER_MS): Promise<readonly (readonly Cell[])[]> {
    const asked = new Asked(nameOf(sql) ?? '', sql, cells, timeoutMs);
    await this.#ask(() => asked.on(this.#client));
    return asked.rows;
  }

  /** The first row of a statement. */
  async get(sql: string, cells: readonly Cell[] = []): Promise<readonly Cell[] | undefined> {
    return (await this.all(sql, cells))[0];
  }

  /** How many rows the statement changed, or found. */
  async run(sql: string, cells: readonly Cell[] = []): Promise<number> {
    const asked = new Asked(nameOf(sql) ?? '', sql, cells, ANSWER_MS);
    await this.#ask(() => asked.on(this.#client));
    return asked.count ?? 0;
  }

  /** For kysely: rows as objects, values as the driver decodes them. */
  query<R extends QueryResultRow>(sql: string, values: readonly unknown[]): Promise<QueryResult<R>> {
    return this.#ask(() => this.#client.query<R>({ name: nameOf(sql), text: sql, values: [...values] }));
  }

  /** Statements without parameters, in one round trip; each sees what was committed before it began. */
  async control(...statements: readonly string[]): Promise<void> {
    await this.#ask(() => this.#client.query(statements.join('; ')));
  }

  /** The messages of `copy … to stdout`, as they come (copy-streams.ts); left before the end, the connection is lost. */
  async *copyOut(sql: string): AsyncGenerator<Buffer> {
    let ended = false;
    try {
      yield* copyOut(this.#client, sql, COPYING);
      ended = true;
    } catch (error) {
      const failure = new DriverFailure(error);
      ended = failure.meaning !== 'LOST';
      throw failure;
    } finally {
      this.#lost ||= !ended;
    }
  }

  /** `copy … from stdin`, of messages of the protocol; how many rows. What `packets` throws is thrown on. */
  async copyIn(sql: string, packets: AsyncIterable<Buffer>): Promise<number> {
    let broken: { readonly error: unknown } | null = null;
    const watched = async function* (): AsyncGenerator<Buffer> {
      try {
        yield* packets;
      } catch (error) {
        broken = { error };
        throw error;
      }
    };
    try {
      return await copyIn(this.#client, sql, watched(), COPYING);
    } catch (error) {
      if (broken) throw error;
      const failure = new DriverFailure(error);
      if (failure.meaning === 'LOST') this.#lost = true;
      throw failure;
    }
  }

  /** One transaction, READ COMMITTED; nothing stays if the work throws. `opening`: statements right behind `begin`. */
  async transaction<T>(opening: readonly string[], work: () => Promise<T>): Promise<T> {
    try {
      await this.control('begin isolation level read committed', ...opening);
      const result = await work();
      await this.commit();
      return result;
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async commit(): Promise<void> {
    const { command } = await this.#ask(() => this.#client.query('commit'));
    // A transaction in which a statement has failed is rolled back by `commit`, without an error.
    if (command !== 'COMMIT') throw new DriverFailure(new Error('the transaction was rolled back'));
  }

  /** Never throws: what can't be rolled back is thrown away with its connection. */
  async rollback(): Promise<void> {
    if (this.#lost) return;
    await this.control('rollback').catch(() => {
      this.#lost = true;
    });
  }

  /** Inside a transaction: undone alone when it throws. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.control('savepoint crossfade');
    try {
      const result = await work();
      await this.control('release savepoint crossfade');
      return result;
    } catch (error) {
      if (!this.#lost) await this.control('rollback to savepoint crossfade', 'release savepoint crossfade');
      throw error;
    }
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure = new DriverFailure(error);
      if (failure.meaning === 'LOST') this.#lost = true;
      throw failure;
    }
  }
}

/** Makes the session one that may be used; throws `Unusable` if it can't be. */
export async function setUpSession(client: ClientBase, more: Readonly<Record<string, string>> = {}): Promise<void> {
  const settings = { ...SETTINGS, ...more };
  await client.query({
    // A commit that the server would not sync is no acknowledgement.
    text: `select set_config(name, value, false) from unnest($1::text[], $2::text[]) as s(name, value)
      union all select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`,
    values: [Object.keys(settings), Object.values(settings)],
  });
  const { rows } = await client.query<Server>(
    `select current_setting('transaction_isolation') as isolation, current_setting('server_encoding') as encoding,
      pg_is_in_recovery() as replica, current_setting('server_version') as version`,
  );
  const fault = rows[0] ? serverFault(rows[0]) : 'it does not say what it is';
  if (fault !== null) throw new Unusable(fault);
}

interface Server {
  readonly isolation: string;
  readonly encoding: string;
  readonly replica: boolean;
  /** `15.20 (Debian …)`, `18beta1`. */
  readonly version: string;
}

/** Why such a server can't be used; null: it can. */
export function serverFault({ isolation, encoding, replica, version }: Server): string | null {
  const major = Number.parseInt(version, 10);
  if (!(major >= LEAST_VERSION)) return `it is PostgreSQL ${version}; it must be ${LEAST_VERSION} or newer`;
  if (isolation !== 'read committed') return `its sessions run at ${isolation}`;
  if (replica) return 'it is a replica, which may lag';
  return encoding === 'UTF8' ? null : `its encoding is ${encoding}, not UTF8`;
}

/** Does it look like the URL of a database on a server? */
export function isDatabaseUrl(url: string): boolean {
  if (!/^postgres(?:ql)?:\/\/./.test(url)) return false;
  try {
    identityOf(url);
    return true;
  } catch {
    // The driver cannot read it.
    return false;
  }
}

/** One name for one database and search path, however the URL is written; without user and password. */
export function identityOf(url: string): string {
  const { host, port, database = '' } = new Client({ connectionString: url });
  const here = ['localhost', '::1'].includes(host) ? '127.0.0.1' : host;
  const options = /[?&]options=([^&#]*)/.exec(url)?.[1] ?? '';
  return `${here}:${port}/${database} ${decodeURIComponent(options.replaceAll('+', ' '))}`.trim();
}

const names = new Map<string, string>();

/** The name under which a text is prepared in each connection that runs it; undefined when there are too many. */
function nameOf(sql: string): string | undefined {
  const known = names.get(sql);
  if (known !== undefined || names.size >= STATEMENTS) return known;
  const name = `crossfade_${names.size}`;
  names.set(sql, name);
  return name;
}
