/** What bars the way: a plant by another connection, a table that is not ours, rows that cannot be mapped. */
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BlockerCode, SwitchResult } from '../../src/migration/api.ts';
import { isCleared } from '../../src/migration/jobs/prepare.ts';
import type { MigrationState } from '../../src/migration/states.ts';
import { EVERYTHING } from '../../src/migration/stores/store.ts';
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

const ticket = (holder: string, seat = 'a'): OldTicket => ({ holder, show: 's', seat, updated: 1 });
const put = (row: OldTicket) => one.engine.mutate(row, () => ({ write: { old: row } }), soon());

function switchTo(
  to: MigrationState,
  acceptRisk: BlockerCode[] = [],
  percent: number | null = null,
): Promise<SwitchResult> {
  const input = { expectedEpoch: null, reason: 'test', dryRun: false, actor: 'test' };
  return one.engine.operator.switchTo({ ...input, to, acceptRisk, readNewPercent: percent });
}

/** The transition is waited for by what bars it: `codes` are all that is left in the end. */
async function barredBy(to: MigrationState, ...codes: BlockerCode[]): Promise<void> {
  await expect
    .poll(async () => {
      const result = await switchTo(to);
      return result.outcome === 'BLOCKED' ? result.blockers.map(({ code }) => code) : result.outcome;
    })
    .toEqual(codes);
}

function blockersOf(result: SwitchResult) {
  return result.outcome === 'BLOCKED' ? result.blockers : [];
}

function plant(file: 'old' | 'new', sql: string): void {
  const database = new SqliteDatabase(deployment.file(file), { timeout: 5000 });
  database.exec(sql);
  database.close();
}

async function copied(): Promise<void> {
  expect(await switchTo('MIGRATING')).toMatchObject({ outcome: 'SWITCHED' });
  await expect.poll(async () => (await one.engine.operator.copyProgress())?.complete).toBe(true);
}

test('OLD_STORE_CHANGED: a rogue write to the old table after it was copied, found though the number of rows is the same', async () => {
  for (const holder of ['a', 'b', 'c']) await put(ticket(holder));
  await copied();
  plant('old', `update tickets_old set seat = 'rogue' where holder = 'b'`);
  await barredBy('CATCHING_UP', 'OLD_STORE_CHANGED');
  expect(await switchTo('CATCHING_UP', ['JOURNAL_UNSAFE'])).toMatchObject({ outcome: 'BLOCKED' });
  await expect(switchTo('CATCHING_UP', ['COPY_INCOMPLETE'])).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    field: 'acceptRisk',
  });
  expect(await switchTo('CATCHING_UP', ['OLD_STORE_CHANGED'])).toMatchObject({ outcome: 'SWITCHED' });
  const { edges } = await one.engine.operator.history({ first: 1, after: null });
  expect(edges[0]?.node.acceptedRisks).toEqual(['OLD_STORE_CHANGED']);
});

test('OLD_STORE_CHANGED names the rows: changed, added, removed, in quarantine and out of it, and no other', async () => {
  for (const holder of ['a', 'b', 'c', 'd']) await put(ticket(holder));
  for (const holder of ['q1', 'q2', 'q3']) await put(ticket(holder, 'nowhere'));
  await copied();
  await one.engine.operator.waiveQuarantine('nobody sits there');
  plant('old', `update tickets_old set seat = 'rogue' where holder in ('b', 'q2')`);
  plant('old', `delete from tickets_old where holder in ('c', 'q3')`);
  plant('old', `insert into tickets_old (holder, show, seat, updated) values ('bb', 's', 'a', 1)`);
  await barredBy('CATCHING_UP', 'OLD_STORE_CHANGED');
  const message = 'Rows of the old table are not as they were when they were copied: 5: b/s, bb/s, c/s, q2/s, q3/s.';
  const blockers = [{ code: 'OLD_STORE_CHANGED', message, count: 5 }];
  expect(await switchTo('CATCHING_UP')).toEqual({ outcome: 'BLOCKED', blockers });

  const many = Array.from({ length: 1500 }, (_, i) => `('n${String(i).padStart(4, '0')}', 's', 'a', 1)`).join(', ');
  plant('old', `insert into tickets_old (holder, show, seat, updated) values ${many}`);
  const [first = ''] = /n\d+\/s\.$/.exec(blockersOf(await switchTo('CATCHING_UP'))[0]?.message ?? '') ?? [];
  expect(first).toBe('n0006/s.');
  expect(blockersOf(await switchTo('CATCHING_UP'))).toMatchObject([
    { count: 1505, message: expect.stringContaining('copied: 1505, the first: b/s, bb/s, c/s, n0000/s, ') },
  ]);
});

