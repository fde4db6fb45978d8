/** Two processes with one queue: each does a part of the work, and what one leaves lying the other does. */
import { expect, test } from 'vitest';
import type { VerificationRange, VerificationRow } from '../../../src/migration/control/control.ts';
import type { JobContext } from '../../../src/migration/jobs/context.ts';
import { copyState, copyStep } from '../../../src/migration/jobs/copy.ts';
import { graphileQueue } from '../../../src/migration/jobs/graphile/index.ts';
import { Workers } from '../../../src/migration/jobs/workers.ts';
import { until } from '../../support/operate.ts';
import { describeWith, scratchSchema, servers } from '../../support/servers.ts';
import { altered, Bench, replacing, until as steps } from './bench.ts';
import { ticketRows } from './tickets.ts';

const ROWS = 3000;
const RANGES = 10;
const FAST = { interval: 10, timeout: 15_000 };

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  type Finish = (done: () => Promise<void>) => void;
  type Covers = (range: VerificationRange) => Promise<void>;

  /** Two processes with these contexts. */
  async function processes(onTestFinished: Finish, url: string, contexts: readonly [JobContext, JobContext]) {
    const made = contexts.map((ctx) => {
      const queue = graphileQueue(url)({ name: 'tickets', clock: ctx.clock, log: ctx.log });
      const workers = new Workers(ctx, { pollMs: 50, queue, verify: { perRange: ROWS / RANGES } });
      workers.start();
      onTestFinished(() => workers.stop());
      return { queue, workers };
    });
    await until('both queues are up', () => made.every(({ queue }) => queue.up()));
    const [first, second] = made;
    if (!first || !second) throw new Error('there are two');
    return { first: first.workers, second: second.workers };
  }

  async function begun(onTestFinished: Finish) {
    const scratch = await scratchSchema(server);
    onTestFinished(scratch.drop);
    const bench = await Bench.open(ticketRows(ROWS));
    onTestFinished(() => bench.close());
    await bench.prepared();
    return { bench, url: scratch.url };
  }

  /** DUAL(0), and two processes that share a verification. `before` they write down what they covered of a range, these are called. */
  async function verifying(onTestFinished: Finish, before: readonly [Covers, Covers]) {
    const { bench, url } = await begun(onTestFinished);
    const copy = copyState(bench.ctx);
    await steps(() => copyStep(bench.ctx, copy));
    await bench.catchingUp();
    await bench.dual();

    const outcomes: [(VerificationRow | null)[], (VerificationRow | null)[]] = [[], []];
    const at = (i: 0 | 1): JobContext => {
      const ctx = bench.instance(`process ${i}`);
      const control = replacing(ctx.control, {
        advanceVerification: async (of, from, step, found) => {
          await before[i](from);
          const now = await ctx.control.advanceVerification(of, from, step, found);
          outcomes[i].push(now);
          return now;
        },
      });
      return { ...ctx, control };
    };
    return { bench, outcomes, ...(await processes(onTestFinished, url, [at(0), at(1)])) };
  }

  test('a verification is shared: both cover ranges of it, and every row is compared once', async ({
    onTestFinished,
  }) => {
    const parts: [Set<number>, Set<number>] = [new Set(), new Set()];
    const both = Promise.withResolvers<void>();
    // Whoever is first with a range waits for the other one to have one as well.
    const meets = (i: 0 | 1) => async (range: VerificationRange) => {
      parts[i].add(range.part);
      if (parts[0].size > 0 && parts[1].size > 0) both.resolve();
      await both.promise;
    };
    const { bench, first, second, outcomes } = await verifying(onTestFinished, [meets(0), meets(1)]);
    bench.sql('NEW', (db) => db.exec(`delete from ticket_new where holder in ('h00007', 'h02999')`));
    await first.startVerification();
    await expect.poll(() => second.verification(), FAST).toMatchObject({ running: false });
    expect(await first.verification()).toMatchObject({ checked: 2 * ROWS - 2, differing: 2, coverage: 1 });
    expect(parts[0].size).toBeGreaterThan(0);
    expect(parts[1].size).toBeGreaterThan(0);
    expect(new Set([...parts[0], ...parts[1]]).size).toBe(RANGES);
    expect(outcomes.flat().filter((now) => now?.finishedAt)).toHaveLength(1);
  });

  test('a range in which a process stands still is given to another, and the late one changes nothing', async ({
    onTestFinished,
  }) => {
    const stuck = Promise.withResolvers<number>();
    const back = Promise.withResolvers<void>();
    const stands: Covers = async ({ part }) => {
      stuck.resolve(part);
      await back.promise;
    };
    // The other one does nothing before the first stands still.
    const waits: Covers = async () => void (await stuck.promise);
    const { bench, second, outcomes } = await verifying(onTestFinished, [stands, waits]);
    onTestFinished(async () => back.resolve());
    await second.startVerification();
    await stuck.promise;
    await expect.poll(() => second.verification(), FAST).toMatchObject({ running: false, clean: true });
    const done = await bench.ctx.control.verification('tickets');
    expect(done).toMatchObject({ checked: 2 * ROWS, covered: true });
    expect(outcomes[0]).toEqual([]);

    back.resolve();
    await until('the late one has tried', () => (outcomes[0]?.length ?? 0) > 0);
    expect(outcomes[0]?.every((now) => now === null)).toBe(true);
    expect(await bench.ctx.control.verification('tickets')).toEqual(done);
  });

  /** Two processes in MIGRATING, paused; `before` each writes a batch, these are called. */
  async function copying(onTestFinished: Finish, before: readonly [() => Promise<void>, () => Promise<void>]) {
    const { bench, url } = await begun(onTestFinished);
    await bench.become({ copy: { paused: true, rateLimit: null } });
    const outcomes: [string[], string[]] = [[], []];
    const at = (i: 0 | 1): JobContext => {
      const ctx = bench.instance(`process ${i}`);
      const { writer } = ctx.stores.NEW;
      const copy: typeof writer.copy = async (epoch, batch) => {
        await before[i]();
        const outcome = await writer.copy(epoch, batch);
        outcomes[i].push(outcome);
        return outcome;
      };
      return { ...ctx, stores: { ...ctx.stores, NEW: altered(ctx.stores.NEW, { writer: { copy } }) } };
    };
    const both = await processes(onTestFinished, url, [at(0), at(1)]);
    const go = async (paused: boolean) => {
      await bench.become({ copy: { paused, rateLimit: null } });
      both.first.wake();
      both.second.wake();
    };
    return { bench, outcomes, go, ...both };
  }

  test('one process copies, with nobody else at it; a pause ends that, and whoever is free goes on', async ({
    onTestFinished,
  }) => {
    let batches = 0;
    let abreast = 0;
    let most = 0;
    const reached = Promise.withResolvers<void>();
    const resumed = Promise.withResolvers<void>();
    const counts = async (): Promise<void> => {
      most = Math.max(most, ++abreast);
      if (++batches === 2) {
        reached.resolve();
        await resumed.promise;
      }
      await new Promise(setImmediate);
      abreast--;
    };
    const { bench, go, outcomes, second } = await copying(onTestFinished, [counts, counts]);
    onTestFinished(async () => resumed.resolve());
    await go(false);
    await reached.promise;
    await go(true);
    resumed.resolve();
    await until('nobody copies any more', () => abreast === 0 && outcomes.flat().length === batches);
    expect(await second.copyProgress()).toMatchObject({ complete: false });
    expect(outcomes.filter((each) => each.length > 0)).toHaveLength(1);
    await go(false);
    await expect.poll(() => second.copyProgress(), FAST).toMatchObject({ complete: true, copied: ROWS });
    expect(most).toBe(1);
    expect(outcomes.flat().every((outcome) => outcome === 'COPIED')).toBe(true);
    expect(bench.rows('NEW')).toHaveLength(ROWS);
  });

  test('a copier that stands still in a batch is replaced, and the late one changes nothing', async ({
    onTestFinished,
  }) => {
    const stuck = Promise.withResolvers<0 | 1>();
    const back = Promise.withResolvers<void>();
    let stands: 0 | 1 | null = null;
    const halts = (i: 0 | 1) => async (): Promise<void> => {
      stands ??= i;
      if (stands !== i) return;
      stuck.resolve(i);
      await back.promise;
    };
    const { bench, go, outcomes, first } = await copying(onTestFinished, [halts(0), halts(1)]);
    onTestFinished(async () => back.resolve());
    await go(false);
    const i = await stuck.promise;
    await expect.poll(() => first.copyProgress(), FAST).toMatchObject({ complete: true, copied: ROWS });
    const rows = bench.rows('NEW');
    expect(rows).toHaveLength(ROWS);
    expect(outcomes[i]).toEqual([]);

    back.resolve();
    await until('the late one has tried', () => outcomes[i].length > 0);
    expect(outcomes[i]).toEqual(['MOVED']);
    expect(bench.rows('NEW')).toEqual(rows);
    expect(await first.copyProgress()).toMatchObject({ complete: true, copied: ROWS });
  });
});
