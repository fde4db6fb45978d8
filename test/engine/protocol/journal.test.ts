/** The journal's order: who may append, what an append rests on, when an entry leaves, and whom nobody believes (P1, P2, P3, P7). */
import { describe, expect } from 'vitest';
import { openSqliteFile } from '../../../src/migration/stores/sqlite/database.ts';
import { Stalls } from '../../support/stall.ts';
import {
  Beside,
  CATCHING_UP,
  DUAL,
  failing,
  MIGRATING,
  OLD,
  RETREATING,
  test,
  type Player,
  type Stage,
} from './stage.ts';

describe.concurrent('the epoch of a slot', () => {
  test('epoch of the slot at an append: what was decided under the state left is not appended under the next', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    const bob = await stage.enter('bob', { leaseMs: 1500 });
    await ada.walk(MIGRATING);
    await ada.copied();
    const mend = failing([ada, bob], 'OLD.writer.apply');
    const driver = new Stalls();
    const flips = driver.hold('control.compareAndSet', { skip: 1 });
    const switching = driver.run(() => ada.switchTo(CATCHING_UP));
    await flips.reached;
    // Everybody knows of the announce; of the flip bob does not hear. In his state the append alone is acknowledged.
    const deaf = await bob.deafen();
    const writer = new Stalls();
    const appends = writer.hold('journal.append');
    const write = new Beside(writer.run(() => bob.create('zoe', 'a', 15_000)));
    await appends.reached;
    flips.open();
    await ada.sees('the new state is in force', ({ place }) => place.state === 'CATCHING_UP');
    const answered = writer.answered('journal.append');
    appends.open();
    await answered;
    await switching;
    await ada.walk(DUAL(0));
    const found = await ada.read('zoe');
    expect([write.answer, found]).not.toEqual(['WRITTEN', null]);

    mend();
    deaf.open();
    expect(await write.promise).toBe('WRITTEN');
    expect(await ada.read('zoe')).toBe('a');
  });

  test('epoch of the slot when it is read: a slot that is not open yet promises nothing', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const cyd = await stage.enter('cyd', { leaseMs: 3000 });
    const driver = new Stalls();
    const flips = driver.hold('control.compareAndSet', { skip: 1 });
    const fences = [driver, bob.stalls, cyd.stalls].map((stalls) => stalls.hold('OLD.fence.raise', { all: true }));
    const switching = driver.run(() => ada.switchTo(MIGRATING));
    await flips.reached;
    // Cyd still writes the old store directly, bob already goes by the journal, whose slots are closed.
    const deaf = await cyd.deafen();
    flips.open();
    await bob.reaches(MIGRATING);
    const writer = new Stalls();
    const appends = writer.hold('journal.append');
    const looksAgain = writer.answered('journal.read', 2);
    const bobs = writer.run(() => bob.create('zoe', 'b'));
    await Promise.race([appends.reached, looksAgain]);
    const cyds = await cyd.create('zoe', 'c');
    for (const fence of fences) fence.open();
    await bob.sees('the journal is open', ({ place }) => place.state === 'MIGRATING');
    appends.open();
    expect([await bobs, cyds]).toEqual(['REFUSED', 'WRITTEN']);
    deaf.open();
    await switching;
    expect(await ada.read('zoe')).toBe('c');
  });

  test('a journal that went back to an earlier epoch is not read', async ({ stage }) => {
    const ada = await stage.enter('ada');
    await ada.walk(MIGRATING, CATCHING_UP);
    await tamper(stage, 'update crossfade_journal_slot set epoch = epoch - 1');
    await expectUnavailable(ada);
  });
});

describe.concurrent('what an append rests on', () => {
  test('mark check: create against create, when the entry of one came and left between read and append of the other', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const writer = new Stalls();
    const appends = writer.hold('journal.append');
    const late = writer.run(() => ada.create('zoe', 'a'));
    await appends.reached;
    expect(await bob.create('zoe', 'b')).toBe('WRITTEN');
    await bob.drained();
    appends.open();
    expect(await late).toBe('REFUSED');
    expect(await ada.read('zoe')).toBe('b');
  });

  test('entry check: of two that saw the same entry one starts over', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING);
    await ada.create('zoe', 'a');
    const writer = new Stalls();
    const appends = writer.hold('journal.append');
    const late = writer.run(() => ada.remove('zoe'));
    await appends.reached;
    expect(await bob.remove('zoe')).toBe('WRITTEN');
    appends.open();
    expect(await late).toBe('REFUSED');
  });

  test('write id: an append whose answer was lost is not made twice', async ({ stage }) => {
    const ada = await stage.enter('ada');
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    const writer = new Stalls();
    writer.loseAnswer('journal.append');
    expect(await writer.run(() => ada.create('zoe', 'a'))).toBe('WRITTEN');
    expect(await ada.read('zoe')).toBe('a');
  });
});

