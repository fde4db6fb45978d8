import type { Command } from '../command.ts';
import { describeStatus } from '../describe.ts';
import { readStatus } from '../status.ts';

export const status: Command = {
  name: 'status',
  meaning: 'where the migration stands, what is possible, and what stands in the way',
  changes: false,
  run: async (context) => {
    const now = await readStatus(context);
    return { json: now, lines: describeStatus(now) };
  },
};
