/** What the harness waits for has an end: a run that hangs names what it hung at. */
import { setTimeout as delay } from 'node:timers/promises';

/** How long a process may take to start or to end on a busy machine, milliseconds. */
export const PROCESS_MS = 60_000;

export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const patience = new AbortController();
  const late = delay(ms, 'LATE' as const, { signal: patience.signal, ref: false });
  // Called off when the work is done.
  late.catch(() => {});
  try {
    const first = await Promise.race([work.then((done) => ({ done })), late]);
    if (first === 'LATE') throw new Error(`waited ${ms} ms in vain until ${what}`);
    return first.done;
  } finally {
    patience.abort();
  }
}
