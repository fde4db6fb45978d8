/**
 * MySQL 8 and MariaDB through mysql2: addresses, the pool, the settings of a session, and what the server's error numbers mean.
 *
 * Values come out as text wherever a JavaScript number or Date would bend them. Statements are prepared and every value is bound;
 * several statements in one text are off, and so is reading local files for the server, but where rows are copied.
 */
import type { Pool, PoolOptions } from 'mysql2/promise';
import { loadDriver } from './driver.ts';

/** How long a write waits for a lock, and how long opening a connection may take, milliseconds. */
export const LOCK_MS = 5000;
/** How long one statement may take before its connection is given up, milliseconds. */
export const STATEMENT_MS = 60_000;
/** Unused connections are closed well before the server would do it. */
const IDLE_MS = 5000;
/** Prepared statements kept for each connection; batches have sizes that are powers of two, so that there are few. */
const STATEMENTS = 128;

/**
 * What each new connection is set to. A client that stops in the middle of a transaction must not hold the fence: MariaDB ends idle
 * transactions; MySQL has only the timeout of idle connections, which therefore is short. Rows that stop coming end a copy.
 */
export const SESSION_SETTINGS: readonly string[] = [
  `set names utf8mb4, session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1,
    innodb_lock_wait_timeout = ${LOCK_MS / 1000}, lock_wait_timeout = ${LOCK_MS / 1000}, net_read_timeout = 10, wait_timeout = 20
    /*M!, wait_timeout = 600, idle_transaction_timeout = 10, in_predicate_conversion_threshold = 0 */`,
  `set session transaction isolation level read committed`,
];

/** The oldest versions that are supported, [major, minor]. */
const LEAST = { MariaDB: [10, 11], MySQL: [8, 0] } as const;

/** `MariaDB 10.11.19-MariaDB-0+deb12u1`, `MySQL 8.0.36`. */
export function productOf(version: string): string {
  return `${/mariadb/i.test(version) ? 'MariaDB' : 'MySQL'} ${version}`;
}

/** What is wrong with a server of this `version()` (`10.11.19-MariaDB-0+deb12u1`, `8.0.36`); null: nothing. */
export function versionFault(version: string): string | null {
  const product = /mariadb/i.test(version) ? 'MariaDB' : 'MySQL';
  const [least, leastMinor] = LEAST[product];
  const [, major = 0, minor = 0] = /^(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  if (major > least || (major === least && minor >= leastMinor)) return null;
  return `it is ${product} ${version}; it must be ${least}.${leastMinor} or newer`;
}

export interface Address {
  /** `host:port/database`, without user and password: for messages, and to tell databases apart. */
  readonly name: string;
  readonly options: PoolOptions & { readonly database: string };
}

/**
 * `mysql://user:password@host:port/database?ssl=true`; the certificate is checked then (NODE_EXTRA_CA_CERTS names further authorities).
 * RangeError, without the password, for what is none.
 */
export function parseAddress(url: string): Address {
  if (!URL.canParse(url)) throw new RangeError('it is no URL of the form mysql://user:password@host:port/database');
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const database = unescaped(pathname.slice(1));
  if (hostname === '' || database === '' || database.includes('/')) {
    throw new RangeError('it must name a host and one database: mysql://user:password@host:port/database');
  }
  const ssl = searchParams.get('ssl');
  const known = searchParams.size === (ssl === null ? 0 : 1) && ['true', 'false', null].includes(ssl);
  if (!known) throw new RangeError('there is no parameter but ssl=true or ssl=false');
  const host = hostname.toLowerCase();
  const at = port === '' ? 3306 : Number(port);
  return {
    name: `${host}:${at}/${database}`,
    options: {
      host: host.replace(/^\[|\]$/g, ''),
      port: at,
      user: unescaped(username),
      password: unescaped(password),
      database,
      ...(ssl === 'true' ? { ssl: { verifyIdentity: true } } : {}),
    },
  };
}

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RangeError('a % in it must be written as %25');
  }
}

