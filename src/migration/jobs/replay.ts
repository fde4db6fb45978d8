/**
 * Replay: what a store lacks, from the journal into that store. One loop a store, so that one that is down never holds up the other.
 *
 * The guard makes an entry that is applied twice, or after a newer one, change nothing; the journal clears a debt only if the
 * entry still has the seq that was applied. So any number of appliers may work at once.
 */
import type { Clock } from '../clock.ts';
import type { ControlRecord } from '../control/control.ts';
import { JOURNAL_SLOTS, type Dataset, type StoreRole } from '../dataset.ts';
import { hasCode } from '../errors.ts';
import type { Journal, OwedEntry, SlotRange } from '../journal/journal.ts';
import type { Logger } from '../log.ts';
import { runOf } from '../seq.ts';
import type { Apply, ApplyResult, Store } from '../stores/store.ts';
import { counted } from '../words.ts';
import type { JobContext, StepResult } from './context.ts';
import { blocked, comparable, IDLE, PROGRESSED, replaysInto } from './steps.ts';

/** Entries that are applied in one transaction, to begin with. */
const BATCH = 500;
/** A transaction holds up a switch, so that its length is what counts: batches grow and shrink with what they take, milliseconds. */
const BATCH_MS = 20;
const LEAST_BATCH = 100;
const LARGEST_BATCH = 2000;
/** Batches that are read at once: while one of them is applied, the one before is noted. */
const READ = 4;
const MOST_READ = 4000;
/** A drain goes over these at the same time: of one it reads, or notes, while it applies those of the other. */
const HALVES: readonly SlotRange[] = [
  { from: 0, below: JOURNAL_SLOTS / 2 },
  { from: JOURNAL_SLOTS / 2, below: JOURNAL_SLOTS },
];
/** Entries that one store lacks from which on the processes share them. */
const SHARED_FROM = 2 * BATCH;
/** Between two tries of a drain that got nowhere. */
const RETRY_MS = 20;
/** How often an entry that the old store refuses is logged again. */
const REMIND_MS = 60_000;

export interface ReplayDeps {
  readonly dataset: Dataset;
  readonly store: Store;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
}

/** `stuck`: entries the old store refuses; they stay at the head of what is owed, so that a batch has to look past them. */
export interface ReplayState {
  stuck: number;
  /** Entries of the next batch. */
  batch: number;
  loggedAt: number;
  /** Entries brought since the store lacked nothing, and the epoch for which that was told. */
  brought: number;
  toldAt: number | null;
}

export function replayState(): ReplayState {
  return { stuck: 0, batch: BATCH, loggedAt: -Infinity, brought: 0, toldAt: null };
}

/** Is so much owed that it is worth to be shared out? What fits one batch is brought sooner than it could be handed to others. */
export async function isBacklog(ctx: JobContext, role: StoreRole): Promise<boolean> {
  const record = await ctx.record();
  if (record.run === null || !replaysInto(record, role)) return false;
  return (await ctx.journal.lacking(role, 'ALL')) > SHARED_FROM;
}

/** Brings one batch to one store; with `slots`, of what these hold. */
export async function replayStep(
  ctx: JobContext,
  role: StoreRole,
  state: ReplayState,
  slots?: SlotRange,
): Promise<StepResult> {
  const record = await ctx.record();
  if (record.run === null || !replaysInto(record, role)) return IDLE;
  const deps = { ...ctx, store: ctx.stores[role] };
  const of = slots ? { slots } : {};
  const { outcome, cleared } = await replayBatch(deps, role, { run: record.run, held: false, ...of }, state);
  state.brought += cleared;
  if (outcome === 'EMPTY') {
    reportCaughtUp(ctx, record, role, state);
    return IDLE;
  }
  if (outcome === 'FENCED') return blocked(`the ${role} store does not admit entries of this run yet`);
  return cleared > 0 ? PROGRESSED : blocked(`the ${role} store refuses ${counted(state.stuck, 'entry', 'entries')}`);
}

/** Once an epoch: under traffic a store is behind, and catches up, all the time. In DUAL that is how every write goes. */
function reportCaughtUp(ctx: JobContext, record: ControlRecord, role: StoreRole, state: ReplayState): void {
  const { brought: entries } = state;
  state.brought = 0;
  if (entries === 0 || state.toldAt === record.epoch || comparable(record)) return;
  state.toldAt = record.epoch;
  ctx.log.info({ dataset: ctx.dataset.name, store: role, entries }, 'the journal was brought to the store');
}

/**
 * Until the store lacks nothing, or `deadline` (of the monotonic clock) passes, also when the store hangs. Entries that their writers
 * still look after are brought too. A store or journal that does not answer is tried again until then.
 */
export async function drain(
  deps: ReplayDeps,
  role: StoreRole,
  options: { readonly run: number; readonly deadline: number },
): Promise<Drained> {
  const left = options.deadline - deps.clock.monotonic();
  if (left <= 0) return 'TIMED_OUT';
  const over = new AbortController();
  try {
    const timeout = deps.clock.delay(left, over.signal).then(() => 'TIMED_OUT' as const);
    return await Promise.race([drainUntil(deps, role, options, over.signal), timeout]);
  } finally {
    over.abort();
  }
}

