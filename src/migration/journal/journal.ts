/**
 * The port to the journal: the cache device that keeps writes while the stores cannot take them, or one of them lags.
 *
 * It is split into `JOURNAL_SLOTS` slots. A slot has
 *
 *   epoch, open    who may append; moves upwards only; a closed slot keeps its epoch; all slots exist, closed, before the first announce
 *   run, counter   the next seq is (run, counter + 1)
 *   mark           at least the highest seq that has left the slot; moves upwards only
 *   noted          the counter as it stood when somebody last noted it, with the number of that note
 *   entries        key -> seq, image or tombstone, and per store the lowest seq of this key that the store lacks (null: nothing)
 *
 * An entry that replaces another keeps the older "lowest seq lacked" of each store, and stays listed under the older listed values too,
 * because a store may still show the row there. An entry leaves, raising the mark, when no store lacks anything.
 *
 * Requests wait while slots are moved, so no move does work for each entry: `open`, `advance` and `discard` hide what they drop in one
 * stroke, and raise the mark to the last seq given out, as if everything up to it had left. What is hidden counts nowhere and is found by
 * nobody: a hidden entry is no entry, also to the append and the notes of its key. `sweep` gives back the room that it takes up.
 *
 * Every outcome of an append is durable before it is returned. Methods throw JOURNAL_UNAVAILABLE when the journal does not answer,
 * when a slot is missing, and when its incarnation is not the expected one.
 */
import type { Address, Row, StoreRole, Value } from '../dataset.ts';
import type { Seq } from '../seq.ts';

/** Both faces of a row, mapped when the write was accepted. */
export interface Image {
  readonly old: Row;
  readonly new: Row;
}

export interface JournalEntry {
  readonly key: string;
  readonly slot: number;
  readonly seq: Seq;
  /** null: tombstone. */
  readonly image: Image | null;
  /** Per store the lowest seq of this key that it lacks; null: it lacks nothing. */
  readonly lacks: Readonly<Record<StoreRole, Seq | null>>;
}

export interface Slot {
  readonly slot: number;
  readonly epoch: number;
  readonly open: boolean;
  readonly mark: Seq;
}

/** An entry as replay needs it. */
export type OwedEntry = Pick<JournalEntry, 'key' | 'slot' | 'seq' | 'image'>;

export interface JournalView {
  readonly entries: ReadonlyMap<string, JournalEntry>;
  /** The slots that were asked, in one snapshot with their entries. */
  readonly slots: ReadonlyMap<number, Slot>;
}

export interface JournalPage {
  /** In key order. */
  readonly entries: readonly JournalEntry[];
  readonly slots: ReadonlyMap<number, Slot>;
}

/** Values by which entries can be listed: field -> all values under which any store may show the row, or will. */
export type Listed = Readonly<Record<string, readonly Value[]>>;

export interface Append {
  readonly epoch: number;
  readonly address: Address;
  /** What the writer read: the entry's seq, or without an entry the slot's mark. */
  readonly expect: { readonly seq: Seq } | { readonly mark: Seq };
  /** The same id twice gets the first answer. */
  readonly writeId: string;
  readonly image: Image | null;
  readonly listed: Listed;
  readonly owedTo: readonly StoreRole[];
  /** For how long the writer itself looks after the entry, milliseconds; replay leaves it alone until then. */
  readonly holdMs: number;
}

export type AppendResult =
  | { readonly outcome: 'APPENDED'; readonly seq: Seq }
  /** Entry or mark are not what was expected: read again. */
  | { readonly outcome: 'CHANGED' }
  /** The slot is closed or at another epoch: read the control record again. */
  | { readonly outcome: 'FENCED' };

export interface Applied {
  readonly address: { readonly key: string; readonly slot: number };
  readonly seq: Seq;
  readonly role: StoreRole;
}

export interface JournalStatus {
  readonly entries: number;
  readonly oldestAgeSeconds: number | null;
  readonly pending: Readonly<Record<StoreRole, number>>;
}

/** From the first, up to but without the second. */
export interface SlotRange {
  readonly from: number;
  readonly below: number;
}

export interface Journal {
  /** Changes when the journal is another one or an older one than it was; recorded in the control record. */
  incarnation(): Promise<string>;
  /** Trust only this incarnation from now on (null: any): all other methods throw JOURNAL_UNAVAILABLE against another. */
  expect(incarnation: string | null): void;
  /** Make what is missing: the slots, closed, at this epoch. */
  init(epoch: number): Promise<void>;

  read(addresses: readonly { readonly key: string; readonly slot: number }[]): Promise<JournalView>;
  append(append: Append): Promise<AppendResult>;
  /** "This store has this seq": clears the debt only of an entry that still has that seq. */
  applied(notes: readonly Applied[]): Promise<void>;

  /** At most `limit` entries above `after` in key order; with `listed`, those listed under that value; with `slot`, of that slot alone. */
  page(query: {
    readonly after: string | null;
    readonly limit: number;
    readonly listed?: { readonly field: string; readonly value: Value };
    readonly slot?: number;
  }): Promise<JournalPage>;

  /** Entries this store lacks, oldest first; those their writer still looks after only with `held`; with `slots`, of those alone. */
  owed(query: {
    readonly role: StoreRole;
    readonly limit: number;
    readonly held: boolean;
    readonly slots?: SlotRange;
  }): Promise<readonly OwedEntry[]>;
  /** How many entries this store lacks something of; `noted`: from up to the noted counters. */
  lacking(role: StoreRole, what: 'ALL' | 'NOTED'): Promise<number>;
  status(): Promise<JournalStatus>;

  /** Slot by slot, each atomically: drop all entries and open at (epoch, run), counter and mark at the start of the run. Upwards only. */
  open(at: { readonly epoch: number; readonly run: number }): Promise<void>;
  /**
   * Slot by slot: to this epoch, open, noting the counter under this epoch's number; drop the debts of a store, and the entries of which
   * the other one lacks nothing. Upwards only.
   */
  advance(at: { readonly epoch: number; readonly dropDebtsOf: StoreRole | null }): Promise<void>;
  /** Slot by slot: note the counter, unless it was noted under this number or a later one. */
  note(number: number): Promise<void>;
  /** Slot by slot: to this epoch, closed. Upwards only. */
  close(epoch: number): Promise<void>;
  /** Of slots closed at this epoch: drop all entries; how many were dropped. */
  discard(epoch: number): Promise<number>;
  /**
   * Removes at most `limit` hidden entries and what belongs to them; whoever uses the journal sees no difference. At any time, by any
   * number of processes. SWEPT, at little cost, when there is nothing to remove; MORE when there may be.
   */
  sweep(limit: number): Promise<'SWEPT' | 'MORE'>;

  /** Is it safe to keep the only copy of a write here? Each string is a setting to change, in words. */
  risks(): Promise<readonly string[]>;
  stop(): Promise<void>;
}
