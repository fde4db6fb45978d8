/**
 * A server that stands still (SIGSTOP) in the middle of a batch of the copy and goes on later: before anybody has given it up, or after. The
 * copy goes on by itself, and every row is there once.
 */
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import type { Row, StoreRole } from '../../src/migration/dataset.ts';
import { goTo, pause, place, until } from '../support/operate.ts';
import { hasMariadb, ownMariadb } from '../support/own/mariadb.ts';
import { ownPostgres, postgresBinaries } from '../support/own/postgres.ts';
import { Reaper } from '../support/own/reaper.ts';
import { instanceOn, type PairingInstance } from '../support/pairing.ts';
import { describeWith } from '../support/servers.ts';
import type { OldTicket } from '../support/tickets.ts';

const ROWS = 80_000;
const INSERTED = 2000;
/** Slow enough to be met in the middle, fast enough for streams. */
const ROWS_PER_SECOND = 20_000;
/** Longer than a driver here waits for an answer, and no reason yet to give up. */
const [LONG_MS, SHORT_MS] = [22_000, 2500];
const PATIENCE_MS = 90_000;

type DataEngine = 'PostgreSQL' | 'MariaDB';
const CASES: readonly (readonly [old: DataEngine, renewed: DataEngine, frozen: StoreRole, ms: number])[] = [
  ['PostgreSQL', 'PostgreSQL', 'NEW', LONG_MS],
  ['PostgreSQL', 'PostgreSQL', 'OLD', LONG_MS],
  ['MariaDB', 'PostgreSQL', 'NEW', SHORT_MS],
  ['MariaDB', 'PostgreSQL', 'OLD', LONG_MS],
  ['PostgreSQL', 'MariaDB', 'NEW', LONG_MS],
  ['PostgreSQL', 'MariaDB', 'OLD', SHORT_MS],
];

const rowOf = (i: number): OldTicket => ({
  holder: `h${i % 500}`,
  show: `s${i}`,
  seat: `${i} é '"\\ 📶`,
  updated: i,
});

async function fill({ stores }: PairingInstance): Promise<void> {
  for (let from = 0; from < ROWS; from += INSERTED) {
    const rows = Array.from({ length: INSERTED }, (_, i) => ({ ...rowOf(from + i) }));
    expect(await stores.OLD.writer.insertMissing(1, rows)).toEqual({ present: [], refused: [] });
  }
}

/** A question to the new store's server: is a batch being written there now? */
async function watcher(engine: DataEngine, url: string): Promise<() => Promise<boolean>> {
  if (engine === 'PostgreSQL') {
    const client = new Client({ connectionString: url });
    // It breaks with its server.
    client.on('error', () => {});
    await client.connect();
    onTestFinished(() => client.end());
    const sql = `select 1 from pg_stat_activity where state = 'active' and query ilike 'copy%from stdin%' and pid <> pg_backend_pid()`;
    return async () => (await client.query(sql)).rowCount === 1;
  }
  const connection = await createConnection(url);
  onTestFinished(() => connection.end());
  const sql = `select 1 from information_schema.processlist where info like 'load data%'`;
  return async () => {
    const [rows] = await connection.query(sql);
    return Array.isArray(rows) && rows.length === 1;
  };
}

async function newRows({ stores }: PairingInstance): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  for (let after: string | null = null; ;) {
    const page = await stores.NEW.reader.page({ after, upTo: null }, 5000);
    for (const stored of page) {
      if ('unreadable' in stored) throw new Error(stored.unreadable);
      expect(rows.has(stored.key)).toBe(false);
      rows.set(stored.key, stored.row);
    }
    after = page.at(-1)?.key ?? null;
    if (page.length < 5000) return rows;
  }
}

const there = postgresBinaries() !== null && hasMariadb();

describeWith('PostgreSQL and MariaDB of the test', there ? 'both' : null, () => {
  for (const [old, renewed, frozen, ms] of CASES) {
    const name = `from ${old} to ${renewed}: the ${frozen === 'OLD' ? 'old' : 'new'} one is frozen for ${ms} ms`;
    test(name, { timeout: 300_000 }, async () => {
      const reaper = new Reaper();
      onTestFinished(() => reaper.close(), 60_000);
      const own = (engine: DataEngine) => (engine === 'MariaDB' ? ownMariadb : ownPostgres)(reaper);
      const servers = { OLD: await own(old), NEW: await own(renewed), control: await ownPostgres(reaper) };
      const urls = { old: servers.OLD.url, new: servers.NEW.url, control: servers.control.url };
      const instance = await instanceOn(urls, 'one');
      onTestFinished(() => instance.close(), 60_000);
      await fill(instance);
      const isWriting = await watcher(renewed, servers.NEW.url);
      await instance.engine.operator.setCopyRate(ROWS_PER_SECOND);
      await goTo(instance.engine, place('MIGRATING'), PATIENCE_MS);

      const copied = async (): Promise<number> => (await instance.stores.NEW.checkpoint())?.copied ?? 0;
      await until('some of it is copied', async () => (await copied()) > 0, PATIENCE_MS);
      await until('a batch is being written', isWriting, PATIENCE_MS);
      const server = servers[frozen];
      server.freeze();
      try {
        await pause(ms);
      } finally {
        server.thaw();
      }
      expect(await copied(), 'it was in the middle').toBeLessThan(ROWS);

      const checkpoint = async () => (await instance.stores.NEW.checkpoint().catch(() => null))?.complete === true;
      await until('the copy is complete', checkpoint, PATIENCE_MS);
      expect(await instance.stores.NEW.checkpoint()).toMatchObject({ copied: ROWS, quarantined: 0 });
      const rows = await newRows(instance);
      expect(rows.size).toBe(ROWS);
      const seats = new Map([...rows.values()].map((row) => [row['show'], row]));
      for (let i = 0; i < ROWS; i++) {
        const { seat, ...rest } = rowOf(i);
        const row = seats.get(rest.show);
        if (!row) throw new Error(`row ${i} is not there`);
        if (row['place'] !== `seat ${seat}` || row['holder'] !== rest.holder || row['updated'] !== i)
          throw new Error(`row ${i} is ${JSON.stringify(row)}`);
      }
      expect(await instance.engine.operator.quarantine({ first: 1, after: null })).toMatchObject({ edges: [] });
    });
  }
});
