/** The copy in streams, on embedded stores: their writer's own transaction stands in for the stream's. */
import { afterEach, expect, test } from 'vitest';
import { NO_ROWS } from '../../../src/migration/digest.ts';
import type { JobContext } from '../../../src/migration/jobs/context.ts';
import { Bulk, type BulkLimits } from '../../../src/migration/jobs/bulk.ts';
import { copyState, copyStep } from '../../../src/migration/jobs/copy.ts';
import { RateLimit } from '../../../src/migration/jobs/meter.ts';
import { Source } from '../../../src/migration/jobs/source.ts';
import { EVERYTHING, PART_ROWS, type CopyPart, type Store } from '../../../src/migration/stores/store.ts';
import { StreamedBatch } from '../../../src/migration/stores/streamed.ts';
import { altered, Bench, until } from './bench.ts';
import { fakeClock } from './fake-clock.ts';
import { ticket, ticketRows } from './tickets.ts';

let bench: Bench;
afterEach(() => bench.close());

/** Takes streams: gathers the parts, and writes them as one batch unless one of the rows is refused. */
function streaming(store: Store, refuses: (holder: unknown) => boolean = () => false): Store {
  const copyStream = async (epoch: number, from: string | null, parts: AsyncIterable<CopyPart>) => {
    const stands = await store.checkpoint();
    if (stands?.epoch !== epoch) return 'FENCED';
    if (stands.after !== from || stands.complete) return 'MOVED';
    const batch = new StreamedBatch(from);
    const all: CopyPart[] = [];
    for await (const part of parts) {
      batch.add(part, []);
      all.push(part);
    }
    const rows = all.flatMap((part) => part.rows);
    if (rows.some((row) => refuses(row['holder']))) return 'UNDONE';
    const { digest, quarantine, to, complete } = batch;
    return store.writer.copy(epoch, {
      rows,
      olds: all.flatMap((part) => part.olds ?? []),
      digest,
      quarantine,
      from,
      to,
      complete,
    });
  };
  return altered(store, { writer: { copyStream } });
}

function streamed(ctx: JobContext, refuses?: (holder: unknown) => boolean): JobContext {
  return { ...ctx, stores: { ...ctx.stores, NEW: streaming(ctx.stores.NEW, refuses) } };
}

function stateOf(ctx: JobContext, limits: Partial<BulkLimits> = {}) {
  return { ...copyState(ctx), bulk: new Bulk(ctx, limits) };
}

test('copies every row once, and adds up the digest of what it looked at', async () => {
  bench = await Bench.open(ticketRows(3000));
  await bench.prepared();
  const ctx = streamed(bench.ctx);
  const state = stateOf(ctx, { start: 1000, least: 1000 });
  expect(await until(() => copyStep(ctx, state))).toBeGreaterThan(1);
  expect(bench.rows('NEW')).toHaveLength(3000);
  const checkpoint = await ctx.stores.NEW.checkpoint();
  expect(checkpoint).toMatchObject({ total: 3000, copied: 3000, quarantined: 0, complete: true });
  expect(checkpoint?.digest).toEqual(await ctx.stores.OLD.reader.digest(EVERYTHING));
});

test('an empty old store is copied', async () => {
  bench = await Bench.open([]);
  await bench.prepared();
  const ctx = streamed(bench.ctx);
  await until(() => copyStep(ctx, stateOf(ctx)));
  expect(await ctx.stores.NEW.checkpoint()).toMatchObject({ complete: true, copied: 0, digest: NO_ROWS });
});

test('a batch that is undone is settled row by row up to where it had come, and then it goes on in streams', async () => {
  const bad = ticket('h00700x');
  bench = await Bench.open([...ticketRows(3000), bad]);
  await bench.prepared();
  bench.sql('NEW', (db) =>
    db.exec(
      `create trigger no before insert on ticket_new when new.holder = 'h00700x' begin select raise(abort, 'not this one'); end`,
    ),
  );
  const streams: number[] = [];
  const ctx = streamed(bench.ctx, (holder) => holder === 'h00700x');
  const copyStream = ctx.stores.NEW.writer.copyStream;
  const counted = altered(ctx.stores.NEW, {
    writer: {
      copyStream: async (epoch, from, parts) => {
        const outcome = (await copyStream?.(epoch, from, parts)) ?? 'UNDONE';
        streams.push((await ctx.stores.NEW.checkpoint())?.copied ?? 0);
        return outcome;
      },
    },
  });
  const watched = { ...ctx, stores: { ...ctx.stores, NEW: counted } };
  const state = stateOf(watched, { start: 1000, least: 500 });
  await until(() => copyStep(watched, state));
  expect(bench.rows('NEW')).toHaveLength(3000);
  expect(await ctx.stores.NEW.quarantine.page(null, 10)).toMatchObject([
    { reason: expect.stringContaining('not this one') },
  ]);
  expect(await ctx.stores.NEW.checkpoint()).toMatchObject({ copied: 3000, quarantined: 1, complete: true });
  // After the one that was undone nothing was copied; those behind it go on in streams to the end.
  expect(streams[0]).toBe(0);
  expect(streams.length).toBeGreaterThan(3);
});

