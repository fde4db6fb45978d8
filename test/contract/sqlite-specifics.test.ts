/** What only a store in SQLite can meet: cells of any kind in any column, files that are missing, tables that bend values. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_ROWS } from '../../src/migration/digest.ts';
import type { Dataset } from '../../src/migration/dataset.ts';
import { compareKeys } from '../../src/migration/key.ts';
import { Connection } from '../../src/migration/stores/sqlite/connection.ts';
import { connect } from '../../src/migration/stores/sqlite/database.ts';
import { sqliteStore } from '../../src/migration/stores/sqlite/index.ts';
import { Statements } from '../../src/migration/stores/sqlite/statements.ts';
import { EVERYTHING, type Store, type Stored } from '../../src/migration/stores/store.ts';
import { notes, readings } from '../support/dataset.ts';
import { temporaryDirectory } from '../support/tmp.ts';
import { fill, note, raise, reading } from './store/setting.ts';

let directory: string;
let file: string;
const stores: Store[] = [];
beforeEach(async () => {
  directory = await temporaryDirectory();
  file = join(directory, 'old.sqlite');
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

function open(dataset: Dataset, create = false): Store {
  const store = sqliteStore({ file, role: 'OLD', dataset, create });
  stores.push(store);
  return store;
}

/** As another program would, without the store. */
function run(...statements: readonly string[]): void {
  const db = connect(file);
  for (const statement of statements) db.exec(statement);
  db.close();
}

const LOOSE_NOTES = `create table note_old (owner not null, topic text not null, answer text, created_at text, primary key (owner, topic))`;
const TIME = `'2026-01-31T23:59:59.123456Z'`;

function outcome(stored: Stored | undefined): string {
  if (!stored) return 'absent';
  return 'unreadable' in stored ? stored.unreadable : 'readable';
}

