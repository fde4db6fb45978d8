import { setTimeout as delay } from 'node:timers/promises';
import type { Command, Context, Result } from '../command.ts';
import { CommandFailure } from '../exit.ts';
import { counted } from '../numbers.ts';
import { change, whereComparable } from '../simple.ts';

const REPAIR = `mutation ($dataset: String!) { repairDifferences(dataset: $dataset) { state } }`;
/** As many as a server gives at once, however small its pages are set. */
const FIRST = 20;
const LEFT = `query ($dataset: String!) {
  migration(dataset: $dataset) {
    differences(first: ${FIRST}) { totalCount edges { node { key field kind lastSeenAt } } }
  }
}`;
const LOOK_MS = 300;
/**
 * The schema does not say whether a repair runs. A row that stays is looked at again and has its time moved; one that a store cannot take now
 * is tried for some seconds, a few at once and a hundred before the next sign: nothing for longer than that means that nothing comes.
 */
const PATIENCE_MS = 90_000;

interface Left {
  readonly totalCount: number;
  readonly edges: readonly {
    readonly node: {
      readonly key: string;
      readonly field: string | null;
      readonly kind: string;
      readonly lastSeenAt: string;
    };
  }[];
}

export const repair: Command = {
  name: 'repair',
  meaning:
    'writes each row that differs again, from the store that its key is read from; look at the differences first',
  options: [{ flags: '--wait', meaning: 'wait until no difference is left, or none goes away any more' }],
  changes: true,
  run: async (context, { wait }) => {
    const { readNewPercent, differences } = await whereComparable(context);
    const winner = winnerAt(readNewPercent);
    const known = differences === null ? 'the differences' : counted(differences, 'difference');
    const said = {
      done: `The repair makes ${winner}; crossfade differences shows what is left.`,
      would: `repair ${known}: it would make ${winner}`,
    };
    if (wait !== true || context.dryRun) return change(context, { document: REPAIR }, said);
    const before = await whatIsLeft(context);
    await change(context, { document: REPAIR }, said);
    return untilRepaired(context, before);
  },
};

/** The store that each key is read from wins, and what it does not have is removed from the other. */
function winnerAt(percent: number): string {
  if (percent === 0) return 'the new store equal to the old one, which every key is read from now';
  if (percent === 100) return 'the old store equal to the new one, which every key is read from now';
  return `each key equal to the store it is read from now: the new one for ${percent} of 100 keys, the old one for the others`;
}

async function whatIsLeft({ client, dataset }: Context): Promise<Left> {
  const { migration } = await client.ask<{ readonly migration: { readonly differences: Left } | null }>(LEFT, {
    dataset,
  });
  if (!migration) throw new CommandFailure('USAGE', `There is no dataset ${JSON.stringify(dataset)}.`);
  return migration.differences;
}

async function untilRepaired(context: Context, before: Left): Promise<Result> {
  const untouched = new Set(before.edges.map(({ node }) => JSON.stringify(node)));
  let seen = '';
  for (let since = performance.now(); ; await delay(LOOK_MS, undefined, { signal: context.signal })) {
    const left = await whatIsLeft(context);
    const { totalCount, edges } = left;
    if (totalCount === 0) return { json: { differences: 0 }, lines: ['No difference is left.'] };
    // All that is left fits a page, and has been looked at since: the repair is over.
    const over = totalCount <= FIRST && edges.every(({ node }) => !untouched.has(JSON.stringify(node)));
    const now = JSON.stringify(left);
    if (now !== seen) [seen, since] = [now, performance.now()];
    const stuck = performance.now() - since > PATIENCE_MS;
    if (!over && !stuck) continue;
    const why = over ? '' : ' Nothing has moved for long: does a store not answer?';
    const line = `${counted(totalCount, 'difference is', 'differences are')} left.${why}`;
    return { json: { differences: totalCount }, lines: [line], exit: 'UNHEALTHY' };
  }
}
