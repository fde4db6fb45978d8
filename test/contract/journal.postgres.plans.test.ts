/**
 * Reads of the journal read what they need, and not all entries, before the server has statistics: entries come in faster than it
 * gathers them. Counted in blocks, whatever the clock of a busy machine says.
 */
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { sqlJournal, type JournalTables } from '../../src/migration/journal/sql/index.ts';
import type { Journal } from '../../src/migration/journal/journal.ts';
import { openPostgres } from '../../src/migration/stores/postgres/database.ts';
import { describeWith, scratchSchema, servers } from '../support/servers.ts';
import { ManualClock } from './journal.contract.ts';

const ENTRIES = 20_000;
/** Blocks of 8 KB that hold the entries, images and all. */
const ALL_BLOCKS = 700;

/** As appends would make them, in both stores' debt. */
const FILL = `insert into crossfade_journal_entry
  select 'party', 2, 'k' || lpad(i::text, 6, '0'), i % 64, (2::bigint << 32) + i, '{"old":"' || repeat('x', 300) || '"}',
    (2::bigint << 32) + i, (2::bigint << 32) + i, 0, i from generate_series($1::int, $2::int) i`;

const STATISTICS: readonly (readonly [string, (client: Client) => Promise<void>])[] = [
  ['no statistics', async (client) => void (await client.query(FILL, [1, ENTRIES]))],
  [
    'those of the empty table',
    async (client) => {
      await client.query('analyze crossfade_journal_entry; analyze crossfade_journal_slot');
      await client.query(FILL, [1, ENTRIES]);
    },
  ],
  [
    'those of its first hundred entries',
    async (client) => {
      await client.query(FILL, [1, 100]);
      await client.query('analyze crossfade_journal_entry; analyze crossfade_journal_slot');
      await client.query(FILL, [101, ENTRIES]);
    },
  ],
];

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  test.each(STATISTICS)('with %s', async (_, fill) => {
    const { url, drop } = await scratchSchema(server);
    const database = openPostgres<JournalTables>(url);
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      let last: { readonly sql: string; readonly parameters: readonly unknown[] } | undefined;
      const read = database.read.withPlugin({
        transformQuery: ({ node, queryId }) => {
          // Parts of a statement pass here as well; the whole of it comes last.
          last = database.read.getExecutor().compileQuery(node, queryId);
          return node;
        },
        transformResult: async ({ result }) => result,
      });
      const journal = sqlJournal({
        database: { ...database, read },
        dataset: { name: 'party' },
        clock: new ManualClock(),
      });
      await journal.init(1);
      await journal.open({ epoch: 2, run: 2 });
      await client.query('alter table crossfade_journal_entry set (autovacuum_enabled = false)');
      await fill(client);
      await client.query(
        `update crossfade_journal_slot set entries = ${ENTRIES / 64}, lacking_old = ${ENTRIES / 64}, lacking_new = ${ENTRIES / 64}`,
      );
      const blocksOf = async (ask: (of: Journal) => Promise<unknown>): Promise<number> => {
        await ask(journal);
        if (!last) throw new Error('nothing was asked');
        const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
          `explain (analyze, buffers, format json) ${last.sql}`,
          [...last.parameters],
        );
        const [{ Plan: plan }] = rows[0]?.['QUERY PLAN'] ?? [{ Plan: {} }];
        // Looking a row's slot up touches a block that is in memory anyway, twice a debt: what counts is what is sorted or skipped.
        return (plan['Shared Hit Blocks'] ?? NaN) + (plan['Shared Read Blocks'] ?? NaN);
      };
      const owed = { limit: 20, held: false } as const;
      expect(await journal.owed({ role: 'OLD', ...owed })).toHaveLength(20);
      expect(await blocksOf((of) => of.owed({ role: 'OLD', ...owed }))).toBeLessThan(ALL_BLOCKS / 2);
      expect(await blocksOf((of) => of.owed({ role: 'NEW', ...owed }))).toBeLessThan(ALL_BLOCKS / 2);
      expect(await blocksOf((of) => of.status())).toBeLessThan(ALL_BLOCKS / 2);
      expect(await blocksOf((of) => of.page({ after: null, limit: 20 }))).toBeLessThan(ALL_BLOCKS / 2);
      expect(await blocksOf((of) => of.page({ after: 'k010000', limit: 20, slot: 7 }))).toBeLessThan(ALL_BLOCKS / 2);
      // The entries once, with their slots from memory, and not once for each slot.
      expect(await blocksOf((of) => of.lacking('OLD', 'NOTED'))).toBeLessThan(3 * ENTRIES);
    } finally {
      await client.end();
      await database.close();
      await drop();
    }
  });
});
