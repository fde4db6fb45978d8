/** How entries change and leave. Everything here wants the slots of the entries locked. */
import type { Transaction } from 'kysely';
import type { StoreRole } from '../../dataset.ts';
import type { Seq } from '../../seq.ts';
import type { Applied, Journal } from '../journal.ts';
import { chunks, padded, type Access } from './access.ts';
import { numberOrNull } from './snapshot.ts';
import { ENTRY_TABLES, type JournalTables } from './tables.ts';

type Tx = Transaction<JournalTables>;

/** Notes in one transaction. */
const BATCH = 512;

export interface Leaving {
  readonly key: string;
  readonly slot: number;
  readonly seq: Seq;
}

export function settles(access: Access): Pick<Journal, 'applied'> {
  return {
    async applied(notes) {
      for (const batch of chunks(notes, BATCH)) await access.write((tx) => clear(tx, access, batch));
    },
  };
}

async function clear(tx: Tx, access: Access, notes: readonly Applied[]): Promise<void> {
  await access.lock(tx, [...new Set(notes.map(({ address }) => address.slot))]);
  const rows = await tx
    .selectFrom('crossfade_journal_entry')
    .select(['key', 'slot', 'seq', 'lacks_old', 'lacks_new'])
    .where('dataset', '=', access.dataset)
    .where('key', 'in', padded(notes.map(({ address }) => address.key)))
    .execute();
  const entries = new Map(
    rows.map((row) => [
      row.key,
      {
        key: row.key,
        slot: Number(row.slot),
        seq: Number(row.seq),
        lacks: { OLD: numberOrNull(row.lacks_old), NEW: numberOrNull(row.lacks_new) },
      },
    ]),
  );
  const cleared: Record<StoreRole, string[]> = { OLD: [], NEW: [] };
  for (const { address, seq, role } of notes) {
    const entry = entries.get(address.key);
    if (entry?.seq !== seq || entry.lacks[role] === null) continue;
    entry.lacks[role] = null;
    cleared[role].push(entry.key);
  }
  const settled = [...entries.values()].filter(({ lacks }) => lacks.OLD === null && lacks.NEW === null);
  const left = new Set(settled.map(({ key }) => key));
  for (const role of ['OLD', 'NEW'] as const) {
    const keys = cleared[role].filter((key) => !left.has(key));
    if (keys.length > 0) await forgive(tx, access, role, keys);
  }
  await leave(tx, access, settled);
}

async function forgive(tx: Tx, access: Access, role: StoreRole, keys: readonly string[]): Promise<void> {
  await tx
    .updateTable('crossfade_journal_entry')
    .set(role === 'OLD' ? { lacks_old: null } : { lacks_new: null })
    .where('dataset', '=', access.dataset)
    .where('key', 'in', padded(keys))
    .execute();
}

/** Removes these entries, a thousand or so at most, and raises the marks of their slots. */
export async function leave(tx: Tx, access: Access, leaving: readonly Leaving[]): Promise<void> {
  if (leaving.length === 0) return;
  const keys = padded(leaving.map(({ key }) => key));
  for (const table of ENTRY_TABLES) {
    await tx.deleteFrom(table).where('dataset', '=', access.dataset).where('key', 'in', keys).execute();
  }
  for (const [slot, ofSlot] of Map.groupBy(leaving, (entry) => entry.slot)) {
    await raiseMark(tx, access, slot, Math.max(...ofSlot.map(({ seq }) => seq)));
  }
}

export async function raiseMark(tx: Tx, access: Access, slot: number, seq: Seq): Promise<void> {
  await tx
    .updateTable('crossfade_journal_slot')
    .set({ mark: seq })
    .where('dataset', '=', access.dataset)
    .where('slot', '=', slot)
    .where('mark', '<', seq)
    .execute();
}
