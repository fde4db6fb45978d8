/**
 * A second look at keys that seemed to differ, because under traffic the first one proves nothing: the stores were read at
 * different times, and what one of them lacks may be on its way in the journal.
 *
 * A look counts only if the journal, read before and after both stores, had no entry of the key and the slot stayed as it was
 * (a write that came and left in between would have raised its mark). Otherwise wait and look again, a bounded number of times.
 */
import type { FoundDifference } from '../control/control.ts';
import type { Address } from '../dataset.ts';
import type { JournalView, Slot } from '../journal/journal.ts';
import { decodeKey } from '../key.ts';
import { chunked } from './chunked.ts';
import { compare, type Pair } from './compare.ts';
import type { JobContext } from './context.ts';
import { loadBoth } from './sides.ts';

export interface RecheckOptions {
  readonly looks: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}
/** About five seconds in all. */
export const RECHECK: RecheckOptions = { looks: 16, firstDelayMs: 5, longestDelayMs: 500 };
/** Keys of one look; fewer with each try, because the shorter a look takes, the likelier its slots stay as they are. */
const KEYS_AT_ONCE = 128;

export interface Rechecked {
  /** Keys about which there is a verdict: what differs, empty for nothing. */
  readonly verdicts: ReadonlyMap<string, readonly FoundDifference[]>;
  /** Keys that were being written at every look. */
  readonly underWay: readonly string[];
}

type RecheckContext = Pick<JobContext, 'dataset' | 'stores' | 'journal' | 'clock'>;

export async function lookAgain(
  ctx: RecheckContext,
  keys: readonly string[],
  options: RecheckOptions = RECHECK,
  signal?: AbortSignal,
): Promise<Rechecked> {
  const verdicts = new Map<string, readonly FoundDifference[]>();
  let pending = keys;
  let wait = options.firstDelayMs;
  for (let look = 0; look < options.looks && pending.length > 0; look++) {
    if (look > 0) {
      await ctx.clock.delay(wait, signal);
      wait = Math.min(wait * 2, options.longestDelayMs);
    }
    if (signal?.aborted) break;
    const size = Math.max(1, KEYS_AT_ONCE >> (2 * look));
    for (const together of chunked(pending, size)) {
      if (signal?.aborted) break;
      for (const [key, verdict] of await lookOnce(ctx, together)) verdicts.set(key, verdict);
    }
    pending = pending.filter((key) => !verdicts.has(key));
  }
  return { verdicts, underWay: pending };
}

async function lookOnce(
  ctx: RecheckContext,
  keys: readonly string[],
): Promise<Map<string, readonly FoundDifference[]>> {
  const { dataset, stores, journal } = ctx;
  const addresses = keys.map((key) => dataset.address(decodeKey(dataset.keyFields, key)));
  const before = await journal.read(addresses);
  const { OLD: old, NEW: now } = await loadBoth(stores, keys);
  const after = await journal.read(addresses);

  const quiet = addresses.filter((address) => isQuiet(address, before, after));
  const pairs = quiet.map(({ key }): Pair => ({ key, old: old.get(key), new: now.get(key) }));
  const rows = [...old.values(), ...now.values()].flatMap((stored) => ('row' in stored ? [stored.row] : []));
  const mapper = await dataset.mapper(rows);
  const verdicts = new Map(pairs.map((pair) => [pair.key, compare(dataset, mapper, pair)]));
  for (const key of await givenUp(ctx, pairs, verdicts)) verdicts.set(key, []);
  return verdicts;
}

function isQuiet({ key, slot }: Address, before: JournalView, after: JournalView): boolean {
  if (before.entries.has(key) || after.entries.has(key)) return false;
  const [was, is] = [before.slots.get(slot), after.slots.get(slot)];
  return was !== undefined && is !== undefined && sameSlot(was, is);
}

/** A closed slot says nothing: writes may be going past the journal. */
function sameSlot(was: Slot, is: Slot): boolean {
  return was.open && is.open && was.epoch === is.epoch && was.mark === is.mark;
}

/** Keys that the operator waived stay in the old store alone, which is no difference. */
async function givenUp(
  ctx: RecheckContext,
  pairs: readonly Pair[],
  verdicts: ReadonlyMap<string, readonly FoundDifference[]>,
): Promise<string[]> {
  const onlyOld = pairs.filter((pair) => pair.old && !pair.new && verdicts.get(pair.key)?.length !== 0);
  if (onlyOld.length === 0) return [];
  const quarantined = await ctx.stores.NEW.quarantine.find(onlyOld.map(({ key }) => key));
  return onlyOld.map(({ key }) => key).filter((key) => quarantined.get(key)?.waived);
}
