import { describe, expect, test } from 'vitest';
import { systemClock, type Clock } from '../../../src/migration/clock.ts';
import { CrossfadeError } from '../../../src/migration/errors.ts';
import type { StepResult } from '../../../src/migration/jobs/context.ts';
import { Loop } from '../../../src/migration/jobs/loop.ts';
import { blocked, IDLE, PROGRESSED } from '../../../src/migration/jobs/steps.ts';
import { silent, type Logger } from '../../../src/migration/log.ts';

/** Takes the results one by one, throws errors, and ends with `IDLE` for ever. */
function script(...results: (StepResult | Error)[]) {
  let taken = 0;
  const ended = Promise.withResolvers<void>();
  const step = async (): Promise<StepResult> => {
    const result = results[taken++];
    if (result instanceof Error) throw result;
    if (!result) ended.resolve();
    return result ?? IDLE;
  };
  return { step, ended: ended.promise, taken: () => taken };
}

/** The system's clock that notes each delay and shortens it to nothing. */
function hastyClock(): Clock & { readonly delays: number[] } {
  const delays: number[] = [];
  return {
    ...systemClock,
    delays,
    delay: (ms, signal) => {
      delays.push(ms);
      return systemClock.delay(delays.length > 100 ? ms : 0, signal);
    },
  };
}

function listener() {
  const said: string[] = [];
  const note = (level: string) => (_: object, message: string) => void said.push(`${level}: ${message}`);
  const log: Logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  return { said, log };
}

describe('Loop', () => {
  test('goes on at once while it gets on, and lets others have their turn in between', async () => {
    const { step, ended } = script(PROGRESSED, PROGRESSED, PROGRESSED);
    const loop = new Loop({ name: 'job', step, clock: systemClock, log: silent, pollMs: 60_000 });
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    loop.start();
    await ended;
    counting = false;
    expect(turns).toBeGreaterThanOrEqual(2);
    await loop.stop();
  });

  test('backs off while it is blocked, up to two seconds, and starts over once it got on', async () => {
    const clock = hastyClock();
    const why = blocked('no');
    const { step, ended } = script(why, why, why, why, why, why, why, why, why, PROGRESSED, why);
    const loop = new Loop({ name: 'job', step, clock, log: silent });
    loop.start();
    await ended;
    await loop.stop();
    expect(clock.delays.slice(0, 10)).toEqual([25, 50, 100, 200, 400, 800, 1600, 2000, 2000, 25]);
  });

  test('says each reason once, and not at all when it is over soon; a fault louder than a device that is away', async () => {
    const { said, log } = listener();
    const away = new CrossfadeError('STORE_UNAVAILABLE');
    const [long, passing] = [Array<StepResult>(8).fill(blocked('a')), blocked('soon over')];
    const { step, ended } = script(passing, PROGRESSED, ...long, blocked('b'), away, away, new TypeError('bug'));
    const loop = new Loop({ name: 'job', step, clock: hastyClock(), log });
    loop.start();
    await ended;
    await loop.stop();
    expect(said).toEqual([
      'info: job waits: a',
      'info: job waits: b',
      'warn: job waits',
      'error: job failed and will be tried again',
    ]);
  });

  test('wakes from idling, also when woken during the step itself', async () => {
    let steps = 0;
    const second = Promise.withResolvers<void>();
    const third = Promise.withResolvers<void>();
    const loop: Loop = new Loop({
      name: 'job',
      step: async () => {
        steps += 1;
        if (steps === 1) loop.wake();
        if (steps === 2) second.resolve();
        if (steps === 3) third.resolve();
        return IDLE;
      },
      clock: systemClock,
      log: silent,
      pollMs: 60_000,
    });
    loop.start();
    await second.promise;
    await systemClock.delay(5);
    loop.wake();
    await third.promise;
    await loop.stop();
    expect(steps).toBe(3);
  });

  test('stop waits for the running step, tells it, and no step comes after it', async () => {
    let steps = 0;
    let finished = false;
    const loop = new Loop({
      name: 'job',
      step: async (signal) => {
        steps += 1;
        await systemClock.delay(60_000, signal);
        finished = true;
        return PROGRESSED;
      },
      clock: systemClock,
      log: silent,
    });
    loop.start();
    await loop.stop();
    expect([steps, finished]).toEqual([1, true]);
    loop.start();
    await systemClock.delay(5);
    expect(steps).toBe(1);
  });
});
