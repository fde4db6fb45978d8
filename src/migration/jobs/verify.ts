/**
 * Verify: every row of both stores compared, range by range of the key space, while requests go on.
 *
 * A run is cut into ranges (cuts.ts), which processes share (sharing.ts), or which one of them goes through by itself; it has ended when the
 * control store has seen that the ranges leave no key out and that each was gone through. A range is read page by page, each of which
 * ends where the shorter of the two stores' pages ends, so that memory stays bounded however the stores differ. Both faces of its
 * rows are compared at first sight; keys that seem to differ count only after another look (recheck.ts). How far a range is, is durable
 * and moves by compare-and-set: a run outlives its processes, and what two of them cover of one range counts once. A run that could not
 * see everything says why and is never clean.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ControlRecord, FoundDifference, VerificationRange, VerificationRow } from '../control/control.ts';
import { hasCode } from '../errors.ts';
import { JobClaim } from './claim.ts';
import type { JobContext, StepResult } from './context.ts';
import { cutsOf } from './cuts.ts';
import { Pace } from './meter.ts';
import { differingKeys, readRange } from './ranges.ts';
import { lookAgain, RECHECK, type RecheckOptions } from './recheck.ts';
import { blocked, comparable, IDLE, PROGRESSED } from './steps.ts';
import { giveUp, isRunning, reportEnd } from './verification.ts';

export interface VerifyOptions {
  readonly recheck: RecheckOptions;
  /** For how long a store or the journal may be down before the verification fails, milliseconds. */
  readonly patienceMs: number;
  /** Rows of one store that are worth a range of their own. */
  readonly perRange: number;
}

export interface VerifyState {
  readonly options: VerifyOptions;
  readonly claim: JobClaim;
  readonly pace: Pace;
  /** Since when something does not answer, monotonic, and what had been checked then; null: all do. */
  down: { readonly since: number; readonly number: number; readonly checked: number } | null;
}

/** Covered at once, milliseconds: each time is a transaction of the control store. */
const COVER_MS = 200;
/** Differences that are kept in memory until then. */
const FOUND_AT_ONCE = 1000;

export function verifyState(ctx: JobContext, options: Partial<VerifyOptions> = {}): VerifyState {
  return {
    options: { recheck: RECHECK, patienceMs: 30_000, perRange: 10_000, ...options },
    claim: new JobClaim(ctx, 'verify'),
    pace: new Pace({ least: 50, most: 1000, start: 250, targetMs: 25 }),
    down: null,
  };
}

/** A run that can go on now. */
interface Going {
  readonly row: VerificationRow;
  readonly record: ControlRecord;
}

/** What is to be done of the run by whoever is free: its number, and the parts that are not covered. */
export interface Shares {
  readonly number: number;
  readonly left: readonly number[];
  readonly parts: number;
}

/** Takes the running verification a step further, by the one process that has the claim. `share`: takes what others may do too. */
export async function verifyStep(
  ctx: JobContext,
  state: VerifyState,
  signal?: AbortSignal,
  share?: (shares: Shares) => Promise<boolean>,
): Promise<StepResult> {
  const going = await goingOn(ctx, state);
  if ('kind' in going) return going;
  return patiently(ctx, state, going, async () => {
    const ranges = await ctx.control.verificationRanges(going.row);
    const left = ranges.filter(({ covered }) => !covered).map(({ part }) => part);
    if (ranges.length > 1 && left.length > 0 && share) {
      if (await share({ number: going.row.number, left, parts: ranges.length })) {
        await state.claim.release();
        return IDLE;
      }
    }
    if (!(await state.claim.hold())) return IDLE;
    if (ranges.length === 0) return split(ctx, state, going.row);
    const next = ranges.find(({ covered }) => !covered);
    if (next) return coverSome(ctx, state, going, next, signal);
    // The last one ended the run, unless a range is gone.
    await giveUp(ctx, going.row, 'the ranges that were compared leave keys out');
    return PROGRESSED;
  });
}

/** Takes one range of that run a step further; IDLE: nothing is left of it. */
export async function verifyPart(
  ctx: JobContext,
  state: VerifyState,
  { number, part }: { readonly number: number; readonly part: number },
  signal?: AbortSignal,
): Promise<StepResult> {
  const going = await goingOn(ctx, state);
  if ('kind' in going) return going;
  if (going.row.number !== number) return IDLE;
  return patiently(ctx, state, going, async () => {
    const range = (await ctx.control.verificationRanges(going.row)).find((each) => each.part === part);
    return !range || range.covered ? IDLE : coverSome(ctx, state, going, range, signal);
  });
}

