/**
 * What goes into the old store comes out of the new one, or is in quarantine with the reason: for two datasets that have nothing in common,
 * and every pair of engines. The second one goes all the way, with numeric keys, several listed fields, times, decimals and JSON.
 */
import { DatabaseSync } from 'node:sqlite';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { afterEach, expect, test } from 'vitest';
import type { Engine } from '../../src/migration/api.ts';
import { systemClock } from '../../src/migration/clock.ts';
import { sqlControl, type ControlTables } from '../../src/migration/control/sql/index.ts';
import type { Dataset, Row } from '../../src/migration/dataset.ts';
import { createEngine } from '../../src/migration/engine.ts';
import { sqlJournal, type JournalTables } from '../../src/migration/journal/sql/index.ts';
import type { MigrationState } from '../../src/migration/states.ts';
import { engineOf } from '../../src/migration/stores/open.ts';
import { EVERYTHING, type Store } from '../../src/migration/stores/store.ts';
import { AWKWARD } from '../contract/store/setting.ts';
import { notes, oldNote, oldReading, readings, type NewReading, type OldReading } from '../support/dataset.ts';
import { soon } from '../support/deployment.ts';
import { missingOf, placeIn, type Engine as DataEngine } from '../support/places.ts';
import { describeWith } from '../support/servers.ts';

const ENGINES = ['SQLite', 'PostgreSQL', 'MariaDB'] as const;
const LONG = 'long, 😀 and more. '.repeat(4000);

/** A row that another program wrote and that cannot be read for what it is; and what quarantine says of it. */
const BROKEN: Readonly<Record<(typeof ENGINES)[number], { readonly values: string; readonly reason: RegExp }>> = {
  SQLite: { values: `'broken', 't', cast(x'61ff62' as text), '2026-01-01T00:00:00.000000Z'`, reason: /^answer / },
  PostgreSQL: { values: `'broken', 't', 'A', 'infinity'`, reason: /^created_at / },
  MariaDB: { values: `'broken', 't', 'A', '0000-00-00 00:00:00'`, reason: /^created_at / },
};

interface Running<O extends Row, N extends Row> {
  readonly engine: Engine<O, N>;
  readonly stores: { readonly OLD: Store; readonly NEW: Store };
  readonly urls: { readonly old: string; readonly new: string };
}

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

async function at(engine: DataEngine): Promise<string> {
  const made = await placeIn(engine);
  ending.push(() => made.remove());
  return made.url;
}

async function run<O extends Row, N extends Row>(
  dataset: Dataset<O, N>,
  old: DataEngine,
  renewed: DataEngine,
): Promise<Running<O, N>> {
  const urls = { old: await at(old), new: await at(renewed) };
  const controlUrl = await at('SQLite');
  const stores = {
    OLD: engineOf(urls.old).openStore(urls.old, 'OLD', dataset, { create: true }),
    NEW: engineOf(urls.new).openStore(urls.new, 'NEW', dataset, { create: true }),
  };
  const database = engineOf(controlUrl).openDatabase<ControlTables & JournalTables>(controlUrl);
  const control = sqlControl({ database, clock: systemClock });
  const journal = sqlJournal({ database, dataset, clock: systemClock });
  const engine = createEngine({ dataset, stores, journal, control, leaseMs: 1000 });
  ending.push(async () => {
    await engine.stop();
    await journal.stop();
    await Promise.all([stores.OLD.close(), stores.NEW.close(), control.close()]);
  });
  await engine.start();
  return { engine, stores, urls };
}

async function climb<O extends Row, N extends Row>(
  { engine }: Running<O, N>,
  to: MigrationState,
  percent?: number,
): Promise<void> {
  const terms = { expectedEpoch: null, reason: 'test', dryRun: false, acceptRisk: [], actor: 'test' };
  const outcome = async () => {
    const result = await engine.operator.switchTo({ to, readNewPercent: percent ?? null, ...terms });
    return result.outcome === 'BLOCKED' ? result.blockers.map(({ message }) => message) : result.outcome;
  };
  await expect.poll(outcome, { timeout: 15_000, interval: 20 }).toBe('SWITCHED');
}

async function copied<O extends Row, N extends Row>(running: Running<O, N>): Promise<void> {
  await climb(running, 'MIGRATING');
  const complete = async () => (await running.engine.operator.copyProgress())?.complete;
  await expect.poll(complete, { timeout: 15_000 }).toBe(true);
}

