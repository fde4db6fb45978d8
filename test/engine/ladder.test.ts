/** The whole way up and the ways back, by one instance and beside a second one, with writes going on. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SwitchResult } from '../../src/migration/api.ts';
import type { MigrationState } from '../../src/migration/states.ts';
import { EVERYTHING } from '../../src/migration/stores/store.ts';
import { seats } from '../support/client.ts';
import { Deployment, soon, type Instance } from '../support/deployment.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

type Tickets = Instance<OldTicket, NewTicket>;

let deployment: Deployment<OldTicket, NewTicket>;
beforeEach(async () => {
  deployment = new Deployment(await temporaryDirectory(), ticketDataset());
});
afterEach(() => deployment.close());

const ticket = (holder: string, show: string, seat: string): OldTicket => ({ holder, show, seat, updated: 1 });

async function create({ engine }: Tickets, row: OldTicket): Promise<'WRITTEN' | 'REFUSED'> {
  const { outcome } = await engine.mutate(
    row,
    (current) => (current ? { refuse: 'taken' } : { write: { old: row } }),
    soon(),
  );
  return outcome;
}

function switchTo(
  { engine }: Tickets,
  to: MigrationState,
  readNewPercent: number | null = null,
): Promise<SwitchResult> {
  return engine.operator.switchTo({
    to,
    readNewPercent,
    expectedEpoch: null,
    reason: 'test',
    dryRun: false,
    acceptRisk: [],
    actor: 'test',
  });
}

async function climb(instance: Tickets, to: MigrationState, percent: number | null = null): Promise<void> {
  await expect
    .poll(
      async () => {
        const result = await switchTo(instance, to, percent);
        return result.outcome === 'BLOCKED'
          ? result.blockers.map(({ code, message }) => `${code} ${message}`)
          : result.outcome;
      },
      { timeout: 5000, interval: 20 },
    )
    .toBe('SWITCHED');
}

async function verified({ engine }: Tickets): Promise<void> {
  await engine.operator.verify();
  await expect
    .poll(async () => (await engine.operator.verification())?.finishedAt ?? null, { timeout: 5000 })
    .not.toBeNull();
  expect(await engine.operator.verification()).toMatchObject({ clean: true, coverage: 1, differing: 0 });
}

describe('the ladder', () => {
  test('up to NEW: every row is there, in every state, once', async () => {
    const one = await deployment.instance();
    const two = await deployment.instance();
    for (let i = 0; i < 30; i++) await create(one, ticket(`h${i % 5}`, `s${i}`, `${i}`));
    const steps: [MigrationState, number | null][] = [
      ['MIGRATING', null],
      ['CATCHING_UP', null],
      ['DUAL', 0],
      ['DUAL', 10],
      ['DUAL', 50],
      ['DUAL', 100],
      ['NEW', null],
    ];
    const expected = new Set(await seats(one));
    expect(expected.size).toBe(30);
    for (const [step, [state, percent]] of steps.entries()) {
      if (state === 'NEW') await verified(two);
      await climb(one, state, percent);
      const row = ticket('later', `s${step}`, state);
      expect(await Promise.all([create(one, row), create(two, row)])).toEqual(
        expect.arrayContaining(['WRITTEN', 'REFUSED']),
      );
      expected.add(`later s${step} ${state}`);
      expect(new Set(await seats(one)), state).toEqual(expected);
      expect(new Set(await seats(two)), state).toEqual(expected);
      expect((await two.engine.begin(soon())).place).toEqual({
        state,
        percent: percent ?? (state === 'NEW' ? 100 : 0),
      });
    }
    expect(await one.stores.NEW.reader.count(EVERYTHING)).toBe(expected.size);
    expect((await one.engine.operator.history({ first: 10, after: null })).edges).toHaveLength(7);
  });

  test.each([['MIGRATING'], ['CATCHING_UP'], ['DUAL']] as const)('back to OLD from %s, and up again', async (turn) => {
    const one = await deployment.instance();
    const two = await deployment.instance();
    for (let i = 0; i < 10; i++) await create(one, ticket(`h${i}`, 'show', 'a'));
    const up: [MigrationState, number | null][] = [
      ['MIGRATING', null],
      ['CATCHING_UP', null],
      ['DUAL', 0],
      ['DUAL', 70],
    ];
    const back: Record<typeof turn, [MigrationState, number | null][]> = {
      MIGRATING: [
        ['RETREATING', null],
        ['OLD', null],
      ],
      CATCHING_UP: [
        ['DUAL', 0],
        ['OLD', null],
      ],
      DUAL: [
        ['DUAL', 0],
        ['OLD', null],
      ],
    };
    for (let round = 0; round < 2; round++) {
      for (const [state, percent] of up) {
        await climb(two, state, percent);
        await create(one, ticket('up', `${round}`, state));
        if (state === turn) break;
      }
      for (const [state, percent] of back[turn]) {
        await climb(one, state, percent);
        await create(two, ticket('back', `${round}`, state));
      }
      const expected = await seats(two);
      expect(expected).toHaveLength(10 + 2 * (round + 1));
      expect(await deployment.store('OLD').reader.count(EVERYTHING)).toBe(expected.length);
    }
  });

  test('what is not adjacent is blocked, with the next step', async () => {
    const one = await deployment.instance();
    const result = await switchTo(one, 'NEW');
    expect(result).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'NOT_ADJACENT' }] });
    expect(JSON.stringify(result)).toContain('the next step is MIGRATING');
  });
});
