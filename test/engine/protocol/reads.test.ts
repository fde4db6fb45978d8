/** Reads: who may still answer by which state, in which order devices are asked, and from which store a list comes (P3, P4). */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { OperationExpired } from '../../../src/migration/api.ts';
import { systemClock, type Clock } from '../../../src/migration/clock.ts';
import { soon } from '../../support/deployment.ts';
import { until, verifyClean } from '../../support/operate.ts';
import { Stalls } from '../../support/stall.ts';
import {
  CATCHING_UP,
  DUAL,
  failing,
  listIn,
  MIGRATING,
  NEW,
  OLD,
  promptly,
  seatIn,
  test,
  type Player,
} from './stage.ts';

/** Longer than any test, so that nobody's lease ends by itself. */
const LONG_MS = 20_000;

describe.concurrent('the announce barrier', () => {
  test('announce barrier: a switch waits for an instance that has not answered', async ({ stage }) => {
    const ada = await stage.enter('ada');
    const bob = await stage.enter('bob', { leaseMs: LONG_MS });
    const deaf = await bob.deafen();
    const switching = ada.switchTo(MIGRATING);
    await Promise.race([switching, ada.waitsFor('bob')]);
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    expect(await bob.read('zoe')).toBe('a');
    deaf.open();
    expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
  });

  test('announce barrier: of an instance that is silent the whole lease is waited for, and then it answers nothing', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    const bob = await stage.enter('bob', { leaseMs: 800 });
    const operation = await bob.begin();
    await bob.deafen();
    expect(await ada.switchTo(MIGRATING)).toMatchObject({ outcome: 'SWITCHED' });
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    await expect(seatIn(operation, 'zoe')).rejects.toThrow(OperationExpired);
  });

  test('one operation, one state: an instance answers only when no older operation is left in it', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    const bob = await stage.enter('bob', { leaseMs: LONG_MS });
    const operation = await bob.begin();
    // Bob asks often enough to have answered long ago.
    const asked = bob.stalls.answered('control.renew', 6);
    const switching = ada.switchTo(MIGRATING);
    await Promise.race([switching, asked]);
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    expect(await seatIn(operation, 'zoe')).toBe('a');
    expect(operation.place).toEqual(OLD);
    operation.end();
    expect(await promptly(switching)).toMatchObject({ outcome: 'SWITCHED' });
  });
});

describe.concurrent('the lease', () => {
  test('lease checked again after the store answered: a read that outlived it starts over', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe', 'a');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0), DUAL(100));
    await bob.reaches(DUAL(100));
    const reader = new Stalls();
    const gate = reader.hold('NEW.reader.load');
    const operation = await bob.begin();
    const seat = reader.run(() => seatIn(operation, 'zoe'));
    await gate.reached;
    // Meanwhile the dataset goes back, and the new store is emptied for another try.
    for (const { stalls } of [ada, bob]) stalls.hold('NEW.writer.copy', { all: true });
    const emptied = [ada, bob].map(({ stalls }) => stalls.answered('NEW.writer.empty'));
    await ada.walk(DUAL(0), OLD, MIGRATING);
    await Promise.race(emptied);
    gate.open();
    await expect(seat).rejects.toThrow(OperationExpired);
    operation.end();
    expect(await bob.read('zoe')).toBe('a');
  });

  test.for([
    ['monotonic time while the wall clock is set back', { monotonic: 1, wall: -1 }],
    ['wall time while the machine sleeps', { monotonic: 0, wall: 1 }],
  ] as const)('a lease is counted by the greater of two clocks: by %s', async ([, leases], { stage }) => {
    const jump = { monotonic: 0, wall: 0 };
    const clock: Clock = {
      ...systemClock,
      monotonic: () => systemClock.monotonic() + jump.monotonic,
      wall: () => systemClock.wall() + jump.wall,
    };
    const bob = await stage.enter('bob', { leaseMs: LONG_MS, clock });
    const operation = await bob.begin();
    await bob.deafen();
    jump.monotonic = leases.monotonic * LONG_MS;
    jump.wall = leases.wall * LONG_MS;
    await expect(seatIn(operation, 'zoe')).rejects.toThrow(OperationExpired);
  });

  test('a lease is counted from before it was asked for: an answer that comes late gives none', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const gate = bob.stalls.holdAnswer('control.renew');
    await gate.reached;
    bob.stalls.fail('control.renew');
    // Nor does it hear of the switch otherwise: to who has, an answer from before says nothing.
    bob.stalls.hold('control.read', { all: true });
    await ada.walk(MIGRATING);
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    gate.open();
    await nextTurn();
    await expect(bob.engine.begin(soon(0))).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
  });

  test('a record that was heard of is gone by at once, under the lease that runs and for no longer', async ({
    stage,
  }) => {
    const jump = { ms: 0 };
    const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + jump.ms };
    const bob = await stage.enter('bob', { leaseMs: LONG_MS, clock });
    bob.stalls.fail('control.renew');
    jump.ms = LONG_MS * 0.6;
    const record = await bob.record();
    const pinned = { ...record, revision: record.revision + 1, pinnedLogic: 'BOTH' } as const;
    await bob.instance.control.compareAndSet(record.revision, pinned);
    await until('bob goes by the pin', async () => {
      const operation = await bob.begin();
      operation.end();
      return operation.logic === 'BOTH';
    });
    jump.ms = LONG_MS * 1.2;
    await expect(bob.engine.begin(soon(0))).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
  });

  test('a stopped instance answers nothing: its lease ends before it is given back', async ({ stage }) => {
    const ada = await stage.enter('ada');
    const bob = await stage.enter('bob', { leaseMs: LONG_MS });
    const operation = await bob.begin();
    await bob.retire();
    expect(await promptly(ada.switchTo(MIGRATING))).toMatchObject({ outcome: 'SWITCHED' });
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    await expect(seatIn(operation, 'zoe')).rejects.toThrow(OperationExpired);
  });
});

