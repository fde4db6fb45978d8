/**
 * Which rows of the old table are not as they were when they were copied: a digest tells that there are some, not which.
 *
 * What the copy saw is what it put into the new store, mapped back, and what it put into quarantine. Range by range, so that memory stays
 * small; only as long as the copy's fence stands, for later the new store has newer rows.
 */
import type { Stored } from '../stores/store.ts';
import type { Pair } from './compare.ts';
import { differingKeys, readRange, type Sides } from './ranges.ts';

const PAGE = 1000;

export interface Changes {
  /** The first ones found, encoded. */
  readonly keys: readonly string[];
  readonly count: number;
  /** Everything was looked at; else there may be more. */
  readonly complete: boolean;
}

/** Looks for as long as `forMs`, and a page more; remembers `most` keys. */
export async function findChanges(sides: Sides, most: number, forMs: number): Promise<Changes> {
  const until = performance.now() + forMs;
  const keys: string[] = [];
  let count = 0;
  const note = (found: readonly string[]): void => {
    count += found.length;
    keys.push(...found.slice(0, most - keys.length));
  };
  for (let after: string | null = null; ;) {
    const { end, pairs } = await readRange(sides, { after, upTo: null }, PAGE);
    note(await changedPairs(sides, pairs));
    after = end;
    if (after === null) break;
    if (performance.now() > until) return { keys, count, complete: false };
  }
  for (let after: string | null = null; ;) {
    const page = await sides.stores.NEW.quarantine.page(after, PAGE);
    const there = await sides.stores.OLD.reader.load(page.map(({ key }) => key));
    note(page.map(({ key }) => key).filter((key) => !there.has(key)));
    after = page.at(-1)?.key ?? null;
    if (page.length < PAGE) return { keys, count, complete: true };
    if (performance.now() > until) return { keys, count, complete: false };
  }
}

/** Of rows that are in one of the two tables at least. */
async function changedPairs(sides: Sides, pairs: readonly Pair[]): Promise<readonly string[]> {
  const byKey = new Map(pairs.map((pair) => [pair.key, pair]));
  const suspicious = await differingKeys(sides, pairs);
  const quarantined = await sides.stores.NEW.quarantine.find(suspicious);
  return suspicious.filter((key) => {
    const { old, new: copied } = byKey.get(key) ?? {};
    return copied !== undefined || old === undefined || quarantined.get(key)?.row !== shown(old);
  });
}

/** As quarantine keeps it. */
function shown(stored: Stored): string {
  return 'row' in stored ? JSON.stringify(stored.row) : stored.raw;
}
