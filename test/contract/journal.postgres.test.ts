import { sqlJournal, type JournalTables } from '../../src/migration/journal/sql/index.ts';
import type { Clock } from '../../src/migration/clock.ts';
import { openPostgres } from '../../src/migration/stores/postgres/database.ts';
import { describeWith, scratchSchema, servers } from '../support/servers.ts';
import { journalContract } from './journal.contract.ts';

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  journalContract('SQL tables in PostgreSQL', {
    open: async (clock: Clock) => {
      const { url, drop } = await scratchSchema(server);
      const [database, second] = [openPostgres<JournalTables>(url), openPostgres<JournalTables>(url)];
      const handle = (of: typeof database) => sqlJournal({ database: of, dataset: { name: 'party' }, clock });
      return {
        journal: handle(database),
        other: handle(second),
        loseSlot: async (slot) => {
          await second.write((tx) => tx.deleteFrom('crossfade_journal_slot').where('slot', '=', slot).execute());
        },
        cut: () => database.close(),
        end: async () => {
          await database.close();
          await second.close();
          await drop();
        },
      };
    },
  });
});
