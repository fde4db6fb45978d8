import { afterEach, expect, test } from 'vitest';
import type { JobContext } from '../../../src/migration/jobs/context.ts';
import { copyProgress, copyState, copyStep } from '../../../src/migration/jobs/copy.ts';
import { Meter } from '../../../src/migration/jobs/meter.ts';
import { retryState, retryStep } from '../../../src/migration/jobs/quarantine.ts';
import { EVERYTHING, type CopyBatch } from '../../../src/migration/stores/store.ts';
import { altered, Bench, RUN, until } from './bench.ts';
import { fakeClock } from './fake-clock.ts';
import { ticket, ticketRows } from './tickets.ts';

let bench: Bench;
afterEach(() => bench.close());

const copyAll = (ctx: JobContext): Promise<number> => {
  const state = copyState(ctx);
  return until(() => copyStep(ctx, state));
};

test('copies every row once, mapped, in several batches', async () => {
  bench = await Bench.open(ticketRows(1800));
  await bench.prepared();
  expect(await copyAll(bench.ctx)).toBeGreaterThan(1);
  expect(bench.rows('NEW')).toEqual(
    ticketRows(1800).map(({ holder, show, soldAt }, i) => ({
      holder,
      show,
      seat_row: 'B',
      seat_number: i + 1,
      note: null,
      sold_at: soldAt,
    })),
  );
  const { total, copied, quarantined, complete } = (await bench.ctx.stores.NEW.checkpoint()) ?? {};
  expect({ total, copied, quarantined, complete }).toEqual({
    total: 1800,
    copied: 1800,
    quarantined: 0,
    complete: true,
  });
});

test('an empty old store is copied', async () => {
  bench = await Bench.open([]);
  await bench.prepared();
  await copyAll(bench.ctx);
  expect(await bench.ctx.stores.NEW.checkpoint()).toMatchObject({ complete: true, copied: 0 });
});

test('a copier that dies before or after a batch is followed by another that goes on from the checkpoint', async () => {
  const clock = fakeClock();
  bench = await Bench.open(ticketRows(1800), clock);
  await bench.prepared();
  for (const death of ['before', 'after', 'before', 'after', 'before'] as const) {
    const ctx = bench.instance(`dies ${death} the batch at ${clock.wall()}`);
    const { writer } = ctx.stores.NEW;
    const copy = async (epoch: number, batch: CopyBatch) => {
      if (death === 'after') await writer.copy(epoch, batch);
      throw new Error('killed');
    };
    const stores = { ...ctx.stores, NEW: altered(ctx.stores.NEW, { writer: { copy } }) };
    await expect(copyStep({ ...ctx, stores }, copyState(ctx))).rejects.toThrow('killed');
    clock.advance(5000);
  }
  expect(await bench.ctx.stores.NEW.checkpoint()).toMatchObject({ copied: 1000, complete: false });
  await copyAll(bench.instance('last'));
  expect(bench.rows('NEW')).toHaveLength(1800);
  expect(await bench.ctx.stores.NEW.checkpoint()).toMatchObject({ copied: 1800, complete: true });
});

test('two copiers that both believe to hold the job copy each row once', async () => {
  bench = await Bench.open(ticketRows(3000));
  await bench.prepared();
  // One owner: the claim lets both through.
  const copiers = [bench.instance('same'), bench.instance('same')];
  await Promise.all(copiers.map((ctx) => copyAll(ctx)));
  expect(bench.rows('NEW')).toHaveLength(3000);
  expect(await bench.ctx.stores.NEW.checkpoint()).toMatchObject({ copied: 3000, complete: true });
});

test('another instance does not copy while one has the job, and does once it gave it back', async () => {
  bench = await Bench.open(ticketRows(10));
  await bench.prepared();
  await bench.ctx.control.claim('tickets', 'copy', 'busy', 60_000);
  expect(await copyStep(bench.ctx, copyState(bench.ctx))).toEqual({ kind: 'IDLE' });
  expect(bench.rows('NEW')).toEqual([]);
  await bench.ctx.control.unclaim('tickets', 'copy', 'busy');
  await copyAll(bench.ctx);
  expect(bench.rows('NEW')).toHaveLength(10);
});

test('waits for the new store to be prepared, and for another fence writes nothing', async () => {
  bench = await Bench.open(ticketRows(10));
  await bench.migrating();
  expect(await copyStep(bench.ctx, copyState(bench.ctx))).toMatchObject({ kind: 'BLOCKED' });
  await bench.prepared();
  await bench.raise('NEW', { epoch: RUN + 1, step: 1, mode: 'CLOSED', run: null });
  expect(await copyStep(bench.ctx, copyState(bench.ctx))).toMatchObject({ kind: 'BLOCKED' });
  expect(bench.rows('NEW')).toEqual([]);
});

