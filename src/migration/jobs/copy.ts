/**
 * The copy of the old store into the new one, batch by batch in key order: as streams (bulk.ts) where the new store takes them, page by
 * page where it doesn't.
 *
 * The old store does not change meanwhile, nobody else writes the new one, and the checkpoint moves in the transaction of its batch:
 * a copy that dies goes on from there, and of two copiers at one position one finds that it has moved. Rows without a counterpart
 * go to quarantine with the reason.
 */
import type { CopyProgress } from '../api.ts';
import { digestOf } from '../digest.ts';
import { hasCode } from '../errors.ts';
import type { Checkpoint } from '../stores/store.ts';
import { Bulk } from './bulk.ts';
import { JobClaim, type Claim } from './claim.ts';
import type { JobContext, StepResult } from './context.ts';
import { CopyReport } from './copy-report.ts';
import { mapBatch } from './mapping.ts';
import { Meter, Pace, RateLimit } from './meter.ts';
import { blocked, clears, copies, IDLE, PROGRESSED } from './steps.ts';

/** What a copier remembers between steps; nothing is lost with it but its tuning. */
export interface CopyState {
  readonly claim: Claim;
  readonly pace: Pace;
  readonly limit: RateLimit;
  readonly meter: Meter;
  readonly report: CopyReport;
  readonly bulk: Bulk;
}

export function copyState(ctx: JobContext, meter = new Meter(ctx.clock)): CopyState {
  return {
    claim: new JobClaim(ctx, 'copy'),
    pace: new Pace({ least: 100, most: 5000, start: 500, targetMs: 25 }),
    limit: new RateLimit(ctx.clock),
    meter,
    report: new CopyReport(ctx, meter),
    bulk: new Bulk(ctx),
  };
}

/** Copies one batch. What is kept for the next one is given back when that does not follow at once. */
export async function copyStep(ctx: JobContext, state: CopyState, signal?: AbortSignal): Promise<StepResult> {
  let goesOn = false;
  try {
    const result = await nextBatch(ctx, state, signal);
    goesOn = result.kind === 'PROGRESSED' && !signal?.aborted;
    return result;
  } finally {
    if (!goesOn) await state.bulk.close();
  }
}

/** Where the copy that is wanted now goes on. */
export interface CopyDue {
  readonly checkpoint: Checkpoint;
  readonly rateLimit: number | null;
}

/** Is there something to copy, and may it be copied now? */
export async function copyDue(ctx: JobContext, state: CopyState): Promise<CopyDue | StepResult> {
  const record = await ctx.record();
  if (!copies(record)) return IDLE;
  const { rateLimit, paused } = record.copy;
  if (paused || (rateLimit !== null && rateLimit <= 0)) return IDLE;
  const checkpoint = await ctx.stores.NEW.checkpoint();
  if (checkpoint?.epoch !== record.epoch) return blocked('the new store is not prepared for this copy yet');
  if (checkpoint.complete) {
    state.report.complete(checkpoint);
    await state.claim.release();
    return IDLE;
  }
  return { checkpoint, rateLimit };
}

async function nextBatch(ctx: JobContext, state: CopyState, signal?: AbortSignal): Promise<StepResult> {
  const due = await copyDue(ctx, state);
  if ('kind' in due) return due;
  const { checkpoint, rateLimit } = due;
  if (!(await state.claim.hold())) return IDLE;
  state.report.working(checkpoint);
  const batch = state.bulk.fits(checkpoint, rateLimit)
    ? await state.bulk.batch(checkpoint, state.limit, signal)
    : await copyPage(ctx, state, checkpoint, rateLimit, signal);
  if (batch === null) return IDLE;
  if (batch.outcome === 'FENCED') return blocked('the new store is closed to this copy');
  if (batch.outcome === 'COPIED') state.meter.observe(checkpoint.copied + checkpoint.quarantined + batch.rows);
  return PROGRESSED;
}

/** As many rows as the pace and the rate limit allow; null: none. */
async function copyPage(
  ctx: JobContext,
  state: CopyState,
  checkpoint: Checkpoint,
  rateLimit: number | null,
  signal?: AbortSignal,
) {
  const { size } = state.pace;
  const allowed = rateLimit === null ? size : await state.limit.take(rateLimit, size, signal);
  if (allowed === 0) return null;
  const began = ctx.clock.monotonic();
  const batch = await copyBatch(ctx, checkpoint, allowed);
  if (rateLimit !== null) state.limit.refund(allowed - batch.rows);
  state.pace.took(batch.rows, ctx.clock.monotonic() - began);
  return batch;
}

async function copyBatch(ctx: JobContext, { epoch, after }: Checkpoint, limit: number) {
  const found = await ctx.stores.OLD.reader.page({ after, upTo: null }, limit);
  const { rows, olds, quarantine } = await mapBatch(ctx.dataset, found);
  const outcome = await ctx.stores.NEW.writer.copy(epoch, {
    rows,
    olds,
    quarantine,
    digest: digestOf(found),
    from: after,
    to: found.at(-1)?.key ?? after,
    complete: found.length < limit,
  });
  return { outcome, rows: found.length };
}

/** null before the first copy, and when the new store does not answer. The meter is fed by this too, in instances that do not copy. */
export async function copyProgress(ctx: JobContext, meter: Meter): Promise<CopyProgress | null> {
  const record = await ctx.record();
  // What an earlier run copied is being removed, or is gone.
  if (clears(record)) return null;
  const checkpoint = await ctx.stores.NEW.checkpoint().catch((error: unknown) => {
    if (hasCode(error, 'STORE_UNAVAILABLE')) return null;
    throw error;
  });
  // Until the new store is prepared, the checkpoint in it is that of an earlier run.
  if (!checkpoint || (copies(record) && checkpoint.epoch !== record.epoch)) return null;
  const { total, copied, quarantined, complete } = checkpoint;
  const { paused, rateLimit } = record.copy;
  const running = copies(record) && checkpoint.epoch === record.epoch && !paused && !complete;
  meter.observe(copied + quarantined);
  const rowsPerSecond = running ? meter.rate() : 0;
  const left = Math.max(0, total - copied - quarantined);
  const etaSeconds = rowsPerSecond > 0 ? left / rowsPerSecond : null;
  return { total, copied, quarantined, rowsPerSecond, etaSeconds, running, paused, complete, rateLimit };
}
