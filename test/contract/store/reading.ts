import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDigests } from '../../../src/migration/digest.ts';
import { STORE_ROLES, type Row } from '../../../src/migration/dataset.ts';
import { compareKeys } from '../../../src/migration/key.ts';
import { packSeq } from '../../../src/migration/seq.ts';
import { EVERYTHING, type Filter, type KeyRange, type Store } from '../../../src/migration/stores/store.ts';
import { fill, note, raise, reading, rowAt, rowsOf, valueField, type Setting } from './setting.ts';

export function readingContract(setting: Setting): void {
  describe.each(STORE_ROLES)('reading, %s', (role) => {
    test('an empty table', async () => {
      const dataset = setting.notes();
      const { reader } = await setting.open(role, dataset);
      expect(await reader.load([])).toEqual(new Map());
      expect(await reader.load([dataset.keyOf(note(role, 'nobody'))])).toEqual(new Map());
      expect(await reader.page(EVERYTHING, 10)).toEqual([]);
      expect(await reader.count(EVERYTHING)).toBe(0);
      expect((await reader.digest(EVERYTHING)).rows).toBe(0);
      expect(await reader.guards([])).toEqual(new Map());
    });

    test('loads what is there of many keys', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const rows = Array.from({ length: 300 }, (_, i) => note(role, `owner ${i}`, 't', `answer ${i}`));
      await fill(store, dataset, rows);
      const absent = Array.from({ length: 300 }, (_, i) => dataset.keyOf(note(role, `nobody ${i}`)));
      const keys = [...rows.map((row) => dataset.keyOf(row)), ...absent];
      const found = await store.reader.load([...keys, ...keys]);
      expect(found).toEqual(new Map(rows.map((row) => [dataset.keyOf(row), { key: dataset.keyOf(row), row }])));
    });

    test('many who ask at the same time get each what he asked for, whatever is asked together', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const rows = Array.from({ length: 60 }, (_, i) => note(role, `owner ${i}`, 't', `answer ${i}`));
      await fill(store, dataset, rows);
      const stored = rows.map((row) => ({ key: dataset.keyOf(row), row }));
      const absent = dataset.keyOf(note(role, 'nobody'));
      const questions = Array.from({ length: 90 }, (_, i) => stored.slice(i % 60, (i % 60) + (i % 9)));
      const answers = await Promise.all(
        questions.map((asked) => store.reader.load([absent, ...asked.map(({ key }) => key)])),
      );
      expect(answers).toEqual(questions.map((asked) => new Map(asked.map((each) => [each.key, each]))));
    });

    test('awkward text comes back as it went in, is found, and is told apart', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const rows = setting.awkward.map((text) => note(role, text, text, text));
      await fill(store, dataset, rows);
      expect(await store.reader.count(EVERYTHING)).toBe(rows.length);
      for (const row of rows) expect(await rowAt(store, dataset.keyOf(row))).toEqual(row);
      for (const owner of setting.awkward) {
        const filter = { field: 'owner', value: owner };
        const found = await store.reader.page(EVERYTHING, 100, filter);
        expect(found.map(({ key }) => key)).toEqual([dataset.keyOf(note(role, owner, owner))]);
        expect(await store.reader.count(EVERYTHING, filter)).toBe(1);
      }
    });

    test('lists in byte order of the key, page by page', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const texts = setting.awkward;
      const rows = texts.flatMap((owner) => texts.slice(0, 9).map((topic) => note(role, owner, topic)));
      await fill(store, dataset, rows.toReversed());
      const keys = rows.map((row) => dataset.keyOf(row)).sort(compareKeys);
      // A store that compares UTF-16 units would fail here.
      expect(keys).not.toEqual(keys.toSorted());
      const listed: string[] = [];
      for (let after: string | null = null; ; after = listed.at(-1) ?? null) {
        const page = await store.reader.page({ after, upTo: null }, 7);
        listed.push(...page.map(({ key }) => key));
        if (page.length < 7) break;
      }
      expect(listed).toEqual(keys);
    });

    test('a range is above its lower bound, up to and including its upper one, whether there are such rows or not', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      await fill(
        store,
        dataset,
        ['b', 'd', 'f'].map((owner) => note(role, owner)),
      );
      const key = (owner: string) => dataset.keyOf(note(role, owner));
      const owners = async (after: string | null, upTo: string | null) => {
        const range = { after: after && key(after), upTo: upTo && key(upTo) };
        const page = await store.reader.page(range, 10);
        expect(await store.reader.count(range)).toBe(page.length);
        return page.map((stored) => ('row' in stored ? stored.row['owner'] : stored)).join('');
      };
      expect(await owners('b', 'f')).toBe('df');
      expect(await owners('a', 'e')).toBe('bd');
      expect(await owners(null, 'd')).toBe('bd');
      expect(await owners('d', null)).toBe('f');
      expect(await owners('f', null)).toBe('');
      expect(await owners('d', 'd')).toBe('');
      expect(await owners('f', 'b')).toBe('');
      expect(await owners('c', 'd')).toBe('d');
    });

    test('tells the key of a row by how many rows of the range are before it', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const texts = setting.awkward;
      const rows = texts.flatMap((owner) => texts.slice(0, 5).map((topic) => note(role, owner, topic)));
      await fill(store, dataset, rows.toReversed());
      const keys = rows.map((row) => dataset.keyOf(row)).sort(compareKeys);
      const { reader } = store;
      for (const [i, key] of keys.entries()) expect(await reader.keyAt(EVERYTHING, i)).toBe(key);
      expect(await reader.keyAt(EVERYTHING, keys.length)).toBeNull();
      const [after = '', upTo = ''] = [keys[3], keys[9]];
      expect(await reader.keyAt({ after, upTo: null }, 0)).toBe(keys[4]);
      expect(await reader.keyAt({ after, upTo }, 5)).toBe(upTo);
      expect(await reader.keyAt({ after, upTo }, 6)).toBeNull();
    });

    test('counts leave out the exceptions that are in the range and pass the filter', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const topics = ['s', 't'];
      await fill(
        store,
        dataset,
        ['a', 'b', 'c', 'd'].flatMap((o) => topics.map((topic) => note(role, o, topic))),
      );
      const key = (owner: string, topic: string) => dataset.keyOf(note(role, owner, topic));
      const range = { after: key('a', 't'), upTo: null };
      const except = [key('a', 's'), key('b', 's'), key('b', 's'), key('b', 't'), key('z', 's')];
      expect(await store.reader.count(range)).toBe(6);
      expect(await store.reader.count(range, undefined, except)).toBe(4);
      expect(await store.reader.count(range, { field: 'topic', value: 's' }, except)).toBe(2);
      expect(await store.reader.count(range, { field: 'owner', value: 'b' }, except)).toBe(0);
      expect(await store.reader.count(range, { field: 'owner', value: 'a' }, except)).toBe(0);
      expect(await store.reader.count(EVERYTHING, undefined, [])).toBe(8);
    });

    test('pages and counts agree with sorting, filtering and cutting by hand', async () => {
      const dataset = setting.readings();
      const store = await setting.open(role, dataset);
      const rows = [-10, -9, 0, 2, 10].flatMap((meter) =>
        ['-3', '0', '7', '20'].map((sequence, i) =>
          reading(role, meter, sequence, { region: `r${i % 2}`, tariff: i === 0 ? null : i % 3 }),
        ),
      );
      await fill(store, dataset, rows.toReversed());
      const bound = fc.oneof(
        fc.constant(null),
        fc.record({ meter: fc.integer({ min: -11, max: 11 }), sequence: fc.integer({ min: -4, max: 21 }).map(String) }),
      );
      const anyFilter = fc.oneof(
        fc.constant(undefined),
        fc.record({ field: fc.constant('meter'), value: fc.constantFrom(-10, 0, 2, 3) }),
        fc.record({ field: fc.constant('region'), value: fc.constantFrom('r0', 'r1', 'r2') }),
        fc.record({ field: fc.constant('tariff'), value: fc.constantFrom(null, 0, 1, 2, 3) }),
      );
      const toKey = (at: Row | null) => (at ? dataset.keyOf({ ...rows[0], ...at }) : null);
      await fc.assert(
        fc.asyncProperty(bound, bound, fc.integer({ min: 1, max: 8 }), anyFilter, async (a, b, limit, filter) => {
          const range = { after: toKey(a), upTo: toKey(b) };
          const expected = byHand(
            rows.map((row) => ({ key: dataset.keyOf(row), row })),
            range,
            filter,
          );
          const page = await store.reader.page(range, limit, filter);
          expect(page).toEqual(expected.slice(0, limit));
          expect(await store.reader.count(range, filter)).toBe(expected.length);
        }),
        { numRuns: 200 },
      );
    });

    test('a value of every type comes back as it went in', async () => {
      const dataset = setting.readings();
      const store = await setting.open(role, dataset);
      const most = Number.MAX_SAFE_INTEGER;
      const changes: readonly Row[] = [
        { price: '0', detail: null, tariff: null, checkedAt: '0001-01-01T00:00:00.000000Z' },
        { price: '-0.000000000000000000001', detail: ' { "b" : 1, "a" : 1.0 } ', tariff: most },
        { price: '123456789012345678901234567890.5', detail: '"a\\u0000b"', tariff: -most },
        { price: '1000000', detail: 'null', checkedAt: '9999-12-31T23:59:59.999999Z', region: 'x'.repeat(10_000) },
        role === 'OLD' ? { kwh: '0.1', estimated: true } : { wattHours: '-9223372036854775808', certain: null },
        role === 'OLD' ? { kwh: '-7', estimated: false } : { wattHours: '9223372036854775807', certain: false },
      ];
      const keys = [
        [0, '0'],
        [-most, '-9223372036854775808'],
        [most, '9223372036854775807'],
        [1, '2'],
        [1, '10'],
        [1, '-1'],
      ] as const;
      const rows = keys.map(([meter, sequence], i) => reading(role, meter, sequence, changes[i] ?? {}));
      await fill(store, dataset, rows);
      for (const row of rows) expect(await rowAt(store, dataset.keyOf(row))).toStrictEqual(row);
      // Numbers are in the order of numbers: 2 before 10.
      const order = [1, 0, 5, 3, 4, 2].map((i) => rows[i]);
      expect(await rowsOf(store)).toStrictEqual(order);
    });

    test('a digest tells rows apart and not how they came there', async () => {
      const [one, other] = [setting.notes(), setting.notes()];
      const stores = [await setting.open(role, one), await setting.open(role, other)] as const;
      const rows = Array.from({ length: 1200 }, (_, i) => note(role, `owner ${i % 7}`, `topic ${i}`));
      await fill(stores[0], one, rows);
      await fill(stores[1], other, rows.toReversed());
      const whole = await stores[0].reader.digest(EVERYTHING);
      expect(whole).toEqual({ rows: 1200, hash: expect.stringMatching(/^[0-9a-f]{32}$/) });
      expect(await stores[1].reader.digest(EVERYTHING)).toEqual(whole);
      const changed = note(role, 'owner 3', 'topic 3', 'another');
      await stores[1].writer.apply(1, [{ key: other.keyOf(changed), seq: packSeq(1, 5000), row: changed }]);
      expect(await stores[1].reader.digest(EVERYTHING)).not.toEqual(whole);
      const below = { after: null, upTo: other.keyOf(note(role, 'owner 2', '~')) };
      expect(await stores[1].reader.digest(below)).toEqual(await stores[0].reader.digest(below));
      const above = { after: below.upTo, upTo: null };
      const parts = [await stores[0].reader.digest(below), await stores[0].reader.digest(above)] as const;
      expect(addDigests(...parts)).toEqual(whole);
    });

    test('what one handle wrote the other reads at once', async () => {
      const dataset = setting.notes();
      const [one, other] = [await setting.open(role, dataset), await setting.open(role, dataset)] as const;
      await raise(one, 'DIRECT', 1);
      const key = dataset.keyOf(note(role, 'o'));
      let seen: Row | null = null;
      for (let i = 0; i < 20; i++) {
        const next = note(role, 'o', 't', `${i}`);
        expect(await one.writer.direct({ epoch: 1, key, expect: seen, next })).toBe('WRITTEN');
        seen = await rowAt(other, key);
        expect(seen?.[valueField(role)]).toBe(next[valueField(role)]);
      }
    });
  });

  test('old and new table beside each other, and another dataset, have rows and guards of their own', async () => {
    const dataset = setting.notes();
    const [old, renewed] = [await setting.open('OLD', dataset), await setting.open('NEW', dataset)] as const;
    const other = setting.notes();
    const stranger = await setting.open('OLD', other);
    await fill(old, dataset, [note('OLD', 'a'), note('OLD', 'b')]);
    await fill(renewed, dataset, [note('NEW', 'c')]);
    const owners = async (store: Store) => (await rowsOf(store)).map((row) => row['owner']);
    expect([await owners(old), await owners(renewed), await owners(stranger)]).toEqual([['a', 'b'], ['c'], []]);
    const keys = ['a', 'b', 'c'].map((owner) => dataset.keyOf(note('OLD', owner)));
    expect([...(await old.reader.guards(keys)).keys()].sort()).toEqual(keys.slice(0, 2));
    expect([...(await renewed.reader.guards(keys)).keys()]).toEqual(keys.slice(2));
    expect(await stranger.reader.guards(keys)).toEqual(new Map());
  });
}

function byHand<T extends { readonly key: string; readonly row: Row }>(
  all: readonly T[],
  range: KeyRange,
  filter?: Filter,
): T[] {
  return all
    .filter(({ key }) => range.after === null || compareKeys(key, range.after) > 0)
    .filter(({ key }) => range.upTo === null || compareKeys(key, range.upTo) <= 0)
    .filter(({ row }) => !filter || row[filter.field] === filter.value)
    .sort((x, y) => compareKeys(x.key, y.key));
}
