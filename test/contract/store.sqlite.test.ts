import { join } from 'node:path';
import { connect } from '../../src/migration/stores/sqlite/database.ts';
import { sqliteStore } from '../../src/migration/stores/sqlite/index.ts';
import { quote } from '../../src/migration/stores/sqlite/schema.ts';
import { temporaryDirectory } from '../support/tmp.ts';
import { storeContract } from './store.contract.ts';

storeContract('SQLite', async () => {
  const file = join(await temporaryDirectory(), 'store.sqlite');
  const beside = connect(file);
  return {
    open: async (role, dataset) => sqliteStore({ file, role, dataset, create: true }),
    forbid: async (role, dataset, field, value) => {
      const { name, columns } = dataset.table(role);
      const column = quote(columns[field]?.name ?? field);
      for (const event of ['insert', 'update']) {
        const rule = `when new.${column} = '${value}' begin select raise(abort, 'no such ${field}'); end`;
        beside.exec(`create trigger ${quote(`${name}_${event}`)} before ${event} on ${quote(name)} ${rule}`);
      }
    },
    holdFence: async () => {
      beside.exec('begin immediate');
      return async () => {
        beside.exec('rollback');
      };
    },
    dispose: async () => {
      beside.close();
    },
  };
});
