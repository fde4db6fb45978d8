/** Lists, counts and pages over a journal and a store: right in every mixture, and read in bounded chunks. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OperationExpired, type Page } from '../../src/migration/api.ts';
import type { JournalTables } from '../../src/migration/journal/sql/index.ts';
import { encodeKey } from '../../src/migration/key.ts';
import { packSeq } from '../../src/migration/seq.ts';
import { openSqliteFile } from '../../src/migration/stores/sqlite/database.ts';
import { Deployment, soon, type Instance } from '../support/deployment.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

type Tickets = Instance<OldTicket, NewTicket>;

let deployment: Deployment<OldTicket, NewTicket>;
let one: Tickets;
beforeEach(async () => {
  deployment = new Deployment(await temporaryDirectory(), ticketDataset());
  one = await deployment.instance();
});
afterEach(() => deployment.close());

const ticket = (holder: string, show: string, seat = 'a'): OldTicket => ({ holder, show, seat, updated: 1 });
const put = (row: OldTicket) => one.engine.mutate(row, () => ({ write: { old: row } }), soon());
const drop = (key: { holder: string; show: string }) => one.engine.mutate(key, () => ({ remove: true }), soon());

async function reading<T>(
  read: (operation: Awaited<ReturnType<Tickets['engine']['begin']>>) => Promise<T>,
): Promise<T> {
  for (;;) {
    const operation = await one.engine.begin(soon());
    try {
      return await read(operation);
    } catch (error) {
      if (!(error instanceof OperationExpired)) throw error;
    } finally {
      operation.end();
    }
  }
}

async function migrating(): Promise<void> {
  const input = {
    readNewPercent: null,
    expectedEpoch: null,
    reason: 'test',
    dryRun: false,
    acceptRisk: [],
    actor: 'test',
  };
  expect(await one.engine.operator.switchTo({ ...input, to: 'MIGRATING' })).toMatchObject({ outcome: 'SWITCHED' });
}

const shown = ({ rows }: Page<OldTicket, NewTicket>) =>
  rows.map(({ old }) => `${old?.holder}/${old?.show}:${old?.seat}`);

describe('lists under the overlay', () => {
  test('entries replace rows, tombstones drop them, new ones come in their place', async () => {
    for (const holder of ['a', 'b', 'c', 'd', 'e']) await put(ticket(holder, 's'));
    await migrating();
    await put(ticket('b', 's', 'changed'));
    await drop({ holder: 'c', show: 's' });
    await put(ticket('cc', 's', 'new'));
    await put(ticket('z', 's', 'new'));
    const filter = { field: 'show', value: 's' };
    const expected = ['a/s:a', 'b/s:changed', 'cc/s:new', 'd/s:a', 'e/s:a', 'z/s:new'];
    await reading(async (operation) => {
      expect(shown(await operation.page({ filter, after: null, first: 10 }))).toEqual(expected);
      expect(shown(await operation.page({ after: null, first: 10 }))).toEqual(expected);
      expect(await operation.count(filter)).toBe(6);
      expect(await operation.count()).toBe(6);
      expect(shown(await operation.page({ filter: { field: 'holder', value: 'c' }, after: null, first: 10 }))).toEqual(
        [],
      );
    });
  });

  test('pages of every size give the same list, whatever lies in the journal', async () => {
    for (let i = 0; i < 40; i++) await put(ticket(`h${String(i).padStart(3, '0')}`, 's'));
    await migrating();
    for (let i = 0; i < 40; i += 3) await drop({ holder: `h${String(i).padStart(3, '0')}`, show: 's' });
    for (let i = 1; i < 60; i += 3) await put(ticket(`h${String(i).padStart(3, '0')}`, 's', 'new'));
    const whole = await reading((operation) => operation.page({ after: null, first: 100 }));
    expect(whole.rows).toHaveLength(26 + 7);
    for (const first of [1, 2, 3, 7, 26, 33, 34]) {
      const seen: string[] = [];
      for (let after: string | null = null, more = true; more;) {
        const page: Page<OldTicket, NewTicket> = await reading((operation) => operation.page({ after, first }));
        seen.push(...shown(page));
        after = page.rows.at(-1)?.key ?? after;
        more = page.hasNextPage;
      }
      expect(seen, `pages of ${first}`).toEqual(shown(whole));
    }
  });

  test(
    'with 100,000 entries in the journal a page of 20 takes under 50 ms and 20 MB',
    { timeout: 60_000 },
    async () => {
      for (let i = 0; i < 2000; i++) if (i % 2 === 0) await put(ticket(`h${String(i * 50).padStart(6, '0')}`, 's'));
      await migrating();
      const total = await fillJournal(100_000);
      const filter = { field: 'show', value: 's' };
      for (const query of [{ filter }, {}, { filter: { field: 'holder', value: 'h000501' } }]) {
        let best = Infinity;
        let grown = Infinity;
        for (let round = 0; round < 5; round++) {
          const heap = process.memoryUsage().heapUsed;
          const started = performance.now();
          const page = await reading((operation) => operation.page({ ...query, after: null, first: 20 }));
          best = Math.min(best, performance.now() - started);
          grown = Math.min(grown, process.memoryUsage().heapUsed - heap);
          expect(page.rows).toHaveLength('filter' in query && query.filter.field === 'holder' ? 1 : 20);
        }
        expect(best, JSON.stringify(query)).toBeLessThan(50);
        expect(grown / 2 ** 20, JSON.stringify(query)).toBeLessThan(20);
      }
      expect(await reading((operation) => operation.count(filter))).toBe(total);
    },
  );
});

/** As a long MIGRATING leaves it: a change or a new row of each holder, every fifth a tombstone. Returns how many rows are alive in all. */
async function fillJournal(count: number): Promise<number> {
  const database = openSqliteFile<JournalTables>(deployment.file('control'));
  const keyFields = deployment.dataset.keyFields;
  const entry = database.raw.prepare(
    `insert into crossfade_journal_entry (dataset, generation, "key", slot, seq, image, lacks_old, lacks_new, held_until, since) values ('tickets', 2, ?, ?, ?, ?, ?, ?, 0, 0)`,
  );
  const listed = database.raw.prepare(
    `insert into crossfade_journal_listed (dataset, generation, "key", field, value) values ('tickets', 2, ?, ?, ?)`,
  );
  let alive = 0;
  await database.write(async () => {
    for (let i = 0; i < count; i++) {
      const old = ticket(`h${String(i).padStart(6, '0')}`, 's', 'new');
      const key = encodeKey(keyFields, old);
      const { slot } = deployment.dataset.address(old);
      const image =
        i % 5 === 0
          ? null
          : JSON.stringify({ old, new: { holder: old.holder, show: 's', place: 'seat new', updated: 1 } });
      if (image) alive++;
      const seq = packSeq(2, i + 1);
      entry.run(key, slot, seq, image, seq, seq);
      listed.run(key, 'show', '"s"');
      listed.run(key, 'holder', JSON.stringify(old.holder));
    }
  });
  await database.close();
  return alive;
}
