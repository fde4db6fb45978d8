/** 10,000 requests of garbage by a seed: no crash, nothing told of the inside, nothing changed, and memory back to where it was. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { garbage } from '../support/abuse/fuzz.ts';
import { Target } from '../support/abuse/target.ts';

const SEED = Number(process.env['CROSSFADE_SEED'] ?? 20261122);
const REQUESTS = 10_000;
/** What caches and compiled code may keep, bytes: garbage that was kept whole would be a hundred times that. */
const SLACK = 15_000_000;

let target: Target;
beforeAll(async () => {
  target = await Target.start();
});
afterAll(() => target.app.stop());

function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new TypeError('the garbage collector cannot be called');
  for (let times = 0; times < 3; times++) Reflect.apply(collect, undefined, []);
  return process.memoryUsage().heapUsed;
}

async function send(seed: number, count: number): Promise<void> {
  let number = 0;
  for (const request of garbage(seed, count)) {
    number += 1;
    await target.send(request).catch((error: unknown) => {
      const sent = JSON.stringify(request).slice(0, 2000);
      throw new Error(`seed ${seed}, request ${number}: ${sent}`, { cause: error });
    });
  }
}

test(`${REQUESTS} requests of garbage`, async () => {
  await send(SEED + 1, 1000);
  const before = heapInUse();
  await send(SEED, REQUESTS);
  expect(target.faults).toEqual([]);
  expect(heapInUse() - before).toBeLessThan(SLACK);
  expect(await target.state()).toMatchObject({ events: { totalCount: 3 }, migrations: [{ state: 'OLD', epoch: 1 }] });
});
