/**
 * `npm run bench:serve`: one process that serves from PostgreSQL, in each state of a migration, beside the same schema without a
 * migration, beside stock Apollo Server, and beside no GraphQL at all. Also how fast it starts, and what it takes when idle; for that it
 * has to be built (`npm run build`).
 *
 *   --quick  --rounds N  --json FILE  --only old,migrating,dual,new,start  --rows N  --seconds N (of load in each run)
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Reaper } from '../test/support/own/reaper.ts';
import { setupCommand } from '../src/cli/setup-command.ts';
import { fillPostgres } from './copy/participations.ts';
import { postgresDatabase, type BenchDatabase } from './lib/databases.ts';
import { describeMachine, machine } from './lib/machine.ts';
import { ownServer } from './lib/own-postgres.ts';
import { readOptions } from './lib/options.ts';
import { goalRow, print, spread, table, writeReport, type Goal } from './lib/report.ts';
import { ratioOf, runRounds, summaryOf, type Contender, type Measured, type Result } from './lib/rounds.ts';
import { serve, type Served } from './serve/child.ts';
import { askMany, askOne, KEYS, phoneOf } from './serve/facts.ts';
import { Operator, STATES, TOKEN, type State } from './serve/operate.ts';
import { wrk, wrkScript, type Load } from './serve/wrk.ts';

interface Run extends Measured, Load {
  /** Requests a second. */
  readonly value: number;
  /** Processor time of the server, microseconds a request. */
  readonly cpuMicros: number;
}

const SHAPES = ['one', 'fifty'] as const;
type Shape = (typeof SHAPES)[number];
/** Requests of one script, sent in turns. */
const BODIES: Readonly<Record<Shape, number>> = { one: 2000, fifty: 200 };
const WARM_UP_SECONDS = 1;
const IDLE_MS = 3000;

const [OURS, COMPILED, DIRECT, STANDALONE, RAW] = [
  'Crossfade',
  'Crossfade, queries compiled',
  'without a migration',
  'Apollo standalone',
  'fastify and pg',
];
/** Rates over that of the same without a migration. */
const OF_DIRECT: Readonly<Record<State, number>> = { old: 0.95, migrating: 0.75, dual: 0.9, new: 0.95 };

const options = readOptions(process.argv.slice(2), {
  rows: { full: 100_000, quick: 10_000 },
  seconds: { full: 2, quick: 1 },
});
const { rows, seconds } = options.numbers;
const wanted = (part: string) => options.only.length === 0 || options.only.includes(part);
const databases: BenchDatabase[] = [];
const running = new Set<Served>();
const reaper = new Reaper('crossfade-bench-');

async function main(directory: string): Promise<void> {
  const described = await machine({
    PostgreSQL: `psql -X -At '${process.env['TEST_POSTGRES_URL'] || 'postgres://postgres@127.0.0.1:5432/postgres'}' -c 'show server_version'`,
    wrk: `wrk -v 2>&1 | head -1 | cut -d' ' -f2 || true`,
  });
  print(`${rows} rows, ${options.rounds} rounds of ${seconds} s. ${describeMachine(described)}`);
  const goals: Goal[] = [];
  const results: Record<string, unknown> = {};
  if (STATES.some(wanted)) Object.assign(results, await serveStates(directory, goals));
  if (wanted('start')) results['start'] = await starts(directory, goals);
  print();
  print(table(['goal', 'asked', 'measured', ''], goals.map(goalRow)));
  const at = new Date().toISOString();
  await writeReport(options.json, { benchmark: 'serve', at, machine: described, options, results, goals });
}

