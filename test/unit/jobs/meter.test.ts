import { describe, expect, test } from 'vitest';
import { Meter, Pace, RateLimit } from '../../../src/migration/jobs/meter.ts';
import { fakeClock } from './fake-clock.ts';

describe('Meter', () => {
  test('counts per second over the window, and forgets what is older', () => {
    const clock = fakeClock();
    const meter = new Meter(clock, 10_000);
    expect(meter.rate()).toBe(0);
    meter.observe(0);
    clock.advance(1000);
    meter.observe(500);
    expect(meter.rate()).toBe(500);
    clock.advance(9000);
    meter.observe(500);
    expect(meter.rate()).toBe(50);
    clock.advance(10_000);
    meter.observe(500);
    expect(meter.rate()).toBe(0);
  });

  test('a counter that falls starts anew', () => {
    const clock = fakeClock();
    const meter = new Meter(clock);
    meter.observe(900);
    clock.advance(1000);
    meter.observe(10);
    expect(meter.rate()).toBe(0);
    clock.advance(1000);
    meter.observe(30);
    expect(meter.rate()).toBe(20);
  });
});

describe('Pace', () => {
  const limits = { least: 100, most: 5000, start: 500, targetMs: 25 };

  test('grows to what fits the target, twofold at most, up to the limit', () => {
    const pace = new Pace(limits);
    pace.took(500, 5);
    expect(pace.size).toBe(1000);
    pace.took(1000, 20);
    expect(pace.size).toBe(1250);
    for (let i = 0; i < 5; i++) pace.took(pace.size, 1);
    expect(pace.size).toBe(5000);
  });

  test('shrinks by half at most, down to the limit', () => {
    const pace = new Pace(limits);
    pace.took(500, 1000);
    expect(pace.size).toBe(250);
    pace.took(250, 1000);
    pace.took(125, 1000);
    expect(pace.size).toBe(100);
  });

  test('a batch that was short by itself does not raise it, and none at all says nothing', () => {
    const pace = new Pace(limits);
    pace.took(10, 0.1);
    expect(pace.size).toBe(500);
    pace.took(0, 1000);
    expect(pace.size).toBe(500);
  });
});

describe('RateLimit', () => {
  test('keeps to the rate from the first batch on', async () => {
    const clock = fakeClock();
    const limit = new RateLimit(clock);
    let rows = 0;
    while (clock.monotonic() < 5000) rows += await limit.take(1000, 5000);
    expect(rows).toBeGreaterThan(4900);
    expect(rows).toBeLessThanOrEqual(Math.ceil(clock.monotonic()));
  });

  test('goes down to less than a batch a second', async () => {
    const clock = fakeClock();
    const limit = new RateLimit(clock);
    expect(await limit.take(0.5, 500)).toBe(1);
    expect(clock.monotonic()).toBe(2000);
  });

  test('does not save up over a pause', async () => {
    const clock = fakeClock();
    const limit = new RateLimit(clock);
    clock.advance(3_600_000);
    const before = clock.monotonic();
    let rows = 0;
    while (clock.monotonic() < before + 1000) rows += await limit.take(100, 500);
    expect(rows).toBeLessThanOrEqual(110);
  });

  test('what a batch did not need is there for the next one', async () => {
    const clock = fakeClock();
    const limit = new RateLimit(clock);
    const batch = await limit.take(1000, 100);
    limit.refund(batch);
    const before = clock.monotonic();
    await limit.take(1000, 100);
    expect(clock.monotonic()).toBe(before);
  });

  test('a wait ends with the signal', async () => {
    const limit = new RateLimit(fakeClock());
    expect(await limit.take(1, 1, AbortSignal.abort())).toBe(0);
  });
});
