/**
 * The port to a store: one table of one dataset in one database. Reading and writing devices are apart.
 *
 * Described by what the engine needs; no connection and no transaction leaves an implementation. Every method
 * throws `CrossfadeError('STORE_UNAVAILABLE')` when the database does not answer, and opens it (again) when it is first needed.
 * Lists are in byte order of the key. Keys are encoded by `key.ts`; `null` bounds are open.
 *
 * Beside the dataset's table a store has, for each (dataset, role):
 *   crossfade_fence       epoch, step, mode, run, deployment          crossfade_guard      key -> seq, only keys written in a run
 *   crossfade_checkpoint  the copy's position and counts             crossfade_quarantine key -> reason, row
 */
import type { Row, StoreRole, Value } from '../dataset.ts';
import type { Seq } from '../seq.ts';
import type { FenceMode } from '../states.ts';

/** A row as found. `unreadable`: it cannot be told exactly what the table holds (invalid bytes, a number that a double rounds …). */
export type Stored =
  | { readonly key: string; readonly row: Row }
  | { readonly key: string; readonly unreadable: string; readonly raw: string };

/** Keys above `after` up to and including `upTo`. */
export interface KeyRange {
  readonly after: string | null;
  readonly upTo: string | null;
}
export const EVERYTHING: KeyRange = { after: null, upTo: null };

/** Rows that are worked on in one turn of the event loop while a table is streamed: requests wait for as long. */
export const PART_ROWS = 500;

export interface Filter {
  readonly field: string;
  readonly value: Value;
}

export interface StoreReader {
  /** One statement however many keys; keys without a row are absent from the map. */
  load(keys: readonly string[]): Promise<ReadonlyMap<string, Stored>>;
  /** At most `limit` rows of the range, in key order. */
  page(range: KeyRange, limit: number, filter?: Filter): Promise<readonly Stored[]>;
  /**
   * As `page`, from one statement in parts of `PART_ROWS` rows at most, of which few are in memory at a time: the store waits while
   * nobody asks for the next. Begins with the first one that is asked for; ends its statement when it is left early. Engines without such a statement leave it out.
   */
  stream?(range: KeyRange, limit: number): Promise<AsyncIterable<readonly Stored[]>>;
  /** Rows of the range, those with a key in `except` left out. */
  count(range: KeyRange, filter?: Filter, except?: readonly string[]): Promise<number>;
  /** The key of the row of the range that has `before` rows of it before it; null: the range has no more rows than that. */
  keyAt(range: KeyRange, before: number): Promise<string | null>;
  /** The digest (digest.ts) of the range's rows, computed in bounded memory. */
  digest(range: KeyRange): Promise<Digest>;
  /** The guards of these keys; a key that was not written in a run is absent. */
  guards(keys: readonly string[]): Promise<ReadonlyMap<string, Seq>>;
}

export interface Digest {
  readonly rows: number;
  /** 128 bits in hex; a sum, so that digests of parts add up. */
  readonly hash: string;
}

/** A write of a request in OLD or NEW: compare-and-set on the whole row, under the fence. */
export interface DirectChange {
  readonly epoch: number;
  readonly key: string;
  /** What the writer saw; null: no row. */
  readonly expect: Row | null;
  /** What it wants; null: remove the row. */
  readonly next: Row | null;
}

/** A journal entry on its way into this store. */
export interface Apply {
  readonly key: string;
  readonly seq: Seq;
  /** null: tombstone. */
  readonly row: Row | null;
  /** The old face, which the new store's quarantine keeps if the table refuses the row. */
  readonly old?: Row | null;
}

export interface ApplyResult {
  /** `FENCED`: nothing was changed. */
  readonly outcome: 'APPLIED' | 'FENCED';
  /** Entries whose row the table refused for good (a constraint). In the new store they are in quarantine; in the old one nothing changed. */
  readonly refused: readonly { readonly key: string; readonly seq: Seq; readonly reason: string }[];
}

export interface InsertResult {
  /** The rows that were there already, as they stand. */
  readonly present: readonly Stored[];
  /** Rows that the table refused for good (a constraint), and rows whose key is in quarantine. */
  readonly refused: readonly { readonly key: string; readonly reason: string }[];
}

