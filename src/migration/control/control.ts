/**
 * The port to the control store: the migration state control device, and what operators read.
 *
 * There is one control record a dataset. Everything that is decided about a dataset is decided by one compare-and-set on its
 * `revision`; whoever loses reads again. Instances hold what they read under a lease (see lease.ts).
 * All methods throw CONTROL_UNAVAILABLE when the control store does not answer.
 */
import type { BusinessLogic, Place } from '../states.ts';

/** ANNOUNCE: everybody is told; FLIP: fences and slots are on their way; SETTLE: done, waiting until every live instance has seen it. */
export type SwitchPhase = 'ANNOUNCE' | 'FLIP' | 'SETTLE';

export interface Switch {
  readonly to: Place;
  /** The announced epoch: in force from FLIP on. */
  readonly epoch: number;
  readonly phase: SwitchPhase;
  /** ISO time of the announce. */
  readonly since: string;
  readonly actor: string;
  readonly reason: string;
  readonly acceptedRisks: readonly string[];
}

export interface ControlRecord {
  readonly dataset: string;
  /** Moves with every change of this record; what instances answer with. */
  readonly revision: number;
  /** The state in force. From SETTLE on it is the one the switch went to. */
  readonly place: Place;
  /** The epoch in force: fences and slots stand at it, whatever announces and cancels came after. */
  readonly epoch: number;
  /** The highest epoch number ever taken, by an announce or a cancel: a number is never used twice. */
  readonly lastNumber: number;
  /** The epoch at which the journal was last opened; null before the first time. */
  readonly run: number | null;
  readonly switching: Switch | null;
  /** What the operator pinned; null: follow the state. */
  readonly pinnedLogic: BusinessLogic | null;
  /** The journal's incarnation as it was when the run began; null outside a run. */
  readonly incarnation: string | null;
  readonly copy: { readonly paused: boolean; readonly rateLimit: number | null };
  /** Epoch and ISO time at which DUAL was reached in this run: a verification must begin later to count. */
  readonly dualSince: string | null;
}

export interface Transition {
  readonly from: Place;
  readonly to: Place;
  readonly epoch: number;
  readonly actor: string;
  readonly reason: string;
  readonly at: string;
  readonly pauseMs: number | null;
  readonly acceptedRisks: readonly string[];
  /** Entries that only the store left behind lacked, and that were dropped with it. */
  readonly dropped: number;
}

export interface InstanceRow {
  readonly id: string;
  readonly label: string;
  /** The epoch of the record it answered with. */
  readonly epoch: number;
  /** The highest revision under which, or later, all of its running operations were begun. */
  readonly answered: number;
  readonly leaseMs: number;
  readonly lastSeenAt: string;
  readonly leaseExpiresAt: string;
}

export interface Renewal {
  readonly dataset: string;
  readonly id: string;
  readonly label: string;
  readonly leaseMs: number;
  readonly epoch: number;
  readonly answered: number;
}

export interface Change {
  readonly dataset: string;
  readonly revision: number;
  /** What was committed, where it was written through this handle. */
  readonly record?: ControlRecord;
}

export type DifferenceKind = 'DIFFERS' | 'ONLY_IN_OLD' | 'ONLY_IN_NEW' | 'UNREADABLE';

export interface Difference {
  readonly key: string;
  /** null: the whole row. */
  readonly field: string | null;
  readonly kind: DifferenceKind;
  readonly old: string | null;
  readonly new: string | null;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
}
export type FoundDifference = Omit<Difference, 'firstSeenAt' | 'lastSeenAt'>;

/** One run of verify. How far it is, is durable range by range, so that processes share it and go on for each other. */
export interface VerificationRow {
  readonly dataset: string;
  /** Grows with each verification of a dataset. */
  readonly number: number;
  readonly epoch: number;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Its ranges were covered, each to its end in both stores, and were seen to leave no key out. */
  readonly covered: boolean;
  readonly checked: number;
  readonly total: number;
  readonly differing: number;
  readonly repaired: number;
  /** Why it stopped early, in words; such a run is never clean. */
  readonly failed: string | null;
}

/** A part of the key space: keys above `after` up to and including `upTo`; null: there is no bound. */
export interface VerificationRange {
  /** In key order, from 0. */
  readonly part: number;
  readonly after: string | null;
  readonly upTo: string | null;
  /** All keys of the range up to here are covered; null: none yet. */
  readonly position: string | null;
  /** All of its keys are covered. */
  readonly covered: boolean;
}

/** What was covered of a range at once. */
export interface RangeStep {
  readonly position: string | null;
  readonly covered: boolean;
  /** Rows of both stores. */
  readonly checked: number;
  /** Keys that differ. */
  readonly differing: number;
}

