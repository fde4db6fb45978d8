/**
 * The fence under load: writers that never stop, and a fence that is raised again and again. What was written under an epoch must be
 * there when the raise above it returns; a row that comes later is late. The same load past a fence that is read without a lock has
 * late rows, which shows that this test could see them.
 */
import { EventEmitter, once } from 'node:events';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packSeq } from '../../src/migration/seq.ts';
import type { Dataset, Row } from '../../src/migration/dataset.ts';
import { mysqlStore } from '../../src/migration/stores/mysql/index.ts';
import type { Store } from '../../src/migration/stores/store.ts';
import { notes } from '../support/dataset.ts';
import { scratchDatabase, type ScratchDatabase } from '../support/mysql.ts';
import { LONG, RUNS } from '../support/seed.ts';
import { describeWith, servers } from '../support/servers.ts';
import { fenceAt, note } from './store/setting.ts';

const WRITERS = 16;
const RAISES = RUNS(30, 1000);
/** Writes that get through, at least, before the fence is raised again. */
const WRITTEN = 3;

/** A write that carries the epoch it believes in; true: it was let through. */
type Write = (epoch: number, owner: string) => Promise<boolean>;

describeWith('MySQL or MariaDB', await servers.mysql(), (server) => {
  let database: ScratchDatabase;
  let made = 0;
  beforeAll(async () => {
    database = await scratchDatabase(server);
  });
  afterAll(() => database.drop());

  /** A store whose every written row is noted, in its own transaction and not at once, with the epoch that its value names. */
  async function stage(mode: 'DIRECT' | 'APPLY') {
    const dataset = notes(`_${++made}`);
    const open = () => mysqlStore({ url: database.url, role: 'NEW', dataset, create: true });
    const [store, other] = [open(), open()];
    const table = dataset.table('NEW').name;
    await store.ping();
    await database.run(
      `create table written_${made} (id bigint auto_increment primary key, epoch bigint not null, index (epoch))`,
      ...['insert', 'update'].map(
        (event) => `create trigger ${table}_${event} after ${event} on ${table} for each row
          begin do sleep(0.002); insert into written_${made} (epoch) values (substring(new.code, 2)); end`,
      ),
    );
    const beside = await database.connect();
    const countOf = async (epoch: number): Promise<number> => {
      const sql = `select epoch from written_${made} where epoch = ?`;
      const [rows] = await beside.query({ sql, rowsAsArray: true }, [epoch]);
      return Array.isArray(rows) ? rows.length : 0;
    };
    const raise = (epoch: number) => other.fence.raise(fenceAt(mode, epoch, { run: epoch }), { timeoutMs: 5000 });
    const end = async () => {
      await Promise.all([store.close(), other.close(), beside.end()]);
    };
    return { dataset, store, countOf, raise, end };
  }

  /** How many rows were written, and how many of them were late. */
  async function load(
    { countOf, raise }: Pick<Awaited<ReturnType<typeof stage>>, 'countOf' | 'raise'>,
    writers: readonly Write[],
  ): Promise<{ readonly written: number; readonly late: number }> {
    let epoch = 1;
    const stop = new AbortController();
    const written = new EventEmitter();
    await raise(epoch);
    const writing = writers.map(async (write, writer) => {
      for (let i = 0; !stop.signal.aborted; i++) {
        const under = epoch;
        if (await write(under, `owner ${writer} ${i}`)) written.emit(String(under));
      }
    });
    const ended = Promise.all(writing).then(() => undefined);
    const inTime: number[] = [];
    for (let i = 0; i < RAISES; i++) {
      for (let n = 0; n < WRITTEN; n++) await Promise.race([once(written, String(epoch)), ended]);
      // Writers go on under the epoch that the raise makes an old one, as paused processes would.
      await raise(epoch + 1);
      inTime.push(await countOf(epoch));
      epoch += 1;
    }
    stop.abort();
    await ended;
    const all = await Promise.all(inTime.map((_, i) => countOf(i + 1)));
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return { written: sum(all), late: sum(all) - sum(inTime) };
  }

  const create =
    (store: Store, dataset: Dataset): Write =>
    async (epoch, owner) => {
      const row = note('NEW', owner, 't', String(epoch));
      return (await store.writer.direct({ epoch, key: dataset.keyOf(row), expect: null, next: row })) === 'WRITTEN';
    };

  const change = (store: Store, dataset: Dataset, writer: number): Write => {
    let seen: Row | null = null;
    return async (epoch) => {
      const next = note('NEW', `changed ${writer}`, 't', String(epoch));
      const outcome = await store.writer.direct({ epoch, key: dataset.keyOf(next), expect: seen, next });
      if (outcome === 'WRITTEN') seen = next;
      return outcome === 'WRITTEN';
    };
  };

  const fill =
    (store: Store): Write =>
    async (epoch, owner) =>
      (await store.writer.insertMissing(epoch, [note('NEW', owner, 't', String(epoch))])) !== 'FENCED';

  const apply =
    (store: Store, dataset: Dataset): Write =>
    async (run, owner) => {
      const row = note('NEW', owner, 't', String(run));
      const entry = { key: dataset.keyOf(row), seq: packSeq(run, 1), row };
      return (await store.writer.apply(run, [entry])).outcome === 'APPLIED';
    };

  test.each([
    ['creates in one statement', 'DIRECT', create],
    ['changes in one statement', 'DIRECT', change],
    ['transactions', 'DIRECT', fill],
    ['journal entries', 'APPLY', apply],
  ] as const)('%s: none is late', { timeout: LONG ? 300_000 : 20_000 }, async (_, mode, write) => {
    const stands = await stage(mode);
    const writers = Array.from({ length: WRITERS }, (__, i) => write(stands.store, stands.dataset, i));
    const { written, late } = await load(stands, writers);
    await stands.end();
    expect(written).toBeGreaterThanOrEqual(RAISES * WRITTEN);
    expect(late).toBe(0);
  });

  describe('read without a lock', () => {
    test.each([
      ['in the statement that writes', leaking],
      ['in the transaction that writes', leakingTransaction],
    ])('%s the fence lets late rows through', { timeout: LONG ? 300_000 : 20_000 }, async (_, write) => {
      const stands = await stage('DIRECT');
      const connections = await Promise.all(Array.from({ length: WRITERS }, () => database.connect()));
      for (const c of connections) await c.query('set session transaction isolation level read committed');
      const { name } = stands.dataset.table('NEW');
      const { late } = await load(
        stands,
        connections.map((c) => write(c, stands.dataset.name, name)),
      );
      await Promise.all([stands.end(), ...connections.map((c) => c.end())]);
      expect(late).toBeGreaterThan(0);
    });
  });
});

const FENCE = `from crossfade_fence where dataset = ? and role = 'NEW' and mode = 'DIRECT' and epoch = ?`;

function leaking(c: Connection, dataset: string, table: string): Write {
  return async (epoch, owner) => {
    const sql = `insert into ${table} (owner, topic, code, created_at) select ?, 't', concat('#', ?), now(6) ${FENCE}`;
    await c.execute(sql, [owner, String(epoch), dataset, String(epoch)]);
    return true;
  };
}

function leakingTransaction(c: Connection, dataset: string, table: string): Write {
  return async (epoch, owner) => {
    await c.query('start transaction');
    const [found] = await c.query({ sql: `select 1 ${FENCE}`, rowsAsArray: true }, [dataset, epoch]);
    if (Array.isArray(found) && found.length === 1) {
      const sql = `insert into ${table} (owner, topic, code, created_at) values (?, 't', concat('#', ?), now(6))`;
      await c.execute(sql, [owner, String(epoch)]);
    }
    await c.query('commit');
    return true;
  };
}