describe.concurrent('when an entry leaves', () => {
  test('lowest seq lacked is inherited: a replacing entry does not hide what the old store lacks of the one before', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING);
    await ada.create('zoe', 'a');
    const mend = failing([ada, bob], 'OLD.writer.apply');
    await ada.walk(CATCHING_UP);
    const writer = new Stalls();
    const appended = writer.answered('journal.append');
    const change = writer.run(() => bob.change('zoe', 'b'));
    await appended;
    expect(await ada.switchTo(DUAL(0))).toMatchObject({
      outcome: 'BLOCKED',
      blockers: [{ code: 'BACKLOG_NOT_EMPTY', count: 1 }],
    });
    mend();
    expect(await change).toBe('WRITTEN');
    await ada.walk(DUAL(0));
    expect(await ada.read('zoe')).toBe('b');
  });

  test('"store has it" goes with the seq: a late note of an earlier write does not clear the debt of a newer one', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING, CATCHING_UP, DUAL(0));
    await ada.create('zoe', 'a');
    await ada.drained();
    const notes = ada.stalls.hold('journal.applied', { all: true });
    const writer = new Stalls();
    const applied = writer.answered('NEW.writer.apply');
    await writer.run(() => ada.change('zoe', 'b'));
    await applied;
    const mend = failing([ada, bob], 'NEW.writer.apply');
    const noted = bob.stalls.answered('journal.applied');
    expect(await bob.change('zoe', 'c')).toBe('WRITTEN');
    await noted;
    const late = ada.stalls.answered('journal.applied', 2);
    notes.open();
    await late;
    expect(await ada.engine.operator.journalStatus()).toMatchObject({ pending: { OLD: 0, NEW: 1 } });
    mend();
    await ada.walk(DUAL(100));
    expect(await ada.read('zoe')).toBe('c');
  });
});

describe.concurrent('slots move upwards only', () => {
  test('upwards-only slots: a driver that opens the journal late drops and forgets nothing that was written since', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const gate = ada.stalls.hold('journal.open');
    const switching = ada.switchTo(MIGRATING);
    await gate.reached;
    await bob.settled(MIGRATING);
    expect(await bob.create('zoe', 'a')).toBe('WRITTEN');
    gate.open();
    expect(await switching).toMatchObject({ outcome: 'SWITCHED' });
    expect(await bob.read('zoe')).toBe('a');
    const status = await bob.engine.operator.journalStatus();
    expect(status).toMatchObject({ entries: 1, pending: { OLD: 1, NEW: 1 } });
  });

  test('closed slots keep their epoch: a driver that opens the journal after the way back does not open it', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    const gate = ada.stalls.hold('journal.open');
    const switching = ada.switchTo(MIGRATING);
    await gate.reached;
    await bob.settled(MIGRATING);
    await bob.walk(RETREATING, OLD);
    gate.open();
    await switching;
    const { epoch } = await bob.record();
    const { slots } = await bob.instance.journal.read([{ key: 'zoe', slot: 1 }]);
    expect(slots.get(1)).toMatchObject({ open: false, epoch });
  });
});

describe.concurrent('a journal that is not the one it was', () => {
  test('another incarnation is refused, for reads as for writes', async ({ stage }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING);
    await ada.create('zoe', 'a');
    await tamper(stage, `update crossfade_journal_slot set incarnation = 'another'`);
    await expectUnavailable(ada);
    await expectUnavailable(bob);
  });

  test('slots that are missing are a loss: nothing is read without them, and no process makes them again', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    await ada.walk(MIGRATING);
    await ada.create('zoe', 'a');
    await tamper(stage, 'delete from crossfade_journal_slot', 'delete from crossfade_journal_entry');
    await expectUnavailable(ada);
    await expectUnavailable(await stage.enter('bob'));
  });
});

/** Behind the engine's back. */
async function tamper(stage: Stage, ...statements: readonly string[]): Promise<void> {
  const file = openSqliteFile(stage.deployment.file('control'));
  await file.migrate(statements);
  await file.close();
}

async function expectUnavailable(player: Player): Promise<void> {
  const unavailable = { code: 'JOURNAL_UNAVAILABLE' };
  await expect(player.read('zoe')).rejects.toMatchObject(unavailable);
  await expect(player.list()).rejects.toMatchObject(unavailable);
  // A write waits for a slot that lags behind its record, as it does in a flip.
  await expect(player.create('yan', 'b', 100)).rejects.toMatchObject({
    code: expect.stringMatching(/^(JOURNAL_UNAVAILABLE|DEADLINE_EXCEEDED)$/),
  });
}
