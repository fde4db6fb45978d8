/** Where a run of verify is cut into ranges that hold about as many rows each. */
import type { VerificationRow } from '../control/control.ts';
import { isProperKey } from '../key.ts';
import { EVERYTHING } from '../stores/store.ts';
import type { JobContext } from './context.ts';

/** More of them would only be more to keep account of. */
const MOST_RANGES = 128;

/**
 * The keys that are the ends of ranges, but for the last one; none: it is not worth it. `perRange`: rows of one store that are worth a range.
 * The old store's keys tell: nothing but the balance depends on it. Asks `going` between two looks, which are long in a large table.
 */
export async function cutsOf(
  { dataset, stores }: JobContext,
  { total }: VerificationRow,
  perRange: number,
  going: () => Promise<boolean>,
): Promise<readonly string[] | null> {
  const rows = Math.ceil(total / 2);
  const parts = Math.min(MOST_RANGES, Math.max(1, Math.round(rows / perRange)));
  const step = Math.max(1, Math.ceil(rows / parts));
  const cuts: string[] = [];
  let after = EVERYTHING.after;
  for (let part = 1; part < parts; part++) {
    if (!(await going())) return null;
    const key = await stores.OLD.reader.keyAt({ after, upTo: null }, step - 1);
    if (key === null) break;
    after = key;
    // What only this store can make of a key says nothing certain about the order in the other one.
    if (isProperKey(dataset.keyFields, key)) cuts.push(key);
  }
  return cuts;
}