describe.concurrent('the order of devices', () => {
  test.for([
    ['a row', (player: Player) => player.read('zoe')],
    ['a list', async (player: Player) => (await player.list())[0] ?? null],
  ] as const)(
    'journal before store: %s whose entry leaves between the two answers is seen',
    async ([, read], { stage }) => {
      const ada = await stage.enter('ada');
      const bob = await stage.enter('bob', { leaseMs: LONG_MS });
      await ada.walk(MIGRATING);
      await ada.create('zoe', 'a');
      const mend = failing([ada, bob], 'OLD.writer.apply');
      await ada.walk(CATCHING_UP);
      await bob.reaches(CATCHING_UP);
      const reader = new Stalls();
      const gates = ['journal.read', 'journal.page', 'OLD.reader.load', 'OLD.reader.page'].map((call) =>
        reader.holdAnswer(call),
      );
      const seat = reader.run(() => read(bob));
      await Promise.race(gates.map(({ reached }) => reached));
      mend();
      await ada.drained();
      for (const gate of gates) gate.open();
      expect(await seat).toBe('a');
    },
  );
});

describe.concurrent('lists', () => {
  test.for([
    { to: OLD, leaves: 'NEW', up: [MIGRATING, CATCHING_UP, DUAL(0)] },
    { to: NEW, leaves: 'OLD', up: [MIGRATING, CATCHING_UP, DUAL(0), DUAL(100)] },
  ])(
    'on the way to $to.state a list reads the store that stays, not one that lacks what is dropped',
    async ({ to, leaves, up }, { stage }) => {
      const ada = await stage.enter('ada');
      const bob = await stage.enter('bob', { leaseMs: LONG_MS });
      await ada.walk(...up);
      await verifyClean(ada.engine);
      failing([ada, bob], `${leaves}.writer.apply`);
      expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
      const driver = new Stalls();
      const flips = driver.hold('control.compareAndSet', { skip: 1 });
      const switching = driver.run(() => ada.switchTo(to));
      await flips.reached;
      const operation = await bob.begin();
      flips.open();
      await ada.sees(`${to.state} is in force`, ({ place }) => place.state === to.state);
      // The entry is gone from the journal, and the store that stays does not answer for a moment.
      const mend = failing([bob], `${to.state}.reader.page`);
      await expect(listIn(operation)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      mend();
      expect(await operation.count()).toBe(1);
      operation.end();
      expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
      expect(await bob.list()).toEqual(['a']);
    },
  );
});
