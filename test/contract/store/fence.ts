import { describe, expect, test } from 'vitest';
import { STORE_ROLES } from '../../../src/migration/dataset.ts';
import { fenceAt, note, raise, rowsOf, type Setting } from './setting.ts';

export function fenceContract(setting: Setting): void {
  describe.each(STORE_ROLES)('fence, %s', (role) => {
    test('moves upwards only, by epoch and then by step', async () => {
      const dataset = setting.notes();
      const [store, other] = [await setting.open(role, dataset), await setting.open(role, dataset)];
      expect(await store.fence.read()).toBeNull();
      const closed = fenceAt('CLOSED', 3, { step: 2 });
      expect(await raise(store, 'CLOSED', 3, { step: 2 })).toEqual(closed);
      expect(await other.fence.read()).toEqual(closed);
      expect(await raise(other, 'DIRECT', 3, { step: 2 })).toEqual(closed);
      expect(await raise(store, 'DIRECT', 3, { step: 1 })).toEqual(closed);
      expect(await raise(store, 'DIRECT', 2, { step: 9 })).toEqual(closed);
      expect(await store.fence.read()).toEqual(closed);
      const apply = fenceAt('APPLY', 3, { step: 3, run: 2 });
      expect(await raise(other, 'APPLY', 3, { step: 3, run: 2 })).toEqual(apply);
      expect(await store.fence.read()).toEqual(apply);
      const direct = fenceAt('DIRECT', 4, { step: 1 });
      expect(await raise(store, 'DIRECT', 4, { step: 1 })).toEqual(direct);
      expect(await other.fence.read()).toEqual(direct);
    });

    test('of many raises at once the highest stands', async () => {
      const dataset = setting.notes();
      const handles = [await setting.open(role, dataset), await setting.open(role, dataset)] as const;
      const steps = [3, 1, 6, 2, 5, 4];
      const answers = await Promise.all(steps.map((step, i) => raise(handles[i % 2 ? 1 : 0], 'CLOSED', 1, { step })));
      expect(await handles[0].fence.read()).toMatchObject({ step: 6 });
      for (const [i, step] of steps.entries()) expect(answers[i]?.step).toBeGreaterThanOrEqual(step);
    });

    test('once it is raised no write of the epoch before takes effect', async () => {
      const dataset = setting.notes();
      const [store, other] = [await setting.open(role, dataset), await setting.open(role, dataset)];
      await raise(store, 'DIRECT', 1);
      const late: string[] = [];
      let raised = false;
      const first = Promise.withResolvers<void>();
      const write = async (owner: string) => {
        const row = note(role, owner);
        const outcome = await store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row });
        first.resolve();
        return outcome;
      };
      // Each goes on until it has made a write that began after the raise had returned: only that one must be refused.
      const writing = Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          const outcomes: string[] = [];
          for (let begun = false, i = 0; !begun; i++) {
            begun = raised;
            outcomes.push(await write(`owner ${writer} ${i}`));
            if (begun) late.push(...outcomes.slice(-1));
          }
          return outcomes;
        }),
      );
      await first.promise;
      await raise(other, 'CLOSED', 2);
      raised = true;
      const written = (await writing).flat().filter((outcome) => outcome === 'WRITTEN');
      expect(late).toEqual(Array.from({ length: 8 }, () => 'FENCED'));
      expect(written.length).toBeGreaterThan(0);
      expect(await rowsOf(store)).toHaveLength(written.length);
    });

    test('while a transaction holds it a raise waits, for as long as it is told', async ({ skip }) => {
      const { holdFence } = setting;
      if (!holdFence) return skip('nobody else can hold it');
      const dataset = setting.notes();
      const store = await setting.open(role, dataset);
      await raise(store, 'DIRECT', 1);
      const release = await holdFence(role, dataset);
      const began = performance.now();
      const short = store.fence.raise(fenceAt('CLOSED', 2), { timeoutMs: 100 });
      await expect(short).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(performance.now() - began).toBeGreaterThan(90);
      const patient = store.fence.raise(fenceAt('CLOSED', 3), { timeoutMs: 5000 });
      expect(await store.fence.read()).toMatchObject({ epoch: 1 });
      await release();
      expect(await patient).toMatchObject({ epoch: 3, mode: 'CLOSED' });
    });

    test('a write waits for whoever holds it, then goes by what it says', async ({ skip }) => {
      const { holdFence } = setting;
      if (!holdFence) return skip('nobody else can hold it');
      const dataset = setting.notes();
      const [store, other] = [await setting.open(role, dataset), await setting.open(role, dataset)];
      await raise(store, 'DIRECT', 1);
      const release = await holdFence(role, dataset);
      const row = note(role, 'o');
      const write = store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row });
      expect(await rowsOf(other)).toEqual([]);
      await release();
      expect(await write).toBe('WRITTEN');
    });

    test('a store that was closed here does not answer', async () => {
      const store = await setting.open(role, setting.notes());
      await store.ping();
      await store.close();
      await store.close();
      await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(store.fence.read()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });
  });

  test('old and new store of a dataset have fences of their own', async () => {
    const dataset = setting.notes();
    const [old, renewed] = [await setting.open('OLD', dataset), await setting.open('NEW', dataset)];
    await raise(old, 'CLOSED', 4);
    expect(await renewed.fence.read()).toBeNull();
    await raise(renewed, 'COPY', 2);
    expect(await old.fence.read()).toMatchObject({ epoch: 4, mode: 'CLOSED' });
    expect(await old.checkpoint()).toBeNull();
  });
}
