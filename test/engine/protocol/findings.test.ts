/**
 * Findings of the protocol's review that no other file here plays: the way back from MIGRATING with a backlog, rows that a store would refuse,
 * a driver that dies between the closing of the journal and the fence, and a hot slot. docs/safety.md has the table of all of them.
 */
import { describe, expect } from 'vitest';
import { Stalls } from '../../support/stall.ts';
import { Beside, CATCHING_UP, DUAL, failing, MIGRATING, OLD, promptly, RETREATING, test } from './stage.ts';

describe.concurrent('findings of the review', () => {
  test('F16: back from MIGRATING with a backlog and the new store down; writes go on and none is lost', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING);
    const holders = Array.from({ length: 40 }, (_, i) => `holder ${i}`);
    for (const holder of holders) expect(await bob.create(holder, 'a')).toBe('WRITTEN');
    failing([ada, bob], 'NEW.*');
    await promptly(ada.switchTo(RETREATING));
    expect(await bob.change('holder 0', 'b')).toBe('WRITTEN');
    await promptly(ada.walk(OLD));
    expect(await bob.change('holder 1', 'c')).toBe('WRITTEN');
    const seats = await Promise.all(holders.map((holder) => ada.read(holder)));
    expect(seats).toEqual(['b', 'c', ...holders.slice(2).map(() => 'a')]);
    expect(await ada.rows('OLD')).toBe(holders.length);
  });

  test('F17: a row without a counterpart is refused before it is appended, not after it was acknowledged', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    await ada.walk(MIGRATING);
    await expect(ada.create('zoe', 'nowhere')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect((await ada.engine.operator.journalStatus()).entries).toBe(0);
    expect(await ada.create('zoe', 'a')).toBe('WRITTEN');
    await ada.copied();
    await ada.walk(CATCHING_UP, DUAL(0));
    expect(await ada.read('zoe')).toBe('a');
  });

  test('F19: a driver that dies between the closing of the journal and the fence keeps writes waiting, and fails none', async ({
    stage,
  }) => {
    const ada = await stage.enter('ada');
    const bob = await stage.enter('bob');
    await ada.walk(MIGRATING);
    await ada.copied();
    await ada.walk(CATCHING_UP, DUAL(0));
    expect(await bob.create('zoe', 'a')).toBe('WRITTEN');
    const raises = ada.stalls.hold('OLD.fence.raise', { all: true });
    const elsewhere = bob.stalls.hold('OLD.fence.raise', { all: true });
    const switching = ada.switchTo(OLD).catch(() => {});
    await raises.reached;
    const write = new Beside(bob.change('zoe', 'b', 20_000));
    await elsewhere.reached;
    expect(write.answer).toBeNull();
    await ada.die();
    elsewhere.open();
    expect(await promptly(write.promise)).toBe('WRITTEN');
    await switching;
    await bob.settled(OLD);
    expect(await bob.read('zoe')).toBe('b');
  });

  test('F20: a hot slot makes writers of other keys start over, and never with an answer that is not true', async ({
    stage,
  }) => {
    const [ada, bob] = [await stage.enter('ada'), await stage.enter('bob')];
    await ada.walk(MIGRATING);
    await ada.copied();
    await ada.walk(CATCHING_UP);
    // Another key of the slot comes and goes between what zoe's write reads and its append.
    const slotOf = (holder: string) => stage.deployment.dataset.address({ holder, show: 'show' }).slot;
    const neighbour =
      Array.from({ length: 1000 }, (_, i) => `holder ${i}`).find((it) => slotOf(it) === slotOf('zoe')) ?? '';
    const writer = new Stalls();
    const appends = writer.hold('journal.append');
    const write = writer.run(() => ada.create('zoe', 'a'));
    await appends.reached;
    expect(await bob.create(neighbour, 'b')).toBe('WRITTEN');
    await bob.drained();
    const again = writer.answered('journal.append', 2);
    appends.open();
    expect(await write).toBe('WRITTEN');
    await again;
    expect(await bob.read('zoe')).toBe('a');
  });
});
