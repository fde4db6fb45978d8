/** Two processes with one queue: each does a part of the work, and what one leaves lying the other does. */
import { expect, test } from 'vitest';
import type { VerificationRange, VerificationRow } from '../../../src/migration/control/control.ts';
import type { JobContext } from '../../../src/migration/jobs/context.ts';
import { copyState, copyStep } from '../../../src/migration/jobs/copy.ts';
import { graphileQueue } from '../../../src/migration/jobs/graphile/index.ts';
import { Workers } from '../../../src/migration/jobs/workers.ts';
import { until } from '../../support/operate.ts';
import { describeWith, scratchSchema, servers } from '../../support/servers.ts';
import { Bench, replacing, until as steps } from './bench.ts';
import { ticketRows } from './tickets.ts';

const ROWS = 3000;
const RANGES = 10;
const FAST = { interval: 10, timeout: 15_000 };

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  type Finish = (done: () => Promise<void>) => void;
  type Covers = (range: VerificationRange) => Promise<void>;

  /** DUAL(0), and two processes that share what there is to do. `before` they write down what they covered of a range, these are called. */
  async function sharing(onTestFinished: Finish, before: readonly [Covers, Covers]) {
    const scratch = await scratchSchema(server);
    onTestFinished(scratch.drop);
    const bench = await Bench.open(ticketRows(ROWS));
    onTestFinished(() => bench.close());
    await bench.prepared();
    const copy = copyState(bench.ctx);
    await steps(() => copyStep(bench.ctx, copy));
    await bench.catchingUp();
    await bench.dual();

    const outcomes: (VerificationRow | null)[][] = [[], []];
    const [first, second] = before.map((covers, i) => {
      const at = bench.instance(`process ${i}`);
      const control = replacing(at.control, {
        advanceVerification: async (of, from, step, found) => {
          await covers(from);
          const now = await at.control.advanceVerification(of, from, step, found);
          outcomes[i]?.push(now);
          return now;
        },
      });
      const ctx: JobContext = { ...at, control };
      const queue = graphileQueue(scratch.url)({ name: 'tickets', clock: ctx.clock, log: ctx.log });
      const workers = new Workers(ctx, { pollMs: 50, queue, verify: { perRange: ROWS / RANGES } });
      workers.start();
      onTestFinished(() => workers.stop());
      return { queue, workers };
    });
    if (!first || !second) throw new Error('there are two');
    await until('both queues are up', () => first.queue.up() && second.queue.up());
    return { bench, first, second, outcomes };
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
    const { bench, first, second, outcomes } = await sharing(onTestFinished, [meets(0), meets(1)]);
    bench.sql('NEW', (db) => db.exec(`delete from ticket_new where holder in ('h00007', 'h02999')`));
    await first.workers.startVerification();
    await expect.poll(() => second.workers.verification(), FAST).toMatchObject({ running: false });
    expect(await first.workers.verification()).toMatchObject({ checked: 2 * ROWS - 2, differing: 2, coverage: 1 });
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
    const { bench, second, outcomes } = await sharing(onTestFinished, [stands, waits]);
    onTestFinished(async () => back.resolve());
    await second.workers.startVerification();
    await stuck.promise;
    await expect.poll(() => second.workers.verification(), FAST).toMatchObject({ running: false, clean: true });
    const done = await bench.ctx.control.verification('tickets');
    expect(done).toMatchObject({ checked: 2 * ROWS, covered: true });
    expect(outcomes[0]).toEqual([]);

    back.resolve();
    await until('the late one has tried', () => (outcomes[0]?.length ?? 0) > 0);
    expect(outcomes[0]?.every((now) => now === null)).toBe(true);
    expect(await bench.ctx.control.verification('tickets')).toEqual(done);
  });
});