test('OLD_STORE_CHANGED accepted: what was changed is a difference, and repaired from the old store', async () => {
  for (const holder of ['a', 'b', 'c']) await put(ticket(holder));
  await copied();
  plant('old', `update tickets_old set seat = 'rogue' where holder = 'b'`);
  plant('old', `delete from tickets_old where holder = 'c'`);
  plant('old', `insert into tickets_old (holder, show, seat, updated) values ('d', 's', 'a', 1)`);
  await barredBy('CATCHING_UP', 'OLD_STORE_CHANGED');
  expect(await switchTo('CATCHING_UP', ['OLD_STORE_CHANGED'])).toMatchObject({ outcome: 'SWITCHED' });
  await expect.poll(async () => (await switchTo('DUAL', [], 0)).outcome).toBe('SWITCHED');
  const { operator } = one.engine;
  await operator.verify();
  await expect.poll(async () => (await operator.verification())?.finishedAt ?? null).not.toBeNull();
  const { edges } = await operator.differences({ first: 10, after: null });
  expect(edges.map(({ node: { key, kind } }) => [key, kind])).toEqual([
    ['b/s', 'DIFFERS'],
    ['c/s', 'ONLY_IN_NEW'],
    ['d/s', 'ONLY_IN_OLD'],
  ]);
  await operator.repair();
  await expect.poll(async () => (await operator.verification())?.repaired).toBe(3);
  const rows = await one.stores.NEW.reader.page({ after: null, upTo: null }, 10);
  expect(rows.map((stored) => ('row' in stored ? [stored.row['holder'], stored.row['place']] : []))).toEqual([
    ['a', 'seat a'],
    ['b', 'seat rogue'],
    ['d', 'seat a'],
  ]);
});

test('an untouched old table is no OLD_STORE_CHANGED, nor is one that is put back as it was', async () => {
  for (const holder of ['a', 'b', 'c']) await put(ticket(holder));
  await copied();
  plant('old', `update tickets_old set seat = 'rogue' where holder = 'b'`);
  plant('old', `update tickets_old set seat = 'a' where holder = 'b'`);
  await expect.poll(async () => (await switchTo('CATCHING_UP')).outcome).toBe('SWITCHED');
});

test('TARGET_NOT_EMPTY: rows that no run of this deployment put there', async () => {
  await one.stores.NEW.ping();
  plant('new', `insert into tickets_new (holder, show, place, updated) values ('x', 's', 'seat x', 1)`);
  expect(await switchTo('MIGRATING')).toMatchObject({
    outcome: 'BLOCKED',
    blockers: [{ code: 'TARGET_NOT_EMPTY', count: 1 }],
  });
});

test('TARGET_NOT_EMPTY: what a run leaves is emptied when it is over, and rows that come then are not ours', async () => {
  for (const holder of ['a', 'b', 'c']) await put(ticket(holder));
  await copied();
  await expect.poll(async () => (await switchTo('RETREATING')).outcome).toBe('SWITCHED');
  await expect.poll(async () => (await switchTo('OLD')).outcome).toBe('SWITCHED');
  await expect.poll(() => one.stores.NEW.reader.count(EVERYTHING)).toBe(0);
  const { deployment: ours } = (await one.stores.OLD.fence.read()) ?? { deployment: '' };
  await expect.poll(async () => isCleared(await one.stores.NEW.fence.read(), ours)).toBe(true);
  expect(await one.engine.operator.copyProgress()).toBeNull();
  plant('new', `insert into tickets_new (holder, show, place, updated) values ('x', 's', 'seat x', 1)`);
  expect(await switchTo('MIGRATING')).toMatchObject({
    outcome: 'BLOCKED',
    blockers: [{ code: 'TARGET_NOT_EMPTY', count: 1 }],
  });
  plant('new', `delete from tickets_new`);
  await copied();
  expect(await one.stores.NEW.reader.count(EVERYTHING)).toBe(3);
});

