/**
 * The ladder up and back between stores of different engines, by two instances that share nothing but the databases: whatever the
 * pair, every row is there in every state, once, and in the end both tables say the same.
 */
import { afterEach, expect, test } from 'vitest';
import type { MigrationState } from '../../src/migration/states.ts';
import { EVERYTHING } from '../../src/migration/stores/store.ts';
import { soon } from '../support/deployment.ts';
import { missingOf, placeIn, type Engine as DataEngine, type Place } from '../support/places.ts';
import { instanceOn, type PairingInstance as Instance, type Urls } from '../support/pairing.ts';
import { describeWith } from '../support/servers.ts';
import type { OldTicket } from '../support/tickets.ts';

interface Pairing {
  readonly old: DataEngine;
  /** `beside`: in the same database as the old store. */
  readonly new: DataEngine | 'beside';
  /** Control store and journal; `beside`: in the same database as the old store. */
  readonly control: DataEngine | 'beside';
}

const PAIRINGS: readonly Pairing[] = [
  { old: 'PostgreSQL', new: 'beside', control: 'beside' },
  { old: 'PostgreSQL', new: 'PostgreSQL', control: 'SQLite' },
  { old: 'SQLite', new: 'PostgreSQL', control: 'PostgreSQL' },
  { old: 'PostgreSQL', new: 'SQLite', control: 'PostgreSQL' },
  { old: 'MariaDB', new: 'MariaDB', control: 'SQLite' },
  { old: 'MariaDB', new: 'beside', control: 'SQLite' },
  { old: 'MariaDB', new: 'SQLite', control: 'SQLite' },
  { old: 'SQLite', new: 'MariaDB', control: 'SQLite' },
  { old: 'SQLite', new: 'PGlite', control: 'SQLite' },
  { old: 'MariaDB', new: 'PostgreSQL', control: 'PostgreSQL' },
  { old: 'PostgreSQL', new: 'MariaDB', control: 'PostgreSQL' },
];

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

async function place(engine: DataEngine): Promise<Place> {
  const made = await placeIn(engine);
  ending.push(() => made.remove());
  return made;
}

async function urlsOf(pairing: Pairing): Promise<Urls> {
  const old = await place(pairing.old);
  const elsewhere = async (engine: DataEngine | 'beside') => (engine === 'beside' ? old : place(engine));
  return { old: old.url, new: (await elsewhere(pairing.new)).url, control: (await elsewhere(pairing.control)).url };
}

async function instance(urls: Urls, label: string): Promise<Instance> {
  const opened = await instanceOn(urls, label);
  ending.push(() => opened.close());
  return opened;
}

type Wanted = (current: OldTicket | null) => { write: { old: OldTicket } } | { remove: true } | { refuse: string };

async function change({ engine }: Instance, key: Pick<OldTicket, 'holder' | 'show'>, wanted: Wanted): Promise<string> {
  const { outcome } = await engine.mutate(key, (current) => wanted(current?.old ?? null), soon(10_000));
  return outcome;
}

const create = (instanceOf: Instance, row: OldTicket) =>
  change(instanceOf, row, (current) => (current ? { refuse: 'taken' } : { write: { old: row } }));

async function tickets({ engine }: Instance): Promise<ReadonlyMap<string, string>> {
  const operation = await engine.begin(soon(10_000));
  try {
    const { rows } = await operation.page({ after: null, first: 100 });
    return new Map(rows.map(({ old }) => [`${old?.holder} ${old?.show}`, String(old?.seat)]));
  } finally {
    operation.end();
  }
}

async function climb({ engine }: Instance, to: MigrationState, readNewPercent: number | null): Promise<void> {
  const terms = { expectedEpoch: null, reason: 'test', dryRun: false, acceptRisk: [], actor: 'test' };
  await expect
    .poll(
      async () => {
        const result = await engine.operator.switchTo({ to, readNewPercent, ...terms });
        return result.outcome === 'BLOCKED' ? result.blockers.map(({ message }) => message) : result.outcome;
      },
      { timeout: 10_000, interval: 20 },
    )
    .toBe('SWITCHED');
}

async function verify({ engine }: Instance): Promise<void> {
  await engine.operator.verify();
  const finished = async () => (await engine.operator.verification())?.finishedAt ?? null;
  await expect.poll(finished, { timeout: 10_000 }).not.toBeNull();
  expect(await engine.operator.verification()).toMatchObject({ clean: true, coverage: 1, differing: 0 });
}

const UP_AND_BACK_AND_UP: readonly (readonly [MigrationState, number | null])[] = [
  ['MIGRATING', null],
  ['RETREATING', null],
  ['OLD', null],
  ['MIGRATING', null],
  ['CATCHING_UP', null],
  ['DUAL', 0],
  ['DUAL', 60],
  ['DUAL', 0],
  ['OLD', null],
  ['MIGRATING', null],
  ['CATCHING_UP', null],
  ['DUAL', 0],
  ['DUAL', 100],
  ['NEW', null],
];

const needed = ({ old, new: renewed, control }: Pairing): readonly DataEngine[] =>
  [...new Set([old, renewed, control])].filter((engine) => engine !== 'beside');

for (const pairing of PAIRINGS) {
  const missing = await missingOf(needed(pairing));
  const name = `${pairing.old} to ${pairing.new}, control ${pairing.control}`;
  describeWith(missing.length > 0 ? missing.join(' and ') : name, missing.length > 0 ? null : name, () => {
    test('up, back and up to NEW: every row is there, once', { timeout: 60_000 }, async () => {
      const urls = await urlsOf(pairing);
      const [one, two] = [await instance(urls, 'one'), await instance(urls, 'two')];
      const expected = new Map<string, string>();
      for (let i = 0; i < 40; i++) {
        const row = { holder: `h${i % 7}`, show: `s${i}`, seat: `${i} é '"\\`, updated: i };
        expect(await create(i % 2 ? one : two, row)).toBe('WRITTEN');
        expected.set(`${row.holder} ${row.show}`, row.seat);
      }
      for (const [step, [state, percent]] of UP_AND_BACK_AND_UP.entries()) {
        if (state === 'NEW') await verify(two);
        await climb(step % 2 ? one : two, state, percent);
        const row = { holder: 'later', show: `s${step}`, seat: state, updated: step };
        const outcomes = await Promise.all([create(one, row), create(two, row), create(one, row)]);
        expect(outcomes.toSorted(), state).toEqual(['REFUSED', 'REFUSED', 'WRITTEN']);
        expected.set(`later ${row.show}`, state);
        const changed = { holder: `h${step % 7}`, show: `s${step}` };
        const seat = `changed in ${state}`;
        await change(two, changed, (old) => (old ? { write: { old: { ...old, seat } } } : { refuse: 'none' }));
        expected.set(`${changed.holder} ${changed.show}`, seat);
        const removed = { holder: `h${(step + 20) % 7}`, show: `s${step + 20}` };
        await change(one, removed, (old) => (old ? { remove: true } : { refuse: 'none' }));
        expected.delete(`${removed.holder} ${removed.show}`);
        expect(await tickets(one), state).toEqual(expected);
        expect(await tickets(two), state).toEqual(expected);
      }
      expect(await one.stores.NEW.reader.count(EVERYTHING)).toBe(expected.size);
      expect((await one.stores.NEW.quarantine.counts()).open).toBe(0);
    });
  });
}
