/** Verify, repair and retry as operators start them, with the engine's own writes underneath. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MigrationState } from '../../../src/migration/states.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../../support/tickets.ts';
import { Deployment, type Instance } from '../../support/deployment.ts';

const WAIT = { interval: 5, timeout: 5000 };
const INVALID = `cast(x'ff41' as text)`;
let dir: string;
let deployment: Deployment<OldTicket, NewTicket>;
let instance: Instance<OldTicket, NewTicket>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'crossfade-jobs-'));
  deployment = new Deployment(dir, ticketDataset());
  await deployment.store('OLD').ping();
  sql('old', (db) => {
    const insert = db.prepare(`insert into tickets_old values (?, 'gala', ?, 1)`);
    db.transaction(() => {
      for (let i = 0; i < 300; i++) insert.run(`h${String(i).padStart(3, '0')}`, `A${i}`);
      insert.run('lost', 'nowhere');
    })();
  });
  instance = await deployment.instance();
});
afterEach(async () => {
  await deployment.close();
  await rm(dir, { recursive: true });
});

function sql<T>(name: 'old' | 'new', work: (db: Database.Database) => T): T {
  const db = new Database(deployment.file(name));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

async function go(to: MigrationState, readNewPercent: number | null = null): Promise<void> {
  const input = {
    to,
    readNewPercent,
    expectedEpoch: null,
    reason: 'test',
    dryRun: false,
    acceptRisk: [],
    actor: 'test',
  };
  expect(await instance.engine.operator.switchTo(input)).toMatchObject({ outcome: 'SWITCHED' });
}

async function toDual(percent: number): Promise<void> {
  const { operator } = instance.engine;
  await go('MIGRATING');
  await expect.poll(() => operator.copyProgress(), WAIT).toMatchObject({ complete: true, copied: 300, quarantined: 1 });
  await operator.waiveQuarantine('never sold');
  await go('CATCHING_UP');
  await expect.poll(async () => (await operator.journalStatus()).entries, WAIT).toBe(0);
  await go('DUAL', 0);
  if (percent > 0) await go('DUAL', percent);
}

async function verify() {
  const { operator } = instance.engine;
  await operator.verify();
  await expect.poll(() => operator.verification(), WAIT).toMatchObject({ running: false });
  return operator.verification();
}

const differences = async () => {
  const { edges } = await instance.engine.operator.differences({ first: 100, after: null });
  return edges.map(({ node }) => [node.key, node.field, node.kind]);
};

test.each([0, 100])(
  'at %s percent: finds what was planted in either store, and repairs what the authority knows',
  async (percent) => {
    await toDual(percent);
    expect(await verify()).toMatchObject({ clean: true, coverage: 1, checked: 601 });

    // The store that has the authority decides; the other one is put right.
    const [other, column] = percent === 0 ? (['new', 'place'] as const) : (['old', 'seat'] as const);
    const value = other === 'new' ? 'seat Z' : 'Z';
    sql(other, (db) => {
      db.exec(`update tickets_${other} set ${column} = '${value}' where holder = 'h100'`);
      db.exec(`delete from tickets_${other} where holder = 'h110'`);
      db.exec(`insert into tickets_${other} values ('extra', 'gala', '${value}', 1)`);
      db.exec(`update tickets_${other} set ${column} = ${INVALID} where holder = 'h120'`);
    });
    expect(await verify()).toMatchObject({ clean: false, differing: 4 });
    expect(await differences()).toEqual([
      ['extra/gala', null, other === 'new' ? 'ONLY_IN_NEW' : 'ONLY_IN_OLD'],
      ['h100/gala', 'place', 'DIFFERS'],
      ['h110/gala', null, other === 'new' ? 'ONLY_IN_OLD' : 'ONLY_IN_NEW'],
      ['h120/gala', null, 'UNREADABLE'],
    ]);
    await instance.engine.operator.repair();
    await expect.poll(() => differences(), WAIT).toEqual([]);
    expect(await instance.engine.operator.verification()).toMatchObject({ clean: true, repaired: 4 });
    expect(await verify()).toMatchObject({ clean: true, differing: 0, checked: 601 });
  },
);

test('what the authority itself cannot tell stays, and the others are repaired all the same', async () => {
  await toDual(0);
  sql('old', (db) => db.exec(`update tickets_old set seat = ${INVALID} where holder in ('h010', 'h011')`));
  sql('old', (db) => db.exec(`update tickets_old set seat = 'nowhere' where holder = 'h012'`));
  sql('new', (db) => db.exec(`delete from tickets_new where holder = 'h200'`));
  expect(await verify()).toMatchObject({ differing: 4 });
  await instance.engine.operator.repair();
  await expect
    .poll(() => differences(), WAIT)
    .toEqual([
      ['h010/gala', null, 'UNREADABLE'],
      ['h011/gala', null, 'UNREADABLE'],
      ['h012/gala', null, 'UNREADABLE'],
    ]);
  expect(await instance.engine.operator.verification()).toMatchObject({ clean: false, repaired: 1 });
});
