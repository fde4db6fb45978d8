/**
 * How much and from which seed property tests run.
 *
 *   CROSSFADE_SEED   a whole number: repeats the run that failed with it
 *   CROSSFADE_RUNS   how many runs of each property, instead of what is usual
 *   CROSSFADE_LONG   1: many more runs
 */
export const LONG = process.env['CROSSFADE_LONG'] === '1';
export const SEED = Number(process.env['CROSSFADE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
if (!Number.isSafeInteger(SEED)) throw new RangeError('CROSSFADE_SEED must be a whole number');

export function RUNS(short: number, long: number): number {
  const asked = process.env['CROSSFADE_RUNS'];
  return asked === undefined ? (LONG ? long : short) : Number(asked);
}

export interface Random {
  /** 0 to n - 1. */
  below(n: number): number;
  pick<T>(items: readonly T[]): T;
  /** One of its own, so that tasks side by side do not draw from each other. */
  fork(): Random;
}

/** Mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below,
    pick: (items) => {
      const index = below(items.length);
      if (index >= items.length) throw new RangeError('nothing to pick from');
      return items[index] as (typeof items)[number];
    },
    fork: () => randomFrom(below(2 ** 32)),
  };
}
