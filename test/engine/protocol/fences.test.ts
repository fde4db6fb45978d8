/** Fences: what a store lets through, and that late writers, copiers, appliers, emptiers and drivers change nothing (P1, P7). */
import { describe, expect } from 'vitest';
import { Stalls, type Gate } from '../../support/stall.ts';
import { connect } from '../../../src/migration/stores/sqlite/database.ts';
import { until } from '../../support/operate.ts';
import { Beside, CATCHING_UP, DUAL, MIGRATING, OLD, promptly, RETREATING, test } from './stage.ts';

describe.concurrent('direct writes', () => {
  test('fence on direct writes: a writer that wakes up after the switch does not write the old store', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const writer = new Stalls();
    const gate = writer.hold('OLD.writer.direct');
    const write = new Beside(writer.run(() => ada.create('zoe', 'a')));
    await gate.reached;
    await bob.walk(MIGRATING);

    gate.open();
    expect(await write.promise).toBe('WRITTEN');
    expect(await ada.rows('OLD')).toBe(0);
    await bob.walk(CATCHING_UP, DUAL(0), DUAL(100));
    expect(await bob.read('zoe')).toBe('a');
  });

  test('compare-and-set of direct writes: create against create, when both found the key free', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const writer = new Stalls();
    const gate = writer.hold('OLD.writer.direct');
    const late = writer.run(() => ada.create('zoe', 'a'));
    await gate.reached;
    expect(await bob.create('zoe', 'b')).toBe('WRITTEN');
    gate.open();
    expect(await late).toBe('REFUSED');
    expect(await ada.read('zoe')).toBe('b');
  });

  test('compare-and-set of direct writes: of two that saw the same row one starts over', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe', 'a');
    const writer = new Stalls();
    const gate = writer.hold('OLD.writer.direct');
    const seats: (string | undefined)[] = [];
    const late = writer.run(() =>
      ada.engine.mutate(
        { holder: 'zoe', show: 'show' },
        (current) => {
          seats.push(current?.old?.seat);
          return {
            write: { old: { holder: 'zoe', show: 'show', seat: `${current?.old?.seat}, then ada`, updated: 1 } },
          };
        },
        performance.now() + 5000,
      ),
    );
    await gate.reached;
    await bob.change('zoe', 'bob');
    gate.open();
    await late;
    expect(seats).toEqual(['a', 'bob']);
    expect(await bob.read('zoe')).toBe('bob, then ada');
  });
});

