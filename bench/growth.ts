/**
 * `npm run bench:growth`: does a request cost more where there is more? One deployment for each size, all in this process on PostgreSQL;
 * the engine is asked, without GraphQL and HTTP, so that nothing hides what grows.
 *
 *   --quick  --rounds N  --json FILE  --only rows,entries,instances,histories  --operations N (of each kind in each round)
 *
 * A full run of all draws docs/growth.svg.
 */
import { writeFile } from 'node:fs/promises';
import { describeMachine, machine } from './lib/machine.ts';
import { readOptions } from './lib/options.ts';
import { goalRow, print, spread, table, writeReport, type Goal } from './lib/report.ts';
import { ratioOf, runRounds, type Measured, type Result } from './lib/rounds.ts';
import { measure, REQUESTS, TITLES, type RequestKind } from './growth/requests.ts';
import { picture, type Panel } from './growth/picture.ts';
import { startSystem, type Sizes, type System } from './growth/system.ts';

interface Axis {
  readonly title: string;
  readonly full: readonly number[];
  readonly quick: readonly number[];
  sizes(size: number): Sizes;
}

const FEW_ROWS = 10_000;
const PLAIN = { rows: FEW_ROWS, entries: null, instances: 1, histories: 0 } as const;

const AXES: Readonly<Record<string, Axis>> = {
  rows: {
    title: 'rows in the store, in OLD',
    full: [10_000, 100_000, 1_000_000],
    quick: [1000, 100_000],
    sizes: (rows) => ({ ...PLAIN, rows }),
  },
  entries: {
    title: 'entries in the journal, in MIGRATING',
    full: [100, 1000, 10_000, 100_000],
    quick: [100, 10_000],
    sizes: (entries) => ({ ...PLAIN, rows: 100_000, entries }),
  },
  instances: {
    title: 'processes, in OLD',
    full: [1, 10, 100],
    quick: [1, 100],
    sizes: (instances) => ({ ...PLAIN, instances }),
  },
  histories: {
    title: 'migrations begun and taken back before, in OLD',
    full: [1, 10],
    quick: [1, 3],
    sizes: (histories) => ({ ...PLAIN, histories }),
  },
};
/** What the largest may cost over the smallest. */
const MOST = 1.5;
const WARM_UP = 60;

const options = readOptions(process.argv.slice(2), { operations: { full: 150, quick: 60 } });

type Results = Readonly<Record<RequestKind, readonly Result<Measured>[]>>;

async function run({ sizes, ...axis }: Axis): Promise<Results> {
  const systems: System[] = [];
  try {
    const numbers = options.quick ? axis.quick : axis.full;
    for (const size of numbers) systems.push(await startSystem(sizes(size), warmUp));
    const results: Partial<Record<RequestKind, readonly Result<Measured>[]>> = {};
    for (const kind of REQUESTS) {
      const contenders = systems.map((system, i) => ({
        name: String(numbers[i]),
        run: async () => ({ value: await measure(system, kind, options.numbers.operations) }),
      }));
      results[kind] = await runRounds(contenders, options.rounds);
    }
    return results as Results;
  } finally {
    for (const system of systems) await system.close();
  }
}

async function warmUp(system: System, kinds: readonly RequestKind[]): Promise<void> {
  for (const kind of kinds) await measure(system, kind, WARM_UP);
}

function show(title: string, results: Results): void {
  const sizes = results.read.map(({ name }) => Number(name).toLocaleString('en'));
  print();
  print(`${title}: µs a request`);
  print(
    table(
      ['request', ...sizes],
      REQUESTS.map((kind) => [TITLES[kind], ...results[kind].map(({ value }) => spread(value, 0))]),
    ),
  );
}

function goalsOf(name: string, results: Results): readonly Goal[] {
  return REQUESTS.flatMap((kind): Goal[] => {
    const [first, last] = [results[kind][0], results[kind].at(-1)];
    if (!first || !last) return [];
    const measured = ratioOf(last, first);
    return [
      {
        name: `${name} ${first.name} to ${last.name}, ${TITLES[kind]}: times the cost`,
        measured,
        goal: MOST,
        atLeast: false,
      },
    ];
  });
}

function panelOf({ title }: Axis, results: Results): Panel {
  const curves = REQUESTS.map((kind) => ({
    name: TITLES[kind],
    values: results[kind].map(({ value }) => value.median),
  }));
  return { title, sizes: results.read.map(({ name }) => Number(name)), curves };
}

const url = process.env['TEST_POSTGRES_URL'] || 'postgres://postgres@127.0.0.1:5432/postgres';
const described = await machine({ PostgreSQL: `psql -X -At '${url}' -c 'show server_version'` });
print(`${options.rounds} rounds of ${options.numbers.operations} of each. ${describeMachine(described)}`);
const goals: Goal[] = [];
const all: Record<string, Results> = {};
for (const [name, axis] of Object.entries(AXES)) {
  if (options.only.length > 0 && !options.only.includes(name)) continue;
  const results = await run(axis);
  all[name] = results;
  show(axis.title, results);
  goals.push(...goalsOf(name, results));
}
print();
print(table(['goal', 'asked', 'measured', ''], goals.map(goalRow)));
const { rows, entries } = all;
if (!options.quick && rows && entries && AXES['rows'] && AXES['entries']) {
  const drawn = picture([panelOf(AXES['rows'], rows), panelOf(AXES['entries'], entries)]);
  await writeFile(new URL('../docs/growth.svg', import.meta.url), drawn);
}
const at = new Date().toISOString();
await writeReport(options.json, { benchmark: 'growth', at, machine: described, options, results: all, goals });
