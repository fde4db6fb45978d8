/**
 * A seq orders the writes of one key: (run, counter), by run first, packed into one integer that a double holds exactly.
 *
 *   seq = run * 2^32 + counter      run < 2^21 (epoch numbers), counter < 2^32 (appends of one slot in one run)
 *
 * One number compares the same in JavaScript, in SQL and as a score of a sorted set.
 */
export type Seq = number;

const COUNTERS = 2 ** 32;
const RUNS = 2 ** 21;

export function packSeq(run: number, counter: number): Seq {
  if (run >= RUNS || counter >= COUNTERS) throw new RangeError(`seq out of range: run ${run}, counter ${counter}`);
  return run * COUNTERS + counter;
}

export function runOf(seq: Seq): number {
  return Math.floor(seq / COUNTERS);
}