async function serveStates(directory: string, goals: Goal[]): Promise<Record<string, readonly Result<Run>[]>> {
  const results: Record<string, readonly Result<Run>[]> = {};
  const scripts = await writeScripts(directory);
  const env = await environment(directory);
  const ours = await start('../../src/main.ts', env);
  const operator = new Operator(ours);
  await operator.defineEvent();
  const compiled = await start('../../src/main.ts', { ...env, COMPILE_QUERIES_AFTER: '8' });
  const [standalone, raw] = [await start('standalone.ts', env), await start('raw.ts', env)];
  let direct = await start('direct.ts', { ...env, ROLE: 'OLD' });
  for (const state of STATES.slice(0, 1 + STATES.findLastIndex(wanted))) {
    await operator.reach(state);
    if (!wanted(state)) continue;
    if (state === 'new') {
      await end(direct);
      direct = await start('direct.ts', { ...env, ROLE: 'NEW' });
    }
    const servers = { [OURS]: ours, [COMPILED]: compiled, [DIRECT]: direct, [STANDALONE]: standalone, [RAW]: raw };
    await sameAnswers(servers);
    for (const shape of SHAPES) {
      const measured = await load(`${state} ${shape}`, servers, scripts[shape]);
      results[`${state} ${shape}`] = measured;
      goals.push(...goalsOf(state, shape, measured));
    }
  }
  return results;
}

async function environment(directory: string): Promise<NodeJS.ProcessEnv> {
  const at = await ownServer(reaper);
  for (let i = 0; i < 3; i++) databases.push(await postgresDatabase(at));
  const [old, next, control] = databases;
  if (!old || !next || !control) throw new Error('three databases are needed');
  const env = {
    ...process.env,
    OLD_STORE_URL: old.url,
    NEW_STORE_URL: next.url,
    CONTROL_URL: control.url,
    DATA_DIR: join(directory, 'served'),
    ADMIN_TOKEN: TOKEN,
    PORT: '0',
    LOG_LEVEL: 'error',
    // What people run in production.
    NODE_ENV: 'production',
  };
  if ((await setupCommand(env, { stdout: { write: () => true }, stderr: process.stderr })) !== 0) {
    throw new Error('the tables could not be made');
  }
  await fillPostgres(old, rows);
  return env;
}

async function start(program: string, env: NodeJS.ProcessEnv): Promise<Served> {
  const served = await serve(program, env);
  running.add(served);
  return served;
}

async function end(served: Served): Promise<void> {
  await served.stop();
  running.delete(served);
}

/** Phones all over the table, each time the same ones. */
function somePhones(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => phoneOf(Math.floor(((i * 0.618_033_988_75) % 1) * rows)));
}

async function writeScripts(directory: string): Promise<Readonly<Record<Shape, string>>> {
  const phones = somePhones(BODIES.fifty * KEYS);
  const batches = Array.from({ length: BODIES.fifty }, (_, i) => phones.slice(i * KEYS, (i + 1) * KEYS));
  return {
    one: await wrkScript(directory, 'one', somePhones(BODIES.one).map(askOne)),
    fifty: await wrkScript(directory, 'fifty', batches.map(askMany)),
  };
}

/** A fast answer that is another one would be none. */
async function sameAnswers(servers: Readonly<Record<string, Served>>): Promise<void> {
  const shown = (data: unknown) => JSON.stringify(data).slice(0, 500);
  for (const body of [askOne(phoneOf(40)), askMany(somePhones(KEYS))]) {
    const answers = await Promise.all(
      Object.entries(servers).map(async ([name, served]) => ({ name, data: await served.ask<unknown>(body) })),
    );
    for (const { name, data } of answers) {
      if (isDeepStrictEqual(data, answers[0]?.data)) continue;
      throw new Error(`${name} answers ${shown(data)}, and not ${shown(answers[0]?.data)}`);
    }
  }
}