/** A line of the audit trail. A command has two: one before it is done, one when it is known what became of it. */
export interface AuditEntry {
  /** Of the command; one for both lines. */
  readonly id: string;
  readonly phase: 'BEGUN' | 'ENDED';
  /** ISO time. */
  readonly at: string;
  /** null: it is about no dataset. */
  readonly dataset: string | null;
  readonly actor: string;
  readonly command: string;
  readonly reason: string | null;
  /** Under which the log speaks of it. */
  readonly requestId: string;
  /** What was asked for, as JSON has it. */
  readonly input: unknown;
  /** Of ENDED alone: DONE, or why not. */
  readonly outcome: string | null;
  /** What the command is about, as JSON has it: before it, or after it. */
  readonly state: unknown;
}

export interface ControlStore {
  /** Makes what is missing (tables, the deployment's id); returns the id. */
  open(): Promise<string>;
  ping(): Promise<void>;
  close(): Promise<void>;

  read(dataset: string): Promise<ControlRecord | null>;
  /** Writes the first record unless there is one; returns the one that stands. */
  create(record: ControlRecord): Promise<ControlRecord>;
  /** Replaces the record if its revision is still `revision`, with the transition in the same transaction; null: lost. */
  compareAndSet(revision: number, next: ControlRecord, transition?: Transition): Promise<ControlRecord | null>;
  /**
   * Tells of changed records, after their commit: of those made through this handle always, of those of other processes while `hears` is true.
   * `change` null: something may have been missed until now. Returns an unsubscribe function.
   */
  onChange(listener: (change: Change | null) => void): () => void;
  /** Does word of what other processes change reach this one? Where it does not, whoever waits for a change has to look. */
  hears(): boolean;

  /**
   * Registers or renews the instance, and reads the record after that: an announce that comes too late to be read here was made by somebody
   * who sees this instance registered.
   */
  renew(renewal: Renewal): Promise<ControlRecord | null>;
  release(dataset: string, id: string): Promise<void>;
  /** Instances seen within `withinMs`; null: all that were not swept yet. */
  instances(dataset: string, withinMs: number | null): Promise<readonly InstanceRow[]>;

  /** Newest first; `before`: epochs below it. */
  history(dataset: string, before: number | null, limit: number): Promise<readonly Transition[]>;
  historyCount(dataset: string): Promise<number>;

  /** Nothing in the trail is ever changed or removed; an entry that is there already is an error. */
  appendAudit(entry: AuditEntry): Promise<void>;
  /** The newest entries, newest first. */
  auditTrail(limit: number): Promise<readonly AuditEntry[]>;

  /** Takes or keeps the job for `ttlMs`; false: another instance has it. */
  claim(dataset: string, job: string, owner: string, ttlMs: number): Promise<boolean>;
  unclaim(dataset: string, job: string, owner: string): Promise<void>;

  verification(dataset: string): Promise<VerificationRow | null>;
  /** Starts a new verification, differences of earlier ones removed; the running one if there is one. */
  startVerification(row: Omit<VerificationRow, 'number'>): Promise<VerificationRow>;
  /** The ranges of that run, in key order; none: it was not split yet. */
  verificationRanges(of: VerificationRow): Promise<readonly VerificationRange[]>;
  /** Splits the run into ranges that end at these keys, in key order, and one above them; false: it is split, has ended, or is another one. */
  splitVerification(of: VerificationRow, cuts: readonly string[]): Promise<boolean>;
  /**
   * Moves the range on from `from` with what was found, one transaction; null: it is not there any more, or the run has ended or is another
   * one. Returns the run as it is then. The last range that is covered ends it: with `covered` if the ranges leave no key out.
   */
  advanceVerification(
    of: VerificationRow,
    from: VerificationRange,
    step: RangeStep,
    found: readonly FoundDifference[],
  ): Promise<VerificationRow | null>;
  /** Ends the run early; false: it has ended, or is another one. */
  failVerification(of: VerificationRow, why: string): Promise<boolean>;

  /** In key order, then by field. `after` is what `differenceCursor` made of the last one. */
  differences(
    dataset: string,
    after: { readonly key: string; readonly field: string } | null,
    limit: number,
  ): Promise<readonly Difference[]>;
  differenceCount(dataset: string): Promise<number>;
  /** Replaces what is known about these keys: `found` for those that still differ, nothing for the others; counts the repaired. */
  settleDifferences(dataset: string, keys: readonly string[], found: readonly FoundDifference[]): Promise<void>;
  /**
   * Adds what was found of keys of which nothing is known, and has what is known already, and is the same in kind, seen again. What else is
   * known of a key stays: it says more than that this time nothing could be seen.
   */
  noteDifferences(dataset: string, found: readonly FoundDifference[]): Promise<void>;
}
