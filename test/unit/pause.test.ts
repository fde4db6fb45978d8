import { expect, test } from 'vitest';
import { PauseMeter } from '../../src/migration/control/pause.ts';
import { ManualClock } from '../contract/journal.contract.ts';

test('waits of one request add up, those of two do not; a wait that goes on counts', async () => {
  const clock = new ManualClock();
  const meter = new PauseMeter(clock);
  const [one, other] = [{}, {}];
  const wait = async (request: object, ms: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const measured = meter.measure(request, promise);
    clock.now += ms;
    const during = meter.longestMs();
    resolve();
    await measured;
    return during;
  };
  expect(await wait(one, 5)).toBe(5);
  expect(await wait(other, 7)).toBe(7);
  expect(await wait(one, 4), 'while it waits').toBe(9);
  expect(meter.longestMs(), 'afterwards').toBe(9);
  meter.reset();
  expect(meter.longestMs()).toBe(0);
  expect(await wait(one, 1)).toBe(1);
});
