/** Kills at any time. A run is repeated by its seed; when in a stage the process dies is up to the machine. */
import { describe, expect, test } from 'vitest';
import { atRandom, killsOf } from '../support/kill/plan.ts';
import { Walk } from '../support/kill/walk.ts';
import { randomFrom, RUNS, SEED } from '../support/seed.ts';
import { temporaryDirectory } from '../support/tmp.ts';

describe(`killed at any time, CROSSFADE_SEED=${SEED}`, () => {
  for (let run = 0; run < RUNS(10, 30); run++) {
    const random = randomFrom(SEED + run);
    const planned = atRandom(random);
    test(`${SEED + run}: on the way ${planned.name}`, { timeout: 600_000 }, async ({ onTestFinished }) => {
      const walk = new Walk(await temporaryDirectory(), random);
      onTestFinished(() => walk.dispose());
      const report = await walk.run(planned.stages);
      expect(report.kills).toBe(killsOf(planned));
      expect(report.requests).toBeGreaterThan(50);
    });
  }
});
