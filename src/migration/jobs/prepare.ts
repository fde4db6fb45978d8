/**
 * What a state needs of the stores before its work can begin, and what a store that was down when it was due has missed.
 *
 *   no run    new store: fence CLOSED, emptied of what the last run left, marked as cleared: what is found there later is not ours
 *   copy      new store: fence CLOSED, emptied of what an earlier run left, fence COPY with a fresh checkpoint;
 *             old store: guards of earlier runs dropped, once no request of those runs can still wait for one
 *   replay    new store: fence APPLY, if it did not answer at the flip
 *
 * Every step is refused by a fence that stands higher, so a preparer that wakes up late changes nothing.
 */
import type { ControlRecord } from '../control/control.ts';
import { EVERYTHING, type Fence } from '../stores/store.ts';
import type { JobContext, StepResult } from './context.ts';
import { Pace } from './meter.ts';
import { blocked, clears, copies, IDLE, PROGRESSED, replaysInto, settled } from './steps.ts';

/** Steps at the epoch of a settled copying state; its flip leaves the new store's numbers free. */
const CLOSED_STEP = 1;
const COPY_STEP = 2;
/** The place of the new store's fence in the flip to replay: raising it later is the same step. */
const APPLY_STEP = 1;
/** Above the flip that ends a run: the new store holds nothing of it any more. */
const CLEARED_STEP = 100;
const FENCE_TIMEOUT_MS = 2000;
const GUARDS_AT_ONCE = 500;

export interface PrepareOptions {
  /** How long after the begin of a run a request of an earlier one may still look for its guard, milliseconds. */
  readonly guardGraceMs: number;
}

export interface PrepareState {
  readonly options: PrepareOptions;
  readonly pace: Pace;
  /** The run before which the old store holds no guards, as far as this instance saw to it. */
  guardsDroppedFor: number | null;
  /** The epoch at which the new store was seen to be cleared, or to be none of ours: it is not asked again. */
  clearedAt: number | null;
}

/** Was the table emptied after the last run of this deployment? Rows that are there nevertheless are somebody else's. */
export function isCleared(fence: Fence | null, deployment: string): boolean {
  return fence?.deployment === deployment && fence.mode === 'CLOSED' && fence.step === CLEARED_STEP;
}

export function prepareState(options: Partial<PrepareOptions> = {}): PrepareState {
  return {
    options: { guardGraceMs: 60_000, ...options },
    pace: new Pace({ least: 100, most: 5000, start: 500, targetMs: 25 }),
    guardsDroppedFor: null,
    clearedAt: null,
  };
}

export async function prepareStep(ctx: JobContext, state: PrepareState): Promise<StepResult> {
  const record = await ctx.record();
  const { run } = record;
  if (run === null || !settled(record)) return IDLE;
  if (copies(record)) return prepareCopy(ctx, record, run, state);
  if (replaysInto(record, 'NEW')) return admitReplay(ctx, record, run);
  if (clears(record)) return clear(ctx, record, state);
  return IDLE;
}

async function prepareCopy(
  ctx: JobContext,
  { epoch }: ControlRecord,
  run: number,
  state: PrepareState,
): Promise<StepResult> {
  const store = ctx.stores.NEW;
  const fence = await store.fence.read();
  const ours = fence?.deployment === ctx.deployment;
  // A table that no run of this deployment ever fenced, or that was cleared since the last one, is not ours to empty.
  if ((!ours || isCleared(fence, ctx.deployment)) && (await store.reader.page(EVERYTHING, 1)).length > 0) {
    return blocked('the new table has rows that no run of this deployment put there');
  }
  if (fence && !ours && fence.epoch >= epoch)
    return blocked(`the new store is fenced by deployment ${fence.deployment}`);
  if (fence && fence.epoch > epoch) return IDLE;
  if (fence?.epoch !== epoch) {
    await raise(ctx, { epoch, step: CLOSED_STEP, mode: 'CLOSED', run: null });
    return PROGRESSED;
  }
  if (fence.step >= COPY_STEP) return dropOldGuards(ctx, run, state);
  if (!(await emptied(ctx, epoch, state))) return PROGRESSED;
  const total = await ctx.stores.OLD.reader.count(EVERYTHING);
  await raise(ctx, { epoch, step: COPY_STEP, mode: 'COPY', run: null }, total);
  return PROGRESSED;
}

/** One batch of emptying; true: nothing is left. */
async function emptied({ stores, clock }: JobContext, epoch: number, { pace }: PrepareState): Promise<boolean> {
  const began = clock.monotonic();
  const { size } = pace;
  const outcome = await stores.NEW.writer.empty(epoch, size);
  if (outcome === 'MORE') pace.took(size, clock.monotonic() - began);
  return outcome === 'EMPTY';
}

/** Not before the old store is seen to have the fence that ended the run: until then the new one may hold what it lacks. */
async function clear(ctx: JobContext, { epoch }: ControlRecord, state: PrepareState): Promise<StepResult> {
  if (state.clearedAt === epoch) return IDLE;
  const [old, fence] = await Promise.all([ctx.stores.OLD.fence.read(), ctx.stores.NEW.fence.read()]);
  if (old?.deployment !== ctx.deployment || old.epoch !== epoch || old.mode !== 'DIRECT') return IDLE;
  if (fence?.deployment !== ctx.deployment || isCleared(fence, ctx.deployment)) {
    state.clearedAt = epoch;
    return IDLE;
  }
  if (fence.epoch > epoch) return IDLE;
  if (fence.epoch < epoch) await raise(ctx, { epoch, step: CLOSED_STEP, mode: 'CLOSED', run: null });
  else if (await emptied(ctx, epoch, state)) await raise(ctx, { epoch, step: CLEARED_STEP, mode: 'CLOSED', run: null });
  return PROGRESSED;
}

/** Only a store that holds the copy of this run may take its journal: one that was replaced or restored lacks rows for good. */
async function admitReplay(ctx: JobContext, { epoch }: ControlRecord, run: number): Promise<StepResult> {
  const store = ctx.stores.NEW;
  const fence = await store.fence.read();
  if (fence && (fence.epoch >= epoch || (fence.mode === 'APPLY' && fence.run === run))) return IDLE;
  const checkpoint = await store.checkpoint();
  if (
    fence?.mode !== 'COPY' ||
    fence.deployment !== ctx.deployment ||
    !checkpoint?.complete ||
    checkpoint.epoch !== run
  ) {
    return blocked('the new store does not hold the copy of this run: it was replaced, or restored from before it');
  }
  await raise(ctx, { epoch, step: APPLY_STEP, mode: 'APPLY', run });
  return PROGRESSED;
}

async function raise(ctx: JobContext, fence: Omit<Fence, 'deployment'>, total?: number): Promise<void> {
  const options = { timeoutMs: FENCE_TIMEOUT_MS, ...(total === undefined ? {} : { total }) };
  await ctx.stores.NEW.fence.raise({ ...fence, deployment: ctx.deployment }, options);
}

async function dropOldGuards(ctx: JobContext, run: number, state: PrepareState): Promise<StepResult> {
  if (state.guardsDroppedFor === run) return IDLE;
  const [begin] = await ctx.control.history(ctx.dataset.name, run + 1, 1);
  const since = begin?.epoch === run ? Date.parse(begin.at) : Infinity;
  if (!(ctx.clock.wall() - since > state.options.guardGraceMs)) return IDLE;
  const dropped = await ctx.stores.OLD.writer.dropGuards(run, GUARDS_AT_ONCE);
  if (dropped === GUARDS_AT_ONCE) return PROGRESSED;
  state.guardsDroppedFor = run;
  return IDLE;
}
