/** Which walks there are to be: points are shared out over the stages of paths. */
import type { Random } from '../seed.ts';
import { PATHS, POINTS } from './points.ts';
import type { Kill } from './walk.ts';

export interface PlannedWalk {
  readonly name: string;
  readonly stages: readonly (readonly [stage: string, kill: Kill])[];
}

/** Every point once: the paths take turns, and each walk takes what is left for its stages. */
export function everyPoint(): PlannedWalk[] {
  const left = Map.groupBy(POINTS, ({ stage }) => stage);
  const walks: PlannedWalk[] = [];
  for (let round = 1; [...left.values()].some((points) => points.length > 0); round++) {
    for (const [path, stages] of Object.entries(PATHS)) {
      const taken = stages.map((stage) => [stage, left.get(stage)?.shift() ?? null] as const);
      if (taken.some(([, kill]) => kill !== null)) walks.push({ name: `${path} ${round}`, stages: taken });
    }
  }
  return walks;
}

/** One walk over each path, with a point in as many of its stages, or in all of them. */
export function somePoints(random: Random, kills: number): PlannedWalk[] {
  return Object.entries(PATHS).map(([path, stages]) => {
    const rolled = stages.map((stage) => ({
      points: POINTS.filter((p) => p.stage === stage),
      rank: random.below(1000),
    }));
    const chosen = new Set(
      rolled
        .filter(({ points }) => points.length > 0)
        .sort((a, b) => a.rank - b.rank)
        .slice(0, kills),
    );
    return {
      name: path,
      stages: stages.map((stage, i) => {
        const roll = rolled[i];
        return [stage, roll && chosen.has(roll) ? random.pick(roll.points) : null];
      }),
    };
  });
}

/** One walk over a path, killed at any time in most of its stages. */
export function atRandom(random: Random): PlannedWalk {
  const [path, stages] = random.pick(Object.entries(PATHS));
  return { name: path, stages: stages.map((stage) => [stage, random.below(4) === 0 ? null : 'RANDOM']) };
}

export function killsOf({ stages }: PlannedWalk): number {
  return stages.filter(([, kill]) => kill !== null).length;
}
