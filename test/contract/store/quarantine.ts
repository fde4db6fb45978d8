import { describe, expect, test } from 'vitest';
import { NO_ROWS } from '../../../src/migration/digest.ts';
import { compareKeys } from '../../../src/migration/key.ts';
import { AWKWARD, note, raise, rowsOf, type Setting } from './setting.ts';

export function quarantineContract(setting: Setting): void {
  describe('quarantine', () => {
    async function opened(owners: readonly string[]) {
      const dataset = setting.notes();
      const store = await setting.open('NEW', dataset);
      const key = (owner: string) => dataset.keyOf(note('NEW', owner));
      await raise(store, 'COPY', 1, { total: owners.length });
      const quarantine = owners.map((owner) => ({
        key: key(owner),
        // Reasons are text for people, which no engine has to keep to the last bit.
        reason: `about ${owner.replaceAll('\0', '␀')}`,
        row: JSON.stringify({ owner }),
      }));
      await store.writer.copy(1, { rows: [], quarantine, digest: NO_ROWS, from: null, to: null, complete: true });
      return { store, key, quarantine };
    }

    test('pages are in byte order of the key, and find what was put there', async () => {
      const { store, key, quarantine } = await opened(AWKWARD);
      const stored = quarantine.map((row) => ({ ...row, waived: false, waiveReason: null }));
      const ordered = stored.toSorted((a, b) => compareKeys(a.key, b.key));
      const first = await store.quarantine.page(null, 10);
      const rest = await store.quarantine.page(first.at(-1)?.key ?? null, 1000);
      expect([...first, ...rest]).toEqual(ordered);
      expect(await store.quarantine.find([...AWKWARD.map(key), key('nobody')])).toEqual(
        new Map(stored.map((row) => [row.key, row])),
      );
      expect(await store.quarantine.find([])).toEqual(new Map());
      expect(await store.quarantine.counts()).toEqual({ open: AWKWARD.length, waived: 0 });
    });

    test('a waiver marks the open rows, once', async () => {
      const { store, key } = await opened(['a', 'b']);
      expect(await store.quarantine.waive('known')).toBe(2);
      expect(await store.quarantine.waive('again')).toBe(0);
      expect(await store.quarantine.counts()).toEqual({ open: 0, waived: 2 });
      const found = await store.quarantine.find([key('a')]);
      expect(found.get(key('a'))).toMatchObject({ waived: true, waiveReason: 'known', reason: 'about a' });
    });

    test('a retry takes out what can be mapped now, and notes the reasons of the rest', async () => {
      const { store, key } = await opened(['a', 'b', 'c', 'd']);
      await store.quarantine.waive('known');
      const mapped = ['a', 'nobody'].map((owner) => ({ key: key(owner), row: note('NEW', owner) }));
      const refused = { key: key('b'), row: { ...note('NEW', 'b'), code: 'half a \ud83d' } };
      const still = [
        { key: key('c'), reason: 'still about c', row: '{"c":2}' },
        { key: key('stranger'), reason: 'not there', row: '{}' },
      ];
      expect(await store.quarantine.retry(1, [...mapped, refused], still)).toBe('RETRIED');
      expect(await rowsOf(store)).toEqual([note('NEW', 'a')]);
      const rows = await store.quarantine.page(null, 10);
      expect(rows).toMatchObject([
        { key: key('b'), row: '{"owner":"b"}' },
        { key: key('c'), reason: 'still about c', row: '{"c":2}', waived: true },
        { key: key('d'), reason: 'about d', row: '{"owner":"d"}' },
      ]);
      expect(rows[0]?.reason).toContain('code');
      expect(await store.checkpoint()).toMatchObject({ copied: 1, quarantined: 3 });
    });

    test('a retry is fenced: mode COPY and its epoch', async () => {
      const { store, key } = await opened(['a']);
      const mapped = [{ key: key('a'), row: note('NEW', 'a') }];
      expect(await store.quarantine.retry(2, mapped, [])).toBe('FENCED');
      await raise(store, 'APPLY', 2, { run: 1 });
      expect(await store.quarantine.retry(1, mapped, [])).toBe('FENCED');
      expect(await store.quarantine.retry(2, mapped, [])).toBe('FENCED');
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.quarantine.counts()).toEqual({ open: 1, waived: 0 });
    });

    test('it belongs to one store of one dataset', async () => {
      const dataset = setting.notes();
      const [old, renewed] = [await setting.open('OLD', dataset), await setting.open('NEW', dataset)];
      const key = dataset.keyOf(note('NEW', 'a'));
      await raise(renewed, 'COPY', 1);
      await renewed.writer.copy(1, {
        rows: [],
        digest: NO_ROWS,
        quarantine: [{ key, reason: 'x', row: '{}' }],
        from: null,
        to: null,
        complete: true,
      });
      expect(await old.quarantine.counts()).toEqual({ open: 0, waived: 0 });
      expect(await old.quarantine.page(null, 10)).toEqual([]);
      expect(await old.quarantine.waive('x')).toBe(0);
      await raise(old, 'DIRECT', 1);
      const next = note('OLD', 'a');
      expect(await old.writer.direct({ epoch: 1, key, expect: null, next })).toBe('WRITTEN');
    });
  });
}
