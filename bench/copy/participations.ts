/** The rows of the benchmark, and the mapping in the SQL of each server, for the references and to check what arrived. */
import type { BenchDatabase } from '../lib/databases.ts';
import { sh } from '../lib/shell.ts';
import { loadInto, psql } from './commands.ts';

const CHOICES = ['A', 'B', 'C', 'D'] as const;
const COLUMNS = 'phone, event, answer, created_at, updated_at';

/** Mapped rows in key order, for whoever copies by SQL. */
export const MAPPED = {
  postgres:
    `select phone, event, ${mapping(`rtrim(translate(replace(encode(convert_to(answer, 'UTF8'), 'base64'), chr(10), ''), '+/', '-_'), '=')`, '||')},
    created_at, updated_at from participation_old order by phone, event`.replaceAll(/\s+/g, ' '),
  mysql:
    `select phone, event, ${mapping(`trim(trailing '=' from replace(replace(replace(to_base64(answer), char(10), ''), '+', '-'), '/', '_'))`, ',')} as recommendation_code,
    created_at, updated_at from participation_old order by phone, event`.replaceAll(/\s+/g, ' '),
} as const;

function mapping(base64: string, joined: '||' | ','): string {
  const choices = CHOICES.map((choice) => `when '${choice}' then 'G1-${choice}'`).join(' ');
  return `case answer ${choices} else ${joined === '||' ? `'~' || ${base64}` : `concat('~', ${base64})`} end`;
}

/** One answer of forty is no choice. */
export async function fillPostgres(database: BenchDatabase, rows: number): Promise<void> {
  await database.sql(
    `insert into participation_old (${COLUMNS})
      select '+86138' || lpad(n::text, 8, '0'), 'send-1g-traffic',
        case when n % 40 = 0 then 'Well, it depends: ' || n else substr('ABCD', 1 + n % 4, 1) end,
        timestamptz '2026-03-01 00:00:00Z' + n * interval '1.000007 seconds', timestamptz '2026-03-02 00:00:00Z' + n * interval '1.000003 seconds'
      from generate_series(0, ${rows - 1}) as n order by n`,
    'vacuum analyze participation_old',
  );
}

/** The same rows as in PostgreSQL. */
export async function fillMysql(from: BenchDatabase, database: BenchDatabase): Promise<void> {
  await sh(
    `${psql(from)} -c "copy (select ${COLUMNS} from participation_old order by phone, event) to stdout" | sed 's/+00//g' | ${loadInto(database, 'participation_old', COLUMNS)}`,
    { PGTZ: 'UTC' },
  );
  await database.sql('analyze table participation_old');
}

/** One number for what the new table holds; the same in both servers for the same rows. */
export async function digestOf(database: BenchDatabase, engine: 'postgres' | 'mysql'): Promise<string> {
  const [row] = await database.sql(
    engine === 'postgres'
      ? `select count(*), sum(('x' || left(md5(concat_ws('|', phone, event, recommendation_code,
          to_char(created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'))), 8))::bit(32)::bigint)
          from participation_new`
      : `select count(*), sum(conv(left(md5(concat_ws('|', phone, event, recommendation_code, created_at, updated_at)), 8), 16, 10) + 0) from participation_new`,
  );
  return (row ?? []).map((cell) => BigInt(Math.round(Number(cell)))).join(' rows, ');
}