describe('cells that hold no value of their column', () => {
  test.each([
    ['answer', `cast(x'61ff62' as text)`, 'answer holds bytes that are no UTF-8 text', { hex: '61ff62' }],
    ['answer', `cast(x'efbfbdff' as text)`, 'answer holds bytes that are no UTF-8 text', { hex: 'efbfbdff' }],
    ['answer', `cast(x'eda080' as text)`, 'answer holds bytes that are no UTF-8 text', { hex: 'eda080' }],
    ['answer', `x'6162'`, 'answer holds a blob, not text', { hex: '6162' }],
    ['answer', 'null', 'answer must not be null', null],
    ['created_at', `'yesterday'`, 'created_at must be a UTC time', 'yesterday'],
    ['created_at', `'2026-02-29T00:00:00.000000Z'`, 'created_at must be a UTC time', '2026-02-29T00:00:00.000000Z'],
    ['created_at', `'2026-01-31 23:59:59'`, 'created_at must be a UTC time', '2026-01-31 23:59:59'],
  ])('%s = %s', async (column, cell, reason, raw) => {
    run(LOOSE_NOTES, `insert into note_old values ('o', 't', 'A', ${TIME}), ('p', 't', 'A', ${TIME})`);
    const { reader } = open(notes());
    const key = notes().keyOf(note('OLD', 'o'));
    expect(outcome((await reader.load([key])).get(key))).toBe('readable');
    run(`update note_old set ${column} = ${cell} where owner = 'o'`);
    for (const [first, second] of [await reader.page(EVERYTHING, 10), [...(await reader.load([key])).values()]]) {
      expect(first?.key).toBe(key);
      expect(outcome(first)).toContain(reason);
      if (first && 'unreadable' in first) expect(JSON.parse(first.raw)).toMatchObject({ owner: 'o', [column]: raw });
      if (second) expect(outcome(second)).toBe('readable');
    }
  });

  test.each([
    '2026-01-31T23:59:59Z',
    '2026-01-31T23:59:59.1Z',
    '2026-01-31T23:59:59.123Z',
    '2026-01-31T23:59:59.123450Z',
  ])('a UTC time with fewer decimals is the same time: %s', async (written) => {
    run(LOOSE_NOTES, `insert into note_old values ('o', 't', 'A', '${written}')`);
    const store = open(notes());
    const key = notes().keyOf(note('OLD', 'o'));
    const found = (await store.reader.load([key])).get(key);
    if (!found || !('row' in found)) throw new Error(outcome(found));
    const [seconds = '', decimals = ''] = written.slice(0, -1).split('.');
    expect(found.row['createdAt']).toBe(`${seconds}.${decimals.padEnd(6, '0')}Z`);
    await raise(store, 'DIRECT', 1);
    const next = { ...found.row, answer: 'B' };
    expect(await store.writer.direct({ epoch: 1, key, expect: found.row, next })).toBe('WRITTEN');
    expect((await store.reader.load([key])).get(key)).toEqual({ key, row: next });
  });

  test.each([
    ['tariff', '9007199254740992', 'tariff must be an integer between'],
    ['tariff', '1.5', 'tariff holds the real number 1.5, not integer'],
    ['tariff', `'seven'`, 'tariff holds text, not integer'],
    ['estimated', '2', 'estimated holds the integer 2, not boolean'],
    ['price', `'1.50'`, 'price must be a decimal number'],
    ['price', '0.1', 'price holds the real number 0.1, not decimal'],
    ['detail', `'{'`, 'detail must be JSON text'],
  ])('%s = %s', async (column, cell, reason) => {
    run(`create table reading_old (meter_no integer not null, seq integer not null, region text, tariff integer, price, detail, taken_at,
      checked_at, kwh, estimated, primary key (meter_no, seq))`);
    const dataset = readings();
    const store = open(dataset);
    const row = reading('OLD', 1, '1');
    await fill(store, dataset, [row]);
    expect(outcome((await store.reader.page(EVERYTHING, 1))[0])).toBe('readable');
    run(`update reading_old set ${column} = ${cell}`);
    expect(outcome((await store.reader.page(EVERYTHING, 1))[0])).toContain(reason);
  });

  test('a replacement character that is really there is read', async () => {
    const dataset = notes();
    const store = open(dataset, true);
    const row = note('OLD', 'o\ufffd', 't', '\ufffd');
    await fill(store, dataset, [row]);
    expect(await store.reader.page(EVERYTHING, 1)).toEqual([{ key: dataset.keyOf(row), row }]);
  });

  test('a digest sees a change in what cannot be read', async () => {
    run(LOOSE_NOTES, `insert into note_old values ('o', 't', cast(x'ff' as text), ${TIME})`);
    const { reader } = open(notes());
    const before = await reader.digest(EVERYTHING);
    expect(await reader.digest(EVERYTHING)).toEqual(before);
    run(`update note_old set answer = cast(x'fe' as text)`);
    expect((await reader.digest(EVERYTHING)).hash).not.toBe(before.hash);
  });
});

