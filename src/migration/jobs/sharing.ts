/**
 * Which work is shared with other processes, and in what pieces.
 *
 *   copy      one piece: it is one ordered stream with one checkpoint into one table, and a second copier would only find that it has moved
 *   replay    one piece for each range of the journal's slots, from a backlog on that is more than a few batches; less than that is brought
 *             by whoever sees it, sooner than it could be handed on
 *   verify    one piece: its position moves by compare-and-set, range after range
 *
 * Each process looks whether there is such work, and offers it; the queue lets one process at a time have a piece. Without a queue, or while it
 * is away, each process takes the steps itself.
 */
import { JOURNAL_SLOTS, STORE_ROLES, type StoreRole } from '../dataset.ts';
import type { JobContext, StepResult } from './context.ts';
import { partsOf, shareOf, slice, type JobQueue, type Piece } from './queue.ts';
import { isBacklog, replayState, replayStep, type ReplayState } from './replay.ts';
import { copies, IDLE } from './steps.ts';

export type Step = (signal: AbortSignal) => Promise<StepResult>;

const REPLAY_PARTS = 8;

export interface SharedSteps {
  readonly copy: Step;
  readonly verify: Step;
}

/** The steps of loops, by name: of what is shared, those that offer it or do it here; and the one that looks after the queue. */
export function shared(
  ctx: JobContext,
  queue: JobQueue | null,
  steps: SharedSteps,
): readonly (readonly [string, Step])[] {
  const replays = STORE_ROLES.map((role) => [`replay into ${role}`, replayHere(ctx, queue, role)] as const);
  if (!queue) return [['copy', steps.copy], ['verify', steps.verify], ...replays];
  const offered = (job: string, due: () => Promise<boolean>, here: Step): readonly [string, Step] => [
    job,
    async (signal) => {
      if (!queue.up()) return here(signal);
      if (await due()) await queue.offer(partsOf(job, 1));
      return IDLE;
    },
  ];
  return [
    offered('copy', () => isCopyDue(ctx), steps.copy),
    offered('verify', () => isVerifyDue(ctx), steps.verify),
    ...replays,
    ['reclaim', () => queue.reclaim().then(() => IDLE)],
  ];
}

/** What a process does with a piece that it got. */
export function workOn(
  ctx: JobContext,
  steps: SharedSteps,
): (piece: Piece, signal: AbortSignal) => Promise<'DONE' | 'MORE'> {
  const states = new Map<string, ReplayState>();
  const replay = (role: StoreRole, piece: Piece): Step => {
    const name = `${role} ${piece.part}/${piece.parts}`;
    const state = states.get(name) ?? replayState();
    states.set(name, state);
    return () => replayStep(ctx, role, state, shareOf(piece, JOURNAL_SLOTS));
  };
  return async (piece, signal) => {
    const role = STORE_ROLES.find((each) => piece.job === `replay into ${each}`);
    if (role) return slice(replay(role, piece), ctx, signal);
    if (piece.job === 'copy') return slice(steps.copy, ctx, signal);
    if (piece.job === 'verify') return slice(steps.verify, ctx, signal);
    ctx.log.warn({ job: piece.job }, 'a piece of work that this release does not know is left alone');
    return 'DONE';
  };
}

function replayHere(ctx: JobContext, queue: JobQueue | null, role: StoreRole): Step {
  const state = replayState();
  return async () => {
    const result = await replayStep(ctx, role, state);
    if (result.kind !== 'PROGRESSED' || !queue?.up() || !(await isBacklog(ctx, role))) return result;
    await queue.offer(partsOf(`replay into ${role}`, REPLAY_PARTS));
    return IDLE;
  };
}

async function isCopyDue(ctx: JobContext): Promise<boolean> {
  const record = await ctx.record();
  if (!copies(record) || record.copy.paused || record.copy.rateLimit === 0) return false;
  const checkpoint = await ctx.stores.NEW.checkpoint();
  return checkpoint?.epoch === record.epoch && !checkpoint.complete;
}

/** Also where the stores cannot be compared any more: then its end is to be written down. */
async function isVerifyDue(ctx: JobContext): Promise<boolean> {
  const verification = await ctx.control.verification(ctx.dataset.name);
  return verification !== null && verification.finishedAt === null;
}