/** The run, if there is one to go on with. */
async function goingOn(ctx: JobContext, state: VerifyState): Promise<Going | StepResult> {
  const row = await ctx.control.verification(ctx.dataset.name);
  if (!row || !isRunning(row)) {
    state.down = null;
    await state.claim.release();
    return IDLE;
  }
  const record = await ctx.record();
  // Started by an instance that has seen a newer state than this one.
  if (record.epoch < row.epoch) return IDLE;
  if (!comparable(record) || record.run === null || record.run > row.epoch) {
    await giveUp(ctx, row, 'the dataset left the state in which both stores hold everything');
    return PROGRESSED;
  }
  return record.switching ? blocked('a switch is on its way') : { row, record };
}

/** What is down may come back; a run that waits for it in vain fails. Others may get on meanwhile: then it was this process that could not. */
async function patiently(
  ctx: JobContext,
  state: VerifyState,
  { row }: Going,
  work: () => Promise<StepResult>,
): Promise<StepResult> {
  try {
    const result = await work();
    state.down = null;
    return result;
  } catch (error) {
    if (!hasCode(error, 'STORE_UNAVAILABLE', 'JOURNAL_UNAVAILABLE')) throw error;
    const now = ctx.clock.monotonic();
    const { number, checked } = row;
    if (state.down?.number !== number || state.down.checked !== checked) state.down = { since: now, number, checked };
    if (now - state.down.since < state.options.patienceMs) return blocked(error.message);
    await giveUp(ctx, row, `a store or the journal stayed down: ${error.message}`);
    return PROGRESSED;
  }
}

async function split(ctx: JobContext, { claim, options }: VerifyState, row: VerificationRow): Promise<StepResult> {
  const cuts = await cutsOf(ctx, row, options.perRange, () => claim.hold());
  if (cuts) await ctx.control.splitVerification(row, cuts);
  return cuts ? PROGRESSED : IDLE;
}

/** What was seen of a range since its position was last written down. */
interface Seen {
  position: string | null;
  covered: boolean;
  checked: number;
  readonly found: FoundDifference[];
}

/** Covers as much of the range as a short time allows; its first page is written down at once, so that it is seen to be worked on. */
async function coverSome(
  ctx: JobContext,
  state: VerifyState,
  { row, record }: Going,
  from: VerificationRange,
  signal?: AbortSignal,
): Promise<StepResult> {
  const until = ctx.clock.monotonic() + (from.position === null ? 0 : COVER_MS);
  const seen: Seen = { position: from.position, covered: false, checked: 0, found: [] };
  do {
    // An embedded store has held up requests for as long as a page takes.
    if (seen.checked > 0) await nextTurn();
    const underWay = await coverPage(ctx, state, from, seen, signal);
    if (signal?.aborted) return IDLE;
    if (underWay !== null) {
      await giveUp(ctx, row, underWay);
      return PROGRESSED;
    }
  } while (!seen.covered && seen.found.length < FOUND_AT_ONCE && ctx.clock.monotonic() < until);

  const still = await ctx.record();
  if (!comparable(still) || still.run !== record.run || still.switching) return PROGRESSED;
  const { found, ...step } = seen;
  const differing = new Set(found.map(({ key }) => key)).size;
  const now = await ctx.control.advanceVerification(row, from, { ...step, differing }, found);
  if (now) reportEnd(ctx, now);
  return PROGRESSED;
}

/** Compares the next page, and adds it to what was seen; says why if a row could not be compared. */
async function coverPage(
  ctx: JobContext,
  { pace, options }: VerifyState,
  { after, upTo }: VerificationRange,
  seen: Seen,
  signal?: AbortSignal,
): Promise<string | null> {
  const began = ctx.clock.monotonic();
  const { end, pairs, rows } = await readRange(ctx, { after: seen.position ?? after, upTo }, pace.size);
  const suspicious = await differingKeys(ctx, pairs);
  pace.took(rows, ctx.clock.monotonic() - began);

  const { verdicts, underWay } = await lookAgain(ctx, suspicious, options.recheck, signal);
  const [example] = underWay;
  if (example !== undefined) {
    const others = underWay.length > 1 ? ` and ${underWay.length - 1} more` : '';
    return `${ctx.dataset.showKey(example)}${others} could not be compared: each look found it being written`;
  }
  seen.position = end ?? upTo ?? pairs.at(-1)?.key ?? seen.position;
  seen.covered = end === null;
  seen.checked += rows;
  seen.found.push(...[...verdicts.values()].flat());
  return null;
}
