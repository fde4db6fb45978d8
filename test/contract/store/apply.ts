import { describe, expect, test } from 'vitest';
import { NO_ROWS } from '../../../src/migration/digest.ts';
import { STORE_ROLES, type Row, type StoreRole } from '../../../src/migration/dataset.ts';
import { packSeq } from '../../../src/migration/seq.ts';
import { EVERYTHING, type Apply } from '../../../src/migration/stores/store.ts';
import { byKey, note, raise, rowAt, rowsOf, valueField, type Setting } from './setting.ts';

export function applyContract(setting: Setting): void {
  describe.each(STORE_ROLES)('journal entries, %s', (role) => {
    async function opened(run = 1) {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      await raise(store, 'APPLY', run, { run });
      const entry = (owner: string, seq: number, value: string | null): Apply => {
        const row = note(role, owner, 't', value ?? '');
        return { key: dataset.keyOf(row), seq, row: value === null ? null : row };
      };
      const value = async (owner: string) => {
        const row = await rowAt(store, entry(owner, 0, null).key);
        return row && row[valueField(role)];
      };
      return { dataset, store, entry, value };
    }
    /** As `note` writes it. */
    const as = (value: string) => note(role, 'o', 't', value)[valueField(role)];

    test('the fence lets through mode APPLY and the run, at whatever epoch', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      const row = note(role, 'o');
      const apply = (run: number) => store.writer.apply(run, [{ key: dataset.keyOf(row), seq: packSeq(run, 1), row }]);
      const fenced = { outcome: 'FENCED', refused: [] };
      expect(await apply(0)).toEqual(fenced);
      for (const mode of ['CLOSED', 'COPY', 'DIRECT'] as const) {
        await raise(store, mode, 5, { run: 5, step: ['CLOSED', 'COPY', 'DIRECT'].indexOf(mode) + 1 });
        expect(await apply(5), mode).toEqual(fenced);
      }
      await raise(store, 'APPLY', 7, { run: 5 });
      expect(await apply(4)).toEqual(fenced);
      expect(await apply(6)).toEqual(fenced);
      expect(await apply(7)).toEqual(fenced);
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.reader.guards([dataset.keyOf(row)])).toEqual(new Map());
      expect(await apply(5)).toEqual({ outcome: 'APPLIED', refused: [] });
      expect(await rowsOf(store)).toEqual([row]);
    });

    test('only what is newer than the guard is written, by run first', async () => {
      const { store, entry, value } = await opened(2);
      const apply = (seq: number, to: string | null) => store.writer.apply(2, [entry('o', seq, to)]);
      await apply(packSeq(1, 2 ** 32 - 1), 'earlier run');
      await apply(packSeq(2, 1), 'first');
      expect(await value('o')).toBe(as('first'));
      await apply(packSeq(1, 2 ** 32 - 1), 'late');
      await apply(packSeq(2, 1), 'again');
      expect(await value('o')).toBe(as('first'));
      expect(await store.reader.guards([entry('o', 0, null).key])).toEqual(
        new Map([[entry('o', 0, null).key, packSeq(2, 1)]]),
      );
      await apply(packSeq(2, 3), null);
      await apply(packSeq(2, 2), 'overtaken');
      expect(await value('o')).toBeNull();
      expect(await store.reader.guards([entry('o', 0, null).key])).toEqual(
        new Map([[entry('o', 0, null).key, packSeq(2, 3)]]),
      );
      await apply(packSeq(2, 4), 'last');
      expect(await value('o')).toBe(as('last'));
    });

    test('the highest seq there can be is kept exactly', async () => {
      const { store, entry } = await opened();
      const most = packSeq(2 ** 21 - 1, 2 ** 32 - 1);
      const highest = entry('o', most, 'x');
      await store.writer.apply(1, [entry('o', most - 1, 'x')]);
      await store.writer.apply(1, [highest]);
      expect(await store.reader.guards([highest.key])).toEqual(new Map([[highest.key, most]]));
    });

    test('a removal of a row that is not there keeps older writes out', async () => {
      const { store, entry, value } = await opened();
      await store.writer.apply(1, [entry('o', 9, null)]);
      await store.writer.apply(1, [entry('o', 8, 'older')]);
      expect(await value('o')).toBeNull();
    });

    test('one key twice in a batch, either way round', async () => {
      const { store, entry, value } = await opened();
      await store.writer.apply(1, [
        entry('a', 1, 'old'),
        entry('a', 2, 'new'),
        entry('b', 2, 'new'),
        entry('b', 1, 'old'),
      ]);
      expect([await value('a'), await value('b')]).toEqual([as('new'), as('new')]);
    });

    test('replaces and removes rows that were there before the run', async () => {
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      await raise(store, 'DIRECT', 1);
      for (const owner of ['a', 'b', 'c']) {
        const row = note(role, owner);
        await store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row });
      }
      await raise(store, 'APPLY', 2, { run: 2 });
      const changed = note(role, 'a', 't', 'changed');
      await store.writer.apply(2, [
        { key: dataset.keyOf(changed), seq: packSeq(2, 1), row: changed },
        { key: dataset.keyOf(note(role, 'b')), seq: packSeq(2, 1), row: null },
      ]);
      expect(await rowsOf(store)).toEqual([changed, note(role, 'c')]);
    });

    test('a large batch, through two handles at once', async () => {
      const { store, entry, dataset } = await opened();
      const other = await setting.open(role, dataset);
      const entries = Array.from({ length: 500 }, (_, i) => entry(`owner ${i}`, i, `${i}`));
      const results = await Promise.all([store.writer.apply(1, entries), other.writer.apply(1, entries.toReversed())]);
      expect(results).toEqual([
        { outcome: 'APPLIED', refused: [] },
        { outcome: 'APPLIED', refused: [] },
      ]);
      const rows = entries.map(({ row }) => row).filter((row) => row !== null);
      expect(byKey(dataset, await rowsOf(store))).toEqual(byKey(dataset, rows));
      expect(await other.reader.guards(entries.map(({ key }) => key))).toEqual(
        new Map(entries.map(({ key, seq }) => [key, seq])),
      );
    });

    test('a batch that breaks off changes nothing', async () => {
      const { store, entry } = await opened();
      const broken = { ...entry('b', 2, 'x'), row: note(role, 'somebody else') };
      await expect(store.writer.apply(1, [entry('a', 1, 'x'), broken])).rejects.toMatchObject({ code: 'INTERNAL' });
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.reader.guards([entry('a', 0, null).key])).toEqual(new Map());
      expect(await store.writer.apply(1, [entry('a', 1, 'x')])).toEqual({ outcome: 'APPLIED', refused: [] });
    });

    test('an entry that the table refuses is told, and the others are written', async () => {
      const { store, entry, dataset, value } = await opened();
      await store.writer.apply(1, [entry('b', 1, 'before')]);
      await setting.harness.forbid(role, dataset, valueField(role), String(as('forbidden')));
      const bad = entry('b', 4, 'forbidden');
      const malformed = entry('c', 5, 'half a \ud83d');
      const result = await store.writer.apply(1, [entry('a', 3, 'fine'), bad, malformed, entry('d', 6, 'fine')]);
      expect(result).toEqual({
        outcome: 'APPLIED',
        refused: [
          { key: bad.key, seq: 4, reason: expect.stringMatching(/./) },
          { key: malformed.key, seq: 5, reason: expect.stringContaining(valueField(role)) },
        ],
      });
      expect([await value('a'), await value('d'), await value('c')]).toEqual([as('fine'), as('fine'), null]);
      const guards = await store.reader.guards([bad.key, malformed.key]);
      const quarantined = await store.quarantine.find([bad.key, malformed.key]);
      await expectRefused(role, { bad, malformed, value: await value('b'), before: as('before'), guards, quarantined });
    });

    test('guards of earlier runs are dropped in batches, others stay', async () => {
      const { store, entry, dataset } = await opened();
      await store.writer.apply(
        1,
        ['a', 'b', 'c', 'd'].map((owner, i) => entry(owner, packSeq(1, i), 'x')),
      );
      await store.writer.apply(1, [entry('e', packSeq(2, 0), 'x')]);
      const keys = ['a', 'b', 'c', 'd', 'e'].map((owner) => entry(owner, 0, null).key);
      expect(await store.writer.dropGuards(1, 10)).toBe(0);
      expect(await store.writer.dropGuards(2, 3)).toBe(3);
      expect((await store.reader.guards(keys)).size).toBe(2);
      expect(await store.writer.dropGuards(2, 3)).toBe(1);
      expect(await store.writer.dropGuards(2, 3)).toBe(0);
      expect([...(await store.reader.guards(keys)).keys()]).toEqual([keys[4]]);
      expect(await store.reader.count(EVERYTHING)).toBe(5);
      expect(dataset.keyOf(note(role, 'e'))).toBe(keys[4]);
    });
  });

  test('a key that is written leaves quarantine, with a row or without', async () => {
    const dataset = setting.notes();
    const store = await setting.open('NEW', dataset);
    const rows = ['a', 'b', 'c'].map((owner) => note('NEW', owner));
    const keys = rows.map((row) => dataset.keyOf(row));
    await raise(store, 'COPY', 1, { total: 3 });
    const quarantine = keys.map((key) => ({ key, reason: 'no code', row: '{}' }));
    await store.writer.copy(1, {
      rows: [],
      quarantine,
      digest: NO_ROWS,
      from: null,
      to: keys[2] ?? null,
      complete: true,
    });
    await raise(store, 'APPLY', 2, { run: 1 });
    const [a, b] = keys as [string, string];
    await store.writer.apply(1, [
      { key: a, seq: packSeq(1, 1), row: rows[0] as Row },
      { key: b, seq: packSeq(1, 2), row: null },
    ]);
    expect([...(await store.quarantine.find(keys)).keys()]).toEqual(keys.slice(2));
    expect(await rowsOf(store)).toEqual(rows.slice(0, 1));
  });
}

/** In the new store the key goes to quarantine, guarded and without a row; in the old store it is as it was. */
async function expectRefused(
  role: StoreRole,
  seen: {
    readonly bad: Apply;
    readonly malformed: Apply;
    readonly value: Row[string] | undefined;
    readonly before: Row[string] | undefined;
    readonly guards: ReadonlyMap<string, number>;
    readonly quarantined: ReadonlyMap<string, { readonly waived: boolean; readonly reason: string }>;
  },
): Promise<void> {
  const { bad, malformed } = seen;
  if (role === 'OLD') {
    expect(seen.value).toBe(seen.before);
    expect(seen.guards).toEqual(new Map([[bad.key, 1]]));
    expect(seen.quarantined).toEqual(new Map());
  } else {
    expect(seen.value).toBeNull();
    expect(seen.guards).toEqual(
      new Map([
        [bad.key, 4],
        [malformed.key, 5],
      ]),
    );
    expect([...seen.quarantined.keys()].sort()).toEqual([bad.key, malformed.key].sort());
    expect(seen.quarantined.get(bad.key)).toMatchObject({ waived: false });
  }
}
