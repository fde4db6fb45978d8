/**
 * `npm run bench:copy`: the copy of a migration beside the fastest that the servers' own tools do with the same rows, the same tables
 * (with their index for lists) and the same mapping, which they have to do in SQL.
 *
 *   --quick  --rows N  --rounds N  --json FILE  --only postgres-postgres,mariadb-postgres,postgres-mariadb,beside
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setupCommand } from '../src/cli/setup-command.ts';
import { beside } from './copy/beside.ts';
import type { Copied } from './copy/crossfade.ts';
import { loadInto, mariadb, psql } from './copy/commands.ts';
import { digestOf, fillMysql, fillPostgres, MAPPED } from './copy/participations.ts';
import { pgloader } from './copy/pgloader.ts';
import { mysqlDatabase, postgresDatabase, type BenchDatabase } from './lib/databases.ts';
import { describeMachine, machine } from './lib/machine.ts';
import { readOptions } from './lib/options.ts';
import { goalRow, print, spread, table, writeReport, type Goal } from './lib/report.ts';
import { ratioOf, runRounds, summaryOf, type Contender, type Measured, type Result } from './lib/rounds.ts';
import { attempt, sh } from './lib/shell.ts';

const NEW_COLUMNS = 'phone, event, recommendation_code, created_at, updated_at';

interface Run extends Measured {
  /** Thousands of rows a second. */
  readonly value: number;
  readonly seconds: number;
  readonly copied?: Copied;
}

interface Reference {
  readonly name: string;
  /** The command line that copies; null: the tool is not installed. */
  readonly command: string | null;
  /** What is asked of us: so many times the reference's rate. */
  readonly goal?: number;
}

interface Pair {
  readonly name: string;
  readonly old: BenchDatabase;
  readonly new: BenchDatabase;
  readonly engine: 'postgres' | 'mysql';
  readonly references: readonly Reference[];
}

const options = readOptions(process.argv.slice(2), { rows: { full: 1_000_000, quick: 100_000 } });
const { rows } = options.numbers;
const databases: BenchDatabase[] = [];

async function main(): Promise<void> {
  const [postgresOld, postgresNew] = [await own(postgresDatabase()), await own(postgresDatabase())];
  const [mysqlOld, mysqlNew] = [await own(mysqlDatabase()), await own(mysqlDatabase())];
  await setUp(postgresOld, postgresNew);
  await setUp(mysqlOld, mysqlNew);
  await fillPostgres(postgresOld, rows);
  await fillMysql(postgresOld, mysqlOld);
  const pairs: readonly Pair[] = [
    {
      name: 'postgres-postgres',
      old: postgresOld,
      new: postgresNew,
      engine: 'postgres',
      references: [
        { name: 'psql COPY | COPY, text', command: `${copyOut(postgresOld)} | ${copyIn(postgresNew)}`, goal: 0.9 },
      ],
    },
    {
      name: 'mariadb-postgres',
      old: mysqlOld,
      new: postgresNew,
      engine: 'postgres',
      references: [
        {
          name: 'mariadb --quick --batch | psql COPY',
          command: `${batchOut(mysqlOld)} | ${copyIn(postgresNew)}`,
          goal: 0.85,
        },
        { name: 'pgloader', command: await pgloader(mysqlOld, postgresNew), goal: 2 },
      ],
    },
    {
      name: 'postgres-mariadb',
      old: postgresOld,
      new: mysqlNew,
      engine: 'mysql',
      references: [
        {
          name: 'psql COPY | LOAD DATA',
          command: `${copyOut(postgresOld)} | sed 's/+00//g' | ${loadInto(mysqlNew, 'participation_new', NEW_COLUMNS)}`,
        },
      ],
    },
  ];
  const described = await machine({
    PostgreSQL: `${psql(postgresOld)} -At -c 'show server_version'`,
    MariaDB: `${mariadb(mysqlOld)} -sN -e 'select version()'`,
    pgloader: `pgloader --version | sed -n 's/^pgloader version //p'`,
  });
  print(`${rows} rows, ${options.rounds} rounds. ${describeMachine(described)}`);
  const goals: Goal[] = [];
  const results: Record<string, object> = {};
  for (const pair of pairs) {
    if (options.only.length > 0 && !options.only.includes(pair.name)) continue;
    const measured = await measure(pair);
    results[pair.name] = measured;
    goals.push(...tell(pair, measured));
  }
  if (options.only.length === 0 || options.only.includes('beside')) {
    await clear({ old: postgresOld, new: postgresNew });
    const besides = await beside({ env: environment(postgresOld, postgresNew), rows, rounds: options.rounds });
    Object.assign(results, { beside: besides.runs });
    goals.push(...besides.goals);
  }
  print();
  print(table(['goal', 'asked', 'measured', ''], goals.map(goalRow)));
  await writeReport(options.json, {
    benchmark: 'copy',
    at: new Date().toISOString(),
    machine: described,
    options,
    results,
    goals,
  });
}

