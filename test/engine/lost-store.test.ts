/** A store that is missing, empty or somebody else's is never taken for the one whose rows count. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Engine, SwitchResult } from '../../src/migration/api.ts';
import { mayBeMade } from '../../src/migration/control/found.ts';
import type { ControlRecord } from '../../src/migration/control/control.ts';
import { STATES, type MigrationState } from '../../src/migration/states.ts';
import { connect } from '../../src/migration/stores/sqlite/database.ts';
import { Deployment, soon, type Instance } from '../support/deployment.ts';
import { place, switchOnce } from '../support/operate.ts';
import { temporaryDirectory } from '../support/tmp.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';

const ROW = { holder: 'ada', show: 'one', seat: 'A1', updated: 1 };

let deployment: Deployment<OldTicket, NewTicket>;
beforeEach(async () => {
  deployment = new Deployment(await temporaryDirectory(), ticketDataset());
});
afterEach(async () => {
  await deployment.close();
});

function switchTo(engine: Engine<OldTicket, NewTicket>, to: MigrationState, percent?: number): Promise<SwitchResult> {
  return switchOnce(engine, place(to, percent));
}

/** With one row that both stores have. */
async function inDual(percent: number): Promise<Instance<OldTicket, NewTicket>> {
  const instance = await deployment.instance();
  const { engine } = instance;
  await engine.mutate({ holder: 'ada', show: 'one' }, () => ({ write: { old: ROW } }), soon());
  await switchTo(engine, 'MIGRATING');
  await expect.poll(async () => (await engine.operator.copyProgress())?.complete).toBe(true);
  await switchTo(engine, 'CATCHING_UP');
  await switchTo(engine, 'DUAL', 0);
  if (percent > 0) await switchTo(engine, 'DUAL', percent);
  return instance;
}

async function removeFile(name: 'old' | 'new'): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(`${deployment.file(name)}${suffix}`, { force: true });
}

const unreachable = (which: string): SwitchResult => ({
  outcome: 'BLOCKED',
  blockers: [{ code: 'STORE_UNREACHABLE', message: expect.stringContaining(`The ${which} store`), count: null }],
});

describe('at the start', () => {
  test.each(['old', 'new'] as const)(
    'an empty %s store in the place of the one with the rows is refused',
    async (name) => {
      await (await inDual(50)).close();
      await removeFile(name);
      await expect(deployment.instance()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining(`The ${name} store of tickets is not the one`),
      });
    },
  );

  test("a store that has another deployment's fence is refused", async () => {
    await (await deployment.instance()).close();
    const foreign = connect(deployment.file('old'));
    foreign.prepare(`update crossfade_fence set deployment = 'another'`).run();
    foreign.close();
    await expect(deployment.instance()).rejects.toThrow('is not the one that the control record speaks of');
  });

  test('a store that was restored from before the run is refused', async () => {
    await (await deployment.instance()).close();
    const backup = await readFile(deployment.file('old'));
    await (await inDual(50)).close();
    await removeFile('old');
    await writeFile(deployment.file('old'), backup);
    await expect(deployment.instance()).rejects.toThrow('restored from before');
  });

  test('in OLD the new store may be anything, in NEW the old one', async () => {
    await (await deployment.instance()).close();
    await removeFile('new');
    const { engine, close } = await inDual(100);
    await engine.operator.verify();
    await expect.poll(async () => (await engine.operator.verification())?.clean).toBe(true);
    expect(await switchTo(engine, 'NEW')).toMatchObject({ outcome: 'SWITCHED' });
    await close();
    await removeFile('old');
    const operation = await (await deployment.instance()).engine.begin(soon());
    expect(await operation.load({ holder: 'ada', show: 'one' })).toMatchObject({ new: { place: 'seat A1' } });
    operation.end();
  });
});

describe('before a switch', () => {
  test.each([
    { name: 'new' as const, from: 0, to: 100 },
    { name: 'old' as const, from: 100, to: 0 },
  ])('keys do not move to the $name store when it was replaced', async ({ name, from, to }) => {
    const { engine } = await inDual(from);
    const replaced = connect(deployment.file(name));
    replaced.exec(`delete from crossfade_fence; delete from tickets_${name}`);
    replaced.close();
    expect(await switchTo(engine, 'DUAL', to)).toEqual(unreachable(name));
  });

  test('a store that was restored from before the run gains no keys', async () => {
    const { engine } = await inDual(0);
    const restored = connect(deployment.file('new'));
    restored.exec(`update crossfade_fence set run = run - 1`);
    restored.close();
    expect(await switchTo(engine, 'DUAL', 100)).toEqual(unreachable('new'));
    expect(await switchTo(engine, 'OLD')).toMatchObject({ outcome: 'SWITCHED' });
  });

  test('an empty new store that another deployment has fenced is left to it', async () => {
    const { engine, stores } = await deployment.instance();
    await stores.NEW.fence.raise(
      { epoch: 9, step: 1, mode: 'CLOSED', run: null, deployment: 'another' },
      { timeoutMs: 1000 },
    );
    expect(await switchTo(engine, 'MIGRATING')).toMatchObject({
      blockers: [{ code: 'TARGET_NOT_EMPTY', count: null }],
    });
  });

  test('a store that is gone is told once', async () => {
    const away = { code: 'STORE_UNREACHABLE', message: 'The new store does not answer.', count: null };
    const { engine } = await deployment.instance();
    await removeFile('new');
    await writeFile(deployment.file('new'), 'no database '.repeat(500));
    expect(await switchTo(engine, 'MIGRATING')).toEqual({ outcome: 'BLOCKED', blockers: [away] });
  });
});

test.each(STATES)('which stores may be made where they are missing: %s', (state) => {
  const record = { place: { state, percent: state === 'NEW' ? 100 : 0 }, switching: null } as ControlRecord;
  expect(mayBeMade(record, 'OLD')).toBe(false);
  expect(mayBeMade(record, 'NEW')).toBe(['OLD', 'MIGRATING', 'RETREATING'].includes(state));
  expect(mayBeMade(null, 'OLD') && mayBeMade(null, 'NEW')).toBe(true);
});
