import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { sqlJournal, type JournalTables } from '../../src/migration/journal/sql/index.ts';
import type { Clock } from '../../src/migration/clock.ts';
import { openPostgres } from '../../src/migration/stores/postgres/database.ts';
import { until } from '../support/operate.ts';
import { describeWith, scratchSchema, servers } from '../support/servers.ts';
import { appendOf, journalContract, ManualClock } from './journal.contract.ts';

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

  test('while it fills, the server learns how many entries there are', async () => {
    const { url, drop } = await scratchSchema(server);
    const database = openPostgres<JournalTables>(url);
    try {
      const journal = sqlJournal({ database, dataset: { name: 'party' }, clock: new ManualClock() });
      await journal.init(1);
      await journal.open({ epoch: 2, run: 2 });
      const known = async () => {
        const { rows } = await sql<{ tuples: number }>`select reltuples as tuples from pg_class
          where oid = to_regclass('crossfade_journal_entry')`.execute(database.read);
        return Number(rows[0]?.tuples);
      };
      expect(await known(), 'nothing is known').toBe(-1);
      for (let i = 1; i <= 5; i++) {
        const appended = await journal.append(appendOf(`k${i}`));
        expect(appended.outcome).toBe('APPENDED');
      }
      await journal.stop();
      expect(await known()).toBeGreaterThanOrEqual(4);
    } finally {
      await database.close();
      await drop();
    }
  });

  test('what is noted of one slot does not wait for who holds another', async () => {
    const { url, drop } = await scratchSchema(server);
    const database = openPostgres<JournalTables>(url);
    try {
      const journal = sqlJournal({ database, dataset: { name: 'party' }, clock: new ManualClock() });
      await journal.init(1);
      await journal.open({ epoch: 2, run: 2 });
      const writes = [3, 7].map((slot) => appendOf(`k${slot}`, { slot, owedTo: ['NEW'] }));
      const addresses = writes.map(({ address }) => address);
      const notes = await Promise.all(
        writes.map(async (write) => {
          const appended = await journal.append(write);
          if (appended.outcome !== 'APPENDED') throw new Error(appended.outcome);
          return { address: write.address, seq: appended.seq, role: 'NEW' as const };
        }),
      );
      const applied = await database.write(async (tx) => {
        await tx.selectFrom('crossfade_journal_slot').select('slot').where('slot', '=', 3).forUpdate().execute();
        const noted = journal.applied(notes);
        await until(
          'the entry of the other slot leaves',
          async () => (await journal.read(addresses)).entries.size === 1,
        );
        expect([...(await journal.read(addresses)).entries.keys()]).toEqual(['k3']);
        return { noted };
      });
      await applied.noted;
      expect((await journal.read(addresses)).entries.size).toBe(0);
      await journal.stop();
    } finally {
      await database.close();
      await drop();
    }
  });
});
