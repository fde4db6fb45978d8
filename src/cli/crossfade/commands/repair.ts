import { setTimeout as delay } from 'node:timers/promises';
import type { Command, Context, Result } from '../command.ts';
import { grouped } from '../numbers.ts';
import { change } from '../simple.ts';

const REPAIR = `mutation ($dataset: String!) { repairDifferences(dataset: $dataset) { state } }`;
const LEFT = `query ($dataset: String!) { migration(dataset: $dataset) { differences(first: 1) { totalCount } verification { clean } } }`;
const LOOK_MS = 300;
/** A repair that has brought nothing for so long has nothing more to bring, milliseconds. */
const PATIENCE_MS = 10_000;

interface Left {
  readonly migration: {
    readonly differences: { readonly totalCount: number };
    readonly verification: { readonly clean: boolean } | null;
  };
}

export const repair: Command = {
  name: 'repair',
  meaning:
    'writes each row that differs again, from the store that its key is read from; look at the differences first',
  options: [{ flags: '--wait', meaning: 'wait until no difference is left, or none goes away any more' }],
  changes: true,
  run: async (context, { wait }) => {
    const said = {
      done: 'The repair runs; crossfade differences shows what is left.',
      would: 'repair the differences',
    };
    const started = await change(context, { document: REPAIR }, said);
    return wait === true && !context.dryRun ? untilRepaired(context) : started;
  },
};

async function untilRepaired({ client, dataset, signal }: Context): Promise<Result> {
  let fewest = Infinity;
  let since = performance.now();
  for (;;) {
    const { migration } = await client.ask<Left>(LEFT, { dataset });
    const left = migration.differences.totalCount;
    if (left === 0) return { json: { differences: 0 }, lines: ['No difference is left.'] };
    if (left < fewest) [fewest, since] = [left, performance.now()];
    if (performance.now() - since > PATIENCE_MS) {
      return { json: { differences: left }, lines: [`${grouped(left)} differences are left.`], exit: 'UNHEALTHY' };
    }
    await delay(LOOK_MS, undefined, { signal });
  }
}