describe.concurrent('the copy', () => {
  test('the copy is waited for: no state that relies on it while a batch is missing', async ({ stage }) => {
    const ada = await stage.enter('ada');
    await ada.create('zoe', 'a');
    const gate = ada.stalls.hold('NEW.writer.copy');
    await ada.walk(MIGRATING);
    await gate.reached;
    expect(await ada.switchTo(CATCHING_UP)).toMatchObject({
      outcome: 'BLOCKED',
      blockers: [{ code: 'COPY_INCOMPLETE', count: 1 }],
    });
    gate.open();
    await ada.walk(CATCHING_UP, DUAL(0), DUAL(100));
    expect(await ada.read('zoe')).toBe('a');
  });

  test('copy fence: a batch of an earlier run is refused, also while the table is empty for the next one', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe', 'a');
    // Whoever copies first stalls before its batch is written.
    const copies = [ada, bob].map(({ stalls }) => stalls.hold('NEW.writer.copy'));
    await bob.walk(MIGRATING);
    await Promise.race(copies.map(({ reached }) => reached));
    await bob.walk(RETREATING, OLD);
    await bob.remove('zoe');

    // In the second run the table has been emptied, and is about to be opened for the copy.
    const emptied = [ada, bob].map(({ stalls }) =>
      stalls.holdAnswer('NEW.writer.empty', { when: (answer) => answer === 'EMPTY', all: true }),
    );
    await bob.walk(MIGRATING);
    await Promise.race(emptied.map(({ reached }) => reached));
    const late = Promise.race([ada, bob].map(({ stalls }) => stalls.answered('NEW.writer.copy')));
    for (const gate of copies) gate.open();
    await late;
    for (const gate of emptied) gate.open();

    await bob.walk(CATCHING_UP, DUAL(0), DUAL(100));
    expect(await bob.read('zoe')).toBeNull();
  });

  test('the new store is emptied before a second copy: a row that was deleted between two runs stays deleted', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    await ada.create('zoe', 'a');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    await ada.walk(OLD);
    await ada.remove('zoe');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0), DUAL(100));
    expect(await ada.read('zoe')).toBeNull();
    expect(await ada.rows('NEW')).toBe(0);
  });

  test('the new store is emptied under CLOSED: an emptier that wakes up late does not empty a finished copy', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.create('zoe', 'a');
    const gate = ada.stalls.hold('NEW.writer.empty');
    const others = ['NEW.fence.raise', 'NEW.writer.empty'].map((call) => bob.stalls.hold(call, { all: true }));
    await bob.walk(MIGRATING);
    await gate.reached;
    for (const other of others) other.open();
    await bob.walk(CATCHING_UP);
    const late = ada.stalls.answered('NEW.writer.empty');
    gate.open();
    await late;
    await bob.walk(DUAL(0), DUAL(100));
    expect(await bob.read('zoe')).toBe('a');
  });

  test('the new store is cleared behind a fence of the old one: while that is not seen, nothing of the last run goes', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    await ada.create('zoe', 'a');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const gate = ada.stalls.hold('NEW.writer.empty');
    await ada.walk(OLD);
    await gate.reached;
    const old = connect(stage.deployment.file('old'));
    old.exec(`update crossfade_fence set mode = 'CLOSED'`);
    const mend = ada.stalls.fail('NEW.writer.empty');
    for (const step of [() => gate.open(), mend]) {
      const looked = ada.stalls.answered('OLD.fence.read');
      step();
      await looked;
    }
    expect(await ada.rows('NEW')).toBe(1);
    old.exec(`update crossfade_fence set mode = 'DIRECT'`);
    old.close();
    await until('the new store is cleared', async () => (await ada.rows('NEW')) === 0);
  });

  test('steps of a fence are numbered: one that comes late within its epoch does not reopen the table to emptying', async ({
    stage,
  }) => {
    const [ada, bob, cyd] = [await stage.enter('ada'), await stage.enter('bob'), await stage.enter('cyd')];
    await ada.create('zoe', 'a');
    const empties = ada.stalls.hold('NEW.writer.empty');
    const [first, second, closes] = [ada, bob, cyd].map(({ stalls }) => stalls.hold('NEW.fence.raise')) as [
      Gate,
      Gate,
      Gate,
    ];
    await bob.walk(MIGRATING);
    await Promise.all([first.reached, second.reached, closes.reached]);
    first.open();
    await empties.reached;
    second.open();
    // The copy is complete, the switch away from it is announced and about to flip.
    const driver = new Stalls();
    const flips = driver.hold('control.compareAndSet', { skip: 1 });
    await bob.copied();
    const switching = driver.run(() => bob.switchTo(CATCHING_UP));
    await flips.reached;
    for (const [{ stalls }, gate, call] of [
      [cyd, closes, 'NEW.fence.raise'],
      [ada, empties, 'NEW.writer.empty'],
    ] as const) {
      const late = stalls.answered(call);
      gate.open();
      await late;
    }
    flips.open();
    expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
    await bob.walk(DUAL(0), DUAL(100));
    expect(await bob.read('zoe')).toBe('a');
  });
});

describe.concurrent('entries of the journal', () => {
  test('apply fence with the run: an entry of an earlier run that arrives in a later one is refused', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await bob.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const writer = new Stalls();
    const gate = writer.hold('NEW.writer.apply');
    expect(await writer.run(() => ada.create('zoe', 'a'))).toBe('WRITTEN');
    await gate.reached;
    await bob.walk(OLD);
    await bob.change('zoe', 'b');
    await bob.walk(MIGRATING, CATCHING_UP);

    const late = ada.stalls.answered('NEW.writer.apply');
    gate.open();
    await late;
    await bob.walk(DUAL(0), DUAL(100));
    expect(await bob.read('zoe')).toBe('b');
  });

  test('version guard: an apply that comes after a newer one changes nothing', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await bob.walk(MIGRATING, CATCHING_UP, DUAL(0));
    await bob.create('zoe', 'a');
    const writer = new Stalls();
    const gate = writer.hold('OLD.writer.apply');
    const late = writer.run(() => ada.change('zoe', 'b'));
    await gate.reached;
    expect(await bob.change('zoe', 'c')).toBe('WRITTEN');
    gate.open();
    expect(await late).toBe('WRITTEN');
    expect(await bob.read('zoe')).toBe('c');
  });

  test('version guard, by run first: what an earlier run has left does not hide the writes of a later one', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    await ada.create('zoe', 'a');
    await ada.change('zoe', 'b');
    await ada.change('zoe', 'c');
    await ada.walk(OLD, MIGRATING, CATCHING_UP, DUAL(0));
    await ada.change('zoe', 'd');
    await ada.drained();
    expect(await ada.read('zoe')).toBe('d');
  });
});

describe.concurrent('fences move upwards only', () => {
  test('upwards-only fences: a driver that wakes up after a later switch does not set the old store back', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const gate = ada.stalls.hold('OLD.fence.raise');
    const switching = ada.switchTo(MIGRATING);
    await gate.reached;
    // Another instance brings the switch to its end, and the dataset back.
    await bob.settled(MIGRATING);
    await bob.walk(RETREATING, OLD);
    const before = await bob.instance.stores.OLD.fence.read();
    gate.open();
    expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
    expect(await bob.instance.stores.OLD.fence.read()).toEqual(before);
    expect(await promptly(bob.create('zoe', 'a', 4000))).toBe('WRITTEN');
  });
});