describe('keys that no dataset can have', () => {
  const odd = [
    '7',
    '-1.5',
    `x''`,
    `x'61'`,
    `x'ff'`,
    ...[
      '00',
      '61ff',
      '6180',
      '80',
      'bf',
      'c3',
      'c328',
      'e4bd',
      'eda080',
      'edbfbf',
      'f4908080',
      'f5',
      'ff',
      'ffff',
      '61c3',
      '02ff',
    ].map((hex) => `cast(x'${hex}' as text)`),
  ];
  const proper = [
    '',
    'a',
    'a\u0080',
    'a\u007f',
    'aé',
    'a😀',
    'b',
    '\u0002',
    '\u0002b',
    '\u0080',
    'ÿ',
    'ü',
    '\ud7ff',
    '\ue000',
    '\u{10ffff}',
  ];

  test('are passed by paging, which meets every row once, in the order of the table', async () => {
    run(LOOSE_NOTES);
    const dataset = notes();
    const store = open(dataset);
    await fill(
      store,
      dataset,
      proper.map((owner) => note('OLD', owner)),
    );
    run(...odd.map((owner) => `insert into note_old values (${owner}, 't', 'A', ${TIME})`));
    const all = await store.reader.page(EVERYTHING, 1000);
    expect(all).toHaveLength(proper.length + odd.length);
    expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
    // Those with a valid encoding, NUL among them, can be read.
    expect(all.filter((stored) => 'unreadable' in stored)).toHaveLength(odd.length - 1);
    for (const limit of [1, 2, 3]) {
      const met: Stored[] = [];
      for (let after: string | null = null; met.length < 1000; after = met.at(-1)?.key ?? null) {
        const page = await store.reader.page({ after, upTo: null }, limit);
        met.push(...page);
        if (page.length < limit) break;
      }
      expect(met).toEqual(all);
    }
    for (const [i, { key }] of all.entries()) {
      expect(await store.reader.count({ after: null, upTo: key })).toBe(i + 1);
      expect(await store.reader.count({ after: null, upTo: key }, undefined, [key])).toBe(i);
    }
    const keys = all.map(({ key }) => key);
    expect(await store.reader.load(keys)).toEqual(new Map(all.map((stored) => [stored.key, stored])));
    expect((await store.reader.digest(EVERYTHING)).rows).toBe(all.length);
  });

  test('are well-formed, can be shown, and keep their place among text in any store', async () => {
    run(LOOSE_NOTES);
    const dataset = notes();
    const store = open(dataset);
    await fill(
      store,
      dataset,
      proper.map((owner) => note('OLD', owner)),
    );
    run(...odd.map((owner) => `insert into note_old values (${owner}, 't', 'A', ${TIME})`));
    const keys = (await store.reader.page(EVERYTHING, 1000)).map(({ key }) => key);
    for (const key of keys) {
      expect(key.isWellFormed()).toBe(true);
      expect(key).not.toContain('\0');
      expect(dataset.showKey(key)).toContain('/t');
    }
    // Numbers sort below all text in SQLite; nothing but the empty text is below them as keys.
    expect(keys.slice(3)).toEqual(keys.slice(3).sort(compareKeys));
  });

  test('of numbers too', async () => {
    run(`create table reading_old (meter_no not null, seq not null, region, tariff, price, detail, taken_at, checked_at, kwh, estimated,
      primary key (meter_no, seq))`);
    const dataset = readings();
    const store = open(dataset);
    await fill(
      store,
      dataset,
      [-2, -1, 1, 2].map((meter) => reading('OLD', meter, '1')),
    );
    const cells = [
      '1.5',
      '-1.5',
      '1e300',
      '-1e300',
      '9e999',
      '9007199254740993',
      `'x'`,
      `cast(x'ff' as text)`,
      `x'00'`,
    ];
    run(...cells.map((meter) => `insert into reading_old (meter_no, seq) values (${meter}, 1)`));
    const all = await store.reader.page(EVERYTHING, 100);
    expect(all).toHaveLength(4 + cells.length);
    const keys = all.map(({ key }) => key);
    expect(keys).toEqual(keys.toSorted(compareKeys));
    for (const key of keys) expect(dataset.showKey(key)).toMatch(/\/1$/);
    const met: string[] = [];
    for (let after: string | null = null; met.length < 100; after = met.at(-1) ?? null) {
      const [next] = await store.reader.page({ after, upTo: null }, 1);
      if (!next) break;
      met.push(next.key);
    }
    expect(met).toEqual(keys);
    expect([...(await store.reader.load(keys)).keys()].sort(compareKeys)).toEqual(keys);
  });
});

