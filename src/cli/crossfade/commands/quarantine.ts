import { text, type Command, type Context, type Given, type Result } from '../command.ts';
import { LIST_OPTIONS, more, readList } from '../lists.ts';
import { counted } from '../numbers.ts';
import { change } from '../simple.ts';
import { statedReason } from '../switching.ts';

const RETRY = `mutation ($dataset: String!) { retryQuarantine(dataset: $dataset) { state } }`;
const WAIVE = `mutation ($dataset: String!, $reason: String!) { waiveQuarantine(dataset: $dataset, reason: $reason) { state } }`;

interface Row {
  readonly key: string;
  readonly reason: string;
  readonly row: string;
  readonly waived: boolean;
}

export const quarantine: Command = {
  name: 'quarantine',
  meaning:
    'rows without a counterpart: lists them, tries to map them again, or accepts that the new store will not have them',
  arguments: [
    { name: 'what', meaning: 'what to do; list if not given', optional: true, choices: ['list', 'retry', 'waive'] },
  ],
  options: [{ flags: '--reason <text>', meaning: 'for waive: why; needed there' }, ...LIST_OPTIONS],
  changes: true,
  run: async (context, given) => {
    if (given['what'] === 'retry') {
      const said = { done: 'The rows in quarantine are tried again.', would: 'try the rows in quarantine again' };
      return change(context, { document: RETRY }, said);
    }
    if (given['what'] === 'waive') {
      const reason = statedReason(text(given, 'reason'));
      const said = { done: 'The rows in quarantine are waived.', would: 'waive every row in quarantine' };
      return change(context, { document: WAIVE, variables: { reason } }, said);
    }
    return list(context, given);
  },
};

async function list(context: Context, given: Given): Promise<Result> {
  const listed = await readList<Row>(context, 'quarantine', 'key reason row waived', given);
  const rows = listed.nodes.map(
    ({ key, reason, row, waived }) => `  ${key}${waived ? ' (waived)' : ''}: ${reason} ${row}`,
  );
  return { json: listed, lines: [`${counted(listed.totalCount, 'row')} in quarantine`, ...rows, ...more(listed)] };
}