test('QUARANTINE_NOT_EMPTY: rows without a counterpart, until they are waived; their keys stay taken to the end', async () => {
  await put(ticket('a'));
  await put(ticket('z', 'nowhere'));
  await copied();
  await barredBy('CATCHING_UP', 'QUARANTINE_NOT_EMPTY');
  const { edges } = await one.engine.operator.quarantine({ first: 10, after: null });
  expect(edges.map(({ node }) => node)).toMatchObject([
    { key: 'z/s', reason: 'there is no such place', row: JSON.stringify(ticket('z', 'nowhere')), waived: false },
  ]);
  await one.engine.operator.waiveQuarantine('nobody sits there');
  for (const [state, percent] of [['CATCHING_UP'], ['DUAL', 0], ['DUAL', 100]] as const) {
    await expect.poll(async () => (await switchTo(state, [], percent ?? null)).outcome).toBe('SWITCHED');
    const row = ticket('z');
    const { outcome } = await one.engine.mutate(
      row,
      (seen) => (seen ? { refuse: 'taken' } : { write: { old: row } }),
      soon(),
    );
    expect(outcome, state).toBe('REFUSED');
  }
  await one.engine.operator.verify();
  await expect.poll(async () => (await one.engine.operator.verification())?.clean).toBe(true);
  await expect.poll(async () => (await switchTo('NEW')).outcome).toBe('SWITCHED');
  const row = ticket('z');
  expect(
    await one.engine.mutate(row, (seen) => (seen ? { refuse: 'taken' } : { write: { old: row } }), soon()),
  ).toMatchObject({
    outcome: 'REFUSED',
    current: { old: ticket('z', 'nowhere'), new: null },
  });
});

test.each([
  ['changed', `update tickets_new set place = 'seat rogue' where holder = 'b'`],
  ['missing', `delete from tickets_new where holder = 'b'`],
  ['extra', `insert into tickets_new (holder, show, place, updated) values ('bb', 's', 'seat x', 1)`],
])('DIFFERENCES_FOUND: a row %s in the new table bars NEW until it is repaired', async (_, sql) => {
  for (const holder of ['a', 'b', 'c']) await put(ticket(holder));
  await copied();
  await expect.poll(async () => (await switchTo('CATCHING_UP')).outcome).toBe('SWITCHED');
  await expect.poll(async () => (await switchTo('DUAL', [], 0)).outcome).toBe('SWITCHED');
  await barredBy('NEW', 'NOT_ADJACENT');
  plant('new', sql);
  const finished = async () => (await one.engine.operator.verification())?.finishedAt;
  await one.engine.operator.verify();
  await expect.poll(finished).toBeTypeOf('string');
  expect(await one.engine.operator.verification()).toMatchObject({ clean: false, differing: 1, coverage: 1 });
  await one.engine.operator.repair();
  await expect.poll(async () => (await one.engine.operator.verification())?.repaired).toBe(1);
  await one.engine.operator.verify();
  await expect.poll(async () => (await one.engine.operator.verification())?.clean).toBe(true);
  expect(await switchTo('DUAL', [], 100)).toMatchObject({ outcome: 'SWITCHED' });
  expect(await switchTo('NEW')).toMatchObject({ outcome: 'SWITCHED' });
});

test('NOT_VERIFIED: no verification, or none that began in this DUAL', async () => {
  for (const holder of ['a', 'b']) await put(ticket(holder));
  await copied();
  await expect.poll(async () => (await switchTo('CATCHING_UP')).outcome).toBe('SWITCHED');
  await expect.poll(async () => (await switchTo('DUAL', [], 0)).outcome).toBe('SWITCHED');
  expect(await switchTo('DUAL', [], 100)).toMatchObject({ outcome: 'SWITCHED' });
  await barredBy('NEW', 'NOT_VERIFIED');
  await expect(switchTo('NEW', ['NOT_VERIFIED'])).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    field: 'acceptRisk',
  });
});
