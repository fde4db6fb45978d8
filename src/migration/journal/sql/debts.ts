/**
 * Which debts count, and so which entries are there: in the rows of JavaScript and in SQL, side by side.
 *
 * A debt counts if its lowest lacked seq is above what its slot has forgiven that store. An entry is there while one of its debts counts.
 * (Entries of other generations are not looked at here: each statement asks for those of one generation.)
 */
import type { ExpressionBuilder, Kysely } from 'kysely';
import type { StoreRole } from '../../dataset.ts';
import type { Seq } from '../../seq.ts';
import type { Access, SlotRow } from './access.ts';
import { FORGIVEN, LACKS, type EntryTable, type Integer, type JournalTables } from './tables.ts';

export type Debts = Readonly<Record<StoreRole, Seq | null>>;
interface Lacks {
  readonly lacks_old: Integer | null;
  readonly lacks_new: Integer | null;
}

/** Those of an entry's debts that count. */
export function debtsOf(entry: Lacks, slot: Pick<SlotRow, 'forgiven_old' | 'forgiven_new'>): Debts {
  const counting = (role: StoreRole): Seq | null => {
    const lowest = entry[LACKS[role]];
    return lowest !== null && Number(lowest) > Number(slot[FORGIVEN[role]]) ? Number(lowest) : null;
  };
  return { OLD: counting('OLD'), NEW: counting('NEW') };
}

export function owesNothing(debts: Debts): boolean {
  return debts.OLD === null && debts.NEW === null;
}

/** The rows of this generation as `e`. */
export function rowsInForce(db: Kysely<JournalTables>, access: Access) {
  return db
    .selectFrom('crossfade_journal_entry as e')
    .where('e.dataset', '=', access.dataset)
    .where('e.generation', '=', currentGeneration(db, access));
}

/** One generation for all slots. A slot that is lost does not change it. */
export function currentGeneration(db: Kysely<JournalTables>, access: Access) {
  return db
    .selectFrom('crossfade_journal_slot')
    .select((slot) => slot.fn.max('generation').as('generation'))
    .where('dataset', '=', access.dataset);
}

/**
 * Does this debt of `e` count?
 *
 * The row's slot is looked up rather than joined: a join leaves it to the engine where to begin, and one that has no statistics yet
 * begins with the slots, and reads and sorts all entries for a page of them.
 */
export function counts(eb: ExpressionBuilder<JournalTables & { e: EntryTable }, 'e'>, role: StoreRole) {
  const forgiven = eb
    .selectFrom('crossfade_journal_slot as s')
    .select(`s.${FORGIVEN[role]}`)
    .whereRef('s.dataset', '=', 'e.dataset')
    .whereRef('s.slot', '=', 'e.slot');
  return eb(`e.${LACKS[role]}`, '>', forgiven);
}
