/**
 * What the engine offers: to business code (`Engine`, `Operation`) and to operators (`Operator`).
 */
import type { Faces, Row, StoreRole, Value } from './dataset.ts';
import type { Difference, InstanceRow, SwitchPhase, Transition } from './control/control.ts';
import type { JournalStatus } from './journal/journal.ts';
import type { BusinessLogic, MigrationState, Place } from './states.ts';
import type { QuarantinedRow } from './stores/store.ts';

/**
 * One GraphQL query, or one top-level field of a mutation: all its reads are served under one state (P4).
 *
 * Every read may throw `OperationExpired`: the lease ran out under it, and the whole operation has to be run again from the start
 * with a new `Operation`. Reads with the same argument in one operation are made once; reads of one tick travel together.
 */
export interface Operation<O extends Row = Row, N extends Row = Row> {
  readonly place: Place;
  readonly logic: BusinessLogic;
  /** The row with these key fields, or null. */
  load(key: Row): Promise<Faces<O, N> | null>;
  page(query: PageQuery): Promise<Page<O, N>>;
  count(filter?: { readonly field: string; readonly value: Value }): Promise<number>;
  /** Ends the operation: a switch waits for it until then. Idempotent. */
  end(): void;
}

export interface PageQuery {
  readonly filter?: { readonly field: string; readonly value: Value };
  /** An encoded key; null: from the start. */
  readonly after: string | null;
  readonly first: number;
}

export interface Page<O extends Row = Row, N extends Row = Row> {
  readonly rows: readonly Faces<O, N>[];
  readonly hasNextPage: boolean;
}

/** Thrown by reads of an operation whose lease ran out; caught where operations begin, never shown to a client. */
export class OperationExpired extends Error {
  override readonly name = 'OperationExpired';
}

/** What business logic makes of the current row: one face to write, a removal, or a refusal. */
export type Decision<O extends Row, N extends Row, R> =
  { readonly write: { readonly old: O } | { readonly new: N } } | { readonly remove: true } | { readonly refuse: R };

export interface Situation {
  readonly place: Place;
  readonly logic: BusinessLogic;
}

export type Mutated<O extends Row, N extends Row, R> =
  | { readonly outcome: 'WRITTEN'; readonly before: Faces<O, N> | null; readonly after: Faces<O, N> | null }
  /** `current`: the row the refusal rests on. */
  | { readonly outcome: 'REFUSED'; readonly refusal: R; readonly current: Faces<O, N> | null };

export interface Engine<O extends Row = Row, N extends Row = Row> {
  /** Waits for a valid lease. `deadline`: of performance.now(). */
  begin(deadline: number): Promise<Operation<O, N>>;
  /**
   * Reads the row of this key, asks `decide`, and makes it so, once (P2), whatever state the dataset is in or goes through meanwhile.
   * `decide` is pure and may be asked again: the row changed meanwhile, or the state did. Returns when the write may be acknowledged.
   * Throws OUTCOME_UNKNOWN if the deadline passes after the write may have taken effect, DEADLINE_EXCEEDED before,
   * BAD_USER_INPUT if the written row has no counterpart in the other store.
   */
  mutate<R>(
    key: Row,
    decide: (current: Faces<O, N> | null, situation: Situation) => Decision<O, N, R>,
    deadline: number,
  ): Promise<Mutated<O, N, R>>;
  readonly operator: Operator;
  start(): Promise<void>;
  /** Lets running operations end, stops background work, releases the lease, closes nothing it was given. */
  stop(): Promise<void>;
  /** Does the lease run, and do the stores that the state needs answer? Throws the code of what does not. */
  ready(): Promise<void>;
  /** Called with each new place, as this process learns of it. Returns an unsubscribe function. */
  onPlace(listener: (situation: Situation & { readonly epoch: number }) => void): () => void;
}

export const BLOCKER_CODES = [
  'COPY_INCOMPLETE',
  'QUARANTINE_NOT_EMPTY',
  'BACKLOG_NOT_EMPTY',
  'NOT_VERIFIED',
  'DIFFERENCES_FOUND',
  'STORE_UNREACHABLE',
  'JOURNAL_UNREACHABLE',
  'JOURNAL_UNSAFE',
  'TARGET_NOT_EMPTY',
  'OLD_STORE_CHANGED',
  'NOT_ADJACENT',
  'SWITCH_IN_PROGRESS',
  'TIMED_OUT',
] as const;
export type BlockerCode = (typeof BLOCKER_CODES)[number];
/** What `acceptRisk` may name; STORE_UNREACHABLE counts for a store that the move can do without. */
export const ACCEPTABLE_RISKS: readonly BlockerCode[] = ['JOURNAL_UNSAFE', 'OLD_STORE_CHANGED', 'STORE_UNREACHABLE'];

