import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobContext } from '../../../src/migration/jobs/context.ts';
import { CrossfadeError } from '../../../src/migration/errors.ts';
import { isProperKey } from '../../../src/migration/key.ts';
import { copyState, copyStep } from '../../../src/migration/jobs/copy.ts';
import { repairState, repairStep } from '../../../src/migration/jobs/repair.ts';
import { startVerification, verificationStatus } from '../../../src/migration/jobs/verification.ts';
import {
  verifyPart,
  verifyState,
  verifyStep,
  type Shares,
  type VerifyOptions,
} from '../../../src/migration/jobs/verify.ts';
import { altered, Bench, replacing, RUN, until } from './bench.ts';
import { ticket, ticketRows, type OldTicket } from './tickets.ts';

const ROWS = 700;
const INVALID = `cast(x'ff41' as text)`;
const QUICK = { recheck: { looks: 3, firstDelayMs: 1, longestDelayMs: 1 } };

let bench: Bench;
let ctx: JobContext;
afterEach(() => bench.close());

/** DUAL(0) with 700 rows in both stores, and one that cannot be mapped, waived, in the old one alone. */
beforeEach(async () => {
  bench = await Bench.open([...ticketRows(ROWS), ticket('waived', { seat: 'floor' })]);
  ctx = bench.ctx;
  await bench.prepared();
  const state = copyState(ctx);
  await until(() => copyStep(ctx, state));
  await ctx.stores.NEW.quarantine.waive('sold by mistake');
  await bench.catchingUp();
  await bench.dual();
});

async function verify(options: Partial<VerifyOptions> = QUICK, at = ctx) {
  await startVerification(at);
  const state = verifyState(at, options);
  await until(() => verifyStep(at, state));
  return verificationStatus(at);
}

async function listed() {
  const found = await ctx.control.differences('tickets', null, 100);
  return found.map(({ key, field, kind, old, new: now }) => [bench.dataset.showKey(key), field, kind, old, now]);
}

async function repair() {
  const state = repairState(ctx);
  await until(() => repairStep(ctx, state));
}

function plant(): void {
  bench.sql('NEW', (db) => {
    db.exec(`update ticket_new set seat_number = 99 where holder = 'h00100'`);
    db.exec(`delete from ticket_new where holder = 'h00200'`);
    db.exec(`insert into ticket_new values ('extra', 1, 'A', 5, null, '2026-03-01T12:00:00.000000Z')`);
    db.exec(`update ticket_new set seat_row = ${INVALID} where holder = 'h00300'`);
  });
}

test('equal stores are clean, and every row of both was looked at', async () => {
  const status = await verify();
  expect(status).toMatchObject({ running: false, clean: true, differing: 0, coverage: 1 });
  expect(status).toMatchObject({ checked: 2 * ROWS + 1, total: 2 * ROWS + 1 });
});

test('finds what was changed, removed, added and made unreadable behind its back', async () => {
  plant();
  expect(await verify()).toMatchObject({ clean: false, differing: 4, coverage: 1 });
  expect(await listed()).toEqual([
    ['extra/1', null, 'ONLY_IN_NEW', null, expect.stringContaining('"number":5')],
    ['h00100/1', 'number', 'DIFFERS', '101', '99'],
    ['h00200/1', null, 'ONLY_IN_OLD', expect.stringContaining('"seat":"B-201"'), null],
    ['h00300/1', null, 'UNREADABLE', expect.stringContaining('"seat":"B-301"'), expect.any(String)],
  ]);
});

test('finds the same on the other side', async () => {
  bench.sql('OLD', (db) => {
    db.exec(`update ticket_old set seat = 'B-099' where holder = 'h00098'`);
    db.exec(`update ticket_old set seat = 'floor' where holder = 'h00100'`);
    db.exec(`delete from ticket_old where holder = 'h00200'`);
  });
  await verify();
  expect(await listed()).toEqual([
    ['h00098/1', 'seat', 'DIFFERS', 'B-099', 'B-99'],
    ['h00100/1', null, 'UNREADABLE', 'no row for seat floor', expect.stringContaining('"number":101')],
    ['h00200/1', null, 'ONLY_IN_NEW', null, expect.stringContaining('"number":201')],
  ]);
});

