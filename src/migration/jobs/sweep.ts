/**
 * Sweeping the journal: what the moves of its slots have hidden is removed here, in every state, so that no switch has to wait for it.
 *
 * A journal that shares its database with requests keeps their writes waiting for as long as a batch takes: batches are short, and at
 * least as long a rest follows each.
 */
import { hasCode } from '../errors.ts';
import { usesJournal } from '../states.ts';
import type { JobContext, StepResult } from './context.ts';
import { Pace } from './meter.ts';
import { blocked, IDLE, PROGRESSED } from './steps.ts';

export interface SweepState {
  readonly pace: Pace;
}

export function sweepState(): SweepState {
  return { pace: new Pace({ least: 10, most: 1000, start: 50, targetMs: 10 }) };
}

/** Removes one batch. */
export async function sweepStep(
  ctx: Pick<JobContext, 'journal' | 'clock' | 'record'>,
  { pace }: SweepState,
  signal?: AbortSignal,
): Promise<StepResult> {
  const began = ctx.clock.monotonic();
  const { size } = pace;
  try {
    if ((await ctx.journal.sweep(size)) === 'SWEPT') return IDLE;
  } catch (error) {
    const { place } = await ctx.record();
    // Where no state needs the journal, it may be away.
    if (hasCode(error, 'JOURNAL_UNAVAILABLE') && !usesJournal(place.state))
      return blocked('the journal does not answer');
    throw error;
  }
  const took = ctx.clock.monotonic() - began;
  pace.took(size, took);
  await ctx.clock.delay(took, signal);
  return PROGRESSED;
}
