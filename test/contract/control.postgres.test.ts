import type { ControlTables } from '../../src/migration/control/sql/index.ts';
import { openPostgres } from '../../src/migration/stores/postgres/database.ts';
import { describeWith, scratchSchema, servers } from '../support/servers.ts';
import { controlContract } from './control.contract.ts';

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  controlContract('PostgreSQL', async () => {
    const { url, drop } = await scratchSchema(server);
    return { connect: () => openPostgres<ControlTables>(url), dispose: drop };
  });
});
