import { afterEach, beforeEach, expect, test } from 'vitest';
import { CrossfadeError } from '../../../src/migration/errors.ts';
import { sweepState, sweepStep } from '../../../src/migration/jobs/sweep.ts';
import { Workers } from '../../../src/migration/jobs/workers.ts';
import type { MigrationState } from '../../../src/migration/states.ts';
import { systemClock } from '../../../src/migration/clock.ts';
import { Bench } from './bench.ts';
import { ticket } from './tickets.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.open([]);
});
afterEach(() => bench.close());

/** So many writes in the journal, hidden by the end of their run. */
async function hidden(count: number): Promise<void> {
  await bench.migrating();
  for (let i = 0; i < count; i++) {
    const row = ticket(`h${i}`);
    await bench.append(row, await bench.image(row));
  }
  await bench.ctx.journal.close(3);
  expect(await bench.ctx.journal.discard(3)).toBe(count);
  await bench.become({ place: { state: 'OLD', percent: 0 }, epoch: 3, lastNumber: 3 });
}

/** The sizes of the batches that were asked for. */
function watched() {
  const limits: number[] = [];
  const { journal } = bench.ctx;
  const sweep = (limit: number) => {
    limits.push(limit);
    return journal.sweep(limit);
  };
  return { limits, journal: { ...journal, sweep } };
}

test('removes what is hidden, batch by batch, and has nothing to do then', async () => {
  await hidden(70);
  const { limits, journal } = watched();
  const ctx = { ...bench.ctx, journal };
  const state = sweepState();
  const results: string[] = [];
  do results.push((await sweepStep(ctx, state)).kind);
  while (results.at(-1) === 'PROGRESSED');
  expect(results.length).toBeGreaterThan(2);
  expect(results.at(-1)).toBe('IDLE');
  expect(Math.max(...limits)).toBeLessThanOrEqual(1000);
  expect(await bench.ctx.journal.sweep(1)).toBe('SWEPT');
});

test('rests after a batch for as long as the batch took, and makes slow batches smaller', async () => {
  let now = 0;
  const rests: number[] = [];
  const clock = {
    ...systemClock,
    monotonic: () => now,
    delay: async (ms: number) => {
      rests.push(ms);
    },
  };
  const limits: number[] = [];
  const sweep = async (limit: number): Promise<'MORE'> => {
    limits.push(limit);
    now += limit;
    return 'MORE';
  };
  const ctx = { ...bench.ctx, clock, journal: { ...bench.ctx.journal, sweep } };
  const state = sweepState();
  for (let i = 0; i < 5; i++) await sweepStep(ctx, state);
  expect(limits).toEqual([50, 25, 12, 10, 10]);
  expect(rests).toEqual(limits);
});

test('a journal that is away is a fault only where the state needs it', async () => {
  const sweep = () => Promise.reject(new CrossfadeError('JOURNAL_UNAVAILABLE'));
  const ctx = { ...bench.ctx, journal: { ...bench.ctx.journal, sweep } };
  expect(await sweepStep(ctx, sweepState())).toMatchObject({ kind: 'BLOCKED' });
  await bench.migrating();
  await expect(sweepStep(ctx, sweepState())).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
});

test.each<MigrationState>(['OLD', 'MIGRATING', 'NEW'])('goes on by itself in %s', async (state) => {
  await hidden(20);
  await bench.become({ place: { state, percent: state === 'NEW' ? 100 : 0 }, run: null });
  const { limits, journal } = watched();
  const workers = new Workers({ ...bench.ctx, journal }, { pollMs: 10 });
  workers.start();
  await expect.poll(() => limits.length, { interval: 5, timeout: 5000 }).toBeGreaterThan(1);
  await workers.stop();
  expect(await bench.ctx.journal.sweep(1)).toBe('SWEPT');
});
