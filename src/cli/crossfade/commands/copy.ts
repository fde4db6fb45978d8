import type { Command } from '../command.ts';
import { text } from '../command.ts';
import { CommandFailure } from '../exit.ts';
import { counted, wholeNumber } from '../numbers.ts';
import { change } from '../simple.ts';

const SHOWN = '{ copy { paused rateLimit } }';
const PAUSE = `mutation ($dataset: String!) { pauseCopy(dataset: $dataset) ${SHOWN} }`;
const RESUME = `mutation ($dataset: String!) { resumeCopy(dataset: $dataset) ${SHOWN} }`;
const RATE = `mutation ($dataset: String!, $rows: Int) { setCopyRate(dataset: $dataset, rowsPerSecond: $rows) ${SHOWN} }`;
const LARGEST_RATE = 2 ** 31 - 1;

export const copy: Command = {
  name: 'copy',
  meaning: 'pauses the bulk copy, goes on with it, or limits its rate; it holds until it is changed',
  arguments: [
    { name: 'what', meaning: 'what to do', choices: ['pause', 'resume', 'rate'] },
    { name: 'rows', meaning: 'for rate: rows a second, or none for no limit', optional: true },
  ],
  changes: true,
  run: async (context, given) => {
    const rows = text(given, 'rows');
    if ((given['what'] === 'rate') !== (rows !== null)) {
      throw new CommandFailure(
        'USAGE',
        rows === null ? 'rate needs rows a second, or none.' : 'Rows belong to rate alone.',
      );
    }
    switch (given['what']) {
      case 'pause':
        return change(context, { document: PAUSE }, { done: 'The copy is paused.', would: 'pause the copy' });
      case 'resume':
        return change(context, { document: RESUME }, { done: 'The copy goes on.', would: 'go on with the copy' });
      default: {
        const limit = rows === 'none' ? null : wholeNumber(given, 'rows', 1, LARGEST_RATE);
        const words =
          limit === null ? 'lift the limit of the copy' : `limit the copy to ${counted(limit, 'row')} a second`;
        const done =
          limit === null ? 'The copy has no limit.' : `The copy is limited to ${counted(limit, 'row')} a second.`;
        return change(context, { document: RATE, variables: { rows: limit } }, { done, would: words });
      }
    }
  },
};