test.each([
  ['NEW', 'before all others', `'a' || n`],
  ['NEW', 'behind all others', `'z' || n`],
  ['OLD', 'behind all others', `'z' || n`],
] as const)('covers thousands of rows that only the %s store has, %s', async (role, _, holder) => {
  const seat = role === 'OLD' ? `'A-1'` : `'A', 1`;
  bench.sql(role, (db) =>
    db.exec(`with recursive s(n) as (select 10000 union all select n + 1 from s where n < 12999)
      insert into ticket_${role.toLowerCase()} select ${holder}, 1, ${seat}, null, '2026-03-01T12:00:00.000000Z' from s`),
  );
  expect(await verify()).toMatchObject({ checked: 2 * ROWS + 1 + 3000, differing: 3000, coverage: 1 });
  expect(await ctx.control.differenceCount('tickets')).toBe(3000);
});

test('repair writes the authority’s row again, and then it is clean', async () => {
  plant();
  await verify();
  await repair();
  expect(await listed()).toEqual([]);
  expect(await verificationStatus(ctx)).toMatchObject({ clean: true, differing: 4, repaired: 4 });
  expect(await verify()).toMatchObject({ clean: true, differing: 0 });
  expect(bench.rows('NEW')).toHaveLength(ROWS);
});

test('repair keeps what the authority itself cannot tell', async () => {
  bench.sql('OLD', (db) => db.exec(`update ticket_old set seat = ${INVALID} where holder = 'h00100'`));
  plant();
  await verify();
  await repair();
  expect(await listed()).toEqual([['h00100/1', null, 'UNREADABLE', expect.any(String), expect.any(String)]]);
  expect(await verificationStatus(ctx)).toMatchObject({ clean: false, repaired: 3 });
});

test('one row that cannot be written again does not keep repair from the others; a store that is away does', async () => {
  plant();
  await verify();
  const failing = (error: Error): JobContext => ({
    ...ctx,
    rewrite: async (key, deadline) => {
      if (key['holder'] === 'h00100') throw error;
      return ctx.rewrite(key, deadline);
    },
  });
  const away = failing(new CrossfadeError('STORE_UNAVAILABLE'));
  const state = repairState(away);
  await expect(repairStep(away, state)).rejects.toThrow(CrossfadeError);
  expect(state.done).toBe(false);

  const faulty = failing(new TypeError('a fault'));
  const again = repairState(faulty);
  await until(() => repairStep(faulty, again));
  expect((await listed()).map(([key]) => key)).toEqual(['h00100/1']);
});

test('rows that are being written while it looks are no differences', async () => {
  const verified = new AbortController();
  let seat = 1;
  const writes = (async () => {
    while (!verified.signal.aborted) {
      for (const holder of ['h00001', 'h00350', 'h00699', `made${seat}`]) {
        await bench.write(ticket(holder), ticket(holder, { seat: `C-${seat++}` }));
      }
      await bench.write(ticket(`made${seat - 20}`), null);
      await new Promise(setImmediate);
    }
  })();
  const status = await verify({});
  verified.abort();
  await writes;
  expect(status).toMatchObject({ clean: true, differing: 0, coverage: 1 });
  expect(seat).toBeGreaterThan(4);
});

test('a key that stays under way fails the run, which is not clean although nothing differs', async () => {
  const changed: OldTicket = ticket('h00100', { seat: 'C-7' });
  const key = bench.dataset.keyOf(changed);
  const seq = await bench.append(changed, await bench.image(changed));
  await ctx.stores.OLD.writer.apply(RUN, [{ key, seq, row: changed }]);
  expect(await verify()).toMatchObject({ running: false, clean: false, differing: 0 });
  expect((await ctx.control.verification('tickets'))?.failed).toMatch(/^h00100\/1 could not be compared/);
  expect(await ctx.control.differenceCount('tickets')).toBe(0);
});

