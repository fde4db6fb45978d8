import type { Command } from '../command.ts';
import { LIST_OPTIONS, more, readList } from '../lists.ts';
import { grouped } from '../numbers.ts';
import { placeName } from '../status.ts';

interface Transition {
  readonly from: string;
  readonly fromPercent: number | null;
  readonly to: string;
  readonly toPercent: number | null;
  readonly epoch: number;
  readonly actor: string;
  readonly reason: string;
  readonly at: string;
  readonly acceptedRisks: readonly string[];
}

export const history: Command = {
  name: 'history',
  meaning: 'the switches that were made, newest first',
  options: LIST_OPTIONS,
  changes: false,
  run: async (context, given) => {
    const fields = 'from fromPercent to toPercent epoch actor reason at pauseMs acceptedRisks';
    const listed = await readList<Transition>(context, 'history', fields, given);
    const rows = listed.nodes.map((one) => {
      const risks = one.acceptedRisks.length === 0 ? '' : `, accepted ${one.acceptedRisks.join(', ')}`;
      const way = `${placeName(one.from, one.fromPercent)} -> ${placeName(one.to, one.toPercent)}`;
      return `  ${one.at}  epoch ${one.epoch}  ${way}, by ${one.actor}: ${one.reason}${risks}`;
    });
    return { json: listed, lines: [`${grouped(listed.totalCount)} switches`, ...rows, ...more(listed)] };
  },
};
