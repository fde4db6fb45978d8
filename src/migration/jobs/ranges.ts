/** Old and new store side by side, range by range in key order. */
import type { Dataset, StoreRole } from '../dataset.ts';
import { compareKeys } from '../key.ts';
import type { KeyRange, Store, Stored } from '../stores/store.ts';
import { compare, type Pair } from './compare.ts';

export interface Sides {
  readonly dataset: Dataset;
  readonly stores: Readonly<Record<StoreRole, Store>>;
}

/** The next rows of the range, of both stores, up to the key `end`; null: up to the end of the range. */
export async function readRange(
  { stores }: Sides,
  range: KeyRange,
  limit: number,
): Promise<{ readonly end: string | null; readonly pairs: readonly Pair[]; readonly rows: number }> {
  const pages = await Promise.all([stores.OLD.reader.page(range, limit), stores.NEW.reader.page(range, limit)]);
  const ends = pages.flatMap((page) => (page.length < limit ? [] : page.slice(-1).map(({ key }) => key)));
  const end = ends.sort(compareKeys)[0] ?? null;
  const [old, now] = pages.map((page) => within(page, end));
  const keys = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].sort(compareKeys);
  const pairs = keys.map((key): Pair => ({ key, old: old?.get(key), new: now?.get(key) }));
  return { end, pairs, rows: (old?.size ?? 0) + (now?.size ?? 0) };
}

function within(page: readonly Stored[], upTo: string | null): Map<string, Stored> {
  const inside = upTo === null ? page : page.filter(({ key }) => compareKeys(key, upTo) <= 0);
  return new Map(inside.map((stored) => [stored.key, stored]));
}

/** The keys whose two sides do not say the same. */
export async function differingKeys({ dataset }: Sides, pairs: readonly Pair[]): Promise<string[]> {
  const rows = pairs.flatMap((pair) => [pair.old, pair.new]).flatMap((s) => (s && 'row' in s ? [s.row] : []));
  const mapper = await dataset.mapper(rows);
  return pairs.filter((pair) => compare(dataset, mapper, pair).length > 0).map(({ key }) => key);
}
