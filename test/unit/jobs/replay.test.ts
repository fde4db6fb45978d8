import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyState, copyStep } from '../../../src/migration/jobs/copy.ts';
import type { StoreRole } from '../../../src/migration/dataset.ts';
import { CrossfadeError } from '../../../src/migration/errors.ts';
import { drain, nextSize, replayState, replayStep } from '../../../src/migration/jobs/replay.ts';
import { retryState, retryStep } from '../../../src/migration/jobs/quarantine.ts';
import type { Store } from '../../../src/migration/stores/store.ts';
import { altered, Bench, RUN, until } from './bench.ts';
import { ticket, ticketRows } from './tickets.ts';

let bench: Bench;
afterEach(() => bench.close());

/** MIGRATING with a finished copy of 10 rows and a backlog: one change, one removal, and `more` new rows. */
beforeEach(async () => {
  bench = await Bench.open(ticketRows(10));
  await bench.prepared();
  const state = copyState(bench.ctx);
  await until(() => copyStep(bench.ctx, state));
  const changed = ticket('h00000', { seat: 'C-9' });
  await bench.append(changed, await bench.image(changed));
  await bench.append(ticket('h00001'), null);
  await add('zoe');
});

const add = async (holder: string, holdMs = 0): Promise<number> => {
  const row = ticket(holder);
  return bench.append(row, await bench.image(row), holdMs);
};
const replay = (role: StoreRole) => {
  const state = replayState();
  return until(() => replayStep(bench.ctx, role, state));
};
const drained = (role: StoreRole, ms: number, store: Store = bench.ctx.stores[role]) => {
  const deadline = bench.ctx.clock.monotonic() + ms;
  return drain({ ...bench.ctx, store }, role, { run: RUN, deadline });
};
const lacking = async () => [
  await bench.ctx.journal.lacking('OLD', 'ALL'),
  await bench.ctx.journal.lacking('NEW', 'ALL'),
];

const down = () => Promise.reject(new CrossfadeError('STORE_UNAVAILABLE'));

test('what is too much at once for a store is brought in smaller parts', async () => {
  await bench.catchingUp();
  const { NEW } = bench.ctx.stores;
  const frail = altered(NEW, {
    writer: { apply: (run, entries) => (entries.length > 1 ? down() : NEW.writer.apply(run, entries)) },
  });
  expect(await drained('NEW', 5000, frail)).toBe('DRAINED');
  expect(await lacking()).toEqual([3, 0]);
});

test('brings the backlog into both stores, and the journal is empty', async () => {
  await bench.catchingUp();
  await replay('OLD');
  expect(await lacking()).toEqual([0, 3]);
  await replay('NEW');
  expect(await lacking()).toEqual([0, 0]);
  const rest = ticketRows(10).slice(2);
  expect(bench.rows('OLD')).toMatchObject([
    { holder: 'h00000', seat: 'C-9' },
    ...rest.map(({ seat }) => ({ seat })),
    { holder: 'zoe' },
  ]);
  expect(bench.rows('NEW')).toMatchObject([
    { seat_row: 'C', seat_number: 9 },
    ...rest.map(({ holder }) => ({ holder })),
    { holder: 'zoe' },
  ]);
});

test('does nothing before the state asks for it', async () => {
  expect(await replayStep(bench.ctx, 'OLD', replayState())).toEqual({ kind: 'IDLE' });
  expect(await lacking()).toEqual([3, 3]);
});

test('batches become as large as a switch can wait for', () => {
  const sizeAfter = (usEach: number) => {
    let size = 500;
    for (let i = 0; i < 20; i++) size = nextSize(size, (size * usEach) / 1000);
    return size;
  };
  expect(sizeAfter(1), 'there is a largest').toBe(2000);
  for (const usEach of [10, 20, 50, 100]) {
    expect(sizeAfter(usEach) * usEach, `${usEach}`).toBeGreaterThanOrEqual(9000);
    expect(sizeAfter(usEach) * usEach, `${usEach}`).toBeLessThanOrEqual(20_000);
  }
  expect(sizeAfter(10_000), 'and a least').toBe(100);
  expect(nextSize(10, 1000), 'but for what has failed in larger parts').toBe(10);
});

test('a store that is down holds up itself alone', async () => {
  await bench.catchingUp();
  const ctx = {
    ...bench.ctx,
    stores: { ...bench.ctx.stores, NEW: altered(bench.ctx.stores.NEW, { writer: { apply: down } }) },
  };
  await expect(replayStep(ctx, 'NEW', replayState())).rejects.toThrow(CrossfadeError);
  await replay('OLD');
  expect(await lacking()).toEqual([0, 3]);
});

