/** From old rows to new ones, or to the reason why there is no new one. */
import { Unmappable, type Dataset, type Mapper, type Row } from '../dataset.ts';
import type { Quarantined, Stored } from '../stores/store.ts';

export type Mapped = { readonly row: Row } | { readonly reason: string };

/** The mapped row, or the message of `Unmappable`; any other failure of a mapping is a fault and is thrown. */
export function mapped(map: () => Row): Mapped {
  try {
    return { row: map() };
  } catch (error) {
    if (error instanceof Unmappable) return { reason: error.message };
    throw error;
  }
}

/** The new face of an old row, if the old face comes back from it unchanged: what does not would be lost with the old store. */
export function mapThere(mapper: Mapper, row: Row): Mapped {
  let there: Row | null = null;
  try {
    there = mapper.toNew(row);
    const back = mapper.toOld(there);
    for (const field in row) if (row[field] !== back[field]) return { reason: lossOf(field, row, back) };
    return { row: there };
  } catch (error) {
    if (!(error instanceof Unmappable)) throw error;
    return { reason: there === null ? error.message : `it can't be mapped back: ${error.message}` };
  }
}

function lossOf(field: string, row: Row, back: Row): string {
  return `${field} ${JSON.stringify(row[field])} would come back as ${JSON.stringify(back[field] ?? null)}`;
}

export interface MappedBatch {
  /** New rows, with their keys and old faces in the same order. */
  readonly rows: readonly Row[];
  readonly keys: readonly string[];
  readonly olds: readonly Row[];
  readonly quarantine: readonly Quarantined[];
}

/** A batch of old rows for the new store; the mapping is loaded once. */
export async function mapBatch(dataset: Dataset, found: readonly Stored[]): Promise<MappedBatch> {
  const batch = { rows: [] as Row[], keys: [] as string[], olds: [] as Row[], quarantine: [] as Quarantined[] };
  const readable: Row[] = [];
  for (const stored of found) if ('row' in stored) readable.push(stored.row);
  const mapper = await dataset.mapper(readable);
  for (const stored of found) {
    const { key } = stored;
    if ('unreadable' in stored) {
      batch.quarantine.push({ key, reason: stored.unreadable, row: stored.raw });
      continue;
    }
    const there = mapThere(mapper, stored.row);
    if ('row' in there) {
      batch.rows.push(there.row);
      batch.keys.push(key);
      batch.olds.push(stored.row);
    } else batch.quarantine.push({ key, reason: there.reason, row: JSON.stringify(stored.row) });
  }
  return batch;
}
