import { text, type Command } from '../command.ts';
import { readStatus } from '../status.ts';
import { statedReason, switchTo } from '../switching.ts';
import { wayBack } from '../way-back.ts';

export const back: Command = {
  name: 'back',
  meaning: 'the next step of the way back to OLD, from wherever it is; a switch that has not flipped is cancelled',
  options: [
    { flags: '--reason <text>', meaning: 'why; kept in the history', required: true },
    { flags: '--wait', meaning: 'wait for what passes by itself: the backlog, another switch' },
  ],
  changes: true,
  run: async (context, given) => {
    const reason = statedReason(text(given, 'reason'));
    const status = await readStatus(context);
    const step = wayBack(status);
    if ('none' in step) {
      const lines = [`There is no way back from ${status.state}: ${step.none}.`];
      return { json: { none: step.none }, lines, exit: status.state === 'OLD' ? 'OK' : 'BLOCKED' };
    }
    // From the place that the step was worked out for, and from no other.
    const expectedEpoch = status.epoch;
    return switchTo(context, { ...step, expectedEpoch, reason }, given['wait'] === true);
  },
};
