/**
 * The journal's tables, the same in every SQL engine.
 *
 * Seqs are packed as in seq.ts, times are milliseconds since 1970, flags are 0 and 1. A slot's run and counter are one number here: `last_seq`,
 * the seq that was given out last; what has been noted is the `last_seq` of that moment.
 * Every transaction that changes entries locks the row of their slot first: that row is what orders the writers of a slot.
 *
 * What the moves of the slots drop is hidden by the slots' rows alone (entries.ts has the rules):
 *
 *   generation               the epoch at which the journal was last emptied, the same in all slots. It leads the keys of entries and their
 *                            listed values, so that what is hidden lies in no reader's way and can be swept in the order of its key.
 *   forgiven_old, _new       debts of the store up to this seq do not count; an entry without a debt that counts is not there.
 *   entries, lacking_old, …  how many entries are there, and how many of them the store lacks something of: kept with each change, because
 *                            whoever hides entries has to say how many without reading them.
 *   hidden                   how many rows of this generation are of entries that are not there any more, at most.
 */
import type { ColumnType } from 'kysely';
import type { StoreRole } from '../../dataset.ts';

/** A 64-bit column: drivers hand it out as bigint, string or number; `Number` makes a safe integer of it. */
export type Integer = bigint | string | number;
type IntegerColumn = ColumnType<Integer, number, number>;
type NullableInteger = ColumnType<Integer | null, number | null, number | null>;

/** One row a dataset, made by the first `init`. */
export interface MetaTable {
  dataset: string;
  incarnation: string;
  slots: IntegerColumn;
}

export interface SlotTable {
  dataset: string;
  slot: IntegerColumn;
  incarnation: string;
  epoch: IntegerColumn;
  open: IntegerColumn;
  last_seq: IntegerColumn;
  mark: IntegerColumn;
  noted_seq: IntegerColumn;
  noted_number: IntegerColumn;
  generation: IntegerColumn;
  forgiven_old: IntegerColumn;
  forgiven_new: IntegerColumn;
  entries: IntegerColumn;
  lacking_old: IntegerColumn;
  lacking_new: IntegerColumn;
  hidden: IntegerColumn;
}

export interface EntryTable {
  dataset: string;
  generation: IntegerColumn;
  key: string;
  slot: IntegerColumn;
  seq: IntegerColumn;
  /** JSON of both faces; null: tombstone. */
  image: string | null;
  lacks_old: NullableInteger;
  lacks_new: NullableInteger;
  held_until: IntegerColumn;
  /** When the oldest append arrived of which a store still lacks something. */
  since: IntegerColumn;
}

/** The values an entry is listed under: of all its images while it lives, as JSON. */
export interface ListedTable {
  dataset: string;
  generation: IntegerColumn;
  key: string;
  field: string;
  value: string;
}

/** What each append was answered; outlives the entry, but not by much. */
export interface WriteTable {
  dataset: string;
  slot: IntegerColumn;
  write_id: string;
  seq: IntegerColumn;
  at: IntegerColumn;
}

export interface JournalTables {
  crossfade_journal_meta: MetaTable;
  crossfade_journal_slot: SlotTable;
  crossfade_journal_entry: EntryTable;
  crossfade_journal_listed: ListedTable;
  crossfade_journal_write: WriteTable;
}

/** What goes when an entry goes. */
export const ENTRY_TABLES = [
  'crossfade_journal_listed',
  'crossfade_journal_entry',
] as const satisfies readonly (keyof JournalTables)[];

export const LACKS = { OLD: 'lacks_old', NEW: 'lacks_new' } as const satisfies Record<StoreRole, keyof EntryTable>;
export const FORGIVEN = {
  OLD: 'forgiven_old',
  NEW: 'forgiven_new',
} as const satisfies Record<StoreRole, keyof SlotTable>;
export const LACKING = { OLD: 'lacking_old', NEW: 'lacking_new' } as const satisfies Record<StoreRole, keyof SlotTable>;

/** `byteText`: see `SqlDatabase`. */
export function journalTables(byteText: string): readonly string[] {
  return [
    `create table if not exists crossfade_journal_meta (
       dataset text not null primary key,
       incarnation text not null,
       slots bigint not null
     )`,
    `create table if not exists crossfade_journal_slot (
       dataset text not null,
       slot bigint not null,
       incarnation text not null,
       epoch bigint not null,
       "open" bigint not null,
       last_seq bigint not null,
       mark bigint not null,
       noted_seq bigint not null,
       noted_number bigint not null,
       generation bigint not null,
       forgiven_old bigint not null,
       forgiven_new bigint not null,
       entries bigint not null,
       lacking_old bigint not null,
       lacking_new bigint not null,
       hidden bigint not null,
       primary key (dataset, slot)
     )`,
    `create table if not exists crossfade_journal_entry (
       dataset text not null,
       generation bigint not null,
       "key" ${byteText} not null,
       slot bigint not null,
       seq bigint not null,
       image text,
       lacks_old bigint,
       lacks_new bigint,
       held_until bigint not null,
       since bigint not null,
       primary key (dataset, generation, "key")
     )`,
    `create table if not exists crossfade_journal_listed (
       dataset text not null,
       generation bigint not null,
       "key" ${byteText} not null,
       field text not null,
       value ${byteText} not null,
       primary key (dataset, generation, field, value, "key")
     )`,
    `create table if not exists crossfade_journal_write (
       dataset text not null,
       slot bigint not null,
       write_id text not null,
       seq bigint not null,
       at bigint not null,
       primary key (dataset, slot, write_id)
     )`,
  ];
}

/** Apart from the tables: those that are there already may be of another layout, to which these would not fit. */
export const JOURNAL_INDEXES: readonly string[] = [
  // Pages of one slot; and, as it covers them, the counts of what is lacked up to the noted seqs.
  `create index if not exists crossfade_journal_entry_slot
     on crossfade_journal_entry (dataset, generation, slot, "key", lacks_old, lacks_new)`,
  `create index if not exists crossfade_journal_entry_old
     on crossfade_journal_entry (dataset, generation, since, "key") where lacks_old is not null`,
  `create index if not exists crossfade_journal_entry_new
     on crossfade_journal_entry (dataset, generation, since, "key") where lacks_new is not null`,
  `create index if not exists crossfade_journal_listed_key on crossfade_journal_listed (dataset, generation, "key")`,
  `create index if not exists crossfade_journal_write_at on crossfade_journal_write (dataset, slot, at)`,
];
