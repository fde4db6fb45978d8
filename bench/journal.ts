/**
 * `npm run bench:journal`: the append to a journal in Redis beside a SET of the same bytes, and how fast a backlog is brought to
 * PostgreSQL. It starts a Redis of its own, and a PostgreSQL where TEST_POSTGRES_URL names none.
 *
 *   --quick  --rounds N  --json FILE  --only append,drain  --milliseconds N (of each run)  --entries N (of each drain)
 */
import { drainByCrossfade, drainInSequence } from './journal/drains.ts';
import { dataset, facesOf, openAppender, openRedis, RUN, SYNCS, type OwnRedis, type Sync } from './journal/server.ts';
import { postgresDatabase } from './lib/databases.ts';
import { describeMachine, machine } from './lib/machine.ts';
import { ownServer } from './lib/own-postgres.ts';
import { readOptions } from './lib/options.ts';
import { goalRow, print, spread, table, writeReport, type Goal } from './lib/report.ts';
import { ratioOf, runRounds, type Contender, type Measured, type Result } from './lib/rounds.ts';
import { engineOf } from '../src/migration/stores/open.ts';
import { Reaper } from '../test/support/own/reaper.ts';

const IN_FLIGHT = 64;
const OF_SET = 0.5;
const OF_SEQUENCE = 2;
const OF_APPEND = 1.5;

const options = readOptions(process.argv.slice(2), {
  milliseconds: { full: 1200, quick: 300 },
  entries: { full: 20_000, quick: 4000 },
});
const { milliseconds, entries } = options.numbers;
const wanted = (part: string) => options.only.length === 0 || options.only.includes(part);

async function main(redis: OwnRedis): Promise<void> {
  const described = { ...(await machine({})), versions: { Redis: await redis.version() } };
  print(`${IN_FLIGHT} in flight, ${options.rounds} rounds. ${describeMachine(described)}`);
  const goals: Goal[] = [];
  const results: Record<string, readonly Result<Measured>[]> = {};
  if (wanted('append')) {
    for (const sync of SYNCS) {
      const [ours, set] = (results[`append ${sync}`] = await appends(redis, sync));
      if (!ours || !set) continue;
      tell(`append, synced ${sync}`, [ours, set]);
      goals.push({
        name: `append, ${sync}: rate over that of SET`,
        measured: ratioOf(ours, set),
        goal: OF_SET,
        atLeast: true,
      });
    }
  }
  if (wanted('drain')) {
    const [ours, sequence, appending] = (results['drain'] = await drains(redis));
    if (ours && sequence && appending) {
      tell(`drain of ${entries} entries`, [ours, sequence, appending]);
      goals.push({
        name: 'drain: rate over one batch after the other',
        measured: ratioOf(ours, sequence),
        goal: OF_SEQUENCE,
        atLeast: true,
      });
      goals.push({
        name: 'drain: rate over that of appends, everysec',
        measured: ratioOf(ours, appending),
        goal: OF_APPEND,
        atLeast: true,
      });
    }
  }
  print();
  print(table(['goal', 'asked', 'measured', ''], goals.map(goalRow)));
  const at = new Date().toISOString();
  await writeReport(options.json, { benchmark: 'journal', at, machine: described, options, results, goals });
}

function tell(part: string, results: readonly Result<Measured>[]): void {
  const [ours] = results;
  print();
  print(part);
  print(
    table(
      ['', 'a second', 'Crossfade is … times that'],
      results.map((result) => [
        result.name,
        spread(result.value, 0),
        ours && result !== ours ? spread(ratioOf(ours, result)) : '',
      ]),
    ),
  );
}

/** Operations a second with so many in flight; some beforehand do not count. */
async function rate(operation: (n: number) => Promise<unknown>): Promise<Measured> {
  let next = 0;
  const during = async (ms: number): Promise<number> => {
    const began = performance.now();
    let done = 0;
    const asking = Array.from({ length: IN_FLIGHT }, async () => {
      while (performance.now() - began < ms) {
        await operation(next++);
        done++;
      }
    });
    await Promise.all(asking);
    return (done * 1000) / (performance.now() - began);
  };
  await during(milliseconds / 4);
  return { value: await during(milliseconds) };
}

async function appendRate(redis: OwnRedis, sync: Sync): Promise<Measured> {
  await redis.sync(sync);
  const { append, close } = await openAppender(redis, ['OLD', 'NEW']);
  try {
    return await rate(append);
  } finally {
    await close();
  }
}

function appends(redis: OwnRedis, sync: Sync): Promise<readonly Result<Measured>[]> {
  const contenders: readonly Contender<Measured>[] = [
    { name: 'Crossfade', run: () => appendRate(redis, sync) },
    {
      name: 'SET',
      run: async () => {
        await redis.sync(sync);
        return rate((n) => redis.client.set(`row-${n}`, JSON.stringify(facesOf(n))));
      },
    },
  ];
  return runRounds(contenders, options.rounds);
}

async function drains(redis: OwnRedis): Promise<readonly Result<Measured>[]> {
  const database = await postgresDatabase(await ownServer(reaper));
  const store = engineOf(database.url).openStore(database.url, 'NEW', dataset, { create: true });
  try {
    await store.ping();
    await store.fence.raise({ epoch: 1, step: 0, mode: 'APPLY', run: RUN, deployment: 'bench' }, { timeoutMs: 5000 });
    const contenders: readonly Contender<Measured>[] = [
      {
        name: 'Crossfade',
        run: async () => {
          await redis.sync('everysec');
          await database.sql('truncate participation_new, crossfade_guard');
          return drainByCrossfade(redis, store, entries);
        },
      },
      {
        name: 'one batch after the other',
        run: async () => {
          await redis.sync('everysec');
          return drainInSequence(redis, database, entries);
        },
      },
      { name: 'appends alone', run: () => appendRate(redis, 'everysec') },
    ];
    return await runRounds(contenders, options.rounds);
  } finally {
    await store.close();
    await database.drop();
  }
}

const reaper = new Reaper('crossfade-bench-');
const redis = await openRedis();
try {
  await main(redis);
} finally {
  await redis.close();
  await reaper.close();
}