test('goes on where it was after a restart, also with two verifiers at once', async () => {
  plant();
  const row = await startVerification(ctx);
  const state = verifyState(ctx, QUICK);
  for (let step = 0; step < 2; step++) await verifyStep(ctx, state);
  const [range] = await ctx.control.verificationRanges(row);
  expect(range).toMatchObject({ position: expect.any(String), covered: false });
  const verifiers = [bench.instance('first'), bench.instance('first')].map((at) => ({
    at,
    state: verifyState(at, QUICK),
  }));
  await Promise.all(verifiers.map(({ at, state: own }) => until(() => verifyStep(at, own))));
  expect(await verificationStatus(ctx)).toMatchObject({ running: false, checked: 2 * ROWS + 1, differing: 4 });
});

test('starting again while it runs changes nothing; afterwards it begins anew', async () => {
  const first = await startVerification(ctx);
  const state = verifyState(ctx, QUICK);
  for (let step = 0; step < 2; step++) await verifyStep(ctx, state);
  expect(await startVerification(ctx)).toMatchObject({ number: first.number });
  expect((await ctx.control.verification('tickets'))?.checked).toBeGreaterThan(0);
  await verify();
  expect(await startVerification(ctx)).toMatchObject({ number: first.number + 1, checked: 0 });
});

test('fails when the dataset leaves DUAL, also when it has come back in another run', async () => {
  await startVerification(ctx);
  await verifyStep(ctx, verifyState(ctx, QUICK));
  await bench.become({ place: { state: 'DUAL', percent: 0 }, epoch: 20, run: 18 });
  await until(() => verifyStep(ctx, verifyState(ctx, QUICK)));
  expect(await verificationStatus(ctx)).toMatchObject({ running: false, clean: false, coverage: expect.any(Number) });
  expect((await verificationStatus(ctx))?.coverage).toBeLessThan(1);

  await startVerification(ctx);
  await bench.become({ place: { state: 'NEW', percent: 100 }, epoch: 21, run: 18 });
  await until(() => verifyStep(ctx, verifyState(ctx, QUICK)));
  expect(await verificationStatus(ctx)).toMatchObject({ running: false, clean: false });
});

test('a change of the percentage does not disturb it; it waits while the switch is on', async () => {
  await startVerification(ctx);
  const facts = { since: '2026-03-01T12:00:00.000Z', actor: 'test', reason: '', acceptedRisks: [] };
  const to = { state: 'DUAL', percent: 10 } as const;
  await bench.become({ switching: { to, epoch: RUN + 3, phase: 'ANNOUNCE', ...facts } });
  expect(await verifyStep(ctx, verifyState(ctx, QUICK))).toMatchObject({ kind: 'BLOCKED' });
  await bench.become({ switching: null });
  await bench.dual(10);
  expect(await verify()).toMatchObject({ clean: true });
});

test('a store that stays down fails it, one that comes back in time does not', async () => {
  const away = () => Promise.reject(new CrossfadeError('STORE_UNAVAILABLE'));
  const { reader } = ctx.stores.NEW;
  let down = true;
  const page: typeof reader.page = (range, limit) => (down ? away() : reader.page(range, limit));
  const at = { ...ctx, stores: { ...ctx.stores, NEW: altered(ctx.stores.NEW, { reader: { page } }) } };
  await startVerification(at);
  const state = verifyState(at, { ...QUICK, patienceMs: 60_000 });
  // The cut into ranges asks the other store.
  await verifyStep(at, state);
  expect(await verifyStep(at, state)).toMatchObject({ kind: 'BLOCKED' });
  down = false;
  await until(() => verifyStep(at, state));
  expect(await verificationStatus(at)).toMatchObject({ clean: true });

  down = true;
  expect(await verify({ ...QUICK, patienceMs: 0 }, at)).toMatchObject({ running: false, clean: false });
});