export interface Blocker {
  readonly code: BlockerCode;
  readonly message: string;
  readonly count: number | null;
}

export interface SwitchInput {
  readonly to: MigrationState;
  readonly readNewPercent: number | null;
  readonly expectedEpoch: number | null;
  readonly reason: string;
  readonly dryRun: boolean;
  readonly acceptRisk: readonly BlockerCode[];
  /** Who asks, for the history. */
  readonly actor: string;
}

export type SwitchResult =
  | { readonly outcome: 'SWITCHED'; readonly dryRun: boolean; readonly pauseMs: number | null }
  | { readonly outcome: 'BLOCKED'; readonly blockers: readonly Blocker[] }
  | { readonly outcome: 'EPOCH_CONFLICT' };

export interface MoveOption {
  readonly to: MigrationState;
  /** null for DUAL to DUAL: any percentage. */
  readonly readNewPercent: number | null;
  readonly allowed: boolean;
  readonly blockers: readonly Blocker[];
}

export interface CopyProgress {
  readonly total: number;
  readonly copied: number;
  readonly quarantined: number;
  readonly rowsPerSecond: number;
  readonly etaSeconds: number | null;
  readonly running: boolean;
  readonly paused: boolean;
  readonly complete: boolean;
  readonly rateLimit: number | null;
}

export interface VerificationStatus {
  readonly running: boolean;
  readonly checked: number;
  readonly total: number;
  readonly differing: number;
  readonly repaired: number;
  /** 0 to 1: share of the rows of both stores that ranges without a gap have covered. */
  readonly coverage: number;
  /** Finished, covered everything, and no difference is left. */
  readonly clean: boolean;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

export interface MigrationStatus {
  readonly dataset: string;
  readonly place: Place;
  readonly epoch: number;
  readonly settled: boolean;
  readonly switching: {
    readonly to: Place;
    readonly phase: SwitchPhase;
    readonly since: string;
    readonly waitingFor: string;
  } | null;
  readonly logic: BusinessLogic;
  readonly logicPinned: boolean;
  /** What operators asked of the copy; it is kept also while none is under way. */
  readonly copySettings: { readonly paused: boolean; readonly rateLimit: number | null };
}

/** Everything an operator sees and does. The parts of a migration are separate calls, so that a query pays for what it asks. */
export interface Operator {
  status(): Promise<MigrationStatus>;
  /** null before the first copy, and when the new store does not answer. */
  copyProgress(): Promise<CopyProgress | null>;
  journalStatus(): Promise<JournalStatus>;
  verification(): Promise<VerificationStatus | null>;
  instances(): Promise<readonly InstanceRow[]>;
  moves(): Promise<readonly MoveOption[]>;
  /** Other users of the old store's database who may write its table, as far as can be seen; null: its engine has no users. */
  otherWriters(): Promise<readonly string[] | null>;
  /** Keys are shown with `Dataset.showKey`; cursors are opaque. */
  differences(page: OperatorPage): Promise<OperatorList<Difference>>;
  quarantine(page: OperatorPage): Promise<OperatorList<QuarantinedRow>>;
  quarantineCounts(): Promise<{ readonly open: number; readonly waived: number }>;
  history(page: OperatorPage): Promise<OperatorList<Transition>>;

  /** `signal` is not for disconnects: a client that goes away changes nothing. */
  switchTo(input: SwitchInput): Promise<SwitchResult>;
  setBusinessLogic(logic: BusinessLogic | null): Promise<void>;
  pauseCopy(): Promise<void>;
  resumeCopy(): Promise<void>;
  /** Rows per second; null: no limit. */
  setCopyRate(rowsPerSecond: number | null): Promise<void>;
  /** Starts the work and returns; again while it runs: no change. */
  verify(): Promise<void>;
  repair(): Promise<void>;
  retryQuarantine(): Promise<void>;
  waiveQuarantine(reason: string): Promise<void>;
}

export interface OperatorPage {
  readonly first: number;
  readonly after: string | null;
}

export interface OperatorList<T> {
  readonly edges: readonly { readonly node: T; readonly cursor: string }[];
  readonly hasNextPage: boolean;
  totalCount(): Promise<number>;
}

/** The stores an engine works on. */
export type Stores<S> = Readonly<Record<StoreRole, S>>;
