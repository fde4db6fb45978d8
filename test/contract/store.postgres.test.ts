import { Client, escapeLiteral } from 'pg';
import { postgresStore } from '../../src/migration/stores/postgres/index.ts';
import { latchName, quote } from '../../src/migration/stores/postgres/schema.ts';
import { describeWith, scratchSchema, servers } from '../support/servers.ts';
import { storeContract } from './store.contract.ts';

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  storeContract('PostgreSQL', async () => {
    const { url, drop } = await scratchSchema(server);
    const beside = new Client({ connectionString: url });
    await beside.connect();
    return {
      open: async (role, dataset) => postgresStore({ url, role, dataset, create: true }),
      forbid: async (role, dataset, field, value) => {
        const { name, columns } = dataset.table(role);
        const column = quote(columns[field]?.name ?? field);
        await beside.query(`alter table ${quote(name)} add check (${column} <> ${escapeLiteral(value)})`);
      },
      holdFence: async (role, dataset) => {
        await beside.query(`begin; lock table ${quote(latchName(dataset, role))} in exclusive mode`);
        return async () => {
          await beside.query('rollback');
        };
      },
      cannotKeep: (text) => text.includes('\0'),
      dispose: async () => {
        await beside.end();
        await drop();
      },
    };
  });
});