describe('in ranges', () => {
  const IN_RANGES = { ...QUICK, perRange: 100 };

  /** A run that is split into seven ranges. */
  async function split() {
    const row = await startVerification(ctx);
    await verifyStep(ctx, verifyState(ctx, IN_RANGES));
    const ranges = await ctx.control.verificationRanges(row);
    return { row, ranges, left: async () => (await ctx.control.verificationRanges(row)).filter((r) => !r.covered) };
  }

  test('is cut where the rows are, and every one of them is looked at once', async () => {
    const { row, ranges } = await split();
    expect(ranges).toHaveLength(7);
    const counts = await Promise.all(ranges.map((range) => ctx.stores.OLD.reader.count(range)));
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(10);
    const state = verifyState(ctx, IN_RANGES);
    await until(() => verifyStep(ctx, state));
    expect(await ctx.control.verification('tickets')).toMatchObject({
      number: row.number,
      covered: true,
      failed: null,
    });
    expect(await verificationStatus(ctx)).toMatchObject({ clean: true, checked: 2 * ROWS + 1, coverage: 1 });
  });

  test('finds what differs in whichever range and on its edges', async () => {
    const { ranges } = await split();
    const edges = ranges.flatMap(({ upTo }) => (upTo === null ? [] : [bench.dataset.showKey(upTo)]));
    const holders = edges.map((key) => key.split('/')[0]);
    bench.sql('NEW', (db) => {
      for (const holder of holders) db.prepare(`delete from ticket_new where holder = ?`).run(holder);
      db.exec(`insert into ticket_new values ('extra', 1, 'A', 5, null, '2026-03-01T12:00:00.000000Z')`);
      db.exec(`insert into ticket_new values ('zzz', 1, 'A', 6, null, '2026-03-01T12:00:00.000000Z')`);
    });
    expect(await verify(IN_RANGES)).toMatchObject({ clean: false, differing: edges.length + 2, coverage: 1 });
    expect((await listed()).map(([key]) => key).sort()).toEqual([...edges, 'extra/1', 'zzz/1'].sort());
  });

  test('two processes share it, each does some of the ranges, and each is counted once', async () => {
    plant();
    const { row, ranges } = await split();
    const counts = await Promise.all(
      ['first', 'second'].map(async (id, i) => {
        const at = bench.instance(id);
        const state = verifyState(at, IN_RANGES);
        const own = ranges.filter(({ part }) => part % 2 === i);
        for (const { part } of own) await until(() => verifyPart(at, state, { number: row.number, part }));
        return own.length;
      }),
    );
    expect(counts).toEqual([4, 3]);
    expect(await verificationStatus(ctx)).toMatchObject({
      running: false,
      checked: 2 * ROWS + 1,
      differing: 4,
      coverage: 1,
    });
  });

  test('one that stands still in a range is overtaken, and changes nothing when it comes back', async () => {
    plant();
    const { row, ranges } = await split();
    const stuck = bench.instance('stuck');
    const there = Promise.withResolvers<void>();
    const back = Promise.withResolvers<void>();
    const outcomes: unknown[] = [];
    const { advanceVerification } = stuck.control;
    const control = replacing(stuck.control, {
      advanceVerification: async (...args) => {
        there.resolve();
        await back.promise;
        const now = await advanceVerification(...args);
        outcomes.push(now);
        return now;
      },
    });
    const at = { ...stuck, control };
    const late = verifyPart(at, verifyState(at, IN_RANGES), { number: row.number, part: 1 });
    await there.promise;

    const state = verifyState(ctx, IN_RANGES);
    for (const { part } of ranges) await until(() => verifyPart(ctx, state, { number: row.number, part }));
    const done = await ctx.control.verification('tickets');
    expect(done).toMatchObject({ covered: true, checked: 2 * ROWS + 1, differing: 4 });
    back.resolve();
    await late;
    expect(outcomes).toEqual([null]);
    expect(await ctx.control.verification('tickets')).toEqual(done);
  });

  test('a late one of an earlier run changes nothing of the next one', async () => {
    const first = await split();
    await ctx.control.failVerification(first.row, 'for a test');
    plant();
    const second = await split();
    const gone = { number: first.row.number, part: 1 };
    expect(await verifyPart(ctx, verifyState(ctx, IN_RANGES), gone)).toEqual({ kind: 'IDLE' });
    const [, range] = first.ranges;
    if (!range) throw new Error('there are more ranges');
    const step = { position: range.upTo, covered: true, checked: 100, differing: 0 };
    expect(await ctx.control.advanceVerification(first.row, range, step, [])).toBeNull();
    expect(await ctx.control.verification('tickets')).toEqual(second.row);
    expect(await second.left()).toHaveLength(7);
  });

  test('is not clean while one range was never covered, nor when that one is gone', async () => {
    const { row, ranges, left } = await split();
    const state = verifyState(ctx, IN_RANGES);
    for (const { part } of ranges.slice(0, -1)) {
      await until(() => verifyPart(ctx, state, { number: row.number, part }));
    }
    expect(await left()).toHaveLength(1);
    expect(await verificationStatus(ctx)).toMatchObject({ running: true, clean: false, finishedAt: null });
    expect((await verificationStatus(ctx))?.coverage).toBeLessThan(1);

    const db = new Database(join(bench.dir, 'control.sqlite'));
    db.exec('delete from crossfade_verification_range where part = 6');
    db.close();
    await until(() => verifyStep(ctx, state));
    expect(await verificationStatus(ctx)).toMatchObject({ running: false, clean: false });
    expect((await ctx.control.verification('tickets'))?.failed).toMatch(/leave keys out/);
  });

  test('hands its ranges to whoever is free, and goes through them itself while nobody takes them', async () => {
    const { row } = await split();
    const offered: Shares[] = [];
    const state = verifyState(ctx, IN_RANGES);
    let taken = true;
    const share = async (shares: Shares) => {
      offered.push(shares);
      return taken;
    };
    expect(await verifyStep(ctx, state, undefined, share)).toEqual({ kind: 'IDLE' });
    expect(offered).toEqual([{ number: row.number, parts: 7, left: [0, 1, 2, 3, 4, 5, 6] }]);
    await until(() => verifyPart(ctx, state, { number: row.number, part: 2 }));
    await verifyStep(ctx, state, undefined, share);
    expect(offered[1]?.left).toEqual([0, 1, 3, 4, 5, 6]);
    taken = false;
    await until(() => verifyStep(ctx, state, undefined, share));
    expect(await verificationStatus(ctx)).toMatchObject({ clean: true, checked: 2 * ROWS + 1 });
  });

  test('a store that does not answer here does not fail a run with which others get on', async () => {
    const { row } = await split();
    let now = 0;
    const clock = { ...ctx.clock, monotonic: () => now };
    const page = () => Promise.reject(new CrossfadeError('STORE_UNAVAILABLE'));
    const at = { ...ctx, clock, stores: { ...ctx.stores, NEW: altered(ctx.stores.NEW, { reader: { page } }) } };
    const cutOff = verifyState(at, { ...IN_RANGES, patienceMs: 1000 });
    const part = (number: number) => ({ number: row.number, part: number });
    expect(await verifyPart(at, cutOff, part(0))).toMatchObject({ kind: 'BLOCKED' });
    now += 5000;
    await until(() => verifyPart(ctx, verifyState(ctx, IN_RANGES), part(1)));
    expect(await verifyPart(at, cutOff, part(0))).toMatchObject({ kind: 'BLOCKED' });
    expect(await verificationStatus(ctx)).toMatchObject({ running: true });
    now += 1001;
    await verifyPart(at, cutOff, part(0));
    expect(await verificationStatus(ctx)).toMatchObject({ running: false, clean: false });
  });

  test('rows whose keys only one store can have are no ends of ranges', async () => {
    bench.sql('OLD', (db) =>
      db.exec(`with recursive s(n) as (select 10 union all select n + 1 from s where n < 99)
        insert into ticket_old select cast('h003' || n || x'ff' as text), 1, 'A-1', null, '2026-03-01T12:00:00.000000Z' from s`),
    );
    const { ranges } = await split();
    expect(ranges.length).toBeGreaterThan(1);
    for (const { upTo } of ranges) {
      if (upTo !== null) expect(isProperKey(bench.dataset.keyFields, upTo)).toBe(true);
    }
  });
});

test('is refused where there is nothing to compare', async () => {
  await bench.become({ place: { state: 'OLD', percent: 0 }, epoch: 30 });
  await expect(startVerification(ctx)).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field: 'dataset' });
});
