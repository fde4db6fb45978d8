/** From what a store or the journal holds to both faces of a row. */
import { Unmappable, type Dataset, type Faces, type Mapper, type Row, type StoreRole } from './dataset.ts';
import { CrossfadeError } from './errors.ts';
import type { Image } from './journal/journal.ts';
import type { Stored } from './stores/store.ts';

/** null where the row has no counterpart; any other failure of a mapping is a fault. */
export function tolerant<A, B>(map: (row: A) => B, row: A): B | null {
  try {
    return map(row);
  } catch (error) {
    if (error instanceof Unmappable) return null;
    throw error;
  }
}

export function facesOf(mapper: Mapper, role: StoreRole, key: string, row: Row): Faces {
  return role === 'OLD'
    ? { key, old: row, new: tolerant((r) => mapper.toNew(r), row) }
    : { key, old: tolerant((r) => mapper.toOld(r), row), new: row };
}

export function facesOfImage(key: string, image: Image): Faces {
  return { key, old: image.old, new: image.new };
}

export function readable(dataset: Dataset, stored: Stored): { readonly key: string; readonly row: Row } {
  if ('row' in stored) return stored;
  const message = `The stored row ${dataset.showKey(stored.key)} cannot be read: ${stored.unreadable}.`;
  throw new CrossfadeError('INTERNAL', { message });
}

/** Both faces of rows of one store, in their order; the mapping is loaded once. */
export async function mapStored(dataset: Dataset, role: StoreRole, found: readonly Stored[]): Promise<Faces[]> {
  if (found.length === 0) return [];
  const rows = found.map((stored) => readable(dataset, stored));
  const mapper = await dataset.mapper(rows.map(({ row }) => row));
  return rows.map(({ key, row }) => facesOf(mapper, role, key, row));
}
