/** A store in an SQLite file. Old and new store may be two files, or two tables of one. */
import type { Dataset, StoreRole } from '../../dataset.ts';
import type { Store } from '../store.ts';
import { Session } from './connection.ts';
import { SqliteFence } from './fence.ts';
import { SqliteQuarantine } from './quarantine.ts';
import { SqliteReader } from './reader.ts';
import { setUpTables } from './schema.ts';
import { Statements } from './statements.ts';
import { SqliteWriter } from './writer.ts';

export { openSqliteFile, type SqliteFile } from './database.ts';

export interface SqliteStoreOptions {
  readonly file: string;
  readonly role: StoreRole;
  readonly dataset: Dataset;
  /** Make the file and the dataset's table when they are missing; otherwise the store is unavailable until they are there. */
  readonly create: boolean;
}

/** Opens nothing yet: the first use does. */
export function sqliteStore({ file, role, dataset, create }: SqliteStoreOptions): Store {
  const session = new Session({
    file,
    create,
    label: `${role.toLowerCase()} store of ${dataset.name}`,
    setUp: (connection, options) => setUpTables(connection, dataset, role, options),
  });
  const sql = new Statements(dataset, role);
  const reader = new SqliteReader(session, dataset, role, sql);
  const fence = new SqliteFence(session, dataset, role);
  const quarantine = new SqliteQuarantine(session, dataset, role, sql, fence);
  return {
    role,
    reader,
    writer: new SqliteWriter(session, dataset, role, { sql, reader, fence, quarantine }),
    fence,
    quarantine,
    checkpoint: () => fence.checkpoint(),
    otherWriters: async () => null,
    serverVersion: async () => null,
    ping: async () => {
      await session.read((c) => c.get(`select 1 from ${sql.name} limit 1`));
    },
    close: async () => session.close(),
  };
}
