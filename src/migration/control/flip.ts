/**
 * The steps of a flip, as the ladder lists them. Each is idempotent and moves upwards only, so that any instance can run the list again
 * from its start: what is done already is left alone, and a driver that comes back late changes nothing.
 */
import { CrossfadeError, hasCode } from '../errors.ts';
import type { StoreRole } from '../dataset.ts';
import type { FlipStep, Move } from '../states.ts';
import { drain } from '../jobs/replay.ts';
import type { ControlRecord, Switch } from './control.ts';
import type { CheckContext } from './blockers.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';

export interface FlipContext extends Omit<CheckContext, 'thorough'> {
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a fence waits for transactions that are under way, milliseconds. */
  readonly lockTimeoutMs: number;
}

/** For how long the store that is left behind is drained for its own sake, milliseconds. */
const COURTESY_MS = 1000;
/** One go at a drain, milliseconds; the step is repeated until it is through. */
const DRAIN_MS = 5000;

/** Runs the flip to its end, again and again while a store that matters does not answer; how many entries were dropped. */
export async function runFlip(
  context: FlipContext,
  record: ControlRecord,
  current: Switch,
  move: Move,
): Promise<number> {
  let dropped = 0;
  for (const steps of together(move.flip)) {
    const done = steps.map(([step, number]) => runStep(context, record, current, step, number));
    // Both are over before one of them is told to have failed: nothing of this go is left when the next one begins.
    await Promise.allSettled(done);
    for (const each of done) dropped += await each;
  }
  return dropped;
}

/**
 * The steps with their numbers, in groups. Fences of two stores that follow each other are raised at the same time, as requests wait for
 * both: neither looks at the other, and a store that is left behind may miss its fence altogether.
 */
function together(flip: readonly FlipStep[]): readonly (readonly (readonly [FlipStep, number])[])[] {
  const groups: (readonly [FlipStep, number])[][] = [];
  for (const [index, step] of flip.entries()) {
    const last = groups.at(-1);
    const beside =
      step.step === 'FENCE' && last?.every(([other]) => other.step === 'FENCE' && other.store !== step.store);
    if (beside) last?.push([step, index + 1]);
    else groups.push([[step, index + 1]]);
  }
  return groups;
}

async function runStep(
  context: FlipContext,
  record: ControlRecord,
  { epoch }: Switch,
  step: FlipStep,
  number: number,
): Promise<number> {
  const { journal, stores } = context;
  switch (step.step) {
    case 'FENCE': {
      const run = step.mode === 'APPLY' ? record.run : null;
      const fence = { epoch, step: number, mode: step.mode, run, deployment: context.deployment };
      try {
        await stores[step.store].fence.raise(fence, { timeoutMs: context.lockTimeoutMs });
      } catch (error) {
        if (!step.ifReachable || !hasCode(error, 'STORE_UNAVAILABLE')) throw error;
        context.log.warn({ store: step.store, err: error }, 'a store that is left behind did not take its fence');
      }
      return 0;
    }
    case 'OPEN_JOURNAL':
      await journal.open({ epoch, run: epoch });
      return 0;
    case 'ADVANCE_JOURNAL':
      await journal.advance({ epoch, dropDebtsOf: step.dropDebtsOf });
      return 0;
    case 'CLOSE_JOURNAL':
      await journal.close(epoch);
      return 0;
    case 'DRAIN': {
      await drainInto(context, record, step.into, epoch);
      if (step.also) await drainOutOfCourtesy(context, record, step.also);
      return 0;
    }
    case 'DISCARD':
      return journal.discard(epoch);
    default:
      return step satisfies never;
  }
}

/** What is left after it will be dropped, so a store that refuses entries has to be one that another driver has brought past this step. */
async function drainInto(context: FlipContext, { run }: ControlRecord, role: StoreRole, epoch: number): Promise<void> {
  if (run === null) return;
  const store = context.stores[role];
  for (;;) {
    const deadline = context.clock.monotonic() + DRAIN_MS;
    const outcome = await drain({ ...context, store }, role, { run, deadline });
    if (outcome === 'DRAINED') return;
    if (outcome === 'FENCED') {
      const fence = await store.fence.read();
      if (fence && fence.epoch >= epoch) return;
      throw new CrossfadeError('STORE_UNAVAILABLE', {
        message: `The ${role} store does not admit entries of run ${run}.`,
      });
    }
    context.log.warn({ store: role }, 'the journal is still being drained');
  }
}

async function drainOutOfCourtesy(context: FlipContext, { run }: ControlRecord, role: StoreRole): Promise<void> {
  if (run === null) return;
  const deadline = context.clock.monotonic() + COURTESY_MS;
  try {
    await drain({ ...context, store: context.stores[role] }, role, { run, deadline });
  } catch (error) {
    if (!(error instanceof CrossfadeError)) throw error;
    context.log.warn({ store: role, err: error }, 'the store that is left behind was not drained');
  }
}
