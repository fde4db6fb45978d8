/** Always a way back, and forward, with a store gone: the new one on every way to OLD, the old one on the way to NEW (P6). */
import { describe, expect } from 'vitest';
import type { Operation } from '../../../src/migration/api.ts';
import type { Place } from '../../../src/migration/states.ts';
import { openSqliteFile } from '../../../src/migration/stores/sqlite/database.ts';
import { until, verifyClean } from '../../support/operate.ts';
import { Stalls } from '../../support/stall.ts';
import { CATCHING_UP, DUAL, failing, MIGRATING, NEW, OLD, promptly, RETREATING, seatIn, test } from './stage.ts';
import type { NewTicket, OldTicket } from '../../support/tickets.ts';

describe.concurrent('the new store is gone for ever', () => {
  const ways: readonly [string, readonly Place[], readonly Place[]][] = [
    ['MIGRATING', [MIGRATING], [RETREATING, OLD]],
    ['CATCHING_UP', [MIGRATING, CATCHING_UP], [DUAL(0), OLD]],
    ['DUAL(0)', [MIGRATING, CATCHING_UP, DUAL(0)], [OLD]],
  ];
  test.for(ways)('new store down: back to OLD from %s, with every write', async ([, up, back], { stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe0', 'a');
    await ada.walk(...up);
    await bob.create('zoe1', 'b');
    failing([ada, bob], 'NEW.*');
    expect(await promptly(ada.create('zoe2', 'c', 4000))).toBe('WRITTEN');
    for (const to of back) {
      await promptly(bob.walk(to));
      expect(await promptly(ada.create(`zoe ${to.state}`, 'd', 4000))).toBe('WRITTEN');
    }
    expect(await bob.list()).toEqual(['d', ...back.slice(1).map(() => 'd'), 'a', 'b', 'c']);
    expect(await bob.rows('OLD')).toBe(3 + back.length);
  });

  test('new store down: what it alone had acknowledged comes back from the journal', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe', 'a');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0), DUAL(100));
    const mend = failing([ada, bob], 'OLD.writer.apply');
    expect(await ada.change('zoe', 'b')).toBe('WRITTEN');
    mend();
    failing([ada, bob], 'NEW.*');
    await promptly(bob.walk(DUAL(0), OLD));
    expect(await ada.read('zoe')).toBe('b');
    expect(await promptly(ada.change('zoe', 'c', 4000))).toBe('WRITTEN');
  });
});

describe.concurrent('the new store dies inside a flip', () => {
  test('to MIGRATING, which then asks nothing of it', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe', 'a');
    const gates = [ada, bob].map(({ stalls }) => stalls.hold('OLD.fence.raise', { all: true }));
    const switching = ada.switchTo(MIGRATING);
    await Promise.race(gates.map(({ reached }) => reached));
    const mend = failing([ada, bob], 'NEW.*');
    for (const gate of gates) gate.open();
    expect(await promptly(switching)).toMatchObject({ outcome: 'SWITCHED' });
    expect(await promptly(bob.change('zoe', 'b', 4000))).toBe('WRITTEN');
    mend();
    await ada.walk(CATCHING_UP, DUAL(0), DUAL(100));
    expect(await bob.read('zoe')).toBe('b');
  });

  test('to CATCHING_UP: its fence follows when it is back', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe', 'a');
    await ada.walk(MIGRATING);
    await ada.copied();
    const gates = [ada, bob].map(({ stalls }) => stalls.hold('NEW.fence.raise', { all: true }));
    const switching = ada.switchTo(CATCHING_UP);
    await Promise.race(gates.map(({ reached }) => reached));
    const mend = failing([ada, bob], 'NEW.*');
    for (const gate of gates) gate.open();
    expect(await promptly(switching)).toMatchObject({ outcome: 'SWITCHED' });
    expect(await promptly(bob.change('zoe', 'b', 4000))).toBe('WRITTEN');
    await promptly(ada.walk(DUAL(0)));
    mend();
    const { fence } = ada.instance.stores.NEW;
    await until('the new store takes entries', async () => (await fence.read())?.mode === 'APPLY');
    await ada.walk(DUAL(100));
    expect(await bob.read('zoe')).toBe('b');
  });
});

describe.concurrent('the store that is left behind', () => {
  test('what only the new store lacks is dropped before the old one takes direct writes', async ({ stage }) => {
    const ada = await stage.enter('ada');
    const bob = await stage.enter('bob', { leaseMs: 20_000 });
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    failing([ada, bob], 'NEW.writer.apply');
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    const driver = new Stalls();
    const settles = driver.hold('control.compareAndSet', { skip: 2 });
    const others = bob.stalls.hold('control.compareAndSet', { all: true });
    const switching = driver.run(() => ada.switchTo(OLD));
    await settles.reached;
    // Bob still reads the journal first while ada writes the old store directly.
    let operation: Operation<OldTicket, NewTicket> = await bob.begin();
    await until('bob acts by the flip', async () => {
      operation.end();
      operation = await bob.begin();
      return operation.place.state === 'OLD';
    });
    settles.open();
    await ada.sees('the old store has taken over', ({ place }) => place.state === 'OLD');
    expect(await ada.change('zoe', 'b')).toBe('WRITTEN');
    expect(await seatIn(operation, 'zoe')).toBe('b');
    operation.end();
    others.open();
    expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
    expect(await ada.history()).toMatchObject([{ to: OLD, dropped: 1 }, {}, {}, {}]);
  });

  test('DUAL(100) to NEW with the old store given up: what only it lacks is dropped and counted', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe', 'a');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0), DUAL(100));
    await verifyClean(ada.engine);
    failing([ada, bob], 'OLD.*');
    expect(await bob.create('yan', 'b')).toBe('WRITTEN');
    expect(await ada.switchTo(NEW)).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'STORE_UNREACHABLE' }] });
    const switching = ada.switchTo(NEW, { acceptRisk: ['STORE_UNREACHABLE'] });
    expect(await promptly(switching)).toMatchObject({ outcome: 'SWITCHED' });
    expect((await ada.history())[0]).toMatchObject({ to: NEW, dropped: 1, acceptedRisks: ['STORE_UNREACHABLE'] });
    expect(await bob.list()).toEqual(['b', 'a']);
    expect(await promptly(bob.change('yan', 'c', 4000))).toBe('WRITTEN');
    expect(await ada.read('yan')).toBe('c');
  });

  test('nothing is dropped while the store that stays does not admit what it is owed', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const file = openSqliteFile(stage.deployment.file('old'));
    const { run } = await ada.record();
    const writer = new Stalls();
    const gate = writer.holdAnswer('journal.append');
    const write = writer.run(() => bob.create('zoe', 'a'));
    await gate.reached;
    const driver = new Stalls();
    const flips = driver.hold('control.compareAndSet', { skip: 1 });
    const switching = driver.run(() => ada.switchTo(OLD));
    await flips.reached;
    // The old store is put back to a time before this run, say.
    await file.migrate([`update crossfade_fence set run = ${run} - 1`]);
    flips.open();
    await Promise.race([switching, ada.waitsFor('a store that does not answer')]);
    expect((await ada.record()).place).toEqual(DUAL(0));
    await file.migrate([`update crossfade_fence set run = ${run}`]);
    await file.close();
    expect(await promptly(switching)).toMatchObject({ outcome: 'SWITCHED' });
    gate.open();
    expect(await write).toBe('WRITTEN');
    expect(await ada.read('zoe')).toBe('a');
  });
});
