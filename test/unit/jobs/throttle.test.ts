import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LEAST_SHARE, nextShare, Throttle, type Signal } from '../../../src/migration/jobs/throttle.ts';
import { fakeClock } from './fake-clock.ts';

const signal = (workingMs: number | null, restingMs: number | null = 2, serving = true, busy = 0): Signal => ({
  workingMs,
  restingMs,
  serving,
  busy,
});
const settled = (given: Signal) => {
  let share = 1;
  for (let i = 0; i < 200; i++) share = nextShare(share, given);
  return share;
};

describe('the share of the copy', () => {
  test('falls while requests wait longer than they do without it, and comes back', () => {
    expect(nextShare(0.5, signal(10))).toBeLessThan(0.5);
    expect(nextShare(0.5, signal(2))).toBeGreaterThan(0.5);
    expect(settled(signal(10))).toBe(LEAST_SHARE);
    expect(settled(signal(2))).toBe(1);
  });

  test('falls faster than it comes back while requests are served', () => {
    const fallen = nextShare(0.5, signal(10));
    expect(nextShare(fallen, signal(2))).toBeLessThan(0.5);
  });

  test('minds others less where nobody is served, but minds them', () => {
    expect(nextShare(0.5, signal(10, 2, false))).toBeGreaterThan(0.5);
    expect(nextShare(0.5, signal(1000, 2, false))).toBeLessThan(0.5);
  });

  test('falls when a signal cannot be read, whatever the other says', () => {
    expect(nextShare(0.5, signal(null))).toBeLessThan(0.5);
    expect(nextShare(0.5, signal(1, null))).toBeLessThan(0.5);
    expect(settled(signal(null, null, false))).toBe(LEAST_SHARE);
  });

  test('leaves time to requests that take much of it, and not where there are none', () => {
    expect(settled(signal(2, 2, true, 0.5))).toBeLessThan(0.1);
    expect(settled(signal(2, 2, true, 0.05))).toBeGreaterThan(0.9);
    expect(settled(signal(2, 2, false, 0.5))).toBe(1);
  });

  test('never stops the copy, never takes more than there is', () => {
    const wait = fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }));
    fc.assert(
      fc.property(
        fc.double({ min: LEAST_SHARE, max: 1, noNaN: true }),
        wait,
        wait,
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (share, a, b, serving, busy) => {
          const next = nextShare(share, { workingMs: a, restingMs: b, serving, busy });
          expect(next).toBeGreaterThanOrEqual(LEAST_SHARE);
          expect(next).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe('the throttle', () => {
  /** A store that answers after `ms` of the clock; null: it does not. */
  function made(answer: () => number | null, busy = 0) {
    const clock = fakeClock();
    let served = 0;
    const ping = async () => {
      const ms = answer();
      if (ms === null) throw new Error('down');
      clock.advance(ms);
    };
    const utilization = () => ({ idle: 1 - busy, active: busy, utilization: busy });
    const throttle = new Throttle({ clock, stores: [{ ping }], served: () => ++served, utilization });
    return { clock, throttle };
  }

  test('rests longer while the store is slow under the copy, and less when it has recovered', async () => {
    let ms: number | null = 1;
    const { clock, throttle } = made(() => ms);
    await throttle.settle();
    /** For how long it rests after so many stretches of work, milliseconds. */
    const rests = async (stretches: number) => {
      let rested = 0;
      for (let i = 0; i < stretches; i++) {
        clock.advance(10);
        const began = clock.monotonic();
        await throttle.rest(10);
        rested = clock.monotonic() - began;
      }
      return rested;
    };
    const atFirst = throttle.share;
    ms = 50;
    await rests(40);
    const slowed = throttle.share;
    expect(slowed).toBeLessThan(atFirst);
    ms = 1;
    await rests(200);
    expect(throttle.share).toBeGreaterThan(slowed);
    ms = null;
    const before = throttle.share;
    await rests(40);
    expect(throttle.share).toBeLessThan(before);
  });

  test('while requests are served it rests after each piece of work, not after many', async () => {
    const { clock, throttle } = made(() => 1);
    await throttle.settle();
    // The first probe tells that requests are served.
    await throttle.rest(1);
    for (let i = 0; i < 5; i++) {
      throttle.share = 0.2;
      const began = clock.monotonic();
      await throttle.rest(1);
      expect(clock.monotonic() - began).toBeGreaterThanOrEqual(4);
    }
  });

  test('takes what requests leave: how busy they keep the process is seen while it rests', async () => {
    for (const [busy, least, most] of [
      [0, 1, 1],
      [0.4, 0.2, 0.5],
      [0.6, LEAST_SHARE, 0.1],
    ] as const) {
      const { throttle } = made(() => 1, busy);
      await throttle.settle();
      for (let i = 0; i < 20; i++) await throttle.rest(1);
      expect(throttle.share, String(busy)).toBeGreaterThanOrEqual(least);
      expect(throttle.share, String(busy)).toBeLessThanOrEqual(most);
    }
  });
});
