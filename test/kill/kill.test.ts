/**
 * A real process under load, killed where it hurts and started again: nothing that was acknowledged is lost, once is once, and what was
 * acknowledged is visible. Here a choice of points by a seed; all of them, and kills at random, in test/long.
 */
import { describe, expect, test } from 'vitest';
import { killsOf, somePoints } from '../support/kill/plan.ts';
import { Walk } from '../support/kill/walk.ts';
import { randomFrom, SEED } from '../support/seed.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const KILLS = 5;

describe.concurrent(`killed at points chosen by CROSSFADE_SEED=${SEED}`, () => {
  const random = randomFrom(SEED);
  for (const planned of somePoints(random, KILLS)) {
    const own = random.fork();
    test(`on the way ${planned.name}`, { timeout: 150_000 }, async ({ onTestFinished, onTestFailed }) => {
      const walk = new Walk(await temporaryDirectory(), own);
      onTestFinished(() => walk.dispose());
      onTestFailed(() => void process.stderr.write(`${walk.whereabouts}\n`));
      const report = await walk.run(planned.stages);
      expect(report.kills).toBe(killsOf(planned));
      expect(report.requests).toBeGreaterThan(200);
    });
  }
});
