/**
 * The ladder. The only place that knows what a state does.
 *
 * `LADDER` says, for each settled state, where reads come from, who has the authority over a key, how a write travels
 * and what works in the background. `MOVES` says which state follows which, what must hold before, and the steps of the flip.
 * Everything else in the engine interprets these two tables and never asks for a state by name.
 *
 *   OLD --> MIGRATING --> CATCHING_UP --> DUAL(0..100) --> NEW
 *    ^         |                             |
 *    |         v                             | from 0 percent
 *    +---- RETREATING                        |
 *    +---------------------------------------+
 */
import type { StoreRole } from './dataset.ts';

export const STATES = ['OLD', 'MIGRATING', 'CATCHING_UP', 'RETREATING', 'DUAL', 'NEW'] as const;
export type MigrationState = (typeof STATES)[number];
export type BusinessLogic = 'OLD' | 'BOTH' | 'NEW';

/** What a store's fence lets through: writes of requests, the bulk copy, journal entries of one run, or nothing. */
export type FenceMode = 'DIRECT' | 'COPY' | 'APPLY' | 'CLOSED';

/** A store, or the one that the key's place on the percentage scale selects. */
export type Authority = StoreRole | 'BY_KEY';

export interface Rung {
  readonly authority: Authority;
  /** Reads by key: `overlay` means the journal first, then the store. */
  readonly read: { readonly overlay: boolean };
  /** Lists and counts. `EITHER`: any store that answers, under the overlay. */
  readonly list: { readonly overlay: boolean; readonly store: StoreRole | 'EITHER' };
  readonly write: DirectWrite | JournalWrite;
  readonly logic: BusinessLogic;
  /** `CLEAR`: what earlier runs left in the new store goes, so that whatever is found there later is somebody else's. */
  readonly background: readonly ('COPY' | 'REPLAY' | 'CLEAR')[];
}
export interface DirectWrite {
  readonly via: 'STORE';
}
export interface JournalWrite {
  readonly via: 'JOURNAL';
  /** The stores an entry is owed to. */
  readonly owedTo: readonly StoreRole[];
  /** The stores the writer itself brings its entry to at once; the others wait for replay. */
  readonly applyTo: readonly StoreRole[];
  /** When the client hears of it: as soon as the journal has it, or when the key's authority has it. */
  readonly acknowledge: 'APPENDED' | 'AUTHORITY';
}

const BOTH = ['OLD', 'NEW'] as const;
const direct = { via: 'STORE' } as const;
const journaled = (owedTo: readonly StoreRole[], applyTo: readonly StoreRole[]): JournalWrite => ({
  via: 'JOURNAL',
  owedTo,
  applyTo,
  acknowledge: applyTo.length === 0 ? 'APPENDED' : 'AUTHORITY',
});

// prettier-ignore
export const LADDER = {
  OLD:         { authority: 'OLD',    read: { overlay: false }, list: { overlay: false, store: 'OLD' },    write: direct,                    logic: 'OLD',  background: ['CLEAR'] },
  MIGRATING:   { authority: 'OLD',    read: { overlay: true },  list: { overlay: true,  store: 'OLD' },    write: journaled(BOTH, []),       logic: 'OLD',  background: ['COPY'] },
  CATCHING_UP: { authority: 'OLD',    read: { overlay: true },  list: { overlay: true,  store: 'OLD' },    write: journaled(BOTH, BOTH),     logic: 'OLD',  background: ['REPLAY'] },
  RETREATING:  { authority: 'OLD',    read: { overlay: true },  list: { overlay: true,  store: 'OLD' },    write: journaled(['OLD'], ['OLD']), logic: 'OLD',  background: ['REPLAY'] },
  DUAL:        { authority: 'BY_KEY', read: { overlay: false }, list: { overlay: true,  store: 'EITHER' }, write: journaled(BOTH, BOTH),     logic: 'BOTH', background: ['REPLAY'] },
  NEW:         { authority: 'NEW',    read: { overlay: false }, list: { overlay: false, store: 'NEW' },    write: direct,                    logic: 'NEW',  background: [] },
} as const satisfies Record<MigrationState, Rung>;

/** A place on the ladder. `percent` is 0 to 100 in DUAL, 0 below it and 100 in NEW. */
export interface Place {
  readonly state: MigrationState;
  readonly percent: number;
}

export function rung(place: Place): Rung {
  return LADDER[place.state];
}

/** The store that decides about every key; null: that depends on the key. */
export function soleAuthority({ state }: Place): StoreRole | null {
  const { authority } = LADDER[state];
  return authority === 'BY_KEY' ? null : authority;
}

/** The store that decides about the keys of this bucket (0 to 99). Sticky: a bucket on the new store at p stays there above p. */
export function authorityOf(place: Place, bucket: number): StoreRole {
  const { authority } = LADDER[place.state];
  if (authority !== 'BY_KEY') return authority;
  return bucket < place.percent ? 'NEW' : 'OLD';
}

/** Is the key's authority another one after the switch? */
export function moves(from: Place, to: Place, bucket: number): boolean {
  return authorityOf(from, bucket) !== authorityOf(to, bucket);
}

/** Checked before an announce; each is a blocker code of the schema, and a function of its own in control/blockers.ts. */
export type Precondition =
  | { readonly check: 'STORE_REACHABLE'; readonly store: StoreRole; readonly acceptable: boolean }
  | { readonly check: 'JOURNAL_REACHABLE' }
  | { readonly check: 'JOURNAL_SAFE' }
  | { readonly check: 'TARGET_EMPTY' }
  | { readonly check: 'COPY_COMPLETE' }
  | { readonly check: 'QUARANTINE_EMPTY' }
  | { readonly check: 'OLD_STORE_UNCHANGED' }
  | { readonly check: 'BACKLOG_EMPTY'; readonly store: StoreRole }
  | { readonly check: 'VERIFIED' };

