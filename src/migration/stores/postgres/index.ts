/** A store in PostgreSQL 15 or newer. Old and new store may be two databases, or two tables of one. */
import type { Dataset, StoreRole } from '../../dataset.ts';
import type { Store } from '../store.ts';
import { PostgresFence } from './fence.ts';
import { Inserter } from './inserter.ts';
import { openPool, type Connections } from './pool.ts';
import { PostgresQuarantine } from './quarantine.ts';
import { PostgresReader } from './reader.ts';
import { setUpTables } from './schema.ts';
import { otherWriters } from './writers.ts';
import { Session } from './session.ts';
import { Statements } from './statements.ts';
import { PostgresWriter } from './writer.ts';

const CONNECTIONS = 8;

export interface PostgresStoreOptions extends Omit<StoreParts, 'connections'> {
  readonly url: string;
}

export interface StoreParts {
  readonly connections: Connections;
  readonly role: StoreRole;
  readonly dataset: Dataset;
  /** Make the dataset's table when it is missing; otherwise the store is unavailable until it is there. */
  readonly create: boolean;
  /** How long a client may hold the fence in the middle of a copy, milliseconds; for tests. */
  readonly stalledMs?: number;
}

/** Opens nothing yet: the first use does. Throws what the driver throws if this is no URL of a server. */
export function postgresStore({ url, ...parts }: PostgresStoreOptions): Store {
  return storeOn({ connections: openPool(url, CONNECTIONS), ...parts });
}

/** The store in whatever these connections lead to; it ends them when it is closed. */
export function storeOn({ connections, role, dataset, create, stalledMs }: StoreParts): Store {
  const session = new Session({
    connections,
    label: `${role.toLowerCase()} store of ${dataset.name}`,
    setUp: (connection) => setUpTables(connection, dataset, role, { create }),
  });
  const sql = new Statements(dataset, role);
  const fence = new PostgresFence(session, dataset, role, stalledMs);
  const reader = new PostgresReader(session, dataset, sql, fence);
  const inserter = new Inserter(session, dataset, sql);
  const quarantine = new PostgresQuarantine(session, fence, inserter);
  return {
    role,
    reader,
    writer: new PostgresWriter(session, dataset, role, { sql, reader, fence, quarantine, inserter }),
    fence,
    quarantine,
    checkpoint: () => fence.checkpoint(),
    otherWriters: () => session.read((c) => otherWriters(c, sql.table.name)),
    serverVersion: async () => {
      const [row = []] = await session.read((c) => c.all(`select current_setting('server_version')`));
      return `PostgreSQL ${String(row[0])}`;
    },
    ping: async () => {
      await session.read((c) => c.run(`select 1 from ${sql.name} limit 1`));
    },
    close: () => session.close(),
  };
}