async function load(part: string, servers: Readonly<Record<string, Served>>, script: string) {
  for (const served of Object.values(servers)) await wrk(served.url, script, WARM_UP_SECONDS);
  const contenders = Object.entries(servers).map(([name, served]): Contender<Run> => ({
    name,
    run: async () => {
      const before = await served.cpuSeconds();
      const measured = await wrk(served.url, script, seconds);
      const cpuMicros = (((await served.cpuSeconds()) - before) * 1e6) / measured.requests;
      return { ...measured, value: measured.perSecond, cpuMicros };
    },
  }));
  const results = await runRounds(contenders, options.rounds);
  const [ours] = results;
  print();
  print(part);
  print(
    table(
      [
        'server',
        'requests/s',
        'Crossfade is … times that',
        'µs of CPU a request',
        'times that of Crossfade',
        'p50 ms',
        'p99 ms',
      ],
      results.map((result) => [
        result.name,
        spread(result.value, 0),
        ours && result !== ours ? spread(ratioOf(ours, result)) : '',
        spread(summaryOf(result.runs.map(({ cpuMicros }) => cpuMicros)), 0),
        ours && result !== ours ? spread(cpuRatioOf(result, ours)) : '',
        spread(summaryOf(result.runs.map(({ p50Ms }) => p50Ms)), 1),
        spread(summaryOf(result.runs.map(({ p99Ms }) => p99Ms)), 1),
      ]),
    ),
  );
  return results;
}

/** On a machine that has other work, processor time says more than rates do. */
function cpuRatioOf(a: Result<Run>, b: Result<Run>) {
  return summaryOf(a.runs.map(({ cpuMicros }, i) => cpuMicros / (b.runs[i]?.cpuMicros ?? NaN)));
}

function goalsOf(state: State, shape: Shape, results: readonly Result<Run>[]): readonly Goal[] {
  const settled = state === 'old' || state === 'new';
  const others: readonly (readonly [string, number])[] = [
    ...(settled ? [[RAW, 0.55] as const] : []),
    ...(settled && shape === 'fifty' ? [[STANDALONE, 1.7] as const] : []),
  ];
  // The reference without a migration has the plain executor.
  const asked = [
    [OURS, DIRECT, OF_DIRECT[state]] as const,
    ...[OURS, COMPILED].flatMap((who) => others.map(([name, goal]) => [who, name, goal] as const)),
  ];
  return asked.flatMap(([who, name, goal]): Goal[] => {
    const [ours, other] = [who, name].map((each) => results.find((result) => result.name === each));
    if (!ours || !other) return [];
    const measured = ratioOf(ours, other);
    return [{ name: `${state}, ${shape}: rate of ${who} over that of ${name}`, measured, goal, atLeast: true }];
  });
}

/** How it is started: built, as the image does, and from its sources, whose types are stripped while they are loaded. */
const STARTS = { built: '../../dist/main.js', 'from sources': '../../src/main.ts' } as const;

interface Start extends Measured {
  readonly startMs: number;
  readonly idleMb: number;
}

/** The embedded default, with its data there. */
async function starts(directory: string, goals: Goal[]) {
  const env = { ...process.env, DATA_DIR: join(directory, 'embedded'), PORT: '0', LOG_LEVEL: 'error' };
  await end(await start(STARTS['from sources'], env));
  const contenders = Object.entries(STARTS).map(([name, program]): Contender<Start> => ({
    name,
    run: async () => {
      const served = await start(program, env);
      await delay(IDLE_MS);
      const [{ startMs }, idleMb] = [served, await served.residentMb()];
      await end(served);
      return { value: startMs, startMs, idleMb };
    },
  }));
  const results = await runRounds(contenders, options.rounds);
  for (const { name, runs } of results) {
    const ready = summaryOf(runs.map(({ startMs }) => startMs / 1000));
    const resident = summaryOf(runs.map(({ idleMb }) => idleMb));
    goals.push({ name: `start, ${name}: seconds until ready`, measured: ready, goal: 2, atLeast: false });
    goals.push({ name: `start, ${name}: MB resident when idle`, measured: resident, goal: 150, atLeast: false });
  }
  return results;
}

const directory = await mkdtemp(join(tmpdir(), 'crossfade-bench-'));
try {
  await main(directory);
} finally {
  for (const served of running) await served.stop();
  for (const database of databases) await database.drop();
  await reaper.close();
  await rm(directory, { recursive: true, force: true });
}
