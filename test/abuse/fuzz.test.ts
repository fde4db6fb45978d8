/** Garbage by a seed: no crash, nothing told of the inside, nothing changed. The long tests have ten times as much, and look at memory. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { garbage } from '../support/abuse/fuzz.ts';
import { Target } from '../support/abuse/target.ts';

const SEED = Number(process.env['CROSSFADE_SEED'] ?? 20261122);

let target: Target;
beforeAll(async () => {
  target = await Target.start();
});
afterAll(() => target.app.stop());

test('1,000 requests of garbage', async () => {
  let number = 0;
  for (const request of garbage(SEED, 1000)) {
    number += 1;
    await target.send(request).catch((error: unknown) => {
      throw new Error(`seed ${SEED}, request ${number}: ${JSON.stringify(request).slice(0, 2000)}`, { cause: error });
    });
  }
  expect(target.faults).toEqual([]);
  expect(await target.state()).toMatchObject({ events: { totalCount: 3 }, migrations: [{ state: 'OLD', epoch: 1 }] });
});