export interface StoreWriter {
  /**
   * Mode DIRECT and this epoch, else `FENCED`. `CHANGED`: the row is not as expected, or the expected absence is a quarantined key.
   * A change that expects the quarantined old row (see `StoreQuarantine.find`) is made with `expect: null, releases: true`.
   */
  direct(change: DirectChange & { readonly releases?: boolean }): Promise<'WRITTEN' | 'CHANGED' | 'FENCED'>;
  /**
   * Mode DIRECT and this epoch, else `FENCED`. One transaction: the rows whose key has none yet are inserted. No key twice in `rows`.
   * For filling a store that serves.
   */
  insertMissing(epoch: number, rows: readonly Row[]): Promise<InsertResult | 'FENCED'>;
  /**
   * Mode APPLY and this run, else `FENCED`. One transaction: per entry set the guard and write the row, only if the guard is lower;
   * a key that is written leaves quarantine.
   */
  apply(run: number, entries: readonly Apply[]): Promise<ApplyResult>;
  /**
   * Mode COPY and this epoch, else `FENCED`; `MOVED`: the checkpoint is not at `from` any more. One transaction: rows, quarantine
   * and checkpoint. Nobody else writes the table in mode COPY, so the rows are new.
   */
  copy(epoch: number, batch: CopyBatch): Promise<'COPIED' | 'MOVED' | 'FENCED'>;
  /**
   * As `copy`, of a batch whose parts come while the first ones are written already: one transaction, `from` is that of the first
   * part, and each goes on where the one before ends. `UNDONE`: nothing was changed, for a row was refused or the transaction had to
   * give way, and `copy` will tell row by row. What `parts` throws is thrown on. Engines without a faster way than `copy` leave it out.
   */
  copyStream?(
    epoch: number,
    from: string | null,
    parts: AsyncIterable<CopyPart>,
  ): Promise<'COPIED' | 'MOVED' | 'FENCED' | 'UNDONE'>;
  /** Mode CLOSED at this epoch, else `FENCED`. Removes at most `limit` rows of table, guards and quarantine; `EMPTY` when none is left. */
  empty(epoch: number, limit: number): Promise<'EMPTY' | 'MORE' | 'FENCED'>;
  /** Guards of runs before this one, at most `limit`; how many were removed. For the old store, when no request of those runs can still wait. */
  dropGuards(beforeRun: number, limit: number): Promise<number>;
}

export interface CopyBatch {
  readonly rows: readonly Row[];
  /** The old faces of `rows`, in their order and as their reader gave them: for quarantine if the table refuses one, and not to check twice. */
  readonly olds?: readonly Row[];
  readonly quarantine: readonly Quarantined[];
  /** Of the old rows that this batch looked at. */
  readonly digest: Digest;
  /** The batch moves the checkpoint from here … */
  readonly from: string | null;
  /** … to here: the last key looked at, mapped or not. */
  readonly to: string | null;
  /** No key is left after this batch. */
  readonly complete: boolean;
}

export type CopyPart = Omit<CopyBatch, 'from'>;

export interface Quarantined {
  readonly key: string;
  readonly reason: string;
  /** JSON of the old row, or what could be read of it. */
  readonly row: string;
}
export interface QuarantinedRow extends Quarantined {
  readonly waived: boolean;
  readonly waiveReason: string | null;
}

/** Lives in the new store, beside the rows that it explains the absence of. */
export interface StoreQuarantine {
  counts(): Promise<{ readonly open: number; readonly waived: number }>;
  page(after: string | null, limit: number): Promise<readonly QuarantinedRow[]>;
  find(keys: readonly string[]): Promise<ReadonlyMap<string, QuarantinedRow>>;
  /** Marks all open rows; how many. */
  waive(reason: string): Promise<number>;
  /** Mode COPY and this epoch, else `FENCED`: of the keys still in quarantine, put the row into the table, or note the new reason. */
  retry(
    epoch: number,
    mapped: readonly { key: string; row: Row }[],
    still: readonly Quarantined[],
  ): Promise<'RETRIED' | 'FENCED'>;
}

/** epoch, step: where the store stands; it moves upwards only. `run`: set in mode APPLY. */
export interface Fence {
  readonly epoch: number;
  readonly step: number;
  readonly mode: FenceMode;
  readonly run: number | null;
  /** Which control store this table belongs to. */
  readonly deployment: string;
}

export interface StoreFence {
  read(): Promise<Fence | null>;
  /**
   * Takes the exclusive lock (waiting `timeoutMs` at most, then STORE_UNAVAILABLE) and sets the fence, if (epoch, step) is above what
   * stands there; returns what stands there afterwards. Raising to COPY starts the checkpoint anew in the same transaction, with `total`.
   */
  raise(fence: Fence, options: { readonly timeoutMs: number; readonly total?: number }): Promise<Fence>;
}

/** The copy's position in the new store; null before the first COPY. */
export interface Checkpoint {
  readonly epoch: number;
  readonly after: string | null;
  readonly total: number;
  readonly copied: number;
  readonly quarantined: number;
  /** Of all old rows that were looked at. */
  readonly digest: Digest;
  readonly complete: boolean;
}

export interface Store {
  readonly role: StoreRole;
  readonly reader: StoreReader;
  readonly writer: StoreWriter;
  readonly fence: StoreFence;
  readonly quarantine: StoreQuarantine;
  checkpoint(): Promise<Checkpoint | null>;
  /**
   * Other users of the database who may write the dataset's table, as far as this one may see; null: the engine has no users, whoever
   * reaches the file may write it.
   */
  otherWriters(): Promise<readonly string[] | null>;
  /** What the server calls itself, product and version (`Engine 16.4`); null: the engine has no server. */
  serverVersion(): Promise<string | null>;
  /** Answers, with its tables there. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
