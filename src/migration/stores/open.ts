/**
 * Data engines by the scheme of a URL: the only file outside of their own folders that names them.
 */
import { dirname, join, resolve } from 'node:path';
import type { Dataset, StoreRole } from '../dataset.ts';
import { graphileQueue } from '../jobs/graphile/index.ts';
import type { OpenQueue } from '../jobs/queue.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { isAddress, parseAddress } from './mysql/database.ts';
import { mysqlStore } from './mysql/index.ts';
import { realPath } from './paths.ts';
import { pgliteStore } from './pglite/index.ts';
import { identityOf, isDatabaseUrl } from './postgres/connection.ts';
import { openPostgres } from './postgres/database.ts';
import { postgresStore } from './postgres/index.ts';
import { openSqliteFile } from './sqlite/database.ts';
import { sqliteStore } from './sqlite/index.ts';
import type { Store } from './store.ts';

/** A lock on a directory of embedded databases is one more file of the engine they use. */
export { lockFile } from './sqlite/lock.ts';

export interface OpenOptions {
  /**
   * Of an engine without a server: may it make a store that is missing? Yes, unless it is said otherwise; `mayBeMade` knows.
   * On a server: may it make the dataset's table? No, unless it is said; that is for the setup.
   */
  readonly create?: boolean;
}

export interface DataEngine {
  /** How its URLs look, for messages. */
  readonly form: string;
  /** It keeps the stores of a dataset, but not the control store: `openDatabase` is not to be called. */
  readonly storesOnly?: boolean;
  /** It is a database program of its own that runs in this process, and takes seconds to start. */
  readonly runsHere?: boolean;
  /** What whoever uses it for real should know first, as a sentence. */
  readonly warning?: string;
  /** Does a URL of this scheme say all that it must? Yes, where an engine does not look closer. */
  accepts?(url: string): boolean;
  /** One name for one database, however its URL is written. */
  identity(url: string): string;
  /** The directory that it keeps its files in; null for a server. */
  directory(url: string): string | null;
  openStore(url: string, role: StoreRole, dataset: Dataset, options?: OpenOptions): Store;
  /** For the control store, the journal and whatever else the application keeps beside them. Throws what the driver throws. */
  openDatabase<Tables>(url: string): SqlDatabase<Tables>;
  /** Shares background work between the processes that have their control store there; absent where one process has it alone. */
  openQueue?(url: string): OpenQueue;
}

const noDatabase = (): never => {
  throw new Error('this engine keeps stores only');
};

const mysql: DataEngine = {
  form: 'mysql://USER:PASSWORD@HOST:PORT/DATABASE',
  storesOnly: true,
  accepts: isAddress,
  identity: (url) => parseAddress(url).name,
  directory: () => null,
  openStore: (url, role, dataset, { create = false } = {}) => mysqlStore({ url, role, dataset, create }),
  openDatabase: noDatabase,
};

const postgres: DataEngine = {
  form: 'postgres://USER:PASSWORD@HOST:PORT/DATABASE',
  accepts: isDatabaseUrl,
  identity: identityOf,
  directory: () => null,
  openStore: (url, role, dataset, { create = false } = {}) => postgresStore({ url, role, dataset, create }),
  openDatabase: openPostgres,
  openQueue: graphileQueue,
};

const ENGINES: Readonly<Record<string, DataEngine>> = {
  sqlite: {
    form: 'sqlite:FILE',
    identity: (url) => realPath(pathOf(url)),
    directory: (url) => dirname(pathOf(url)),
    openStore: (url, role, dataset, { create = true } = {}) =>
      sqliteStore({ file: pathOf(url), role, dataset, create }),
    openDatabase: (url) => openSqliteFile(pathOf(url)),
  },
  mysql,
  mariadb: mysql,
  postgres,
  postgresql: postgres,
  pglite: {
    form: 'pglite:DIR',
    warning: 'It is for a taste of PostgreSQL without a server: what it acknowledges is not synced to the disk.',
    runsHere: true,
    storesOnly: true,
    identity: (url) => `pglite:${realPath(pathOf(url))}`,
    directory: pathOf,
    openStore: (url, role, dataset, { create = true } = {}) =>
      pgliteStore({ directory: pathOf(url), role, dataset, create }),
    openDatabase: noDatabase,
  },
};

const forms = (engines: readonly DataEngine[]): readonly string[] => [...new Set(engines.map(({ form }) => form))];

/** What the URL of a store, and that of the control store, may look like. */
export const STORE_URL_FORMS = forms(Object.values(ENGINES));
export const CONTROL_URL_FORMS = forms(Object.values(ENGINES).filter(({ storesOnly }) => !storesOnly));

/** The engine of a URL, or null when there is none of that scheme or the URL says nothing behind it. */
export function findEngine(url: string): DataEngine | null {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(url) ?? [];
  const engine = rest === '' ? undefined : ENGINES[scheme];
  return engine && (engine.accepts?.(url) ?? true) ? engine : null;
}

/** The engine of a URL that `findEngine` knows. */
export function engineOf(url: string): DataEngine {
  const engine = findEngine(url);
  if (!engine) throw new RangeError('no data engine has URLs of this scheme');
  return engine;
}

/** The URL of a database that needs no server: the file `NAME.sqlite` in a directory. */
export function embeddedUrl(dir: string, name: string): string {
  return `sqlite:${join(dir, `${name}.sqlite`)}`;
}

function pathOf(url: string): string {
  return resolve(url.slice(url.indexOf(':') + 1));
}
