/**
 * `npm run bench:fence`: a single-row write under the fence beside a plain insert, and what a switch and its writers cost each other.
 *
 *   --quick  --rounds N  --json FILE  --only postgres,mariadb  --milliseconds N (of each run)  --switches N (of each round)
 *   --clients N (at most, for a server that takes few connections)
 */
import { mariadb, postgres, type Inserter, type Server } from './fence/servers.ts';
import { fenceAt, insert, PER_STORE, switches, WRITERS } from './fence/switches.ts';
import { Reaper } from '../test/support/own/reaper.ts';
import { describeMachine, machine } from './lib/machine.ts';
import { ownServer } from './lib/own-postgres.ts';
import { readOptions } from './lib/options.ts';
import { goalRow, print, spread, table, writeReport, type Goal } from './lib/report.ts';
import { ratioOf, runRounds, summaryOf, type Contender, type Measured, type Result } from './lib/rounds.ts';

const CLIENTS = [1, 8, 32, 64] as const;
const OF_PLAIN: Readonly<Record<Server['name'], number>> = { postgres: 0.85, mariadb: 0.7 };
const SWITCH_P99_MS = 25;
const LONGEST_WRITE_MS = 100;
/** Epochs of each round of switches are above those of the one before. */
const EPOCHS_A_ROUND = 10_000;

const options = readOptions(process.argv.slice(2), {
  milliseconds: { full: 1000, quick: 300 },
  switches: { full: 200, quick: 50 },
  clients: { full: 64, quick: 64 },
});
const { milliseconds } = options.numbers;
const wanted = (part: string) => options.only.length === 0 || options.only.includes(part);
const servers: Server[] = [];
const reaper = new Reaper('crossfade-bench-');
let made = 0;

async function main(): Promise<void> {
  if (wanted('postgres')) servers.push(await postgres(await ownServer(reaper)));
  if (wanted('mariadb')) servers.push(await mariadb());
  const versions = Object.fromEntries(
    await Promise.all(
      servers.map(
        async ({ name, database }) => [name, String((await database.sql('select version()'))[0]?.[0])] as const,
      ),
    ),
  );
  const described = { ...(await machine({})), versions };
  print(`${options.rounds} rounds. ${describeMachine(described)}`);
  const goals: Goal[] = [];
  const results: Record<string, unknown> = {};
  for (const server of servers) {
    for (const clients of CLIENTS.filter((some) => some <= options.numbers.clients)) {
      const measured = await inserts(server, clients);
      results[`${server.name} ${clients}`] = measured;
      goals.push(...tellInserts(server, clients, measured));
    }
    const measured = await switchRounds(server);
    results[`${server.name} switches`] = measured;
    goals.push(...tellSwitches(server, measured));
  }
  print();
  print(table(['goal', 'asked', 'measured', ''], goals.map(goalRow)));
  const at = new Date().toISOString();
  await writeReport(options.json, { benchmark: 'fence', at, machine: described, options, results, goals });
}

/** Inserts a second, by clients that insert again as soon as they are answered; some beforehand do not count. */
async function rate(clients: number, write: (client: number, id: string) => Promise<unknown>): Promise<Measured> {
  const insertFor = async (ms: number): Promise<number> => {
    const began = performance.now();
    let done = 0;
    const writing = Array.from({ length: clients }, async (_, client) => {
      while (performance.now() - began < ms) {
        await write(client, `${++made}`);
        done++;
      }
    });
    await Promise.all(writing);
    return (done * 1000) / (performance.now() - began);
  };
  await insertFor(milliseconds / 4);
  return { value: await insertFor(milliseconds) };
}

/** Contenders have their connections one after the other: a server takes no more than some. */
async function inserts(server: Server, clients: number): Promise<readonly Result<Measured>[]> {
  const connected = async (write: (inserter: Inserter, id: string) => Promise<unknown>): Promise<Measured> => {
    const connections: Inserter[] = [];
    try {
      for (let i = 0; i < clients; i++) connections.push(await server.connect());
      return await rate(clients, async (client, id) => {
        const inserter = connections[client];
        if (inserter) await write(inserter, id);
      });
    } finally {
      await Promise.all(connections.map((connection) => connection.end()));
    }
  };
  const contenders: readonly Contender<Measured>[] = [
    { name: 'Crossfade', run: () => fenced(server, clients) },
    { name: 'plain insert', run: () => connected((inserter, id) => inserter.plain(id, 'v')) },
    { name: 'begin, lock shared, insert, commit', run: () => connected((inserter, id) => inserter.shared(id, 'v')) },
  ];
  return runRounds(contenders, options.rounds);
}

async function fenced(server: Server, clients: number): Promise<Measured> {
  const stores = Array.from({ length: Math.ceil(clients / PER_STORE) }, () => server.open());
  try {
    const stands = await stores[0]?.fence.raise(fenceAt(1), { timeoutMs: 5000 });
    const epoch = stands?.epoch ?? 1;
    return await rate(clients, async (client, id) => {
      const store = stores[client % stores.length];
      const outcome = store && (await insert(store, epoch, id));
      if (outcome !== 'WRITTEN') throw new Error(`a write was answered ${outcome}`);
    });
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

function tellInserts({ name }: Server, clients: number, results: readonly Result<Measured>[]): readonly Goal[] {
  const [ours, plain] = results;
  if (!ours || !plain) return [];
  print();
  print(`${name}, ${clients} clients`);
  print(
    table(
      ['write', 'a second', 'times a plain insert'],
      results.map((result) => [
        result.name,
        spread(result.value, 0),
        result === plain ? '' : spread(ratioOf(result, plain)),
      ]),
    ),
  );
  const goal = OF_PLAIN[name];
  return [
    {
      name: `${name}, ${clients} clients: rate over a plain insert`,
      measured: ratioOf(ours, plain),
      goal,
      atLeast: true,
    },
  ];
}

async function switchRounds(server: Server) {
  const contender = {
    name: 'switches',
    run: () => switches(server, ++made * EPOCHS_A_ROUND, options.numbers.switches),
  };
  const [result] = await runRounds([contender], options.rounds);
  if (!result) throw new Error('nothing was measured');
  return result;
}

function tellSwitches({ name }: Server, { runs, value }: Awaited<ReturnType<typeof switchRounds>>): readonly Goal[] {
  const longest = summaryOf(runs.map(({ longestWriteMs }) => longestWriteMs));
  const late = runs.reduce((sum, run) => sum + run.late, 0);
  const writes = runs.reduce((sum, run) => sum + run.writes, 0);
  print();
  print(`${name}, ${options.numbers.switches * options.rounds} switches under ${WRITERS} writers, ${writes} writes`);
  print(
    table(
      ['', 'ms'],
      [
        ['wait of a switch, median', spread(summaryOf(runs.map(({ waitP50Ms }) => waitP50Ms)), 1)],
        ['wait of a switch, 99th percentile', spread(value, 1)],
        ['wait of a switch, longest', spread(summaryOf(runs.map(({ waitMaxMs }) => waitMaxMs)), 1)],
        ['longest write', spread(longest, 1)],
      ],
    ),
  );
  const none = { median: late, min: late, max: late };
  return [
    { name: `${name}: ms that a switch waits, 99th percentile`, measured: value, goal: SWITCH_P99_MS, atLeast: false },
    { name: `${name}: ms of the longest write`, measured: longest, goal: LONGEST_WRITE_MS, atLeast: false },
    { name: `${name}: late rows`, measured: none, goal: 0, atLeast: false },
  ];
}

try {
  await main();
} finally {
  for (const { database } of servers) await database.drop();
  await reaper.close();
}
