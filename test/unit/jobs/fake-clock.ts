import type { Clock } from '../../../src/migration/clock.ts';

export interface FakeClock extends Clock {
  advance(ms: number): void;
}

/** Time that passes only when it is advanced, or waited for: a delay takes no time and moves the clock. */
export function fakeClock(start = Date.parse('2026-03-01T12:00:00.000Z')): FakeClock {
  let now = 0;
  return {
    monotonic: () => now,
    wall: () => start + now,
    delay: async (ms, signal) => {
      if (!signal?.aborted) now += ms;
    },
    advance: (ms) => {
      now += ms;
    },
  };
}