async function own(making: Promise<BenchDatabase>): Promise<BenchDatabase> {
  const database = await making;
  databases.push(database);
  return database;
}

const environment = (old: BenchDatabase, next: BenchDatabase) => ({
  ...process.env,
  OLD_STORE_URL: old.url,
  NEW_STORE_URL: next.url,
  ADMIN_TOKEN: 'x'.repeat(32),
});

async function setUp(old: BenchDatabase, next: BenchDatabase): Promise<void> {
  const silent = { write: () => true };
  if ((await setupCommand(environment(old, next), { stdout: silent, stderr: process.stderr })) !== 0)
    throw new Error('the tables could not be made');
}

function copyOut(database: BenchDatabase): string {
  return `${psql(database)} -c "copy (${MAPPED.postgres}) to stdout"`;
}

function copyIn(database: BenchDatabase): string {
  return `${psql(database)} -c "copy participation_new (${NEW_COLUMNS}) from stdin"`;
}

function batchOut(database: BenchDatabase): string {
  return `${mariadb(database)} --quick --batch --skip-column-names -e "${MAPPED.mysql}"`;
}

async function measure(pair: Pair): Promise<readonly Result<Run>[]> {
  const digests = new Map<string, string>();
  const contender = (name: string, run: () => Promise<Run>): Contender<Run> => ({
    name,
    run: async () => {
      await clear(pair);
      const measured = await run();
      // A fast copy of something else would be none.
      digests.set(name, await digestOf(pair.new, pair.engine));
      if (new Set(digests.values()).size > 1)
        throw new Error(`different rows arrived: ${JSON.stringify([...digests])}`);
      return measured;
    },
  });
  const contenders = [
    contender('Crossfade', () => crossfade(pair)),
    ...pair.references.flatMap(({ name, command }) => {
      if (command === null) return [];
      return [
        contender(name, async () => {
          const { seconds } = await sh(command, { PGTZ: 'UTC' });
          return { seconds, value: rows / seconds / 1000 };
        }),
      ];
    }),
  ];
  return runRounds(contenders, options.rounds, (name, { seconds, copied }, round) => {
    const memory = copied ? `, ${copied.peakMb.toFixed(0)} MB (idle ${copied.idleMb.toFixed(0)})` : '';
    print(`  ${pair.name} ${round + 1}: ${name} ${seconds.toFixed(2)} s${memory}`);
  });
}

/** An empty new table, nothing left of a migration, and nothing for the servers to catch up with. */
async function clear({ old, new: next }: Pick<Pair, 'old' | 'new'>): Promise<void> {
  await next.sql('truncate table participation_new');
  await Promise.all([old.dropTables('crossfade\\_'), next.dropTables('crossfade\\_')]);
  await attempt(`${psql(databases[0] ?? old)} -c checkpoint`);
}

async function crossfade({ old, new: next }: Pair): Promise<Run> {
  const program = fileURLToPath(new URL('copy/crossfade.ts', import.meta.url));
  // With the flag that `npm start` has.
  const args = ['--max-semi-space-size=32', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment(old, next) });
  const copied = JSON.parse(stdout) as Copied;
  if (copied.rows !== rows) throw new Error(`${copied.rows} rows were copied`);
  return { seconds: copied.seconds, value: rows / copied.seconds / 1000, copied };
}

/** Prints the pair's table; its goals. */
function tell(pair: Pair, results: readonly Result<Run>[]): readonly Goal[] {
  const [ours, ...others] = results;
  if (!ours) return [];
  const copies = ours.runs.flatMap(({ copied }) => copied ?? []);
  const above = summaryOf(copies.map(({ peakMb, idleMb }) => peakMb - idleMb));
  const cpu = summaryOf(copies.map(({ cpuSeconds }) => (cpuSeconds * 1e6) / rows));
  print();
  print(`${pair.name}`);
  print(
    table(
      ['way', 'seconds', 'thousand rows/s', 'Crossfade is … times that', 'MB above idle', 'µs of CPU a row'],
      results.map((result) => [
        result.name,
        spread(summaryOf(result.runs.map(({ seconds }) => seconds))),
        spread(result.value, 0),
        result === ours ? '' : spread(ratioOf(ours, result)),
        result === ours ? spread(above, 0) : '',
        result === ours ? spread(cpu, 1) : '',
      ]),
    ),
  );
  print();
  const ratios = pair.references.flatMap(({ name, goal }): Goal[] => {
    const other = others.find((result) => result.name === name);
    if (!other || goal === undefined) return [];
    return [{ name: `${pair.name}: rate over that of ${name}`, measured: ratioOf(ours, other), goal, atLeast: true }];
  });
  return [...ratios, { name: `${pair.name}: MB above idle`, measured: above, goal: 100, atLeast: false }];
}

try {
  await main();
} finally {
  for (const database of databases) await database.drop();
}
