import { afterEach, expect, test } from 'vitest';
import { Workers } from '../../../src/migration/jobs/workers.ts';
import { Bench } from './bench.ts';
import { ticket, ticketRows } from './tickets.ts';

let bench: Bench;
let workers: Workers;
afterEach(async () => {
  await workers.stop();
  await bench.close();
});

const FAST = { interval: 5, timeout: 5000 };

test('follows the states by itself: prepares, copies, replays, verifies, repairs', async () => {
  bench = await Bench.open([...ticketRows(1500), ticket('bob', { seat: 'floor' })]);
  const { ctx } = bench;
  workers = new Workers(ctx, { pollMs: 10 });
  workers.start();
  expect(await workers.copyProgress()).toBeNull();
  expect(await workers.verification()).toBeNull();

  await bench.migrating();
  workers.wake();
  await expect.poll(() => workers.copyProgress(), FAST).toMatchObject({ complete: true, copied: 1500, quarantined: 1 });
  const changed = ticket('bob', { seat: 'A-3' });
  await bench.append(changed, await bench.image(changed));

  await bench.catchingUp();
  workers.wake();
  await expect.poll(async () => (await ctx.journal.status()).entries, FAST).toBe(0);
  expect(await ctx.stores.NEW.quarantine.counts()).toEqual({ open: 0, waived: 0 });

  await bench.dual();
  await workers.startVerification();
  await expect.poll(() => workers.verification(), FAST).toMatchObject({ running: false, clean: true, checked: 3002 });

  bench.sql('NEW', (db) => db.exec(`delete from ticket_new where holder < 'h00050'`));
  await workers.startVerification();
  await expect.poll(() => workers.verification(), FAST).toMatchObject({ running: false, clean: false, differing: 51 });
  workers.startRepair();
  expect(workers.repairing).toBe(true);
  workers.startRepair();
  await expect.poll(() => workers.repairing, FAST).toBe(false);
  expect(await workers.verification()).toMatchObject({ clean: true, repaired: 51 });
});

test('a retry is one pass, and ends at once where there is no quarantine to work on', async () => {
  bench = await Bench.open([ticket('bob', { seat: 'D-1' })]);
  workers = new Workers(bench.ctx, { pollMs: 10 });
  workers.start();
  workers.startRetry();
  await expect.poll(() => workers.retrying, FAST).toBe(false);
  await bench.migrating();
  await expect.poll(() => workers.copyProgress(), FAST).toMatchObject({ complete: true, quarantined: 1 });
  bench.hall.rows.add('D');
  workers.startRetry();
  await expect.poll(() => workers.retrying, FAST).toBe(false);
  expect(bench.rows('NEW')).toHaveLength(1);
});

test('a stopped instance leaves the job to the next one at once', async () => {
  bench = await Bench.open(ticketRows(300));
  await bench.migrating();
  await bench.become({ copy: { paused: false, rateLimit: 1000 } });
  workers = new Workers(bench.instance('first'), { pollMs: 10 });
  workers.start();
  await expect.poll(async () => (await workers.copyProgress())?.copied ?? 0, FAST).toBeGreaterThan(0);
  await workers.stop();
  const { copied = 0 } = (await workers.copyProgress()) ?? {};
  expect(copied).toBeLessThan(300);

  const next = new Workers(bench.instance('second'), { pollMs: 10 });
  next.start();
  await expect.poll(() => next.copyProgress(), FAST).toMatchObject({ complete: true, copied: 300 });
  await next.stop();
});
