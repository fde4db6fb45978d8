import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobContext } from '../../../src/migration/jobs/context.ts';
import { copyState, copyStep } from '../../../src/migration/jobs/copy.ts';
import { lookAgain } from '../../../src/migration/jobs/recheck.ts';
import { altered, Bench, until } from './bench.ts';
import { ticket, ticketRows } from './tickets.ts';

const OPTIONS = { looks: 3, firstDelayMs: 1, longestDelayMs: 1 };
const ANN = ticket('ann', { seat: 'C-7' });

let bench: Bench;
let ctx: JobContext;
let key: string;
afterEach(() => bench.close());
beforeEach(async () => {
  bench = await Bench.open([ticket('ann'), ...ticketRows(3)]);
  ctx = bench.ctx;
  key = bench.dataset.keyOf(ANN);
  await bench.prepared();
  const state = copyState(ctx);
  await until(() => copyStep(ctx, state));
  await bench.catchingUp();
  await bench.dual();
});

/** `between` runs each time the old store has answered and the new one not yet. */
function interleaved(between: (look: number) => Promise<unknown>): JobContext {
  const { OLD, NEW } = ctx.stores;
  let looks = 0;
  let answered: Promise<unknown> = Promise.resolve();
  const first = altered(OLD, {
    reader: {
      load: (keys) => {
        const found = OLD.reader.load(keys);
        answered = found;
        return found;
      },
    },
  });
  const second = altered(NEW, {
    reader: {
      load: async (keys) => {
        await answered;
        await between(++looks);
        return NEW.reader.load(keys);
      },
    },
  });
  return { ...ctx, stores: { OLD: first, NEW: second } };
}

test('a write that came and left between the two stores is no difference', async () => {
  let looks = 0;
  const torn = interleaved(async (look) => {
    looks = look;
    if (look === 1) await bench.write(ANN, ANN);
  });
  const { verdicts, underWay } = await lookAgain(torn, [key], OPTIONS);
  expect([verdicts.get(key), underWay, looks]).toEqual([[], [], 2]);
});

test('a key that is written at every look stays without a verdict', async () => {
  const torn = interleaved((look) => bench.write(ANN, ticket('ann', { seat: `C-${look}` })));
  const { verdicts, underWay } = await lookAgain(torn, [key], OPTIONS);
  expect([verdicts.size, underWay]).toEqual([0, [key]]);
});

test('a journal that is closed says nothing about what goes past it', async () => {
  bench.sql('NEW', (db) => db.exec(`delete from ticket_new`));
  await ctx.journal.close(50);
  const { verdicts, underWay } = await lookAgain(ctx, [key], OPTIONS);
  expect([verdicts.size, underWay]).toEqual([0, [key]]);
});

test('a real difference is told at the first look, for each key on its own', async () => {
  bench.sql('NEW', (db) => db.exec(`delete from ticket_new where holder = 'ann'`));
  const other = bench.dataset.keyOf(ticket('h00001'));
  const { verdicts, underWay } = await lookAgain(ctx, [key, other], { ...OPTIONS, looks: 1 });
  expect(verdicts.get(key)).toMatchObject([{ kind: 'ONLY_IN_OLD', field: null }]);
  expect([verdicts.get(other), underWay]).toEqual([[], []]);
});

test('gives up when told to', async () => {
  const { underWay } = await lookAgain(ctx, [key], OPTIONS, AbortSignal.abort());
  expect(underWay).toEqual([key]);
});
