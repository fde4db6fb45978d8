/**
 * Which background work is shared out in pieces, and which is one process's at a time.
 *
 *   copy, verify   one stream each, with what it has read ahead and learned of its pace: a claim (claim.ts) says whose it is, and runs out by
 *                  itself; handing it on between processes would only throw that away
 *   replay         one piece for each range of the journal's slots, from a backlog on that is more than a few batches; less than that is
 *                  brought by whoever sees it, sooner than it could be handed on
 *
 * Each process looks whether a store has a backlog, and offers its pieces; the queue lets one process at a time have a piece. Without a queue,
 * or while it is away, each process replays for itself.
 */
import { JOURNAL_SLOTS, STORE_ROLES, type StoreRole } from '../dataset.ts';
import type { JobContext, StepResult } from './context.ts';
import { partsOf, shareOf, slice, type JobQueue, type Work } from './queue.ts';
import { isBacklog, replayState, replayStep, type ReplayState } from './replay.ts';
import { IDLE } from './steps.ts';

export type Step = (signal: AbortSignal) => Promise<StepResult>;

const REPLAY_PARTS = 8;

const jobOf = (role: StoreRole): string => `replay into ${role}`;

/** The loops of replay, by name: those that replay here or offer it; and the one that looks after the queue. */
export function sharedReplay(ctx: JobContext, queue: JobQueue | null): readonly (readonly [string, Step])[] {
  const replays = STORE_ROLES.map((role) => [jobOf(role), replayHere(ctx, queue, role)] as const);
  return queue ? [...replays, ['reclaim', () => queue.reclaim().then(() => IDLE)]] : replays;
}

/** What a process does with a piece that it got. */
export function workOn(ctx: JobContext): Work {
  const states = new Map<string, ReplayState>();
  return async (piece, signal) => {
    const role = STORE_ROLES.find((each) => piece.job === jobOf(each));
    if (!role) {
      ctx.log.warn({ job: piece.job }, 'a piece of work that this release does not know is left alone');
      return 'DONE';
    }
    const name = `${role} ${piece.part}/${piece.parts}`;
    const state = states.get(name) ?? replayState();
    states.set(name, state);
    return slice(() => replayStep(ctx, role, state, shareOf(piece, JOURNAL_SLOTS)), ctx, signal);
  };
}

function replayHere(ctx: JobContext, queue: JobQueue | null, role: StoreRole): Step {
  const state = replayState();
  return async () => {
    const result = await replayStep(ctx, role, state);
    if (result.kind !== 'PROGRESSED' || !queue?.up() || !(await isBacklog(ctx, role))) return result;
    await queue.offer(partsOf(jobOf(role), REPLAY_PARTS));
    return IDLE;
  };
}
