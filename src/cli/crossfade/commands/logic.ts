import type { Command } from '../command.ts';
import { change } from '../simple.ts';

const SET = `mutation ($dataset: String!, $logic: BusinessLogic) {
  setBusinessLogic(dataset: $dataset, logic: $logic) { businessLogic businessLogicPinned }
}`;

export const logic: Command = {
  name: 'logic',
  meaning: 'pins what clients may submit, or lets it follow the state again; in force everywhere when it returns',
  arguments: [{ name: 'logic', meaning: 'which', choices: ['OLD', 'BOTH', 'NEW', 'follow'] }],
  changes: true,
  run: async (context, given) => {
    const wanted = given['logic'] === 'follow' ? null : given['logic'];
    const said =
      wanted === null
        ? { done: 'The business logic follows the state.', would: 'let the business logic follow the state' }
        : {
            done: `The business logic is pinned to ${String(wanted)}.`,
            would: `pin the business logic to ${String(wanted)}`,
          };
    return change(context, { document: SET, variables: { logic: wanted } }, said);
  },
};