/** One step of a flip: idempotent, moves upwards only, numbered by its place in the list (from 1). */
export type FlipStep =
  | { readonly step: 'FENCE'; readonly store: StoreRole; readonly mode: FenceMode; readonly ifReachable: boolean }
  | { readonly step: 'OPEN_JOURNAL' }
  | { readonly step: 'ADVANCE_JOURNAL'; readonly dropDebtsOf: StoreRole | null }
  | { readonly step: 'CLOSE_JOURNAL' }
  /** Bring to `into` all that it lacks; to `also`, while it answers, for a second at most. */
  | { readonly step: 'DRAIN'; readonly into: StoreRole; readonly also: StoreRole | null }
  /** Drop, and count, the entries that only the store which is left behind lacks. */
  | { readonly step: 'DISCARD' };

export interface Move {
  readonly from: MigrationState;
  readonly to: MigrationState;
  /** The percentage the move starts from, where only one will do. */
  readonly fromPercent?: number;
  /** The percentage the move arrives at, where only one will do. */
  readonly toPercent?: number;
  readonly needs: readonly Precondition[];
  readonly flip: readonly FlipStep[];
}

const up = (store: StoreRole, acceptable = false): Precondition => ({ check: 'STORE_REACHABLE', store, acceptable });
const journalUp: Precondition = { check: 'JOURNAL_REACHABLE' };
const caughtUp = (store: StoreRole): Precondition => ({ check: 'BACKLOG_EMPTY', store });
const fence = (store: StoreRole, mode: FenceMode): FlipStep => ({ step: 'FENCE', store, mode, ifReachable: false });
const fenceIfUp = (store: StoreRole, mode: FenceMode): FlipStep => ({ step: 'FENCE', store, mode, ifReachable: true });
const advance = (dropDebtsOf: StoreRole | null = null): FlipStep => ({ step: 'ADVANCE_JOURNAL', dropDebtsOf });
const close: FlipStep = { step: 'CLOSE_JOURNAL' };
const discard: FlipStep = { step: 'DISCARD' };
const drain = (into: StoreRole, also: StoreRole | null = null): FlipStep => ({ step: 'DRAIN', into, also });
const backToOld = [close, drain('OLD'), discard, fenceIfUp('NEW', 'CLOSED'), fence('OLD', 'DIRECT')];

/** What the new store still has to do for MIGRATING (close, empty, COPY) is background work of the settled state: it may be down. */
// prettier-ignore
export const MOVES: readonly Move[] = [
  { from: 'OLD', to: 'MIGRATING',
    needs: [up('OLD'), up('NEW'), journalUp, { check: 'JOURNAL_SAFE' }, { check: 'TARGET_EMPTY' }],
    flip: [fence('OLD', 'CLOSED'), { step: 'OPEN_JOURNAL' }] },
  { from: 'MIGRATING', to: 'CATCHING_UP',
    needs: [up('OLD'), up('NEW'), journalUp, { check: 'COPY_COMPLETE' }, { check: 'QUARANTINE_EMPTY' }, { check: 'OLD_STORE_UNCHANGED' }],
    flip: [fenceIfUp('NEW', 'APPLY'), fence('OLD', 'APPLY'), advance()] },
  { from: 'MIGRATING', to: 'RETREATING',
    needs: [up('OLD'), journalUp],
    flip: [fence('OLD', 'APPLY'), advance('NEW')] },
  { from: 'RETREATING', to: 'OLD',
    needs: [up('OLD'), journalUp, caughtUp('OLD')],
    flip: backToOld },
  { from: 'CATCHING_UP', to: 'DUAL', toPercent: 0,
    needs: [up('OLD'), journalUp, caughtUp('OLD')],
    flip: [advance()] },
  { from: 'DUAL', to: 'DUAL',
    needs: [journalUp],
    flip: [advance()] },
  { from: 'DUAL', to: 'OLD', fromPercent: 0,
    needs: [up('OLD'), journalUp],
    flip: backToOld },
  { from: 'DUAL', to: 'NEW', fromPercent: 100,
    needs: [up('NEW'), up('OLD', true), journalUp, caughtUp('NEW'), { check: 'VERIFIED' }],
    flip: [close, drain('NEW', 'OLD'), discard, fenceIfUp('OLD', 'CLOSED'), fence('NEW', 'DIRECT')] },
];

export function findMove(from: Place, to: Place): Move | null {
  const move = MOVES.find((m) => m.from === from.state && m.to === to.state);
  if (!move) return null;
  if (move.fromPercent !== undefined && move.fromPercent !== from.percent) return null;
  if (move.toPercent !== undefined && move.toPercent !== to.percent) return null;
  return move;
}

/** What a percentage change adds to `needs`: the store that gains keys must answer and have the backlog of before. */
export function gaining(from: Place, to: Place): StoreRole | null {
  if (from.state !== 'DUAL' || to.state !== 'DUAL' || from.percent === to.percent) return null;
  return to.percent > from.percent ? 'NEW' : 'OLD';
}

/** Does the journal hold writes in this state? */
export function usesJournal(state: MigrationState): boolean {
  return LADDER[state].write.via === 'JOURNAL';
}
