/** Work that others made fail, done again. */
import { setTimeout as delay } from 'node:timers/promises';
import { DriverFailure } from './codes.ts';

/** How long deadlocks and serialisation failures are tried again, milliseconds. */
const TRY_MS = 5000;
const MOST_MS = 50;

/** Does the work again, after a random and growing pause, while others make it fail; the last failure is thrown. */
export async function untilFree<T>(work: () => Promise<T>): Promise<T> {
  const until = performance.now() + TRY_MS;
  for (let wait = 2; ; wait = Math.min(wait * 2, MOST_MS)) {
    try {
      return await work();
    } catch (error) {
      const again = error instanceof DriverFailure && error.meaning === 'AGAIN' && performance.now() < until;
      if (!again) throw error;
      await delay(Math.random() * wait);
    }
  }
}
