import { afterEach, expect, test } from 'vitest';
import { NO_ROWS } from '../../../src/migration/digest.ts';
import { prepareState, prepareStep } from '../../../src/migration/jobs/prepare.ts';
import { packSeq } from '../../../src/migration/seq.ts';
import { Bench, RUN, until } from './bench.ts';
import { fakeClock } from './fake-clock.ts';
import { ticket, ticketRows } from './tickets.ts';

let bench: Bench;
afterEach(() => bench.close());

const insertNew = `insert into ticket_new values (?, 1, 'A', 1, null, '2026-03-01T12:00:00.000000Z')`;

test('closes, empties and opens the new store to the copy, with the size of the old one', async () => {
  bench = await Bench.open(ticketRows(7));
  await bench.migrating();
  const { ctx } = bench;
  expect(await prepareStep(ctx, prepareState())).toEqual({ kind: 'PROGRESSED' });
  expect(await ctx.stores.NEW.fence.read()).toMatchObject({ epoch: RUN, step: 1, mode: 'CLOSED' });
  await until(() => prepareStep(ctx, prepareState()));
  expect(await ctx.stores.NEW.fence.read()).toMatchObject({ epoch: RUN, step: 2, mode: 'COPY' });
  expect(await ctx.stores.NEW.checkpoint()).toEqual({
    epoch: RUN,
    after: null,
    total: 7,
    copied: 0,
    quarantined: 0,
    digest: NO_ROWS,
    complete: false,
  });
});

test('removes what an earlier run of this deployment left, in batches, from any two instances at once', async () => {
  bench = await Bench.open([]);
  await bench.raise('NEW', { epoch: 1, step: 9, mode: 'CLOSED', run: null });
  bench.sql('NEW', (db) => {
    const insert = db.prepare(insertNew);
    db.transaction(() => ticketRows(2500).forEach(({ holder }) => insert.run(holder)))();
  });
  await bench.migrating();
  const other = bench.instance('second');
  const states = [prepareState(), prepareState()] as const;
  const steps = await Promise.all([
    until(() => prepareStep(bench.ctx, states[0])),
    until(() => prepareStep(other, states[1])),
  ]);
  expect(Math.max(...steps)).toBeGreaterThan(2);
  expect(bench.rows('NEW')).toEqual([]);
  expect(await bench.ctx.stores.NEW.fence.read()).toMatchObject({ step: 2, mode: 'COPY' });
});

test('never empties a table that no run of this deployment fenced', async () => {
  bench = await Bench.open([]);
  bench.sql('NEW', (db) => db.prepare(insertNew).run('somebody'));
  await bench.migrating();
  expect(await prepareStep(bench.ctx, prepareState())).toMatchObject({ kind: 'BLOCKED' });
  const foreign = { epoch: 1, step: 1, mode: 'CLOSED', run: null, deployment: 'elsewhere' } as const;
  await bench.ctx.stores.NEW.fence.raise(foreign, { timeoutMs: 1000 });
  expect(await prepareStep(bench.ctx, prepareState())).toMatchObject({ kind: 'BLOCKED' });
  expect(bench.rows('NEW')).toHaveLength(1);
});

test('a late preparer changes nothing under a higher fence', async () => {
  bench = await Bench.open([]);
  await bench.migrating();
  await bench.raise('NEW', { epoch: RUN + 1, step: 1, mode: 'APPLY', run: RUN });
  expect(await prepareStep(bench.ctx, prepareState())).toEqual({ kind: 'IDLE' });
  expect(await bench.ctx.stores.NEW.fence.read()).toMatchObject({ epoch: RUN + 1, mode: 'APPLY' });
});

test('does nothing while a flip is on its way', async () => {
  bench = await Bench.open([]);
  await bench.migrating();
  const to = { state: 'RETREATING', percent: 0 } as const;
  const facts = { since: '2026-03-01T12:00:00.000Z', actor: 'test', reason: '', acceptedRisks: [] };
  await bench.become({ switching: { to, epoch: RUN + 1, phase: 'FLIP', ...facts } });
  expect(await prepareStep(bench.ctx, prepareState())).toEqual({ kind: 'IDLE' });
  expect(await bench.ctx.stores.NEW.fence.read()).toBeNull();
});

test('admits replay to a new store that was down at the flip, and only if it holds the copy of this run', async () => {
  bench = await Bench.open([]);
  await bench.prepared();
  const { ctx } = bench;
  await bench.catchingUp(RUN + 1, { newIsUp: false });
  expect(await prepareStep(ctx, prepareState())).toMatchObject({ kind: 'BLOCKED' });
  expect(await ctx.stores.NEW.fence.read()).toMatchObject({ epoch: RUN, mode: 'COPY' });

  const copied = { rows: [], quarantine: [], digest: NO_ROWS, from: null, to: null, complete: true };
  expect(await ctx.stores.NEW.writer.copy(RUN, copied)).toBe('COPIED');
  await until(() => prepareStep(ctx, prepareState()));
  expect(await ctx.stores.NEW.fence.read()).toMatchObject({ epoch: RUN + 1, step: 1, mode: 'APPLY', run: RUN });

  await bench.dual();
  expect(await prepareStep(ctx, prepareState())).toEqual({ kind: 'IDLE' });
});

test('drops guards of earlier runs from the old store, but not before nobody can wait for them', async () => {
  const clock = fakeClock();
  bench = await Bench.open([], clock);
  const { ctx } = bench;
  await bench.raise('OLD', { epoch: 1, step: 2, mode: 'APPLY', run: 1 });
  const key = bench.dataset.keyOf(ticket('ann'));
  await ctx.stores.OLD.writer.apply(1, [{ key, seq: packSeq(1, 5), row: ticket('ann') }]);
  await bench.prepared();
  const guards = async () => (await ctx.stores.OLD.reader.guards([key])).size;
  const state = prepareState({ guardGraceMs: 60_000 });
  clock.advance(59_000);
  await until(() => prepareStep(ctx, state));
  expect(await guards()).toBe(1);
  clock.advance(2000);
  await until(() => prepareStep(ctx, state));
  expect(await guards()).toBe(0);
});
