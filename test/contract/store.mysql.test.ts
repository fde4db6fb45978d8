import { mysqlStore } from '../../src/migration/stores/mysql/index.ts';
import { quote } from '../../src/migration/stores/mysql/schema.ts';
import { scratchDatabase } from '../support/mysql.ts';
import { describeWith, servers } from '../support/servers.ts';
import { storeContract } from './store.contract.ts';

describeWith('MySQL or MariaDB', await servers.mysql(), (server) => {
  storeContract('MySQL or MariaDB', async () => {
    const database = await scratchDatabase(server);
    return {
      open: async (role, dataset) => mysqlStore({ url: database.url, role, dataset, create: true }),
      forbid: async (role, dataset, field, value) => {
        const { name, columns } = dataset.table(role);
        const column = quote(columns[field]?.name ?? field);
        const rule = `if new.${column} = '${value}' then signal sqlstate '45000' set message_text = 'no such ${field}'; end if`;
        await database.run(
          ...['insert', 'update'].map(
            (event) =>
              `create trigger ${quote(`${name}_${event}`)} before ${event} on ${quote(name)} for each row ${rule}`,
          ),
        );
      },
      holdFence: async (role, dataset) => {
        const beside = await database.connect();
        await beside.query('start transaction');
        await beside.query('select * from crossfade_fence where dataset = ? and role = ? for update', [
          dataset.name,
          role,
        ]);
        return async () => {
          await beside.query('rollback');
          await beside.end();
        };
      },
      dispose: () => database.drop(),
    };
  });
});