test('a copier that dies in the middle of a batch is followed by another that goes on from the checkpoint', async () => {
  bench = await Bench.open(ticketRows(3000));
  await bench.prepared();
  const ctx = streamed(bench.ctx);
  await copyStep(ctx, stateOf(ctx, { start: 1000 }));
  const { copied } = (await ctx.stores.NEW.checkpoint()) ?? {};
  expect(copied).toBe(1000);
  let pages = 0;
  const page: JobContext['stores']['OLD']['reader']['page'] = async (...args) => {
    if (pages++ === 2) throw new Error('killed');
    return ctx.stores.OLD.reader.page(...args);
  };
  const dying = { ...ctx, stores: { ...ctx.stores, OLD: altered(ctx.stores.OLD, { reader: { page } }) } };
  await expect(copyStep(dying, stateOf(dying))).rejects.toThrow('killed');
  expect(await ctx.stores.NEW.checkpoint()).toMatchObject({ copied: 1000 });
  const state = stateOf(ctx);
  await until(() => copyStep(ctx, state));
  expect(await ctx.stores.NEW.checkpoint()).toMatchObject({ copied: 3000, complete: true });
});

test('a pause, another limit or the end of the state ends the batch where it is', async () => {
  const clock = fakeClock();
  bench = await Bench.open(ticketRows(3000), clock);
  await bench.prepared();
  const ctx = streamed(bench.ctx);
  let pages = 0;
  const page: JobContext['stores']['OLD']['reader']['page'] = async (...args) => {
    clock.advance(60);
    if (++pages === 3) await bench.become({ copy: { paused: true, rateLimit: null } });
    return ctx.stores.OLD.reader.page(...args);
  };
  const paused = { ...ctx, stores: { ...ctx.stores, OLD: altered(ctx.stores.OLD, { reader: { page } }) } };
  const state = stateOf(paused);
  expect(await copyStep(paused, state)).toEqual({ kind: 'PROGRESSED' });
  const { copied = 0, complete } = (await ctx.stores.NEW.checkpoint()) ?? {};
  expect(copied).toBeGreaterThan(0);
  expect(copied).toBeLessThanOrEqual(5 * PART_ROWS);
  expect(complete).toBe(false);
  expect(await copyStep(paused, state)).toEqual({ kind: 'IDLE' });
  await bench.become({ copy: { paused: false, rateLimit: null } });
  await until(() => copyStep(paused, state));
  expect(bench.rows('NEW')).toHaveLength(3000);
});

test('a batch ends with the signal, after its time, and when much is quarantined', async () => {
  const clock = fakeClock();
  const rows = Array.from({ length: 2000 }, (_, i) => ticket(`h${String(i).padStart(5, '0')}`, { seat: 'floor' }));
  bench = await Bench.open(rows, clock);
  await bench.prepared();
  const ctx = streamed(bench.ctx);
  const bulk = new Bulk(ctx, { start: 100_000, quarantined: PART_ROWS + 50 });
  const stopped = AbortSignal.abort();
  const next = async (signal?: AbortSignal) => {
    const checkpoint = await ctx.stores.NEW.checkpoint();
    if (!checkpoint) throw new Error('there is no checkpoint');
    return (await bulk.batch(checkpoint, new RateLimit(clock), signal)).rows;
  };
  expect(await next(stopped)).toBe(PART_ROWS);
  expect(await next()).toBe(2 * PART_ROWS);
  const hurried = new Bulk(ctx, { start: 100_000, quarantined: 10_000, longestMs: 0 });
  const checkpoint = await ctx.stores.NEW.checkpoint();
  if (!checkpoint) throw new Error('there is no checkpoint');
  expect(await hurried.batch(checkpoint, new RateLimit(clock))).toEqual({ outcome: 'COPIED', rows: PART_ROWS });
  await Promise.all([bulk.close(), hurried.close()]);
});

test('keeps to the rate limit: in small batches below a rate, in streams above', async () => {
  const clock = fakeClock();
  bench = await Bench.open(ticketRows(3000), clock);
  await bench.prepared();
  await bench.become({ copy: { paused: false, rateLimit: 10_000 } });
  const ctx = streamed(bench.ctx);
  const state = stateOf(ctx);
  const checkpoint = await ctx.stores.NEW.checkpoint();
  if (!checkpoint) throw new Error('there is no checkpoint');
  expect(state.bulk.fits(checkpoint, 10_000)).toBe(true);
  expect(state.bulk.fits(checkpoint, 9_999)).toBe(false);
  const began = clock.monotonic();
  await until(() => copyStep(ctx, state));
  expect(bench.rows('NEW')).toHaveLength(3000);
  expect(clock.monotonic() - began).toBeGreaterThanOrEqual(300);
});

test('rows come from one statement after the other, none left out at their seams, and a refreshed one goes on', async () => {
  const clock = fakeClock();
  bench = await Bench.open(ticketRows(1000), clock);
  const { reader } = bench.ctx.stores.OLD;
  const source = new Source(reader, null, clock, { rows: 500, ms: 1000 });
  const keys: string[] = [];
  for (;;) {
    const found = await source.next();
    if (found.length === 0) break;
    keys.push(...found.map(({ key }) => key));
    expect(source.at).toBe(keys.at(-1));
    clock.advance(600);
    await source.refresh();
  }
  expect(keys).toEqual((await reader.page(EVERYTHING, 2000)).map(({ key }) => key));
});
