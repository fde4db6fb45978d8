/**
 * `npm run bench:router`: what it costs to find out which store an operation belongs to, beside calling the store directly and beside
 * LaunchDarkly's `createMigration`. The stores answer at once, and what counts is processor time of the main thread.
 *
 *   --quick  --rounds N  --json FILE  --operations N
 */
import { openWays, type Way } from './router/crossfade.ts';
import { openStages } from './router/launchdarkly.ts';
import { describeMachine, machine } from './lib/machine.ts';
import { readOptions } from './lib/options.ts';
import { goalRow, print, spread, table, writeReport, type Goal } from './lib/report.ts';
import { runRounds, summaryOf, type Contender, type Measured, type Result, type Summary } from './lib/rounds.ts';

type Kind = keyof Way;
const KINDS: readonly Kind[] = ['read', 'write'];

const options = readOptions(process.argv.slice(2), { operations: { full: 100_000, quick: 20_000 } });
const { operations } = options.numbers;

/** Microseconds of processor time for each operation. */
async function cost(operation: () => Promise<unknown>): Promise<Measured> {
  for (let i = 0; i < operations / 10; i++) await operation();
  const began = process.threadCpuUsage();
  for (let i = 0; i < operations; i++) await operation();
  const { user, system } = process.threadCpuUsage(began);
  return { value: (user + system) / operations };
}

type Results = ReadonlyMap<string, Result<Measured>>;

/** Of each round: what `a` costs more than `b`. */
function over(results: Results, a: string, b: string): Summary {
  return summaryOf(differences(results, a, b));
}

function differences(results: Results, a: string, b: string): readonly number[] {
  const [mine, other] = [results.get(a), results.get(b)];
  if (!mine || !other) throw new Error(`${a} and ${b} were not measured`);
  return mine.runs.map(({ value }, i) => value - (other.runs[i]?.value ?? NaN));
}

async function main(): Promise<void> {
  const ways = await openWays();
  const { stages, close } = await openStages(ways.call);
  try {
    const described = await machine({});
    print(`${operations} operations, ${options.rounds} rounds. ${describeMachine(described)}`);
    const goals: Goal[] = [];
    const measured: Record<string, readonly Result<Measured>[]> = {};
    for (const kind of KINDS) {
      const named: readonly (readonly [string, Way])[] = [
        ['call', ways.call],
        ['both', ways.both],
        ['plain', ways.plain],
        ['OLD', ways.OLD],
        ['NEW', ways.NEW],
        ...stages.map(({ stage, way }) => [stage, way] as const),
      ];
      const contenders = named.map(([name, way]): Contender<Measured> => ({
        name,
        run: () => cost(() => way[kind]()),
      }));
      await runRounds(contenders, 1);
      const found = await runRounds(contenders, options.rounds);
      measured[kind] = found;
      const results = new Map(found.map((result) => [result.name, result]));
      const rows: string[][] = [];
      for (const state of ['OLD', 'NEW'] as const) {
        const decision = over(results, state, 'plain');
        rows.push([`Crossfade, ${state}`, spread(decision), spread(over(results, state, 'call'))]);
        goals.push({
          name: `${kind} in ${state}: µs over the same without states`,
          measured: decision,
          goal: 1,
          atLeast: false,
        });
      }
      const ours = { median: 0, runs: differences(results, 'OLD', 'plain') };
      for (const { stage, reads, writes } of stages) {
        const base = (kind === 'read' ? reads : writes) === 1 ? 'call' : 'both';
        const theirs = differences(results, stage, base);
        rows.push([`createMigration, ${stage}`, spread(summaryOf(theirs)), spread(over(results, stage, 'call'))]);
        goals.push({
          name: `${kind}: Crossfade in OLD over createMigration in ${stage}`,
          measured: summaryOf(theirs.map((value, i) => (ours.runs[i] ?? NaN) / value)),
          goal: 1 / 8,
          atLeast: false,
        });
      }
      print();
      print(
        `${kind}: µs of processor time an operation; a bare call ${spread(summaryOfResult(results, 'call'))}, loader and mapping without states ${spread(summaryOfResult(results, 'plain'))}`,
      );
      print(table(['', 'decision and bookkeeping', 'over one bare call'], rows));
    }
    print();
    print(table(['goal', 'asked', 'measured', ''], goals.map(goalRow)));
    await writeReport(options.json, {
      benchmark: 'router',
      at: new Date().toISOString(),
      machine: described,
      options,
      results: measured,
      goals,
    });
  } finally {
    close();
    await ways.close();
  }
}

function summaryOfResult(results: Results, name: string): Summary {
  return results.get(name)?.value ?? { median: NaN, min: NaN, max: NaN };
}

await main();