export function isAddress(url: string): boolean {
  try {
    parseAddress(url);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Connects to nothing yet. `loads`: its connections may send rows as a file; of the client's own files the driver sends none. */
export function openPool({ options }: Address, connections: number, loads = false): Pool {
  return loadDriver().createPool({
    ...options,
    connectionLimit: connections,
    maxIdle: connections - 1,
    idleTimeout: IDLE_MS,
    connectTimeout: LOCK_MS,
    charset: 'utf8mb4',
    maxPreparedStatements: STATEMENTS,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    // It would take the stack of whoever asks with each statement, for the rare one that fails.
    trace: false,
    // Rows that an update finds count, also those that it leaves as they are.
    flags: ['FOUND_ROWS', loads ? 'LOCAL_FILES' : '-LOCAL_FILES'],
  });
}

/**
 *   CONFLICT   the same work may succeed when it is tried again
 *   REFUSED    the table will not take this row, ever
 *   ANSWERED   another answer of the server: nothing was done
 *   LOST       no answer; what was sent may have been done
 *   TIMED_OUT  as LOST, because of our own clock
 */
export type FailureKind = 'CONFLICT' | 'REFUSED' | 'ANSWERED' | 'LOST' | 'TIMED_OUT';

/** The one table of the server's error numbers (the same in MySQL and MariaDB, but for those that only one of them has). */
const KINDS: Readonly<Record<number, FailureKind>> = {
  1020: 'CONFLICT', // the record has changed since it was read
  1205: 'CONFLICT', // lock wait timeout
  1213: 'CONFLICT', // deadlock

  1048: 'REFUSED', // null in a column that takes none
  1062: 'REFUSED', // duplicate entry
  1118: 'REFUSED', // row too large
  1169: 'REFUSED', // duplicate entry, no index named
  1216: 'REFUSED', // foreign key
  1217: 'REFUSED', // foreign key
  1264: 'REFUSED', // out of range
  1265: 'REFUSED', // data truncated
  1292: 'REFUSED', // incorrect value
  1364: 'REFUSED', // a column without default that the dataset does not have
  1366: 'REFUSED', // characters that the column's character set lacks
  1406: 'REFUSED', // too long
  1451: 'REFUSED', // foreign key
  1452: 'REFUSED', // foreign key
  1526: 'REFUSED', // no partition for the value
  1644: 'REFUSED', // a trigger's signal
  1690: 'REFUSED', // out of range
  3140: 'REFUSED', // invalid JSON
  3819: 'REFUSED', // check constraint, MySQL
  4025: 'REFUSED', // check constraint, MariaDB

  1053: 'LOST', // server shutdown in progress
  1152: 'LOST', // aborted connection
  1158: 'LOST', // network
  1159: 'LOST',
  1160: 'LOST',
  1161: 'LOST',
  1927: 'LOST', // connection was killed
  4031: 'LOST', // disconnected for inactivity
};

/** The server answers, but not to this user, or not about this database: as long as nobody changes that. */
const BARRED: ReadonlySet<number> = new Set([
  1044, // access denied to the database
  1045, // access denied: user or password
  1049, // no such database
  1130, // this host is not allowed
  1142, // a right on a table is lacking
  1143, // a right on a column is lacking
  1227, // a right of administrators is lacking
  1251, // the server wants another way to authenticate
  1290, // read only
  1370, // a right on a routine is lacking
  1698, // access denied without a password
  1836, // read only
]);

export function isBarring({ errno }: Failure): boolean {
  return BARRED.has(errno);
}

/** Whatever the driver throws, with its meaning. `message` is the server's: for operators and logs, not for clients. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;
  /** The driver's or server's name for it, fit for a message: `ECONNREFUSED`, `ER_NO_SUCH_TABLE`. */
  readonly code: string;
  readonly errno: number;

  constructor(
    kind: FailureKind,
    code: string,
    message: string,
    cause?: { readonly cause: unknown; readonly errno: number },
  ) {
    super(message, cause && { cause: cause.cause });
    this.kind = kind;
    this.code = code;
    this.errno = cause?.errno ?? 0;
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { errno, code, sqlState } = fields(error);
  const message = error instanceof Error ? error.message : String(error);
  const kind = KINDS[errno] ?? (sqlState === undefined ? 'LOST' : 'ANSWERED');
  return new Failure(kind, code, message, { cause: error, errno });
}

function fields(error: unknown): { readonly errno: number; readonly code: string; readonly sqlState: unknown } {
  if (typeof error !== 'object' || error === null) return { errno: 0, code: 'unknown', sqlState: undefined };
  const { errno, code, sqlState }: { errno?: unknown; code?: unknown; sqlState?: unknown } = error;
  return { errno: Number(errno ?? 0), code: typeof code === 'string' ? code : 'unknown', sqlState };
}

/** Another transaction was quicker in making what this one wanted to make: to be begun again. */
export function unlessOvertaken(error: unknown): unknown {
  const duplicate = error instanceof Failure && DUPLICATE.has(error.errno);
  return duplicate
    ? new Failure('CONFLICT', 'OVERTAKEN', error.message, { cause: error.cause, errno: error.errno })
    : error;
}

const DUPLICATE: ReadonlySet<number> = new Set([1062, 1169]);
