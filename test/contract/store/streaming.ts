import { describe, expect, test, type TestContext } from 'vitest';
import type { Dataset, Row } from '../../../src/migration/dataset.ts';
import { digestOf, NO_ROWS } from '../../../src/migration/digest.ts';
import {
  EVERYTHING,
  PART_ROWS,
  type CopyPart,
  type Store,
  type StoreReader,
  type StoreWriter,
} from '../../../src/migration/stores/store.ts';
import { fill, note, raise, reading, rowsOf, type Setting } from './setting.ts';

const ONE = '1'.padStart(32, '0');

/** Of engines that stream; what is said of `page` and `copy` holds for these too. */
export function streamingContract(setting: Setting): void {
  function streaming(context: TestContext, store: Store) {
    const { reader, writer } = store;
    if (!reader.stream || !writer.copyStream) return context.skip('this engine copies page by page');
    const stream: NonNullable<StoreReader['stream']> = (range, limit) => required(reader.stream?.(range, limit));
    const copyStream: NonNullable<StoreWriter['copyStream']> = (epoch, from, parts) =>
      required(writer.copyStream?.(epoch, from, parts));
    return { stream, copyStream };
  }

  describe('reading as a stream', () => {
    test('finds what pages find, in their order, in parts', async (context) => {
      const dataset = setting.notes();
      const store = await setting.open('OLD', dataset);
      const { stream } = streaming(context, store);
      const texts = setting.awkward;
      const many = Array.from({ length: 600 }, (_, i) => `n${String(i).padStart(4, '0')}`);
      const rows = [...texts, ...many].map((text, i) => note('OLD', text, `t${i % 3}`, texts[i % texts.length] ?? 'x'));
      await fill(store, dataset, rows);
      const page = await store.reader.page(EVERYTHING, 10_000);
      expect(page).toHaveLength(rows.length);
      const parts = await all(await stream(EVERYTHING, 10_000));
      expect(parts.flat()).toEqual(page);
      for (const part of parts) expect(digestOf(part)).toEqual(digestOf([...part]));
      expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(PART_ROWS);
      const keys = page.map(({ key }) => key);
      for (const [from, upTo] of [
        [3, 400],
        [0, 10],
        [599, 700],
      ] as const) {
        // prettier-ignore
        const range = { after: keys[from] ?? null, upTo: keys[upTo] ?? null };
        expect((await all(await stream(range, 10_000))).flat()).toEqual(await store.reader.page(range, 10_000));
      }
      expect((await all(await stream({ after: keys[10] ?? null, upTo: null }, 321))).flat()).toEqual(
        page.slice(11, 332),
      );
      expect(await all(await stream({ after: keys.at(-1) ?? null, upTo: null }, 10))).toEqual([]);
    });

    test('every type of column', async (context) => {
      const dataset = setting.readings();
      const store = await setting.open('OLD', dataset);
      const { stream } = streaming(context, store);
      await fill(store, dataset, everyType('OLD'));
      const [part = []] = await all(await stream(EVERYTHING, 100));
      expect(part).toEqual(await store.reader.page(EVERYTHING, 100));
      expect(digestOf(part)).toEqual(await store.reader.digest(EVERYTHING));
    });

    test('left early it ends, and the store goes on', async (context) => {
      const dataset = setting.notes();
      const store = await setting.open('OLD', dataset);
      const { stream } = streaming(context, store);
      await fill(
        store,
        dataset,
        Array.from({ length: 1000 }, (_, i) => note('OLD', `n${i}`, 't', 'x'.repeat(1000))),
      );
      for (let i = 0; i < 12; i++) {
        for await (const part of await stream(EVERYTHING, 10_000)) {
          expect(part).toHaveLength(PART_ROWS);
          break;
        }
      }
      expect(await rowsOf(store)).toHaveLength(1000);
      await store.close();
    });
  });

  describe('copying as a stream', () => {
    async function opened(context: TestContext, dataset = setting.notes()) {
      const store = await setting.open('NEW', dataset);
      await raise(store, 'COPY', 1, { total: 10 });
      return { dataset, store, ...streaming(context, store) };
    }

    function partOf(dataset: Dataset, rows: readonly Row[], rest: Partial<CopyPart> = {}): CopyPart {
      const last = rows.at(-1);
      const to = last ? dataset.keyOf(last) : null;
      return { rows, quarantine: [], digest: { rows: rows.length, hash: ONE }, to, complete: false, ...rest };
    }

    test('parts become rows, quarantine and checkpoint of one batch', async (context) => {
      const { dataset, store, copyStream } = await opened(context);
      const texts = setting.awkward;
      const rows = texts.map((text, i) => note('NEW', `o${String(i).padStart(3, '0')}`, 't', text));
      const [first, second] = [rows.slice(0, 5), rows.slice(5)];
      const quarantine = [{ key: dataset.keyOf(note('NEW', 'q')), reason: 'no code', row: '{}' }];
      const one = partOf(dataset, first, { quarantine });
      const two = partOf(dataset, second);
      expect(await copyStream(1, null, given(one, two))).toBe('COPIED');
      const stands = { epoch: 1, total: 10, copied: rows.length, quarantined: 1, after: two.to, complete: false };
      const digest = { rows: rows.length, hash: ONE.replace('1', '2') };
      expect(await store.checkpoint()).toEqual({ ...stands, digest });
      expect(await rowsOf(store)).toEqual(rows);
      expect(await store.quarantine.page(null, 10)).toMatchObject(quarantine);
      const end = partOf(dataset, [], { to: two.to, digest: NO_ROWS, complete: true });
      expect(await copyStream(1, two.to, given(end))).toBe('COPIED');
      expect(await store.checkpoint()).toEqual({ ...stands, digest, complete: true });
    });

    test('every type of column', async (context) => {
      const { dataset, store, copyStream } = await opened(context, setting.readings());
      const rows = everyType('NEW');
      expect(await copyStream(1, null, given(partOf(dataset, rows)))).toBe('COPIED');
      expect(await rowsOf(store)).toEqual(rows);
    });

    test('from elsewhere, or past the fence, nothing is asked for and nothing changed', async (context) => {
      const { dataset, store, copyStream } = await opened(context);
      const one = partOf(dataset, [note('NEW', 'a')]);
      const untouched = async function* (): AsyncGenerator<CopyPart> {
        expect.unreachable();
        yield one;
      };
      expect(await copyStream(1, dataset.keyOf(note('NEW', 'x')), untouched())).toBe('MOVED');
      expect(await copyStream(2, null, untouched())).toBe('FENCED');
      await raise(store, 'CLOSED', 2);
      expect(await copyStream(1, null, untouched())).toBe('FENCED');
      expect(await copyStream(2, null, untouched())).toBe('FENCED');
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.checkpoint()).toMatchObject({ after: null, copied: 0 });
    });

    test('of two at one position one finds that it has moved', async (context) => {
      const { dataset, copyStream } = await opened(context);
      const other = streaming(context, await setting.open('NEW', dataset));
      const parts = () => given(...['a', 'b'].map((owner) => partOf(dataset, [note('NEW', owner)])));
      const outcomes = await Promise.all([copyStream(1, null, parts()), other.copyStream(1, null, parts())]);
      expect(outcomes.toSorted()).toEqual(['COPIED', 'MOVED']);
    });

    test('a row that the table refuses undoes the batch, which then goes the other way', async (context) => {
      const { dataset, store, copyStream } = await opened(context);
      await setting.harness.forbid('NEW', dataset, 'code', '#forbidden');
      const bad = note('NEW', 'b', 't', 'forbidden');
      const rows = [note('NEW', 'a'), bad, note('NEW', 'c')];
      const part = partOf(dataset, rows, {
        quarantine: [{ key: dataset.keyOf(note('NEW', 'aa')), reason: 'x', row: '{}' }],
      });
      expect(await copyStream(1, null, given(part))).toBe('UNDONE');
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.checkpoint()).toMatchObject({ after: null, copied: 0, quarantined: 0 });
      expect(await store.quarantine.counts()).toEqual({ open: 0, waived: 0 });
      expect(await store.writer.copy(1, { ...part, from: null })).toBe('COPIED');
      expect(await store.checkpoint()).toMatchObject({ after: part.to, copied: 2, quarantined: 2 });
    });

    test('a key that has a row undoes the batch: nothing is left out, nothing overwritten', async (context) => {
      const { dataset, store, copyStream } = await opened(context);
      const one = partOf(dataset, [note('NEW', 'a'), note('NEW', 'b')]);
      expect(await copyStream(1, null, given(one))).toBe('COPIED');
      const again = partOf(dataset, [note('NEW', 'b', 't', 'other'), note('NEW', 'c')]);
      expect(await copyStream(1, one.to, given(again))).toBe('UNDONE');
      expect(await rowsOf(store)).toEqual([...one.rows]);
    });

    test('a value that is none of its column goes to quarantine with the old row', async (context) => {
      const { dataset, store, copyStream } = await opened(context);
      const half = { ...note('NEW', 'b'), code: '#\ud800' };
      const old = note('OLD', 'b');
      const part = partOf(dataset, [note('NEW', 'a'), half, note('NEW', 'c')], {
        olds: [note('OLD', 'a'), old, note('OLD', 'c')],
      });
      expect(await copyStream(1, null, given(part))).toBe('COPIED');
      expect((await rowsOf(store)).map((row) => row['owner'])).toEqual(['a', 'c']);
      expect(await store.quarantine.page(null, 10)).toMatchObject([
        { key: dataset.keyOf(old), row: JSON.stringify(old) },
      ]);
      expect(await store.checkpoint()).toMatchObject({ copied: 2, quarantined: 1 });
    });

    test('parts that break off change nothing, and what they threw is thrown', async (context) => {
      const { dataset, store, copyStream } = await opened(context);
      const breaking = async function* (): AsyncGenerator<CopyPart> {
        yield partOf(
          dataset,
          Array.from({ length: 2000 }, (_, i) => note('NEW', `a${String(i).padStart(5, '0')}`)),
        );
        throw new Error('boom');
      };
      for (let i = 0; i < 12; i++) await expect(copyStream(1, null, breaking())).rejects.toThrow('boom');
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.checkpoint()).toMatchObject({ after: null, copied: 0 });
      expect(await copyStream(1, null, given(partOf(dataset, [note('NEW', 'a')])))).toBe('COPIED');
      // Nothing of what broke off comes with a later batch.
      expect(await rowsOf(store)).toEqual([note('NEW', 'a')]);
    });

    test('a switch waits for a batch that is under way, and gives up in time', async (context) => {
      const { dataset, store, copyStream } = await opened(context);
      const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
      const { promise: more, resolve: goOn } = Promise.withResolvers<void>();
      const slow = async function* (): AsyncGenerator<CopyPart> {
        yield partOf(dataset, [note('NEW', 'a')]);
        ask();
        await more;
        yield partOf(dataset, [note('NEW', 'b')], { complete: true });
      };
      const copied = copyStream(1, null, slow());
      await asked;
      await expect(raise(store, 'CLOSED', 2)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      goOn();
      expect(await copied).toBe('COPIED');
      expect(await raise(store, 'CLOSED', 2)).toMatchObject({ mode: 'CLOSED', epoch: 2 });
      expect(await rowsOf(store)).toHaveLength(2);
    });
  });
}

function everyType(role: 'OLD' | 'NEW'): readonly Row[] {
  return [
    reading(role, -5, '-9223372036854775808', { detail: null, tariff: null, price: '-0.000001' }),
    reading(role, 0, '0', { detail: '{"a":"\\n\\t\\\\","b":[1,"ü"]}', region: '\\N' }),
    reading(role, 7, '9223372036854775807', { checkedAt: '1999-12-31T23:59:59.000001Z', region: 'a\tb\\\nc\rd' }),
  ];
}

async function* given(...parts: readonly CopyPart[]): AsyncGenerator<CopyPart> {
  yield* parts;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the engine has lost what it had');
  return value;
}