test('a store whose fence is behind is waited for', async () => {
  await bench.catchingUp(RUN + 1, { newIsUp: false });
  expect(await replayStep(bench.ctx, 'NEW', replayState())).toMatchObject({ kind: 'BLOCKED' });
  expect(await lacking()).toEqual([3, 3]);
});

test('two appliers at once, and an applier that dies before its note, change nothing twice', async () => {
  await bench.catchingUp();
  const owed = await bench.ctx.journal.owed({ role: 'OLD', limit: 10, held: true });
  const entries = owed.map(({ key, seq, image }) => ({ key, seq, row: image?.old ?? null }));
  await bench.ctx.stores.OLD.writer.apply(RUN, entries);
  await bench.write(ticket('zoe'), ticket('zoe', { seat: 'C-77' }));
  const state = [replayState(), replayState()] as const;
  const other = bench.instance('second');
  await Promise.all([
    until(() => replayStep(bench.ctx, 'OLD', state[0])),
    until(() => replayStep(other, 'OLD', state[1])),
  ]);
  expect((await lacking())[0]).toBe(0);
  expect(bench.rows('OLD')).toHaveLength(10);
  expect(bench.rows('OLD').at(-1)).toMatchObject({ holder: 'zoe', seat: 'C-77' });
});

test('leaves entries alone that their writer looks after; a drain does not', async () => {
  await bench.catchingUp();
  await replay('OLD');
  await add('kim', 60_000);
  await replay('OLD');
  expect((await lacking())[0]).toBe(1);
  expect(await drained('OLD', 1000)).toBe('DRAINED');
  expect((await lacking())[0]).toBe(0);
});

test('a drain ends at its deadline when the store is down, and when it hangs', async () => {
  await bench.catchingUp();
  expect(await drained('NEW', 50, altered(bench.ctx.stores.NEW, { writer: { apply: down } }))).toBe('TIMED_OUT');
  expect(
    await drained('NEW', 50, altered(bench.ctx.stores.NEW, { writer: { apply: () => new Promise(() => {}) } })),
  ).toBe('TIMED_OUT');
  expect(await drained('NEW', 0)).toBe('TIMED_OUT');
});

test('a drain goes on when the store comes back, and says when it is fenced off', async () => {
  await bench.catchingUp();
  let tries = 0;
  const { NEW } = bench.ctx.stores;
  const recovering = altered(NEW, {
    writer: { apply: (run, entries) => (tries++ < 2 ? down() : NEW.writer.apply(run, entries)) },
  });
  expect(await drained('NEW', 5000, recovering)).toBe('DRAINED');
  await add('kim');
  await bench.raise('NEW', { epoch: RUN + 5, step: 1, mode: 'CLOSED', run: null });
  expect(await drained('NEW', 5000)).toBe('FENCED');
});

test('what the new store refuses for good goes to quarantine and leaves the journal; once it may stay, a retry brings it', async () => {
  bench.sql('NEW', (db) => db.exec(`create unique index one_per_seat on ticket_new (seat_row, seat_number)`));
  await bench.catchingUp();
  await add('twin');
  await replay('NEW');
  expect((await lacking())[1]).toBe(0);
  expect(await bench.ctx.stores.NEW.quarantine.counts()).toEqual({ open: 1, waived: 0 });
  await replay('OLD');

  bench.sql('NEW', (db) => db.exec(`drop index one_per_seat`));
  const state = retryState();
  await until(() => retryStep(bench.ctx, state));
  expect(await bench.ctx.stores.NEW.quarantine.counts()).toEqual({ open: 0, waived: 0 });
  expect(bench.rows('NEW').map((row) => (row as { holder: string }).holder)).toContain('twin');
});

test('what the old store refuses stays in the journal, and the others go past it', async () => {
  bench.sql('OLD', (db) => db.exec(`create unique index one_per_seat on ticket_old (seat)`));
  await bench.catchingUp();
  await add('twin');
  await add('uma');
  const state = replayState();
  expect(await replayStep(bench.ctx, 'OLD', state)).toEqual({ kind: 'PROGRESSED' });
  expect(await replayStep(bench.ctx, 'OLD', state)).toMatchObject({ kind: 'BLOCKED' });
  expect((await lacking())[0]).toBe(2);
  expect(await drained('OLD', 60)).toBe('TIMED_OUT');
  bench.sql('OLD', (db) => db.exec(`drop index one_per_seat`));
  await until(() => replayStep(bench.ctx, 'OLD', state));
  expect((await lacking())[0]).toBe(0);
});