test('quarantines what cannot be read or mapped, with the reason and the row, and goes on', async () => {
  const floor = ticket('bob', { seat: 'floor' });
  const lossy = ticket('eve', { seat: 'A-012' });
  bench = await Bench.open([ticket('ann'), floor, lossy, ticket('zoe')]);
  bench.sql('OLD', (db) =>
    db
      .prepare(`insert into ticket_old values ('mad', 1, cast(x'ff41' as text), null, '2026-03-01T12:00:00.000000Z')`)
      .run(),
  );
  await bench.prepared();
  await copyAll(bench.ctx);
  expect(bench.rows('NEW')).toMatchObject([{ holder: 'ann' }, { holder: 'zoe' }]);
  const quarantined = await bench.ctx.stores.NEW.quarantine.page(null, 10);
  expect(quarantined.map(({ key, reason }) => [bench.dataset.showKey(key), reason])).toEqual([
    ['bob/1', 'no row for seat floor'],
    ['eve/1', 'seat "A-012" would come back as "A-12"'],
    ['mad/1', expect.any(String)],
  ]);
  expect(JSON.parse(quarantined[0]?.row ?? '')).toEqual(floor);
  expect(await bench.ctx.stores.NEW.checkpoint()).toMatchObject({ copied: 2, quarantined: 3, complete: true });
});

test('keeps to the rate limit', async () => {
  const clock = fakeClock();
  bench = await Bench.open(ticketRows(600), clock);
  await bench.prepared();
  await bench.become({ copy: { paused: false, rateLimit: 200 } });
  const began = clock.monotonic();
  await copyAll(bench.ctx);
  expect(bench.rows('NEW')).toHaveLength(600);
  const took = clock.monotonic() - began;
  expect(took).toBeGreaterThanOrEqual(3000);
  expect(took).toBeLessThan(3300);
});

test('pauses, and goes on from where it was', async () => {
  bench = await Bench.open(ticketRows(1200));
  await bench.prepared();
  const { ctx } = bench;
  const state = copyState(ctx);
  await copyStep(ctx, state);
  const { copied = 0 } = (await ctx.stores.NEW.checkpoint()) ?? {};
  expect(copied).toBeGreaterThan(0);
  await bench.become({ copy: { paused: true, rateLimit: null } });
  expect(await copyStep(ctx, state)).toEqual({ kind: 'IDLE' });
  expect(await ctx.stores.NEW.checkpoint()).toMatchObject({ copied });
  await bench.become({ copy: { paused: false, rateLimit: null } });
  await until(() => copyStep(ctx, state));
  expect(await ctx.stores.NEW.reader.count(EVERYTHING)).toBe(1200);
});

test('progress: nothing before the first copy, then rate and time left, also seen from an instance that only looks', async () => {
  const clock = fakeClock();
  bench = await Bench.open(ticketRows(1000), clock);
  const looker = new Meter(clock);
  const look = () => copyProgress(bench.ctx, looker);
  expect(await look()).toBeNull();
  await bench.prepared();
  expect(await look()).toMatchObject({ total: 1000, copied: 0, rowsPerSecond: 0, etaSeconds: null, running: true });
  await bench.become({ copy: { paused: false, rateLimit: 100 } });
  const state = copyState(bench.ctx);
  while (clock.monotonic() < 4000) await copyStep(bench.ctx, state);
  const progress = await look();
  expect(progress?.rowsPerSecond).toBeCloseTo(100, 0);
  expect(progress?.etaSeconds).toBeCloseTo((1000 - (progress?.copied ?? 0)) / 100, 0);
  await bench.become({ copy: { paused: true, rateLimit: 100 } });
  expect(await look()).toMatchObject({ running: false, paused: true, rowsPerSecond: 0, rateLimit: 100 });
  await bench.become({ copy: { paused: false, rateLimit: null } });
  await copyAll(bench.ctx);
  expect(await look()).toMatchObject({ copied: 1000, running: false, complete: true });
  await bench.become({ epoch: RUN + 5, run: RUN + 5 });
  expect(await look(), 'the checkpoint is that of an earlier run').toBeNull();
});

test('retry during the copy: takes what can be mapped now, renews the reason of the rest, leaves waived rows alone', async () => {
  bench = await Bench.open([
    ticket('ann', { seat: 'D-1' }),
    ticket('bob', { seat: 'E-1' }),
    ticket('cat', { seat: 'D-2' }),
  ]);
  const { ctx, hall } = bench;
  await bench.prepared();
  await copyAll(ctx);
  const { quarantine } = ctx.stores.NEW;
  expect(await quarantine.counts()).toEqual({ open: 3, waived: 0 });
  hall.rows.add('D');
  const state = retryState();
  await until(() => retryStep(ctx, state));
  expect(state.done).toBe(true);
  expect(bench.rows('NEW')).toMatchObject([{ holder: 'ann' }, { holder: 'cat' }]);
  await quarantine.waive('not sold');
  hall.rows.add('E');
  const again = retryState();
  await until(() => retryStep(ctx, again));
  expect(await quarantine.counts()).toEqual({ open: 0, waived: 1 });
});
