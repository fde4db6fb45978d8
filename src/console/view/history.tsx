/** The switches that were made: by whom, why, and how long a request waited for it. */
import type { Transition } from '../../generated/schema.ts';
import type { MigrationState } from '../../migration/states.ts';
import { milliseconds, moment } from '../words/format.ts';
import { placeName } from '../words/ladder.ts';
import { List, type Column } from './table.tsx';
import type { PanelProps } from './use-session.ts';

export function History({ board, now }: PanelProps) {
  const columns: readonly Column<Transition>[] = [
    { name: 'When', cell: ({ at }) => <time dateTime={at}>{moment(at, now)}</time> },
    { name: 'From', cell: ({ from, fromPercent }) => end(from, fromPercent) },
    { name: 'To', cell: ({ to, toPercent }) => <strong>{end(to, toPercent)}</strong> },
    { name: 'Reason', cell: ({ reason }) => reason },
    { name: 'Who', cell: ({ actor }) => actor },
    {
      name: 'Accepted risks',
      cell: ({ acceptedRisks }) => (acceptedRisks.length === 0 ? '–' : <code>{acceptedRisks.join(' ')}</code>),
    },
    {
      name: 'Longest wait',
      numeric: true,
      cell: ({ pauseMs }) => (typeof pauseMs === 'number' ? milliseconds(pauseMs) : '–'),
    },
    { name: 'Epoch', numeric: true, cell: ({ epoch }) => epoch },
  ];
  return (
    <List
      name="history"
      list={board.history}
      missing={board.missing.get('history')}
      caption="History"
      columns={columns}
      identify={({ epoch }) => String(epoch)}
      empty="No switch was made yet."
    />
  );
}

function end(state: MigrationState, percent: number | null | undefined): string {
  return placeName({ state, percent: percent ?? 0 });
}
