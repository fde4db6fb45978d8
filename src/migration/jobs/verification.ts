/** A run of verify as operators see it: how it begins, how far it is, and what ended it. */
import type { VerificationStatus } from '../api.ts';
import { isoTime } from '../clock.ts';
import type { VerificationRow } from '../control/control.ts';
import { badInput } from '../errors.ts';
import { EVERYTHING } from '../stores/store.ts';
import type { JobContext } from './context.ts';
import { comparable } from './steps.ts';

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

export function isRunning(row: VerificationRow): boolean {
  return row.finishedAt === null;
}

/** Ends it early: what it could not see, nobody may take for compared. */
export async function giveUp(ctx: JobContext, row: VerificationRow, why: string): Promise<void> {
  if (await ctx.control.failVerification(row, why)) reportFailed(ctx, row, why);
}

/** By the one process that brought the end about. */
export function reportEnd(ctx: JobContext, row: VerificationRow): void {
  const { dataset, number: verification, checked, differing, failed } = row;
  if (isRunning(row)) return;
  const facts = { dataset, verification, checked, differing };
  if (failed !== null) reportFailed(ctx, row, failed);
  else if (differing === 0) ctx.log.info(facts, 'verified: the stores agree');
  else ctx.log.warn(facts, 'verified: the stores differ');
}

function reportFailed({ log }: JobContext, { dataset, number: verification }: VerificationRow, why: string): void {
  log.warn({ dataset, verification }, `verification failed: ${why}`);
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
