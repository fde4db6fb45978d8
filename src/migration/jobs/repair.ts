/**
 * Repair: for each difference the authority's row is written again, through the journal and the guards like any other write,
 * and the key is compared once more. What cannot be repaired (the authority's own row has no counterpart) stays listed.
 */
import { chunked } from './chunked.ts';
import { JobClaim } from './claim.ts';
import type { JobContext, StepResult } from './context.ts';
import { rewriteKey } from './quarantine.ts';
import { lookAgain } from './recheck.ts';
import { blocked, comparable, IDLE, PROGRESSED } from './steps.ts';

const PAGE = 100;
/** Keys that are on their way to both stores at once. */
const ABREAST = 8;

/** One pass over the differences, asked for by an operator. */
export interface RepairState {
  readonly claim: JobClaim;
  after: { readonly key: string; readonly field: string } | null;
  done: boolean;
  /** Keys that were written again and agree, and those that still differ. */
  repaired: number;
  left: number;
}

export function repairState(ctx: JobContext): RepairState {
  return { claim: new JobClaim(ctx, 'repair'), after: null, done: false, repaired: 0, left: 0 };
}

/** Repairs one page of differences; `done` when the pass is over, when another instance is at it, or outside DUAL. */
export async function repairStep(ctx: JobContext, state: RepairState, signal?: AbortSignal): Promise<StepResult> {
  if (state.done) return IDLE;
  const record = await ctx.record();
  if (!comparable(record)) return finish(state);
  if (record.switching) return blocked('a switch is on its way');
  if (!(await state.claim.hold())) return finish(state);
  const page = await ctx.control.differences(ctx.dataset.name, state.after, PAGE);
  const last = page.at(-1);
  if (!last) {
    const { repaired, left } = state;
    if (repaired + left > 0) ctx.log.info({ dataset: ctx.dataset.name, repaired, left }, 'differences were repaired');
    return finish(state);
  }

  const keys = [...new Set(page.map(({ key }) => key))];
  for (const together of chunked(keys, ABREAST)) {
    if (signal?.aborted) return IDLE;
    await Promise.all(together.map((key) => rewriteKey(ctx, key)));
  }
  const { verdicts } = await lookAgain(ctx, keys, undefined, signal);
  if (verdicts.size > 0) {
    await ctx.control.settleDifferences(ctx.dataset.name, [...verdicts.keys()], [...verdicts.values()].flat());
  }
  const agree = [...verdicts.values()].filter((verdict) => verdict.length === 0).length;
  state.repaired += agree;
  state.left += keys.length - agree;
  if (signal?.aborted) return IDLE;
  state.after = { key: last.key, field: last.field ?? '' };
  return PROGRESSED;
}

async function finish(state: RepairState): Promise<StepResult> {
  state.done = true;
  await state.claim.release();
  return IDLE;
}
