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
  const there = mapped(() => mapper.toNew(row));
  if (!('row' in there)) return there;
  const back = mapped(() => mapper.toOld(there.row));
  if (!('row' in back)) return { reason: `it can't be mapped back: ${back.reason}` };
  const lost = Object.keys(row).find((field) => row[field] !== back.row[field]);
  if (lost === undefined) return there;
  return {
    reason: `${lost} ${JSON.stringify(row[lost])} would come back as ${JSON.stringify(back.row[lost] ?? null)}`,
  };
}

export interface MappedBatch {
  readonly rows: readonly { readonly key: string; readonly row: Row; readonly old: Row }[];
  readonly quarantine: readonly Quarantined[];
}

/** A batch of old rows for the new store; the mapping is loaded once. */
export async function mapBatch(dataset: Dataset, found: readonly Stored[]): Promise<MappedBatch> {
  const mapper = await dataset.mapper(found.flatMap((stored) => ('row' in stored ? [stored.row] : [])));
  const rows: { key: string; row: Row; old: Row }[] = [];
  const quarantine: Quarantined[] = [];
  for (const stored of found) {
    const { key } = stored;
    if ('unreadable' in stored) {
      quarantine.push({ key, reason: stored.unreadable, row: stored.raw });
      continue;
    }
    const there = mapThere(mapper, stored.row);
    if ('row' in there) rows.push({ key, row: there.row, old: stored.row });
    else quarantine.push({ key, reason: there.reason, row: JSON.stringify(stored.row) });
  }
  return { rows, quarantine };
}
