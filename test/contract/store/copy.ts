import { describe, expect, test } from 'vitest';
import { NO_ROWS } from '../../../src/migration/digest.ts';
import type { Dataset } from '../../../src/migration/dataset.ts';
import { EVERYTHING, type CopyBatch, type Store } from '../../../src/migration/stores/store.ts';
import { fill, note, raise, rowsOf, type Setting } from './setting.ts';

/** A digest as good as any: digests are opaque to a store, but for their sum. */
const ONE = '1'.padStart(32, '0');

export function copyContract(setting: Setting): void {
  describe('copying', () => {
    async function opened(epoch = 1) {
      const dataset = setting.notes();
      const store = await setting.open('NEW', dataset);
      await raise(store, 'COPY', epoch, { total: 10 });
      return { dataset, store };
    }
    const fresh = { epoch: 1, after: null, total: 10, copied: 0, quarantined: 0, digest: NO_ROWS, complete: false };

    function batch(dataset: Dataset, owners: readonly string[], rest: Partial<CopyBatch> = {}): CopyBatch {
      const rows = owners.map((owner) => note('NEW', owner));
      const last = rows.at(-1);
      return {
        rows,
        quarantine: [],
        digest: { rows: owners.length, hash: ONE },
        from: null,
        to: last ? dataset.keyOf(last) : null,
        complete: false,
        ...rest,
      };
    }
    const quarantined = (dataset: Dataset, owner: string) => ({
      key: dataset.keyOf(note('NEW', owner)),
      reason: `no code for ${owner}`,
      row: `{"owner":"${owner}"}`,
    });

    test('rows, quarantine and checkpoint move together, from batch to batch', async () => {
      const { dataset, store } = await opened();
      expect(await store.checkpoint()).toEqual(fresh);
      const one = batch(dataset, ['a', 'b'], { quarantine: [quarantined(dataset, 'aa')] });
      expect(await store.writer.copy(1, one)).toBe('COPIED');
      expect(await store.checkpoint()).toEqual({
        ...fresh,
        after: one.to,
        copied: 2,
        quarantined: 1,
        digest: { rows: 2, hash: ONE },
      });
      const two = batch(dataset, ['c'], { from: one.to, complete: true });
      expect(await store.writer.copy(1, two)).toBe('COPIED');
      expect(await store.checkpoint()).toEqual({
        ...fresh,
        after: two.to,
        copied: 3,
        quarantined: 1,
        digest: { rows: 3, hash: ONE.replace('1', '2') },
        complete: true,
      });
      expect((await rowsOf(store)).map((row) => row['owner'])).toEqual(['a', 'b', 'c']);
      expect(await store.quarantine.counts()).toEqual({ open: 1, waived: 0 });
      // What is copied was not written in a run.
      expect(await store.reader.guards([dataset.keyOf(note('NEW', 'a'))])).toEqual(new Map());
    });

    test('a batch from elsewhere, a repeated one and one after the end change nothing', async () => {
      const { dataset, store } = await opened();
      const one = batch(dataset, ['a', 'b']);
      const stray = batch(dataset, ['x'], {
        from: dataset.keyOf(note('NEW', 'w')),
        quarantine: [quarantined(dataset, 'y')],
      });
      expect(await store.writer.copy(1, stray)).toBe('MOVED');
      expect(await store.checkpoint()).toEqual(fresh);
      expect(await store.writer.copy(1, one)).toBe('COPIED');
      expect(await store.writer.copy(1, one)).toBe('MOVED');
      expect(await store.writer.copy(1, batch(dataset, [], { from: one.to, to: one.to, complete: true }))).toBe(
        'COPIED',
      );
      const after = batch(dataset, ['c'], { from: one.to });
      expect(await store.writer.copy(1, after)).toBe('MOVED');
      expect(await store.checkpoint()).toMatchObject({ after: one.to, copied: 2, quarantined: 0, complete: true });
      expect(await store.reader.count(EVERYTHING)).toBe(2);
      expect(await store.quarantine.counts()).toEqual({ open: 0, waived: 0 });
    });

    test('of two copiers at one position one finds that it has moved', async () => {
      const { dataset, store } = await opened();
      const other = await setting.open('NEW', dataset);
      const one = batch(dataset, ['a', 'b']);
      const outcomes = await Promise.all([store.writer.copy(1, one), other.writer.copy(1, one)]);
      expect(outcomes.toSorted()).toEqual(['COPIED', 'MOVED']);
      expect(await other.checkpoint()).toMatchObject({ copied: 2 });
    });

    test('a batch that breaks off changes nothing', async () => {
      const { dataset, store } = await opened();
      const boom = {
        ...note('NEW', 'b'),
        get code(): string {
          throw new Error('boom');
        },
      };
      const broken = { ...batch(dataset, ['a']), quarantine: [quarantined(dataset, 'q')] };
      const rows = [...broken.rows, boom];
      await expect(store.writer.copy(1, { ...broken, rows })).rejects.toThrow('boom');
      expect(await store.checkpoint()).toEqual(fresh);
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.quarantine.counts()).toEqual({ open: 0, waived: 0 });
      expect(await store.writer.copy(1, broken)).toBe('COPIED');
    });

    test('a row that the table refuses goes to quarantine, and the copy goes on', async () => {
      const { dataset, store } = await opened();
      await setting.harness.forbid('NEW', dataset, 'code', '#forbidden');
      const bad = note('NEW', 'b', 't', 'forbidden');
      const one = batch(dataset, ['a', 'c']);
      expect(await store.writer.copy(1, { ...one, rows: [...one.rows, bad] })).toBe('COPIED');
      expect(await store.checkpoint()).toMatchObject({ after: one.to, copied: 2, quarantined: 1 });
      expect((await rowsOf(store)).map((row) => row['owner'])).toEqual(['a', 'c']);
      const found = await store.quarantine.page(null, 10);
      expect(found).toMatchObject([{ key: dataset.keyOf(bad), row: JSON.stringify(bad), waived: false }]);
      expect(found[0]?.reason).not.toBe('');
    });

    test('the fence lets through mode COPY and the epoch, and nothing else', async () => {
      const { dataset, store } = await opened(5);
      const one = batch(dataset, ['a']);
      expect(await store.writer.copy(4, one)).toBe('FENCED');
      expect(await store.writer.copy(6, one)).toBe('FENCED');
      for (const [i, mode] of (['APPLY', 'DIRECT', 'CLOSED'] as const).entries()) {
        await raise(store, mode, 6 + i, { run: 5 });
        expect(await store.writer.copy(5, one), mode).toBe('FENCED');
        expect(await store.writer.copy(6 + i, one), mode).toBe('FENCED');
      }
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.checkpoint()).toMatchObject({ epoch: 5, after: null });
    });

    test('raising the fence to COPY starts the checkpoint anew, if it takes effect', async () => {
      const { dataset, store } = await opened(5);
      const one = batch(dataset, ['a'], { complete: true });
      await store.writer.copy(5, one);
      const stands = {
        epoch: 5,
        after: one.to,
        total: 10,
        copied: 1,
        quarantined: 0,
        digest: one.digest,
        complete: true,
      };
      await raise(store, 'COPY', 5, { total: 99 });
      await raise(store, 'COPY', 4, { step: 9, total: 99 });
      expect(await store.checkpoint()).toEqual(stands);
      await raise(store, 'CLOSED', 6, { step: 1 });
      expect(await store.checkpoint()).toEqual(stands);
      await raise(store, 'COPY', 6, { step: 2, total: 7 });
      expect(await store.checkpoint()).toEqual({ ...fresh, epoch: 6, total: 7 });
    });

    test('before the first copy there is no checkpoint', async () => {
      const store = await setting.open('NEW', setting.notes());
      await raise(store, 'CLOSED', 1);
      expect(await store.checkpoint()).toBeNull();
    });
  });

  describe('emptying', () => {
    async function filled(dataset: Dataset): Promise<Store> {
      const store = await setting.open('NEW', dataset);
      await raise(store, 'COPY', 1, { total: 3 });
      const quarantine = ['q', 'r'].map((owner) => ({
        key: dataset.keyOf(note('NEW', owner)),
        reason: 'x',
        row: '{}',
      }));
      await store.writer.copy(1, { rows: [], quarantine, digest: NO_ROWS, from: null, to: null, complete: true });
      await raise(store, 'APPLY', 2, { run: 1 });
      const rows = ['a', 'b', 'c'].map((owner) => note('NEW', owner));
      await store.writer.apply(
        1,
        rows.map((row, i) => ({ key: dataset.keyOf(row), seq: i + 1, row })),
      );
      return store;
    }

    test('goes in batches until rows, guards and quarantine are gone', async () => {
      const dataset = setting.notes();
      const store = await filled(dataset);
      await raise(store, 'CLOSED', 3);
      const outcomes: string[] = [];
      do {
        outcomes.push(await store.writer.empty(3, 3));
      } while (outcomes.at(-1) === 'MORE' && outcomes.length < 10);
      // Three rows, three guards and two quarantined ones.
      expect(outcomes).toEqual(['MORE', 'MORE', 'EMPTY']);
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.reader.guards(['a', 'b', 'c'].map((o) => dataset.keyOf(note('NEW', o))))).toEqual(new Map());
      expect(await store.quarantine.counts()).toEqual({ open: 0, waived: 0 });
      expect(await store.writer.empty(3, 3)).toBe('EMPTY');
    });

    test('a late emptier is refused: only CLOSED at its epoch lets it through', async () => {
      const store = await filled(setting.notes());
      expect(await store.writer.empty(2, 10)).toBe('FENCED');
      await raise(store, 'CLOSED', 3, { step: 1 });
      expect(await store.writer.empty(2, 10)).toBe('FENCED');
      expect(await store.writer.empty(4, 10)).toBe('FENCED');
      await raise(store, 'COPY', 3, { step: 2 });
      expect(await store.writer.empty(3, 10)).toBe('FENCED');
      await raise(store, 'DIRECT', 3, { step: 3 });
      expect(await store.writer.empty(3, 10)).toBe('FENCED');
      expect(await rowsOf(store)).toHaveLength(3);
      expect(await store.quarantine.counts()).toEqual({ open: 2, waived: 0 });
    });

    test('leaves the old store and other datasets alone', async () => {
      const [dataset, another] = [setting.notes(), setting.notes()];
      const store = await filled(dataset);
      const [old, other] = [await setting.open('OLD', dataset), await filled(another)];
      await fill(old, dataset, [note('OLD', 'a')]);
      await raise(store, 'CLOSED', 3);
      expect(await store.writer.empty(3, 100)).toBe('EMPTY');
      expect(await rowsOf(store)).toEqual([]);
      expect(await rowsOf(old)).toHaveLength(1);
      expect((await old.reader.guards([dataset.keyOf(note('OLD', 'a'))])).size).toBe(1);
      expect(await rowsOf(other)).toHaveLength(3);
      expect(await other.quarantine.counts()).toEqual({ open: 2, waived: 0 });
    });
  });
}