/** As another program would. */
async function plant(engine: (typeof ENGINES)[number], url: string, statement: string): Promise<void> {
  if (engine === 'SQLite') {
    const database = new DatabaseSync(url.slice('sqlite:'.length));
    database.exec(statement);
    database.close();
  } else if (engine === 'PostgreSQL') {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(statement);
    await client.end();
  } else {
    const connection = await createConnection(url);
    await connection.query(`set sql_mode = ''`);
    await connection.query(statement);
    await connection.end();
  }
}

/** Every row of the old store is in the new one, from where it maps back to what it was, or in quarantine; which keys are. */
async function quarantinedOf<O extends Row, N extends Row>(
  dataset: Dataset<O, N>,
  { stores }: Running<O, N>,
): Promise<ReadonlyMap<string, string>> {
  const old = await stores.OLD.reader.page(EVERYTHING, 10_000);
  const now = await stores.NEW.reader.load(old.map(({ key }) => key));
  const quarantine = await stores.NEW.quarantine.find(old.map(({ key }) => key));
  expect(await stores.NEW.reader.count(EVERYTHING)).toBe(now.size);
  const mapper = await dataset.mapper([]);
  const reasons = new Map<string, string>();
  for (const stored of old) {
    const copy = now.get(stored.key);
    const row = quarantine.get(stored.key);
    expect([copy !== undefined, row !== undefined].filter(Boolean), stored.key).toHaveLength(1);
    if (row) reasons.set(stored.key, row.reason);
    if (!copy) continue;
    if (!('row' in stored) || !('row' in copy)) throw new Error(`${stored.key} was copied and cannot be read`);
    expect(mapper.toOld(copy.row as N)).toEqual(stored.row);
  }
  return reasons;
}

const TIMES = ['0001-01-01T00:00:00.000000Z', '1969-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'];

/** In the old store as its engine takes them; the others are told. */
async function fillNotes({ stores }: Running<Row, Row>): Promise<void> {
  const rows = [
    ...AWKWARD.map((text, i) => oldNote('text', `t${i}`, text)),
    ...AWKWARD.filter((text) => text.length < 100).map((text) => oldNote('key', text, 'A')),
    ...TIMES.map((createdAt, i) => ({ ...oldNote('time', `t${i}`), createdAt })),
    oldNote('long', 't', LONG),
    oldNote('unmapped', 't', '? has no code'),
  ];
  const inserted = await stores.OLD.writer.insertMissing(1, rows);
  if (inserted === 'FENCED') throw new Error('the old store is closed');
  expect(inserted.present).toEqual([]);
  // Only U+0000, and a time before the years of the engine.
  expect(inserted.refused.length).toBeLessThan(8);
}

for (const old of ENGINES) {
  for (const renewed of ENGINES) {
    const missing = await missingOf([old, renewed]);
    const name = `${old} to ${renewed}`;
    describeWith(missing.length > 0 ? missing.join(' and ') : name, missing.length > 0 ? null : name, () => {
      test('text, times and what is broken', { timeout: 60_000 }, async () => {
        const dataset: Dataset = notes();
        const running = await run(dataset, old, renewed);
        await fillNotes(running);
        const table = dataset.table('OLD').name;
        await plant(
          old,
          running.urls.old,
          `insert into ${table} (owner, topic, answer, created_at) values (${BROKEN[old].values})`,
        );
        await copied(running);
        const reasons = await quarantinedOf(dataset, running);
        expect(reasons.get(dataset.keyOf(oldNote('unmapped', 't')))).toMatch(/has no code/);
        expect(reasons.get(dataset.keyOf(oldNote('broken', 't')))).toMatch(BROKEN[old].reason);
        const others = [...reasons].filter(([key]) => !/^(unmapped|broken)/.test(key));
        // What the new engine cannot keep: text with U+0000, and keys of it; a time that it has no room for.
        for (const [key, reason] of others) expect(reason, key).toMatch(/U\+0000|year|time|createdAt/i);
        if (old === renewed) expect(others).toEqual([]);
      });
    });
  }
}

const LADDER: readonly (readonly [DataEngine, DataEngine])[] = [
  ['SQLite', 'PostgreSQL'],
  ['PostgreSQL', 'MariaDB'],
  ['MariaDB', 'SQLite'],
];
const STEPS = [
  ['CATCHING_UP', undefined],
  ['DUAL', 0],
  ['DUAL', 40],
  ['DUAL', 100],
] as const;