async function drainUntil(
  deps: ReplayDeps,
  role: StoreRole,
  options: { readonly run: number; readonly deadline: number },
  signal: AbortSignal,
): Promise<Drained> {
  const cut = new AbortController();
  const either = AbortSignal.any([signal, cut.signal]);
  let reported = false;
  const report = (error: unknown): void => {
    if (!reported) deps.log.warn({ err: error, dataset: deps.dataset.name, role }, 'a drain waits');
    reported = true;
  };
  try {
    const outcomes = await Promise.all(
      HALVES.map(async (slots) => {
        const outcome = await drainSlots(deps, role, { ...options, slots, report }, either);
        if (outcome !== 'DRAINED') cut.abort();
        return outcome;
      }),
    );
    return (
      outcomes.find((outcome) => outcome === 'FENCED') ?? outcomes.find((outcome) => outcome !== 'DRAINED') ?? 'DRAINED'
    );
  } finally {
    cut.abort();
  }
}

type Drained = 'DRAINED' | 'TIMED_OUT' | 'FENCED';

interface Drain {
  readonly run: number;
  readonly deadline: number;
  readonly slots: SlotRange;
  /** A store or the journal does not answer. */
  readonly report: (error: unknown) => void;
}

async function drainSlots(
  deps: ReplayDeps,
  role: StoreRole,
  { run, deadline, slots, report }: Drain,
  signal: AbortSignal,
): Promise<Drained> {
  const state = replayState();
  while (!signal.aborted && deps.clock.monotonic() < deadline) {
    try {
      const { outcome, cleared } = await replayBatch(deps, role, { run, held: true, slots }, state);
      if (outcome === 'EMPTY') return 'DRAINED';
      if (outcome === 'FENCED') return 'FENCED';
      if (cleared > 0) continue;
    } catch (error) {
      if (!hasCode(error, 'STORE_UNAVAILABLE', 'JOURNAL_UNAVAILABLE')) throw error;
      report(error);
    }
    await deps.clock.delay(RETRY_MS, signal);
  }
  return 'TIMED_OUT';
}

interface BatchQuery {
  readonly run: number;
  readonly held: boolean;
  readonly slots?: SlotRange;
}

type Batched = { readonly outcome: 'EMPTY' | 'FENCED' | 'APPLIED'; readonly cleared: number };

/** `cleared`: entries that the store no longer lacks, as far as this batch knows. */
async function replayBatch(deps: ReplayDeps, role: StoreRole, query: BatchQuery, state: ReplayState): Promise<Batched> {
  try {
    return await replaySome(deps, role, query, state);
  } catch (error) {
    // What was too much at once, for a store or for the journal, is tried in smaller parts.
    state.batch = Math.max(1, state.batch >> 1);
    throw error;
  }
}

async function replaySome(
  deps: ReplayDeps,
  role: StoreRole,
  { run, ...query }: BatchQuery,
  state: ReplayState,
): Promise<Batched> {
  const { journal } = deps;
  const owed = await journal.owed({ role, limit: Math.min(MOST_READ, READ * state.batch) + state.stuck, ...query });
  if (owed.length === 0) {
    state.stuck = 0;
    return { outcome: 'EMPTY', cleared: 0 };
  }
  // The control record this run number is from is not the newest, or the journal is about to be opened anew.
  if (owed.some(({ seq }) => runOf(seq) !== run)) return { outcome: 'FENCED', cleared: 0 };
  let cleared = 0;
  let stuck = 0;
  let noted: Promise<void> = Promise.resolve();
  try {
    for (let from = 0; from < owed.length;) {
      const size = state.batch;
      const batch = owed.slice(from, from + size);
      from += batch.length;
      const began = deps.clock.monotonic();
      const { outcome, refused } = await deps.store.writer.apply(run, entriesOf(batch, role));
      if (outcome === 'FENCED') return { outcome, cleared };
      if (batch.length === size) state.batch = nextSize(size, deps.clock.monotonic() - began);
      // What the new store refuses is in its quarantine now, which is all there is to do; the old store has to take it in the end.
      const lacked = new Set(role === 'OLD' ? refused.map(({ key }) => key) : []);
      const done = batch.filter(({ key }) => !lacked.has(key));
      await noted;
      noted = journal.applied(done.map(({ key, slot, seq }) => ({ address: { key, slot }, seq, role })));
      // It is waited for below; until then its failure is nobody's yet.
      noted.catch(() => {});
      cleared += done.length;
      stuck += lacked.size;
      reportRefused(deps, role, refused, state);
    }
    state.stuck = stuck;
  } finally {
    await noted;
  }
  return { outcome: 'APPLIED', cleared };
}

/** Of a batch, after a full one of this size. */
export function nextSize(size: number, tookMs: number): number {
  // One that is smaller yet is so because larger ones have failed.
  if (tookMs > BATCH_MS) return Math.min(size, Math.max(LEAST_BATCH, Math.floor(size / 2)));
  return tookMs < BATCH_MS / 2 ? Math.min(LARGEST_BATCH, Math.ceil(size * 1.5)) : size;
}

function entriesOf(owed: readonly OwedEntry[], role: StoreRole): readonly Apply[] {
  return owed.map(({ key, seq, image }) => ({
    key,
    seq,
    row: image && (role === 'OLD' ? image.old : image.new),
    old: image && image.old,
  }));
}

function reportRefused(
  { dataset, clock, log }: ReplayDeps,
  role: StoreRole,
  refused: ApplyResult['refused'],
  state: ReplayState,
): void {
  const [first] = refused;
  const now = clock.monotonic();
  if (!first || (role === 'OLD' && now - state.loggedAt <= REMIND_MS)) return;
  if (role === 'OLD') state.loggedAt = now;
  const facts = {
    dataset: dataset.name,
    role,
    refused: refused.length,
    key: dataset.showKey(first.key),
    why: first.reason,
  };
  log.error(facts, role === 'NEW' ? 'entries went to quarantine' : 'entries are refused and stay in the journal');
}
