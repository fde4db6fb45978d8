import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobContext } from '../../../src/migration/jobs/context.ts';
import { CrossfadeError } from '../../../src/migration/errors.ts';
import { copyState, copyStep } from '../../../src/migration/jobs/copy.ts';
import { repairState, repairStep } from '../../../src/migration/jobs/repair.ts';
import {
  startVerification,
  verificationStatus,
  verifyState,
  verifyStep,
  type VerifyOptions,
} from '../../../src/migration/jobs/verify.ts';
import { altered, Bench, RUN, until } from './bench.ts';
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
  await startVerification(ctx);
  await verifyStep(ctx, verifyState(ctx, QUICK));
  const { position } = (await ctx.control.verification('tickets')) ?? {};
  expect(position).not.toBeNull();
  const verifiers = [bench.instance('first'), bench.instance('first')].map((at) => ({
    at,
    state: verifyState(at, QUICK),
  }));
  await Promise.all(verifiers.map(({ at, state }) => until(() => verifyStep(at, state))));
  expect(await verificationStatus(ctx)).toMatchObject({ running: false, checked: 2 * ROWS + 1, differing: 4 });
});

test('starting again while it runs changes nothing; afterwards it begins anew', async () => {
  const first = await startVerification(ctx);
  await verifyStep(ctx, verifyState(ctx, QUICK));
  expect(await startVerification(ctx)).toMatchObject({ number: first.number });
  expect((await ctx.control.verification('tickets'))?.checked).toBeGreaterThan(0);
  await verify();
  expect(await startVerification(ctx)).toMatchObject({ number: first.number + 1, position: null, checked: 0 });
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
  expect(await verifyStep(at, state)).toMatchObject({ kind: 'BLOCKED' });
  down = false;
  await until(() => verifyStep(at, state));
  expect(await verificationStatus(at)).toMatchObject({ clean: true });

  down = true;
  expect(await verify({ ...QUICK, patienceMs: 0 }, at)).toMatchObject({ running: false, clean: false });
});

test('is refused where there is nothing to compare', async () => {
  await bench.become({ place: { state: 'OLD', percent: 0 }, epoch: 30 });
  await expect(startVerification(ctx)).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field: 'dataset' });
});
