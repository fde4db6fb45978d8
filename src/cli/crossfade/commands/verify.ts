import type { Command } from '../command.ts';
import { change, whereComparable } from '../simple.ts';
import { untilVerified } from '../verification.ts';

const VERIFY = `mutation ($dataset: String!) { verifyMigration(dataset: $dataset) { state verification { running startedAt } } }`;

export const verify: Command = {
  name: 'verify',
  meaning: 'starts to compare both stores, row by row; while it runs, another start changes nothing',
  options: [{ flags: '--wait', meaning: 'wait for the verdict' }],
  changes: true,
  run: async (context, { wait }) => {
    if (context.dryRun) await whereComparable(context);
    const said = { done: 'The verification runs; crossfade watch shows it.', would: 'start a verification' };
    const started = await change(context, { document: VERIFY }, said);
    return wait === true && !context.dryRun ? untilVerified(context) : started;
  },
};
