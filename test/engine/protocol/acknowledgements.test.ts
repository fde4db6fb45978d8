/** When a write may be acknowledged or refused, and that neither is taken back (P1, P2, P3, P5). */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { Place } from '../../../src/migration/states.ts';
import { Stalls } from '../../support/stall.ts';
import { Beside, CATCHING_UP, DUAL, failing, MIGRATING, OLD, promptly, test } from './stage.ts';

describe.concurrent('the rule of the moment', () => {
  test('acknowledgement under a running lease: a writer that missed an announce does not go by the rule it began with', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await bob.walk(MIGRATING, CATCHING_UP, DUAL(0));
    await ada.reaches(DUAL(0));
    const mend = failing([ada, bob], 'NEW.writer.apply');
    const writer = new Stalls();
    const appends = writer.hold('journal.append');
    const write = new Beside(writer.run(() => ada.create('zoe', 'a')));
    await appends.reached;
    const deaf = await ada.deafen();
    const driver = new Stalls();
    const flips = driver.hold('control.compareAndSet', { skip: 1 });
    const switching = driver.run(() => bob.switchTo(DUAL(100)));
    await flips.reached;
    // The new store lacks nothing of before the announce, and ada's lease is over: the switch will flip.
    const appended = writer.answered('journal.append');
    appends.open();
    await appended;
    flips.open();
    await switching;
    expect([write.answer, await bob.read('zoe')]).not.toEqual(['WRITTEN', null]);
    mend();
    deaf.open();
    expect(await write.promise).toBe('WRITTEN');
    expect(await bob.read('zoe')).toBe('a');
  });

  test('from the announce on a write of a key whose authority moves is acknowledged when both stores have it', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await bob.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const mend = failing([ada, bob], 'NEW.writer.apply');
    const driver = new Stalls();
    const flips = driver.hold('control.compareAndSet', { skip: 1 });
    const switching = driver.run(() => bob.switchTo(DUAL(100)));
    await flips.reached;
    const writer = new Stalls();
    const applied = writer.answered('OLD.writer.apply');
    const write = new Beside(writer.run(() => ada.create('zoe', 'a')));
    await applied;
    flips.open();
    await switching;
    expect([write.answer, await bob.read('zoe')]).not.toEqual(['WRITTEN', null]);
    mend();
    expect(await write.promise).toBe('WRITTEN');
    expect(await bob.read('zoe')).toBe('a');
  });

  test('drain before the authority moves: a switch waits for what the store that gains keys lacks', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await bob.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const mend = failing([ada, bob], 'NEW.writer.apply');
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    const switching = bob.switchTo(DUAL(100));
    await Promise.race([switching, bob.waitsFor('1 write that the new store lacks')]);
    expect(await bob.read('zoe')).toBe('a');
    mend();
    expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
    expect(await bob.read('zoe')).toBe('a');
  });

  test('in the flip to MIGRATING the append alone is acknowledged: no write waits for a store that is closed', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const gates = [ada, bob].map(({ stalls }) => stalls.holdAnswer('journal.open', { all: true }));
    const switching = ada.switchTo(MIGRATING);
    await Promise.race(gates.map(({ reached }) => reached));
    await bob.reaches(MIGRATING);
    expect(await promptly(bob.create('zoe', 'a', 4000))).toBe('WRITTEN');
    for (const gate of gates) gate.open();
    expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
    expect(await ada.read('zoe')).toBe('a');
  });

  test('a store that is not the authority and hangs keeps neither a write nor the replay of the other store waiting', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await bob.walk(MIGRATING);
    await ada.create('zoe', 'a');
    for (const { stalls } of [ada, bob]) stalls.hold('NEW.writer.apply', { all: true });
    await promptly(bob.walk(CATCHING_UP));
    expect(await promptly(ada.create('yan', 'b', 4000))).toBe('WRITTEN');
    await promptly(bob.walk(DUAL(0)));
    expect(await bob.list()).toEqual(['b', 'a']);
  });

  test('a store that hangs keeps no list waiting that the other one can answer', async ({ stage }) => {
    const ada = await stage.enter('ada', { leaseMs: 5000 });
    await ada.create('zoe', 'a');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    for (const call of ['OLD.reader.page', 'OLD.reader.count']) ada.stalls.hold(call, { all: true });
    expect(await promptly(ada.list())).toEqual(['a']);
    const operation = await ada.begin();
    expect(await promptly(operation.count())).toBe(1);
    operation.end();
    ada.stalls.openAll();
  });
});