const SAMPLES: readonly OldReading[] = [
  oldReading(-2_147_483_648, '-9223372036854775808', { kwh: '-0.001', price: '0', region: '', tariff: null }),
  oldReading(0, '9007199254740993', { kwh: '9007199254740993.123', price: '0.000000000000000000000000000001' }),
  oldReading(0, '0', { detail: null, checkedAt: '1969-12-31T23:59:59.999999Z', estimated: true }),
  oldReading(7, '-1', {
    detail: '{"by":"Zoë 😀","list":[1,2.50,"\\u0041"],"null":null}',
    takenAt: '2026-03-29T01:30:00.000001Z',
  }),
  oldReading(7, '9223372036854775807', { region: 'süd', tariff: -1, price: '-12345678901234567890.12345' }),
  oldReading(2_147_483_647, '10', { kwh: '0', region: 'SÜD ' }),
  // Finer than the new table can say.
  oldReading(9, '1', { kwh: '0.0001' }),
];

for (const [old, renewed] of LADDER) {
  const missing = await missingOf([old, renewed]);
  const name = `readings, ${old} to ${renewed}`;
  describeWith(missing.length > 0 ? missing.join(' and ') : name, missing.length > 0 ? null : name, () => {
    test('from OLD to NEW', { timeout: 60_000 }, async () => {
      const dataset = readings();
      const running: Running<OldReading, NewReading> = await run(dataset, old, renewed);
      const { engine, stores } = running;
      const expected = new Map<string, OldReading>();
      const put = async (row: OldReading) => {
        const { outcome } = await engine.mutate(row, () => ({ write: { old: row } }), soon(10_000));
        expect(outcome).toBe('WRITTEN');
        expected.set(dataset.keyOf(row), row);
      };
      const inserted = await stores.OLD.writer.insertMissing(1, SAMPLES);
      expect(inserted).toEqual({ present: [], refused: [] });
      for (const row of SAMPLES) expected.set(dataset.keyOf(row), row);
      await copied(running);
      const fine = dataset.keyOf(oldReading(9, '1'));
      const reasons = await quarantinedOf(dataset, running);
      expect([...reasons.keys()]).toEqual([fine]);
      expect(reasons.get(fine)).toMatch(/no whole number of watt hours/);
      await engine.operator.waiveQuarantine('too fine');
      expected.delete(fine);
      for (const [i, [state, percent]] of STEPS.entries()) {
        await climb(running, state, percent);
        await put(oldReading(7, `${100 + i}`, { region: state, kwh: `${i}.5`, tariff: i }));
        await put(oldReading(0, '0', { kwh: `${i}.001`, detail: `{"step":${i}}` }));
        await listsAgree(engine, expected, fine);
      }
      await engine.operator.verify();
      await expect
        .poll(async () => (await engine.operator.verification())?.finishedAt ?? null, { timeout: 15_000 })
        .not.toBeNull();
      expect(await engine.operator.verification()).toMatchObject({ clean: true, coverage: 1 });
      await climb(running, 'NEW');
      await listsAgree(engine, expected, null);
    });
  });
}

/** In key order, whole and by each listed field. `waived`: a row that only the old store has. */
async function listsAgree(
  engine: Engine<OldReading, NewReading>,
  expected: ReadonlyMap<string, OldReading>,
  waived: string | null,
): Promise<void> {
  const dataset = readings();
  const operation = await engine.begin(soon(10_000));
  try {
    const sorted = [...expected].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    const without = ({ old }: { readonly old: OldReading | null }) => old !== null && dataset.keyOf(old) !== waived;
    const found = async (filter?: { field: string; value: string | number | null }) => {
      const { rows } = await operation.page({ after: null, first: 100, ...(filter && { filter }) });
      return rows.filter(without).map(({ old }) => old);
    };
    expect(await found()).toEqual(sorted);
    for (const field of ['meter', 'region', 'tariff'] as const) {
      for (const value of new Set(sorted.map((row) => row[field]))) {
        expect(await found({ field, value }), `${field} ${value}`).toEqual(
          sorted.filter((row) => row[field] === value),
        );
      }
    }
  } finally {
    operation.end();
  }
}
