/** Time, passed in: tests drive it, and the lease needs two clocks that fail in different ways. */
import { setTimeout as timer } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds that only move forward; stands still while the machine sleeps. */
  monotonic(): number;
  /** Milliseconds since 1970; may jump. */
  wall(): number;
  /** Resolves after `ms`, or at once when the signal is aborted; never rejects. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  delay: async (ms, signal) => {
    await timer(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  },
};

export function isoTime(clock: Clock): string {
  return new Date(clock.wall()).toISOString();
}