describe('a file or a table that is not right', () => {
  const unavailable = (message: RegExp) =>
    expect.objectContaining({ code: 'STORE_UNAVAILABLE', message: expect.stringMatching(message) });

  test('a missing file is waited for, not made', async () => {
    const store = open(notes());
    await expect(store.ping()).rejects.toEqual(unavailable(/old store of notes/));
    await expect(store.reader.page(EVERYTHING, 1)).rejects.toEqual(unavailable(/unable to open/));
    await expect(store.reader.digest(EVERYTHING)).rejects.toEqual(unavailable(/unable to open/));
    run(LOOSE_NOTES);
    await store.ping();
    expect(await store.reader.count(EVERYTHING)).toBe(0);
  });

  test('so is a missing directory', async () => {
    file = join(directory, 'later', 'old.sqlite');
    const store = open(notes(), true);
    await expect(store.ping()).rejects.toEqual(unavailable(/directory does not exist/));
    await mkdir(join(directory, 'later'));
    await store.ping();
  });

  test('a file that is no database', async () => {
    await writeFile(file, 'no database '.repeat(1000));
    const store = open(notes(), true);
    await expect(store.ping()).rejects.toEqual(unavailable(/not a database/));
    await rm(file);
    await store.ping();
  });

  test('a table that is gone is missed at its next use, and found again', async () => {
    const store = open(notes(), true);
    await raise(store, 'DIRECT', 1);
    run('alter table note_old rename to elsewhere');
    await expect(store.reader.count(EVERYTHING)).rejects.toEqual(unavailable(/no such table/));
    run('alter table elsewhere rename to note_old');
    expect(await store.reader.count(EVERYTHING)).toBe(0);
  });

  test('after a failure the file is opened anew: it may be another one', async () => {
    const store = open(notes(), true);
    await store.ping();
    run('drop table note_old');
    await expect(store.reader.count(EVERYTHING)).rejects.toEqual(unavailable(/no such table/));
    for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix, { force: true });
    run(LOOSE_NOTES, `insert into note_old values ('o', 't', 'A', ${TIME})`);
    expect(await store.reader.count(EVERYTHING)).toBe(1);
  });

  test.each([
    ['no table', 'create table other (a)', /there is no table note_old/],
    ['no column', 'create table note_old (owner text, topic text, created_at text)', /has no column answer/],
    [
      'a type that makes numbers of text',
      LOOSE_NOTES.replace('answer text', 'answer string'),
      /answer of note_old is declared string/,
    ],
    [
      'a key that folds case',
      LOOSE_NOTES.replace('topic text not null', 'topic text not null collate nocase'),
      /collation BINARY/,
    ],
    [
      'a key in another order',
      LOOSE_NOTES.replace('(owner, topic)', '(topic, owner)'),
      /primary key or unique index over \(owner, topic\)/,
    ],
    [
      'a key that is longer',
      LOOSE_NOTES.replace('(owner, topic)', '(owner, topic, answer)'),
      /unique index over \(owner, topic\)/,
    ],
    ['no key', LOOSE_NOTES.replace(', primary key (owner, topic)', ''), /unique index over \(owner, topic\)/],
    ['a nullable key', LOOSE_NOTES.replace('owner not null', 'owner'), /owner of note_old must be declared NOT NULL/],
    ['a view', 'create view note_old as select 1 owner, 2 topic, 3 answer, 4 created_at', /./],
  ])('%s is refused', async (_, statement, message) => {
    run(statement);
    await expect(open(notes()).ping()).rejects.toEqual(unavailable(message));
    // The same without the fault is not.
    run(statement.startsWith('create view') ? 'drop view note_old' : 'drop table if exists note_old', LOOSE_NOTES);
    await open(notes()).ping();
  });

  test('a file in UTF-16 is refused', async () => {
    run(`pragma encoding = 'UTF-16le'`, LOOSE_NOTES);
    await expect(open(notes()).ping()).rejects.toEqual(unavailable(/UTF-16le/));
  });

  test('a constraint names the field it belongs to', async () => {
    const dataset = notes();
    run(LOOSE_NOTES, 'create unique index one_answer on note_old (answer)');
    const store = open(dataset);
    await raise(store, 'DIRECT', 1);
    const [a, b] = [note('OLD', 'a'), note('OLD', 'b')];
    expect(await store.writer.direct({ epoch: 1, key: dataset.keyOf(a), expect: null, next: a })).toBe('WRITTEN');
    const write = store.writer.direct({ epoch: 1, key: dataset.keyOf(b), expect: null, next: b });
    await expect(write).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field: 'answer' });
  });
});

