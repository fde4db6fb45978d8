/**
 * The fence under load: writers of every kind that never stop, and a fence that is raised again and again. Whatever was written under an
 * epoch must be there when the raise above it has returned; a row that comes later is late. The same load past a fence that is moved by
 * a mere update has late rows, which shows that this test can see them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset, Row } from '../../src/migration/dataset.ts';
import { NO_ROWS } from '../../src/migration/digest.ts';
import { packSeq } from '../../src/migration/seq.ts';
import type { FenceMode } from '../../src/migration/states.ts';
import { postgresStore } from '../../src/migration/stores/postgres/index.ts';
import type { Store } from '../../src/migration/stores/store.ts';
import { notes } from '../support/dataset.ts';
import { describeWith, scratchSchema, servers, type Scratch } from '../support/servers.ts';
import { fenceAt, note } from './store/setting.ts';

const WRITERS = 16;
const RAISES = Number(process.env['CROSSFADE_RAISES'] ?? 80);
/** Writes that have to get through between raises for their lateness to say anything. */
const ENOUGH = RAISES / 8;

/** A write that carries the epoch it believes in. */
type Write = (epoch: number, owner: string) => Promise<unknown>;
type Raise = (epoch: number) => Promise<unknown>;

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  let scratch: Scratch;
  let beside: Client;
  let made = 0;
  beforeAll(async () => {
    scratch = await scratchSchema(server);
    beside = new Client({ connectionString: scratch.url });
    await beside.connect();
  });
  afterAll(async () => {
    await beside.end();
    await scratch.drop();
  });

  /** A store whose every write is noted, in its own transaction, with the epoch that its value names. */
  async function stage(mode: FenceMode) {
    const name = `_${++made}`;
    const dataset = notes(name);
    const open = () => postgresStore({ url: scratch.url, role: 'NEW', dataset, create: true });
    const [store, other] = [open(), open()];
    await store.ping();
    const table = dataset.table('NEW').name;
    await beside.query(`
      create table written${name} (epoch bigint not null);
      create function note${name}() returns trigger language plpgsql as $$ begin
        insert into written${name} values (substring(coalesce(new.code, old.code), 2)::bigint);
        return null;
      end $$;
      create trigger note after insert or update on ${table} for each row execute function note${name}()`);
    const counts = async (): Promise<ReadonlyMap<number, number>> => {
      const { rows } = await beside.query<[string, string]>({
        text: `select epoch, count(*) from written${name} group by epoch`,
        rowMode: 'array',
      });
      return new Map(rows.map(([epoch, count]) => [Number(epoch), Number(count)]));
    };
    const raise: Raise = (epoch) => other.fence.raise(fenceAt(mode, epoch, { run: epoch }), { timeoutMs: 5000 });
    const update: Raise = (epoch) =>
      beside.query('update crossfade_fence set epoch = $1, run = $1 where dataset = $2', [epoch, dataset.name]);
    const end = () => Promise.all([store.close(), other.close()]);
    return { dataset, store, counts, raise, update, end };
  }

  /** How many rows were written, and how many of them were late. Writers go on under an old epoch for a while, as paused ones would. */
  async function load(counts: () => Promise<ReadonlyMap<number, number>>, raise: Raise, writers: readonly Write[]) {
    const state = { epoch: 1, over: false };
    const writing = writers.map(async (write, writer) => {
      for (let i = 0; !state.over; i++) await write(state.epoch, `owner ${writer} ${i}`);
    });
    const inTime = new Map<number, number>();
    let written = 0;
    // A slow machine may need more raises until enough writes have met one.
    while (state.epoch < RAISES || (written <= ENOUGH && state.epoch < 10 * RAISES)) {
      await delay(3);
      await raise(state.epoch + 1);
      const count = (await counts()).get(state.epoch) ?? 0;
      inTime.set(state.epoch, count);
      written += count;
      state.epoch += 1;
    }
    state.over = true;
    await Promise.all(writing);
    const all = await counts();
    let late = 0;
    for (const [epoch, count] of inTime) late += (all.get(epoch) ?? 0) - count;
    return { written, late };
  }

  const create =
    (store: Store, dataset: Dataset): Write =>
    (epoch, owner) => {
      const row = note('NEW', owner, 't', String(epoch));
      return store.writer.direct({ epoch, key: dataset.keyOf(row), expect: null, next: row });
    };

  const change = (store: Store, dataset: Dataset, writer: number): Write => {
    let seen: Row | null = null;
    return async (epoch) => {
      const next = note('NEW', `changed ${writer}`, 't', String(epoch));
      const outcome = await store.writer.direct({ epoch, key: dataset.keyOf(next), expect: seen, next });
      if (outcome === 'WRITTEN') seen = next;
    };
  };

  const fill =
    (store: Store): Write =>
    (epoch, owner) =>
      store.writer.insertMissing(epoch, [note('NEW', owner, 't', String(epoch))]);

  const apply =
    (store: Store, dataset: Dataset): Write =>
    (run, owner) => {
      const row = note('NEW', owner, 't', String(run));
      return store.writer.apply(run, [{ key: dataset.keyOf(row), seq: packSeq(run, 1), row }]);
    };

  const applyWithRemoval =
    (store: Store, dataset: Dataset): Write =>
    (run, owner) => {
      const [row, gone] = [note('NEW', owner, 't', String(run)), note('NEW', owner, 'gone')];
      const seq = packSeq(run, 1);
      return store.writer.apply(run, [
        { key: dataset.keyOf(row), seq, row },
        { key: dataset.keyOf(gone), seq, row: null },
      ]);
    };

  const copy =
    (store: Store): Write =>
    (epoch, owner) => {
      const rows = [note('NEW', owner, 't', String(epoch))];
      const batch = { rows, quarantine: [], digest: NO_ROWS, from: null, to: null, complete: false };
      return store.writer.copy(epoch, batch);
    };

  test.each([
    ['creates', 'DIRECT', create],
    ['changes', 'DIRECT', change],
    ['rows that are missing', 'DIRECT', fill],
    ['journal entries', 'APPLY', apply],
    ['journal entries with removals', 'APPLY', applyWithRemoval],
    ['batches of a copy', 'COPY', copy],
  ] as const)('%s: none is late', { timeout: 60_000 }, async (_, mode, write) => {
    const { store, dataset, counts, raise, end } = await stage(mode);
    await raise(1);
    const writers = Array.from({ length: WRITERS }, (_unused, i) => write(store, dataset, i));
    const { written, late } = await load(counts, raise, writers);
    await end();
    expect(written).toBeGreaterThan(ENOUGH);
    expect(late).toBe(0);
  });

  test.each([
    ['creates', 'DIRECT', create],
    ['journal entries', 'APPLY', apply],
  ] as const)('%s: past a fence that is only updated, some are late', { timeout: 60_000 }, async (_, mode, write) => {
    const { store, dataset, counts, raise, update, end } = await stage(mode);
    await raise(1);
    const writers = Array.from({ length: WRITERS }, () => write(store, dataset));
    const { late } = await load(counts, update, writers);
    await end();
    expect(late).toBeGreaterThan(0);
  });

  describe('a raise', () => {
    test('waits for no vacuum and no index of the table, nor do writes', async () => {
      const { store, dataset, raise, end } = await stage('DIRECT');
      await raise(1);
      // What vacuum, analyze and `create index concurrently` hold.
      await beside.query(`begin; lock table ${dataset.table('NEW').name} in share update exclusive mode`);
      try {
        await store.fence.raise(fenceAt('DIRECT', 2), { timeoutMs: 200 });
        expect(await create(store, dataset)(2, 'o')).toBe('WRITTEN');
      } finally {
        await beside.query('rollback');
        await end();
      }
    });
  });
});
