/** Databases of a benchmark's own, on the servers that tests use; dropped at the end. */
import { randomBytes } from 'node:crypto';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { Client } from 'pg';

const POSTGRES = process.env['TEST_POSTGRES_URL'] || 'postgres://postgres@127.0.0.1:5432/postgres';
const MYSQL = process.env['TEST_MYSQL_URL'] || 'mysql://root@127.0.0.1:3306/';

export interface BenchDatabase {
  readonly url: string;
  /** The rows of the last statement, as lists. */
  sql(...statements: readonly string[]): Promise<readonly (readonly unknown[])[]>;
  /** All tables whose names begin so. */
  dropTables(prefix: string): Promise<void>;
  drop(): Promise<void>;
}

const nameOf = () => `crossfade_bench_${randomBytes(4).toString('hex')}`;

export async function postgresDatabase(server: string = POSTGRES): Promise<BenchDatabase> {
  const name = nameOf();
  const run = async (at: string, statements: readonly string[]) => {
    const client = new Client({ connectionString: at });
    await client.connect();
    try {
      let rows: unknown[][] = [];
      for (const text of statements) ({ rows } = await client.query<unknown[]>({ text, rowMode: 'array' }));
      return rows;
    } finally {
      await client.end();
    }
  };
  await run(server, [`create database ${name}`]);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const sql: BenchDatabase['sql'] = (...statements) => run(url, statements);
  return {
    url,
    sql,
    dropTables: async (prefix) => {
      const found = await sql(`select quote_ident(tablename) from pg_tables where tablename like '${prefix}%'`);
      for (const [table] of found) await sql(`drop table ${String(table)}`);
    },
    drop: async () => {
      await run(server, [`drop database ${name} with (force)`]);
    },
  };
}

export async function mysqlDatabase(): Promise<BenchDatabase> {
  const name = nameOf();
  const run = async (at: string, statements: readonly string[]) => {
    const connection = await createConnection(at);
    try {
      let rows: unknown[][] = [];
      for (const sql of statements) {
        const [found] = await connection.query<RowDataPacket[]>({ sql, rowsAsArray: true });
        rows = Array.isArray(found) ? found.map((row) => Object.values(row)) : [];
      }
      return rows;
    } finally {
      await connection.end();
    }
  };
  await run(MYSQL, [`create database ${name} character set utf8mb4`]);
  const url = Object.assign(new URL(MYSQL), { pathname: `/${name}` }).href;
  const sql: BenchDatabase['sql'] = (...statements) => run(url, statements);
  return {
    url,
    sql,
    dropTables: async (prefix) => {
      const found = await sql(
        `select table_name from information_schema.tables where table_schema = database() and table_name like '${prefix}%'`,
      );
      for (const [table] of found) await sql(`drop table \`${String(table)}\``);
    },
    drop: async () => {
      await run(MYSQL, [`drop database ${name}`]);
    },
  };
}