describe('the plans of statements', () => {
  const full = /SCAN|TEMP B-TREE/;

  async function plans(dataset: Dataset) {
    const store = open(dataset, true);
    await store.ping();
    const c = new Connection(file, { mustExist: true });
    const sql = new Statements(dataset, 'OLD');
    return {
      sql,
      plan: (statement: string, cells: Parameters<Connection['all']>[1]) =>
        c
          .all(`explain query plan ${statement}`, cells)
          .map((row) => String(row[3]))
          .join('\n'),
      close: () => c.close(),
    };
  }

  test('pages and keys are found through an index', async () => {
    const dataset = readings();
    const { sql, plan, close } = await plans(dataset);
    const key = dataset.keyOf(reading('OLD', 1, '1'));
    const ordered = (where: string) =>
      `select ${sql.columns} from ${sql.name} where ${where} order by ${sql.key} limit 10`;
    const ranges = [
      { after: key, upTo: null },
      { after: null, upTo: key },
      { after: key, upTo: key },
    ];
    for (const range of ranges) {
      const all = sql.within(range);
      expect(plan(ordered(all.sql), all.cells)).toMatch(/SEARCH reading_old USING PRIMARY KEY \(\(meter_no,seq\)[<>]/);
      for (const filter of [
        { field: 'region', value: 'r' },
        { field: 'tariff', value: 1 },
        { field: 'tariff', value: null },
      ]) {
        const some = sql.within(range, filter);
        expect(plan(ordered(some.sql), some.cells)).toMatch(
          new RegExp(`USING INDEX reading_old_by_${filter.field} \\(${filter.field}=`),
        );
        expect(plan(ordered(some.sql), some.cells)).not.toMatch(full);
      }
      const own = sql.within(range, { field: 'meter', value: 1 });
      expect(plan(ordered(own.sql), own.cells)).toMatch(/USING PRIMARY KEY \(meter_no=\? AND seq[<>]/);
    }
    const among = sql.amongKeys([key, dataset.keyOf(reading('OLD', 2, '1'))]);
    expect(plan(`select ${sql.columns} from ${among.sql}`, among.cells)).toContain(
      'SEARCH reading_old USING PRIMARY KEY (meter_no=? AND seq=?)',
    );
    // Without the index the plan would say so.
    expect(plan(`select * from ${sql.name} where price = '1' order by ${sql.key}`, [])).toMatch(full);
    close();
  });
});

test('two hundred thousand values go in and out in batches', async () => {
  const dataset = notes();
  const store = sqliteStore({ file, role: 'NEW', dataset, create: true });
  stores.push(store);
  await raise(store, 'COPY', 1, { total: 50_000 });
  for (let from: string | null = null, n = 0; n < 50_000; n += 2000) {
    const numbers = Array.from({ length: 2000 }, (_, i) => String(n + i).padStart(5, '0'));
    const rows = numbers.map((number) => note('NEW', `owner ${number}`));
    const to: string | null = dataset.keyOf(rows.at(-1) ?? {});
    expect(await store.writer.copy(1, { rows, quarantine: [], digest: NO_ROWS, from, to, complete: false })).toBe(
      'COPIED',
    );
    from = to;
  }
  expect(await store.checkpoint()).toMatchObject({ copied: 50_000, quarantined: 0 });
  expect(await store.reader.count(EVERYTHING)).toBe(50_000);
  expect((await store.reader.digest(EVERYTHING)).rows).toBe(50_000);
});
