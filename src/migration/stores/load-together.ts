/** Lookups by key that requests make at the same time, in one statement (together.ts); for stores that are servers. */
import { Together } from '../together.ts';
import type { Stored } from './store.ts';

type Found = ReadonlyMap<string, Stored>;

export function loadTogether(ask: (keys: readonly string[]) => Promise<Found>): Together<string, Found> {
  return new Together({ ask, pick });
}

function pick(found: Found, keys: readonly string[]): Found {
  const picked = new Map<string, Stored>();
  for (const key of keys) {
    const stored = found.get(key);
    if (stored) picked.set(key, stored);
  }
  return picked;
}
