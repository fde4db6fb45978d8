import { ACCEPTABLE_RISKS } from '../../../migration/api.ts';
import { STATES } from '../../../migration/states.ts';
import { text, type Command } from '../command.ts';
import { CommandFailure } from '../exit.ts';
import { wholeNumber } from '../numbers.ts';
import { statedReason, switchTo } from '../switching.ts';

const LARGEST_EPOCH = 2 ** 31 - 1;

export const switchCommand: Command = {
  name: 'switch',
  meaning: 'goes to another state, or says what stands in the way; returns when the switch has settled',
  arguments: [{ name: 'state', meaning: 'where to go', choices: STATES }],
  options: [
    {
      flags: '--percent <number>',
      meaning: 'share of the keys that are read from the new store, 0 to 100; for DUAL, and needed there',
    },
    { flags: '--reason <text>', meaning: 'why; kept in the history', required: true },
    { flags: '--accept-risk <code>', meaning: 'go over this blocker', choices: ACCEPTABLE_RISKS, repeated: true },
    { flags: '--expected-epoch <number>', meaning: 'go only if this epoch is in force' },
    { flags: '--wait', meaning: 'wait for what passes by itself: the copy, the backlog, another switch' },
  ],
  changes: true,
  run: async (context, given) => {
    const to = STATES.find((state) => state === given['state']);
    if (!to) throw new CommandFailure('USAGE', `state must be one of ${STATES.join(', ')}.`);
    const readNewPercent = wholeNumber(given, 'percent', 0, 100);
    if ((to === 'DUAL') !== (readNewPercent !== null)) {
      throw new CommandFailure('USAGE', to === 'DUAL' ? 'DUAL needs --percent.' : '--percent belongs to DUAL alone.');
    }
    const expectedEpoch = wholeNumber(given, 'expectedEpoch', 0, LARGEST_EPOCH);
    const { acceptRisk } = given;
    const risks = Array.isArray(acceptRisk) ? { acceptRisk } : {};
    const request = { to, readNewPercent, expectedEpoch, reason: statedReason(text(given, 'reason')), ...risks };
    return switchTo(context, request, given['wait'] === true);
  },
};
