/**
 * The first entries of many slots, without reading more of each than a few more than its share.
 *
 * Each slot is asked for its first few. As long as a slot might still have an entry that belongs among the first `limit` of all, it is asked
 * for its next ones.
 */
import type { Slot } from '../journal.ts';

export interface Batch<T> {
  readonly slot: Slot;
  readonly entries: readonly T[];
  /** Where to go on; null: the slot has no more. */
  readonly next: string | null;
}

export interface Merged<T> {
  readonly entries: readonly T[];
  readonly slots: ReadonlyMap<number, Slot>;
}

/** Entries that one script reads: the server does nothing else meanwhile. */
const MOST = 256;

interface Stream<T> {
  slot: Slot;
  readonly entries: T[];
  next: string | null;
}

export interface Place {
  readonly slot: number;
  /** null: from the start. */
  readonly from: string | null;
}

/** The next entries of each of these slots, `count` of each at most. */
type Fetch<T> = (places: readonly Place[], count: number) => Promise<readonly Batch<T>[]>;
type Compare<T> = (a: T, b: T) => number;

/** `compare` must be the order in which slots give out their entries. */
export async function firstOf<T>(
  slots: readonly number[],
  limit: number,
  fetch: Fetch<T>,
  compare: Compare<T>,
): Promise<Merged<T>> {
  for (;;) {
    const merged = await tryFirstOf(slots, limit, fetch, compare);
    if (merged) return merged;
  }
}

/** null: a slot went on to another epoch meanwhile, so that what was read of it does not belong together. */
async function tryFirstOf<T>(
  slots: readonly number[],
  limit: number,
  fetch: Fetch<T>,
  compare: Compare<T>,
): Promise<Merged<T> | null> {
  let count = Math.min(MOST, limit, shareOf(limit / slots.length));
  const begun = await fetch(
    slots.map((slot) => ({ slot, from: null })),
    count,
  );
  const streams: Stream<T>[] = begun.map(({ slot, entries, next }) => ({ slot, entries: [...entries], next }));
  for (;;) {
    const first = streams
      .flatMap(({ entries }) => entries)
      .sort(compare)
      .slice(0, limit);
    const cut = first.length === limit ? first.at(-1) : undefined;
    const short = streams.filter((stream) => mayHaveMore(stream, cut, compare));
    if (short.length === 0) return { entries: first, slots: new Map(streams.map(({ slot }) => [slot.slot, slot])) };
    count = Math.min(MOST, count * 2);
    const more = await fetch(
      short.map(({ slot, next }) => ({ slot: slot.slot, from: next })),
      count,
    );
    if (short.some(({ slot }, i) => slot.epoch !== more[i]?.slot.epoch)) return null;
    for (const [i, stream] of short.entries()) readOn(stream, more[i]);
  }
}

/** So much that few slots have to be asked again where entries are spread by chance, and little is read for nothing. */
function shareOf(mean: number): number {
  return 1 + Math.ceil(mean + 2 * Math.sqrt(mean));
}

function mayHaveMore<T>({ entries, next }: Stream<T>, cut: T | undefined, compare: Compare<T>): boolean {
  if (next === null) return false;
  const last = entries.at(-1);
  return cut === undefined || last === undefined || compare(last, cut) < 0;
}

function readOn<T>(stream: Stream<T>, more: Batch<T> | undefined): void {
  if (!more) throw new RangeError('each slot has one batch');
  stream.slot = more.slot;
  stream.entries.push(...more.entries);
  stream.next = more.next;
}