describe.concurrent('once', () => {
  test('no restart after the append: a create whose run ends meanwhile does not meet itself', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await bob.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const writer = new Stalls();
    const gate = writer.holdAnswer('journal.append');
    const write = writer.run(() => ada.create('zoe', 'a'));
    await gate.reached;
    await bob.walk(OLD);
    gate.open();
    expect(await write).toBe('WRITTEN');
    expect(await bob.read('zoe')).toBe('a');
  });

  test('a refusal that rests on an entry sees it home: the client that was refused finds the row', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await bob.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const writer = new Stalls();
    const gate = writer.holdAnswer('journal.append');
    const write = writer.run(() => ada.create('zoe', 'a'));
    await gate.reached;
    expect(await bob.create('zoe', 'b')).toBe('REFUSED');
    expect(await bob.read('zoe')).toBe('a');
    gate.open();
    expect(await write).toBe('WRITTEN');
  });

  test('a refusal that rests on a row looks at the slot again: the row may be of a write that is not acknowledged yet', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const mend = failing([ada, bob], 'NEW.writer.apply');
    const driver = new Stalls();
    const flips = driver.hold('control.compareAndSet', { skip: 1 });
    const switching = driver.run(() => ada.switchTo(DUAL(100)));
    await flips.reached;
    const refused = new Stalls();
    const loads = refused.hold('OLD.reader.load');
    const bobs = new Beside(refused.run(() => bob.create('zoe', 'b')));
    await loads.reached;
    const writer = new Stalls();
    const applied = writer.answered('OLD.writer.apply');
    const adas = writer.run(() => ada.create('zoe', 'a'));
    await applied;
    loads.open();
    await refused.answered('OLD.reader.load');
    await nextTurn();
    flips.open();
    await switching;
    expect([bobs.answer, await ada.read('zoe')]).not.toEqual(['REFUSED', null]);
    mend();
    expect(await Promise.all([adas, bobs.promise])).toEqual(['WRITTEN', 'REFUSED']);
    expect(await ada.read('zoe')).toBe('a');
  });

  test('nothing is written after the deadline, whatever the write has waited for', async ({ stage }) => {
    const ada = await stage.enter('ada');
    await ada.create('zoe', 'a');
    const late = { code: 'DEADLINE_EXCEEDED' };
    await expect(ada.change('zoe', 'b', 0)).rejects.toMatchObject(late);
    await ada.walk(MIGRATING);
    await expect(ada.change('zoe', 'c', 0)).rejects.toMatchObject(late);
    expect(await ada.read('zoe')).toBe('a');
  });

  test('once is once: 50 concurrent creates of a key through two instances, in every switch', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const steps: readonly Place[] = [MIGRATING, CATCHING_UP, DUAL(0), DUAL(60), DUAL(100), DUAL(0), OLD];
    for (const [step, to] of steps.entries()) {
      const holder = `zoe${step}`;
      const walking = ada.walk(to);
      const answers = await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          for (let turn = 0; turn < i / 10; turn++) await nextTurn();
          const seat = String(i);
          return { seat, outcome: await (i % 2 === 0 ? ada : bob).create(holder, seat) };
        }),
      );
      await walking;
      const written = answers.filter(({ outcome }) => outcome === 'WRITTEN').map(({ seat }) => seat);
      expect(written).toHaveLength(1);
      expect([await ada.read(holder)]).toEqual(written);
      expect([await bob.read(holder)]).toEqual(written);
    }
    expect(await ada.rows('OLD')).toBe(steps.length);
  });
});
