import { describe, expect, test } from 'vitest';
import { NO_ROWS } from '../../../src/migration/digest.ts';
import { STORE_ROLES, type Row } from '../../../src/migration/dataset.ts';
import type { FenceMode } from '../../../src/migration/states.ts';
import type { Store } from '../../../src/migration/stores/store.ts';
import { note, raise, reading, rowAt, rowsOf, valueField, type Setting } from './setting.ts';

export function directContract(setting: Setting): void {
  describe.each(STORE_ROLES)('direct writes, %s', (role) => {
    test('create, change and remove, each only on what the writer saw', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      await raise(store, 'DIRECT', 3);
      const [a, b, c] = ['a', 'b', 'c'].map((value) => note(role, 'o', 't', value)) as [Row, Row, Row];
      const key = dataset.keyOf(a);
      const direct = (expected: Row | null, next: Row | null) =>
        store.writer.direct({ epoch: 3, key, expect: expected, next });
      expect(await direct(null, null)).toBe('WRITTEN');
      expect(await direct(a, b)).toBe('CHANGED');
      expect(await direct(a, null)).toBe('CHANGED');
      expect(await direct(null, a)).toBe('WRITTEN');
      expect(await direct(null, b)).toBe('CHANGED');
      expect(await direct(null, null)).toBe('CHANGED');
      expect(await direct(b, c)).toBe('CHANGED');
      expect(await direct(b, null)).toBe('CHANGED');
      expect(await rowAt(store, key)).toEqual(a);
      expect(await direct(a, b)).toBe('WRITTEN');
      expect(await direct(b, b)).toBe('WRITTEN');
      expect(await rowAt(store, key)).toEqual(b);
      expect(await direct(b, null)).toBe('WRITTEN');
      expect(await direct(b, null)).toBe('CHANGED');
      expect(await rowsOf(store)).toEqual([]);
    });

    test('every column counts, to the letter, and null is a value', async () => {
      const dataset = setting.readings();
      const store = await setting.open(role, dataset);
      await raise(store, 'DIRECT', 1);
      const row = reading(role, 1, '1', { region: 'a', tariff: null });
      const key = dataset.keyOf(row);
      const direct = (expected: Row | null, next: Row | null) =>
        store.writer.direct({ epoch: 1, key, expect: expected, next });
      expect(await direct(null, row)).toBe('WRITTEN');
      const others: readonly Row[] = [
        { region: 'A' },
        { region: 'a ' },
        { tariff: 0 },
        { price: '0.10000000000000001' },
        { detail: null },
        { detail: '{"by": "Zoë"}' },
        { takenAt: '2026-02-28T00:00:00.000001Z' },
        { checkedAt: '2026-02-28T00:00:00.000000Z' },
        role === 'OLD' ? { estimated: true } : { certain: null },
      ];
      for (const other of others)
        expect(await direct({ ...row, ...other }, null), JSON.stringify(other)).toBe('CHANGED');
      expect(await rowAt(store, key)).toEqual(row);
      expect(await direct(row, { ...row, tariff: 1 })).toBe('WRITTEN');
      expect(await direct(row, null)).toBe('CHANGED');
      expect(await direct({ ...row, tariff: 1 }, { ...row, tariff: null })).toBe('WRITTEN');
      expect(await direct(row, null)).toBe('WRITTEN');
    });

    test('the fence lets through mode DIRECT and the epoch, and nothing else', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const row = note(role, 'o');
      const key = dataset.keyOf(row);
      const create = (epoch: number) => store.writer.direct({ epoch, key, expect: null, next: row });
      expect(await create(0)).toBe('FENCED');
      expect(await create(1)).toBe('FENCED');
      const modes: readonly FenceMode[] = ['CLOSED', 'COPY', 'APPLY'];
      for (const [i, mode] of modes.entries()) {
        await raise(store, mode, i + 1, { run: i + 1 });
        expect(await create(i + 1), mode).toBe('FENCED');
      }
      await raise(store, 'DIRECT', 10);
      expect(await create(9)).toBe('FENCED');
      expect(await create(11)).toBe('FENCED');
      expect(await rowsOf(store)).toEqual([]);
      expect(await create(10)).toBe('WRITTEN');
      await raise(store, 'CLOSED', 11);
      expect(await store.writer.direct({ epoch: 10, key, expect: row, next: null })).toBe('FENCED');
      expect(await rowsOf(store)).toEqual([row]);
    });

    test('a row that breaks a constraint is bad input and changes nothing', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      await raise(store, 'DIRECT', 1);
      const field = valueField(role);
      const [fine, bad] = [note(role, 'o'), note(role, 'o', 't', 'forbidden')];
      const key = dataset.keyOf(fine);
      const create = () => store.writer.direct({ epoch: 1, key, expect: null, next: bad });
      await setting.harness.forbid(role, dataset, field, String(bad[field]));
      await expect(create()).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
      expect(await store.writer.direct({ epoch: 1, key, expect: null, next: fine })).toBe('WRITTEN');
      // An existing key is what counts first.
      expect(await create()).toBe('CHANGED');
      await expect(store.writer.direct({ epoch: 1, key, expect: fine, next: bad })).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
      });
      expect(await rowsOf(store)).toEqual([fine]);
    });

    test.each<readonly [string, Row]>([
      ['region', { region: 'half a \ud83d' }],
      ['detail', { detail: '{' }],
      ['tariff', { tariff: 1.5 }],
      ['tariff', { tariff: 2 ** 53 }],
      ['price', { price: '1.0' }],
      ['price', { price: '1e3' }],
      ['price', { price: '-0' }],
      ['takenAt', { takenAt: '2026-02-30T00:00:00.000000Z' }],
      ['takenAt', { takenAt: '2026-02-28T24:00:00.000000Z' }],
      ['takenAt', { takenAt: '2026-02-28T00:00:00Z' }],
      ['takenAt', { takenAt: null }],
      ['sequence', { sequence: '9223372036854775808' }],
      ['sequence', { sequence: '01' }],
    ])('a %s that is no value of its column is bad input: %j', async (field, change) => {
      const dataset = setting.readings();
      const store = await setting.open(role, dataset);
      await raise(store, 'DIRECT', 1);
      const row = reading(role, 1, '1');
      const write = (next: Row) => store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next });
      await expect(write({ ...row, ...change })).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field });
      expect(await write(row)).toBe('WRITTEN');
    });

    test('a row under another key is refused', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      await raise(store, 'DIRECT', 1);
      const key = dataset.keyOf(note(role, 'o'));
      const write = store.writer.direct({ epoch: 1, key, expect: null, next: note(role, 'p') });
      await expect(write).rejects.toMatchObject({ code: 'INTERNAL' });
      expect(await rowsOf(store)).toEqual([]);
    });

    test('fills in the rows that are missing, and tells which were there and which are refused', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const [there, bad, half] = [note(role, 'b', 't', 'there'), note(role, 'c', 't', 'forbidden'), note(role, 'd')];
      const field = valueField(role);
      await setting.harness.forbid(role, dataset, field, String(bad[field]));
      await raise(store, 'DIRECT', 2);
      await store.writer.direct({ epoch: 2, key: dataset.keyOf(there), expect: null, next: there });
      const rows = [
        note(role, 'a'),
        { ...bad, owner: 'b' },
        bad,
        { ...half, [field]: 'half a \ud83d' },
        note(role, 'e'),
      ];
      expect(await store.writer.insertMissing(1, rows)).toBe('FENCED');
      expect(await rowsOf(store)).toEqual([there]);
      expect(await store.writer.insertMissing(2, rows)).toEqual({
        present: [{ key: dataset.keyOf(there), row: there }],
        refused: [bad, half].map((row) => ({ key: dataset.keyOf(row), reason: expect.stringMatching(/./) })),
      });
      expect(await rowsOf(store)).toEqual([note(role, 'a'), there, note(role, 'e')]);
      await raise(store, 'APPLY', 3, { run: 3 });
      expect(await store.writer.insertMissing(3, rows)).toBe('FENCED');
    });

    test('of many creates of one key through two handles one takes effect', async () => {
      const dataset = setting.notes();
      const handles = [await setting.open(role, dataset), await setting.open(role, dataset)] as const;
      await raise(handles[0], 'DIRECT', 1);
      const rows = Array.from({ length: 20 }, (_, i) => note(role, 'o', 't', `${i}`));
      const key = dataset.keyOf(note(role, 'o'));
      const outcomes = await Promise.all(
        rows.map((next, i) => handles[i % 2 ? 1 : 0].writer.direct({ epoch: 1, key, expect: null, next })),
      );
      expect(outcomes.filter((outcome) => outcome === 'WRITTEN')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'CHANGED')).toHaveLength(19);
      expect(await rowAt(handles[1], key)).toEqual(rows[outcomes.indexOf('WRITTEN')]);
    });

    test('no change is lost between two handles that change one row', async () => {
      const dataset = setting.notes();
      const handles = [await setting.open(role, dataset), await setting.open(role, dataset)] as const;
      await raise(handles[0], 'DIRECT', 1);
      const field = valueField(role);
      const first = { ...note(role, 'o'), [field]: '#0' };
      const key = dataset.keyOf(first);
      await handles[0].writer.direct({ epoch: 1, key, expect: null, next: first });
      const increment = async (store: Store) => {
        for (;;) {
          const seen = await rowAt(store, key);
          const next = { ...first, [field]: `#${Number(String(seen?.[field]).slice(1)) + 1}` };
          if ((await store.writer.direct({ epoch: 1, key, expect: seen, next })) === 'WRITTEN') return;
        }
      };
      await Promise.all(Array.from({ length: 30 }, (_, i) => increment(handles[i % 2 ? 1 : 0])));
      expect(await rowAt(handles[0], key)).toMatchObject({ [field]: '#30' });
    });
  });

  describe('direct writes to keys in quarantine', () => {
    const dataset = () => setting.notes();

    async function withQuarantined(owner: string) {
      const made = dataset();
      const store = await setting.open('NEW', made);
      const key = made.keyOf(note('NEW', owner));
      await raise(store, 'COPY', 1, { total: 1 });
      const quarantine = [{ key, reason: 'no code', row: '{}' }];
      await store.writer.copy(1, { rows: [], quarantine, digest: NO_ROWS, from: null, to: key, complete: true });
      await raise(store, 'DIRECT', 2);
      return { store, key, next: note('NEW', owner) };
    }

    test('the key counts as taken', async () => {
      const { store, key, next } = await withQuarantined('o');
      const reason = expect.stringContaining('quarantine');
      expect(await store.writer.insertMissing(2, [next])).toEqual({ present: [], refused: [{ key, reason }] });
      const change = { epoch: 2, key, expect: null };
      expect(await store.writer.direct({ ...change, next })).toBe('CHANGED');
      expect(await store.writer.direct({ ...change, next: null })).toBe('CHANGED');
      expect(await rowsOf(store)).toEqual([]);
      expect((await store.quarantine.find([key])).size).toBe(1);
    });

    test('a change that knows of it takes the key out, once', async () => {
      const { store, key, next } = await withQuarantined('o');
      const change = { epoch: 2, key, expect: null, next, releases: true };
      expect(await store.writer.direct({ ...change, epoch: 1 })).toBe('FENCED');
      expect((await store.quarantine.find([key])).size).toBe(1);
      expect(await store.writer.direct(change)).toBe('WRITTEN');
      expect((await store.quarantine.find([key])).size).toBe(0);
      expect(await rowsOf(store)).toEqual([next]);
      expect(await store.writer.direct({ ...change, expect: null })).toBe('CHANGED');
    });

    test('a removal that knows of it removes it, once', async () => {
      const { store, key } = await withQuarantined('o');
      const change = { epoch: 2, key, expect: null, next: null, releases: true };
      expect(await store.writer.direct(change)).toBe('WRITTEN');
      expect((await store.quarantine.find([key])).size).toBe(0);
      expect(await store.writer.direct(change)).toBe('CHANGED');
    });

    test('it stays when the row is refused', async () => {
      const { store, key, next } = await withQuarantined('o');
      const bad = { ...next, code: 'half a \ud83d' };
      const write = store.writer.direct({ epoch: 2, key, expect: null, next: bad, releases: true });
      await expect(write).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field: 'code' });
      expect((await store.quarantine.find([key])).size).toBe(1);
    });
  });
}
