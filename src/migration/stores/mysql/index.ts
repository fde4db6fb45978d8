/** A store in a MySQL or MariaDB database. Old and new store may be two databases, or two tables of one. */
import type { Dataset, StoreRole } from '../../dataset.ts';
import type { Store } from '../store.ts';
import { Session } from './session.ts';
import { parseAddress, productOf } from './database.ts';
import { MysqlFence } from './fence.ts';
import { MysqlQuarantine } from './quarantine.ts';
import { MysqlReader } from './reader.ts';
import { setUpTables } from './schema.ts';
import { Statements } from './statements.ts';
import { otherWriters } from './writers.ts';
import { MysqlWriter } from './writer.ts';

export interface MysqlStoreOptions {
  /** `mysql://user:password@host:port/database`, or `mariadb://…`. */
  readonly url: string;
  readonly role: StoreRole;
  readonly dataset: Dataset;
  /** Make the dataset's table when it is missing; otherwise the store is unavailable until it is there. */
  readonly create: boolean;
  /** May rows be sent as a file, where the server takes them? Yes, but in tests. */
  readonly loads?: boolean;
}

/** Connects to nothing yet: the first use does. RangeError for a URL that says no database. */
export function mysqlStore({ url, role, dataset, create, loads = true }: MysqlStoreOptions): Store {
  const session = new Session({
    address: parseAddress(url),
    loads,
    label: `${role.toLowerCase()} store of ${dataset.name}`,
    setUp: (connection) => setUpTables(connection, dataset, role, { create }),
  });
  const sql = new Statements(dataset, role);
  const reader = new MysqlReader(session, dataset, role, sql);
  const fence = new MysqlFence(session, dataset, role);
  const quarantine = new MysqlQuarantine(session, dataset, role, sql, fence);
  return {
    role,
    reader,
    writer: new MysqlWriter(session, fence, { dataset, role, sql, reader, quarantine }),
    fence,
    quarantine,
    checkpoint: () => fence.checkpoint(),
    otherWriters: () => session.read((c) => otherWriters(c, sql.table.name)),
    serverVersion: async () => {
      const [version] = (await session.read((c) => c.get('select version()'))) ?? [];
      return productOf(String(version));
    },
    ping: async () => {
      await session.read((c) => c.get(`select 1 from ${sql.name} limit 1`));
    },
    close: () => session.close(),
  };
}
