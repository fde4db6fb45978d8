/** Every point at which a process can be killed, once. */
import { describe, expect, test } from 'vitest';
import { everyPoint, killsOf } from '../support/kill/plan.ts';
import { POINTS } from '../support/kill/points.ts';
import { Walk } from '../support/kill/walk.ts';
import { randomFrom, SEED } from '../support/seed.ts';
import { temporaryDirectory } from '../support/tmp.ts';

describe(`killed at every point, CROSSFADE_SEED=${SEED}`, () => {
  const random = randomFrom(SEED);
  const walks = everyPoint();

  test('no point is left out', () => {
    expect(walks.reduce((sum, planned) => sum + killsOf(planned), 0)).toBe(POINTS.length);
  });

  for (const planned of walks) {
    const own = random.fork();
    test(`on the way ${planned.name}`, { timeout: 600_000 }, async ({ onTestFinished }) => {
      const walk = new Walk(await temporaryDirectory(), own);
      onTestFinished(() => walk.dispose());
      const report = await walk.run(planned.stages);
      expect(report.kills).toBe(killsOf(planned));
    });
  }
});
