/**
 * Verify: every row of both stores compared, range after range of the key space without a gap, while requests go on.
 *
 * A range ends where the shorter of the two pages ends, so that memory stays bounded however the stores differ; the last one is open-ended
 * in both. Both faces of its rows are compared at first sight; keys that seem to differ count only after another look
 * (recheck.ts). The position is durable and moves by compare-and-set: a verification outlives its process, and two
 * verifiers of one range count it once. One that could not see everything says why and is never clean.
 */
import type { VerificationStatus } from '../api.ts';
import { isoTime } from '../clock.ts';
import type { ControlRecord, VerificationRow } from '../control/control.ts';
import { badInput, hasCode } from '../errors.ts';
import { EVERYTHING } from '../stores/store.ts';
import { JobClaim } from './claim.ts';
import { differingKeys, readRange } from './ranges.ts';
import type { JobContext, StepResult } from './context.ts';
import { Pace } from './meter.ts';
import { lookAgain, RECHECK, type RecheckOptions } from './recheck.ts';
import { blocked, comparable, IDLE, PROGRESSED } from './steps.ts';

export interface VerifyOptions {
  readonly recheck: RecheckOptions;
  /** For how long a store or the journal may be down before the verification fails, milliseconds. */
  readonly patienceMs: number;
}

export interface VerifyState {
  readonly options: VerifyOptions;
  readonly claim: JobClaim;
  readonly pace: Pace;
  /** Since when something does not answer, monotonic; null: all do. */
  downSince: number | null;
}

export function verifyState(ctx: JobContext, options: Partial<VerifyOptions> = {}): VerifyState {
  return {
    options: { recheck: RECHECK, patienceMs: 30_000, ...options },
    claim: new JobClaim(ctx, 'verify'),
    pace: new Pace({ least: 50, most: 1000, start: 250, targetMs: 25 }),
    downSince: null,
  };
}

/** The new verification, or the one that runs. BAD_USER_INPUT where the state has nothing to compare. */
export async function startVerification(ctx: JobContext): Promise<VerificationRow> {
  const record = await ctx.record();
  if (!comparable(record)) {
    throw badInput(
      'dataset',
      `In ${record.place.state} the stores can't be compared; both hold everything in DUAL only.`,
    );
  }
  const running = await ctx.control.verification(ctx.dataset.name);
  if (running && isRunning(running)) return running;
  const counts = await Promise.all([ctx.stores.OLD.reader.count(EVERYTHING), ctx.stores.NEW.reader.count(EVERYTHING)]);
  const startedAt = isoTime(ctx.clock);
  const started = await ctx.control.startVerification({
    dataset: ctx.dataset.name,
    epoch: record.epoch,
    startedAt,
    finishedAt: null,
    position: null,
    covered: false,
    checked: 0,
    total: counts[0] + counts[1],
    differing: 0,
    repaired: 0,
    failed: null,
  });
  if (started.startedAt === startedAt) {
    ctx.log.info({ dataset: started.dataset, verification: started.number, total: started.total }, 'verifying');
  }
  return started;
}

/** Covers one range of the running verification. */
export async function verifyStep(ctx: JobContext, state: VerifyState, signal?: AbortSignal): Promise<StepResult> {
  const row = await ctx.control.verification(ctx.dataset.name);
  if (!row || !isRunning(row)) {
    state.downSince = null;
    await state.claim.release();
    return IDLE;
  }
  const record = await ctx.record();
  // Started by an instance that has seen a newer state than this one.
  if (record.epoch < row.epoch) return IDLE;
  if (!comparable(record) || record.run === null || record.run > row.epoch) {
    return finish(ctx, row, 'the dataset left the state in which both stores hold everything');
  }
  if (record.switching) return blocked('a switch is on its way');
  if (!(await state.claim.hold())) return IDLE;
  try {
    const result = await coverRange(ctx, state, row, record, signal);
    state.downSince = null;
    return result;
  } catch (error) {
    if (!hasCode(error, 'STORE_UNAVAILABLE', 'JOURNAL_UNAVAILABLE')) throw error;
    state.downSince ??= ctx.clock.monotonic();
    if (ctx.clock.monotonic() - state.downSince < state.options.patienceMs) return blocked(error.message);
    return finish(ctx, row, `a store or the journal stayed down: ${error.message}`);
  }
}

async function coverRange(
  ctx: JobContext,
  state: VerifyState,
  row: VerificationRow,
  { run }: ControlRecord,
  signal?: AbortSignal,
): Promise<StepResult> {
  const began = ctx.clock.monotonic();
  const { range, pairs, rows } = await readRange(ctx, row.position, state.pace.size);
  const suspicious = await differingKeys(ctx, pairs);
  state.pace.took(rows, ctx.clock.monotonic() - began);

  const { verdicts, underWay } = await lookAgain(ctx, suspicious, state.options.recheck, signal);
  if (signal?.aborted) return IDLE;
  const still = await ctx.record();
  if (!comparable(still) || still.run !== run || still.switching) return PROGRESSED;
  const [example] = underWay;
  if (example !== undefined) {
    const others = underWay.length > 1 ? ` and ${underWay.length - 1} more` : '';
    return finish(
      ctx,
      row,
      `${ctx.dataset.showKey(example)}${others} could not be compared: each look found it being written`,
    );
  }
  const found = [...verdicts.values()].flat();
  const end = range.upTo === null;
  const next: VerificationRow = {
    ...row,
    position: range.upTo ?? pairs.at(-1)?.key ?? row.position,
    covered: end,
    finishedAt: end ? isoTime(ctx.clock) : null,
    checked: row.checked + rows,
    differing: row.differing + new Set(found.map(({ key }) => key)).size,
  };
  if ((await ctx.control.advanceVerification(row, next, found)) && end) reportEnd(ctx, next);
  return PROGRESSED;
}

/** By the one instance that covered the last range. */
function reportEnd(ctx: JobContext, { dataset, number: verification, checked, differing }: VerificationRow): void {
  const facts = { dataset, verification, checked, differing };
  if (differing === 0) ctx.log.info(facts, 'verified: the stores agree');
  else ctx.log.warn(facts, 'verified: the stores differ');
}

async function finish(ctx: JobContext, row: VerificationRow, failed: string): Promise<StepResult> {
  ctx.log.warn({ dataset: ctx.dataset.name, verification: row.number }, `verification failed: ${failed}`);
  await ctx.control.advanceVerification(row, { ...row, failed, finishedAt: isoTime(ctx.clock) }, []);
  return PROGRESSED;
}

function isRunning(row: VerificationRow): boolean {
  return row.finishedAt === null;
}

/** null: there was none yet. */
export async function verificationStatus(
  ctx: Pick<JobContext, 'control' | 'dataset'>,
): Promise<VerificationStatus | null> {
  const row = await ctx.control.verification(ctx.dataset.name);
  if (!row) return null;
  const { checked, total, differing, repaired, startedAt, finishedAt, covered, failed } = row;
  const complete = finishedAt !== null && covered && failed === null;
  const clean = complete && (await ctx.control.differenceCount(ctx.dataset.name)) === 0;
  // Rows that were made since the start can bring `checked` to what was counted then before the end is reached, and beyond.
  const coverage = covered ? 1 : checked / Math.max(total, checked + 1);
  const counted = Math.max(total, checked);
  return {
    running: isRunning(row),
    checked,
    total: counted,
    differing,
    repaired,
    coverage,
    clean,
    startedAt,
    finishedAt,
  };
}
