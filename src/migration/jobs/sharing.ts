/**
 * Which background work is shared out in pieces, and which is one process's at a time.
 *
 *   copy      one piece, kept by the process that has it for as long as it gets on (shared-copy.ts): one stream, with what it has read
 *             ahead and learned of its pace, which handing it on would only throw away
 *   replay    one piece for each range of the journal's slots, from a backlog on that is more than a few batches; less than that is
 *             brought by whoever sees it, sooner than it could be handed on
 *   verify    one piece for each range of the key space, if the run was cut into more than one
 *
 * Each process looks whether there is work, and offers its pieces; the queue lets one process at a time have a piece. Without a queue, or
 * while it is away, each process replays for itself, and the one that has the claim (claim.ts) copies, or goes through all ranges of the
 * verification.
 */
import { JOURNAL_SLOTS, STORE_ROLES, type StoreRole } from '../dataset.ts';
import type { JobContext, StepResult } from './context.ts';
import { partsOf, shareOf, slice, type JobQueue, type Piece, type Work } from './queue.ts';
import { isBacklog, replayState, replayStep, type ReplayState } from './replay.ts';
import type { SharedCopy } from './shared-copy.ts';
import { IDLE } from './steps.ts';
import { verifyPart, verifyStep, type Shares, type VerifyState } from './verify.ts';

export type Step = (signal: AbortSignal) => Promise<StepResult>;

const REPLAY_PARTS = 8;
/** What a switch may wait for goes first. */
const REPLAY_TURN = 0;
const VERIFY_TURN = 10;

const jobOf = (role: StoreRole): string => `replay into ${role}`;
const VERIFY = /^verify (\d+)$/;

/** The loops of replay, by name: those that replay here or offer it; and the one that looks after the queue. */
export function sharedReplay(ctx: JobContext, queue: JobQueue | null): readonly (readonly [string, Step])[] {
  const replays = STORE_ROLES.map((role) => [jobOf(role), replayHere(ctx, queue, role)] as const);
  return queue ? [...replays, ['reclaim', () => queue.reclaim().then(() => IDLE)]] : replays;
}

/** The loop of verify: it cuts a run into ranges, and offers them or goes through them here. */
export function sharedVerify(ctx: JobContext, queue: JobQueue | null, state: VerifyState): Step {
  const share = async ({ number, left, parts }: Shares): Promise<boolean> => {
    if (!queue?.up()) return false;
    const pieces = left.map((part): Piece => ({ job: `verify ${number}`, part, parts }));
    await queue.offer(pieces, VERIFY_TURN);
    return true;
  };
  return (signal) => verifyStep(ctx, state, signal, share);
}

/** What a process does with a piece that it got. `verify`: of its own, for it waits apart from what the loop waits for. */
export function workOn(ctx: JobContext, copy: SharedCopy, verify: VerifyState): Work {
  const states = new Map<string, ReplayState>();
  const stepOf = (piece: Piece): Step | null => {
    const [, number] = VERIFY.exec(piece.job) ?? [];
    if (number !== undefined) {
      const of = { number: Number(number), part: piece.part };
      return (signal) => verifyPart(ctx, verify, of, signal);
    }
    const role = STORE_ROLES.find((each) => piece.job === jobOf(each));
    if (!role) return null;
    const name = `${role} ${piece.part}/${piece.parts}`;
    const state = states.get(name) ?? replayState();
    states.set(name, state);
    return () => replayStep(ctx, role, state, shareOf(piece, JOURNAL_SLOTS));
  };
  return async (piece, signal, keep) => {
    const epoch = copy.epochOf(piece.job);
    if (epoch !== null) return copy.work(epoch, signal, keep);
    const step = stepOf(piece);
    if (step) return slice(step, ctx, signal);
    ctx.log.warn({ job: piece.job }, 'a piece of work that this release does not know is left alone');
    return 'DONE';
  };
}

function replayHere(ctx: JobContext, queue: JobQueue | null, role: StoreRole): Step {
  const state = replayState();
  return async () => {
    const result = await replayStep(ctx, role, state);
    if (result.kind !== 'PROGRESSED' || !queue?.up() || !(await isBacklog(ctx, role))) return result;
    await queue.offer(partsOf(jobOf(role), REPLAY_PARTS), REPLAY_TURN);
    return IDLE;
  };
}
