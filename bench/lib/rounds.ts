/**
 * Contenders against each other on one machine: each round runs them all, in an order that is reversed every other round, so that
 * what drifts (caches, clocks, neighbours) drifts for everybody. Ratios are taken within a round.
 */
export interface Measured {
  /** What is compared; its unit is the benchmark's. */
  readonly value: number;
}

export interface Contender<M extends Measured> {
  readonly name: string;
  run(): Promise<M>;
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Result<M extends Measured> {
  readonly name: string;
  readonly runs: readonly M[];
  readonly value: Summary;
}

/** `progress` hears of each run as it ends. */
export async function runRounds<M extends Measured>(
  contenders: readonly Contender<M>[],
  rounds: number,
  progress: (name: string, measured: M, round: number) => void = () => {},
): Promise<readonly Result<M>[]> {
  const runs = new Map<string, M[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const measured = await run();
      runs.get(name)?.push(measured);
      progress(name, measured, round);
    }
  }
  return [...runs].map(([name, measured]) => ({
    name,
    runs: measured,
    value: summaryOf(measured.map(({ value }) => value)),
  }));
}

/** Of the ratios of each round: how many times `a` is what `b` is. */
export function ratioOf<M extends Measured>(a: Result<M>, b: Result<M>): Summary {
  return summaryOf(a.runs.map(({ value }, i) => value / (b.runs[i]?.value ?? NaN)));
}

export function summaryOf(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (i: number): number => sorted[i] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

/** Of sorted or unsorted values; `part` 0.99 is the 99th percentile. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? NaN;
}
