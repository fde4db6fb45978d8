/** The two kinds of servers, each with a table under a fence and the same table without one. */
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { Client } from 'pg';
import { Dataset, text, type Row } from '../../src/migration/dataset.ts';
import { engineOf } from '../../src/migration/stores/open.ts';
import type { Store } from '../../src/migration/stores/store.ts';
import { mysqlDatabase, postgresDatabase, type BenchDatabase } from '../lib/databases.ts';

const columns = { id: text('id'), value: text('value') };

export const dataset = new Dataset({
  name: 'bench',
  key: ['id'],
  partitionBy: 'id',
  listBy: [],
  old: { name: 'bench_old', columns },
  new: { name: 'bench_new', columns },
  mapper: async () => ({ toNew: (row: Row) => row, toOld: (row: Row) => row }),
});

/** One connection that inserts single rows, and counts them. */
export interface Inserter {
  /** Rows of the fenced table whose id begins so, and goes on with a hyphen. */
  count(prefix: string): Promise<number>;
  /** As it is done without a fence. */
  plain(id: string, value: string): Promise<unknown>;
  /** A fence as it is first thought of: four statements, and a share of a lock on one row. */
  shared(id: string, value: string): Promise<unknown>;
  end(): Promise<void>;
}

export interface Server {
  readonly name: 'postgres' | 'mariadb';
  readonly database: BenchDatabase;
  /** Another handle of the fenced table. */
  open(): Store;
  connect(): Promise<Inserter>;
}

const PLAIN = {
  postgres: 'insert into plain (id, value) values ($1, $2)',
  mariadb: 'insert into plain (id, value) values (?, ?)',
};
const LOCK = 'select epoch from plain_fence for share';
const LOCK_MARIADB = 'select epoch from plain_fence lock in share mode';

export async function postgres(at: string | undefined): Promise<Server> {
  const database = await postgresDatabase(at);
  const server = serverOf('postgres', database, async () => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const run = (name: string, sql: string, values: readonly string[] = []) =>
      client.query({ name, text: sql, values: [...values] });
    const plain = (id: string, value: string) => run('plain', PLAIN.postgres, [id, value]);
    return {
      plain,
      count: async (prefix) => {
        const { rows } = await client.query<{ n: string }>(counting('id collate "C"', prefix));
        return Number(rows[0]?.n);
      },
      shared: async (id, value) => {
        await client.query('begin');
        await run('lock', LOCK);
        await plain(id, value);
        await client.query('commit');
      },
      end: () => client.end(),
    };
  });
  await setUp(server, ['create table plain (like bench_new including all)']);
  return server;
}

export async function mariadb(): Promise<Server> {
  const database = await mysqlDatabase();
  const server = serverOf('mariadb', database, async () => {
    const connection = await createConnection(database.url);
    await connection.query('set session transaction isolation level read committed');
    const plain = (id: string, value: string) => connection.execute(PLAIN.mariadb, [id, value]);
    return {
      plain,
      count: async (prefix) => {
        const [rows] = await connection.query<RowDataPacket[]>(counting('id', prefix));
        return Number(rows[0]?.['n']);
      },
      shared: async (id, value) => {
        await connection.query('begin');
        await connection.execute(LOCK_MARIADB);
        await plain(id, value);
        await connection.query('commit');
      },
      end: () => connection.end(),
    };
  });
  await setUp(server, ['create table plain like bench_new']);
  return server;
}

/** `id`: as it is ordered by bytes. */
function counting(id: string, prefix: string): string {
  return `select count(*) as n from bench_new where ${id} >= '${prefix}-' and ${id} < '${prefix}.'`;
}

function serverOf(name: Server['name'], database: BenchDatabase, connect: Server['connect']): Server {
  return {
    name,
    database,
    connect,
    open: () => engineOf(database.url).openStore(database.url, 'NEW', dataset, { create: true }),
  };
}

async function setUp({ open, database }: Server, statements: readonly string[]): Promise<void> {
  const store = open();
  await store.ping();
  await store.close();
  await database.sql(...statements, 'create table plain_fence (epoch bigint)', 'insert into plain_fence values (1)');
}
