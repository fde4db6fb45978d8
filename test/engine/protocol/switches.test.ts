/** Switches: numbers that are never used twice, drivers that die or sleep, and what an operator is told (P5, P6, P7). */
import { describe, expect } from 'vitest';
import { soon } from '../../support/deployment.ts';
import { Stalls } from '../../support/stall.ts';
import { CATCHING_UP, DUAL, failing, MIGRATING, OLD, promptly, test, type Player } from './stage.ts';

describe.concurrent('cancelling', () => {
  test('a cancel takes a number of its own: the counters noted for a cancelled switch are not those of the next', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const cancelled = await announced(ada, DUAL(100));
    expect(await bob.switchTo(DUAL(0))).toMatchObject({ outcome: 'SWITCHED' });
    const mend = failing([ada, bob], 'NEW.writer.apply');
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    const switching = bob.switchTo(DUAL(100));
    await Promise.race([switching, bob.waitsFor('1 write that the new store lacks')]);
    cancelled.proceed();
    expect(await bob.read('zoe')).toBe('a');
    mend();
    expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
    expect(await cancelled.result).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'TIMED_OUT' }] });
  });

  test('a cancel leaves fences, slots and the epoch in force alone, and requests go on', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const before = await standing(ada);
    const driver = new Stalls();
    // The first answer is about blockers, the second the last thing a switch waits for.
    const gate = driver.holdAnswer('journal.lacking', { skip: 1 });
    const result = driver.run(() => ada.switchTo(DUAL(100)));
    await gate.reached;
    expect(await bob.switchTo(DUAL(0))).toMatchObject({ outcome: 'SWITCHED' });
    gate.open();
    expect(await result).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'TIMED_OUT' }] });
    expect(await standing(bob)).toEqual(before);
    expect(await promptly(bob.create('zoe', 'a', 4000))).toBe('WRITTEN');
    expect(await ada.read('zoe')).toBe('a');
    expect(await ada.history()).toHaveLength(3);
  });

  test('whose switch was cancelled is told so, also when another one has settled since', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const { proceed, result } = await announced(ada, DUAL(100));
    expect(await bob.switchTo(DUAL(0))).toMatchObject({ outcome: 'SWITCHED' });
    await bob.walk(DUAL(50));
    proceed();
    expect(await result).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'TIMED_OUT' }] });
    expect((await ada.record()).place).toEqual(DUAL(50));
  });

  test('whose switch is cancelled while it waits is told so at once', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada', { switchTimeoutMs: 600_000 }), await stage.enter('bob')];
    const cat = await stage.enter('cat', { leaseMs: 600_000 });
    await cat.deafen();
    const switching = ada.switchTo(MIGRATING);
    await Promise.race([switching, ada.waitsFor('an answer of cat')]);
    expect(await bob.switchTo(OLD)).toMatchObject({ outcome: 'SWITCHED' });
    expect(await promptly(switching)).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'TIMED_OUT' }] });
  });

  test('a switch that waits too long cancels itself, and says what it waited for', async ({ stage }) => {
    const ada = await stage.enter('ada', { switchTimeoutMs: 200 });
    const bob = await stage.enter('bob', { leaseMs: 20_000 });
    await bob.deafen();
    const { epoch } = await ada.record();
    const result = await promptly(ada.switchTo(MIGRATING));
    expect(result).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'TIMED_OUT' }] });
    expect(JSON.stringify(result)).toContain('an answer of bob');
    expect(await ada.record()).toMatchObject({ place: OLD, epoch, switching: null, incarnation: null });
    expect(await promptly(bob.create('zoe', 'a', 4000))).toBe('WRITTEN');
    expect(await ada.read('zoe')).toBe('a');
  });
});

describe.concurrent('a driver that dies', () => {
  test.for([
    ['ANNOUNCE', 'control.compareAndSet', 1],
    ['FLIP', 'journal.open', 0],
    ['SETTLE', 'control.compareAndSet', 3],
  ] as const)(
    'takeover: in %s another instance brings the switch to its end',
    async ([phase, call, skip], { stage }) => {
      const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
      await bob.create('zoe', 'a');
      const gate = ada.stalls.hold(call, { skip });
      const switching = ada.switchTo(MIGRATING).catch(() => 'DIED');
      await gate.reached;
      expect((await bob.record()).switching?.phase).toBe(phase);
      await ada.die();
      expect(await switching).toBe('DIED');
      await promptly(bob.settled(MIGRATING));
      expect(await promptly(bob.change('zoe', 'b', 4000))).toBe('WRITTEN');
      expect(await bob.read('zoe')).toBe('b');
      await promptly(bob.walk(CATCHING_UP));
    },
  );
});

describe.concurrent('business logic', () => {
  test('a pin is in force everywhere when it returns, also where nothing was heard of it', async ({ stage }) => {
    const [ada, bob, cyd] = [await stage.enter('ada'), await stage.enter('bob'), await stage.enter('cyd')];
    bob.stalls.fail('control.renew');
    await ada.engine.operator.setBusinessLogic('NEW');
    const logicOf = (player: Player) =>
      player.engine.begin(soon(0)).then(
        (operation) => operation.logic,
        (error: unknown) => error,
      );
    expect(await logicOf(cyd)).toBe('NEW');
    expect(await logicOf(bob)).toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
  });

  test('a pin waits for a lease that is longer than a switch may wait', async ({ stage }) => {
    const ada = await stage.enter('ada', { switchTimeoutMs: 50 });
    const bob = await stage.enter('bob', { leaseMs: 1000 });
    bob.stalls.fail('control.renew');
    await ada.engine.operator.setBusinessLogic('NEW');
    await expect(bob.engine.begin(soon(0))).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
  });
});

/** Announces a switch that waits, all prepared, before its move to FLIP until `proceed` is called. */
async function announced(player: Player, to: Parameters<Player['switchTo']>[0]) {
  const driver = new Stalls();
  const gate = driver.hold('control.compareAndSet', { skip: 1 });
  const result = driver.run(() => player.switchTo(to));
  await gate.reached;
  return { result, proceed: () => gate.open() };
}

/** What a cancel must not touch. */
async function standing(player: Player) {
  const { stores, journal } = player.instance;
  const { slots } = await journal.read(Array.from({ length: 64 }, (_, slot) => ({ key: 'zoe', slot })));
  const { place, epoch, run, incarnation } = await player.record();
  const fences = { old: await stores.OLD.fence.read(), new: await stores.NEW.fence.read() };
  return { ...fences, slots, place, epoch, run, incarnation };
}
