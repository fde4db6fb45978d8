/** How entries lose their debts and leave. */
import type { Transaction } from 'kysely';
import { STORE_ROLES, type StoreRole } from '../../dataset.ts';
import type { Seq } from '../../seq.ts';
import type { Applied, Journal } from '../journal.ts';
import { chunks, padded, type Access, type SlotRow } from './access.ts';
import { debtsOf, owesNothing } from './debts.ts';
import { ENTRY_TABLES, LACKS, type JournalTables } from './tables.ts';

type Tx = Transaction<JournalTables>;

/** Notes in one transaction. */
const BATCH = 512;
/** Transactions of different slots at a time. */
const ABREAST = 4;

/** An entry with those of its debts that count (none, if it is hidden); `cleared`: by the notes at hand. */
interface Debtor {
  readonly key: string;
  readonly slot: number;
  readonly seq: Seq;
  readonly debts: Record<StoreRole, Seq | null>;
  readonly cleared: StoreRole[];
}

export function settles(access: Access): Pick<Journal, 'applied'> {
  return {
    async applied(notes) {
      const parts = access.concurrentWriters ? bySlot(notes) : [notes];
      const batches = parts.flatMap((part) => chunks(part, BATCH));
      for (const some of chunks(batches, access.concurrentWriters ? ABREAST : 1)) {
        const settled = await Promise.allSettled(some.map((batch) => access.write((tx) => settle(tx, access, batch))));
        for (const each of settled) if (each.status === 'rejected') throw each.reason;
      }
    },
  };
}

/**
 * A transaction that locks ten slots of 64 waits for nearly every other one that does, and makes it wait. While it waits more notes gather,
 * so that the next one locks more slots: under load that ended with all writers in one queue. By one slot each they seldom meet.
 */
function bySlot(notes: readonly Applied[]): readonly (readonly Applied[])[] {
  return [...Map.groupBy(notes, ({ address }) => address.slot).values()];
}

async function settle(tx: Tx, access: Access, notes: readonly Applied[]): Promise<void> {
  const slots = await access.lock(tx, [...new Set(notes.map(({ address }) => address.slot))]);
  const [first] = slots;
  if (!first) return;
  const generation = Number(first.generation);
  const debtors = await find(tx, access, generation, slots, notes);
  for (const { address, seq, role } of notes) {
    const debtor = debtors.get(address.key);
    if (debtor?.seq !== seq || debtor.debts[role] === null) continue;
    debtor.debts[role] = null;
    debtor.cleared.push(role);
  }
  const changed = [...debtors.values()].filter(({ cleared }) => cleared.length > 0);
  const [leaving, staying] = [changed.filter(leaves), changed.filter((debtor) => !leaves(debtor))];
  for (const role of STORE_ROLES) {
    const keys = staying.filter(({ cleared }) => cleared.includes(role)).map(({ key }) => key);
    if (keys.length > 0) await clear(tx, access, generation, role, keys);
  }
  if (leaving.length > 0) await remove(tx, access, generation, leaving);
  for (const slot of slots) {
    const ofSlot = changed.filter((debtor) => debtor.slot === Number(slot.slot));
    if (ofSlot.length > 0) await count(tx, access, slot, ofSlot);
  }
}

async function find(
  tx: Tx,
  access: Access,
  generation: number,
  slots: readonly SlotRow[],
  notes: readonly Applied[],
): Promise<ReadonlyMap<string, Debtor>> {
  const rows = await tx
    .selectFrom('crossfade_journal_entry')
    .select(['key', 'slot', 'seq', 'lacks_old', 'lacks_new'])
    .where('dataset', '=', access.dataset)
    .where('generation', '=', generation)
    .where('key', 'in', padded(notes.map(({ address }) => address.key)))
    .execute();
  const locked = new Map(slots.map((slot) => [Number(slot.slot), slot]));
  const debtors = rows.flatMap((row): Debtor[] => {
    const slot = locked.get(Number(row.slot));
    const debts = slot && debtsOf(row, slot);
    if (!debts) return [];
    return [{ key: row.key, slot: Number(row.slot), seq: Number(row.seq), debts: { ...debts }, cleared: [] }];
  });
  return new Map(debtors.map((debtor) => [debtor.key, debtor]));
}

const leaves = ({ debts }: Debtor): boolean => owesNothing(debts);

async function clear(tx: Tx, access: Access, generation: number, role: StoreRole, keys: readonly string[]) {
  await tx
    .updateTable('crossfade_journal_entry')
    .set({ [LACKS[role]]: null })
    .where('dataset', '=', access.dataset)
    .where('generation', '=', generation)
    .where('key', 'in', padded(keys))
    .execute();
}

/** The rows of these entries, a thousand or so at most. */
export async function remove(
  tx: Tx,
  access: Access,
  generation: number,
  entries: readonly { readonly key: string }[],
): Promise<void> {
  const keys = padded(entries.map(({ key }) => key));
  for (const table of ENTRY_TABLES) {
    await tx
      .deleteFrom(table)
      .where('dataset', '=', access.dataset)
      .where('generation', '=', generation)
      .where('key', 'in', keys)
      .execute();
  }
}

/** What the slot knows of its entries, when these have changed; those that leave raise its mark. */
async function count(tx: Tx, access: Access, slot: SlotRow, changed: readonly Debtor[]): Promise<void> {
  const leaving = changed.filter(leaves);
  const cleared = (role: StoreRole) => changed.filter((debtor) => debtor.cleared.includes(role)).length;
  await access
    .update(tx, [Number(slot.slot)])
    .set({
      mark: Math.max(Number(slot.mark), ...leaving.map(({ seq }) => seq)),
      entries: Number(slot.entries) - leaving.length,
      lacking_old: Number(slot.lacking_old) - cleared('OLD'),
      lacking_new: Number(slot.lacking_new) - cleared('NEW'),
    })
    .execute();
}
