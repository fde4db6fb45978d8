/** Rows that are not the same in both stores, with what each holds. */
import type { Difference, DifferenceKind } from '../../generated/schema.ts';
import { moment } from '../words/format.ts';
import { List, type Column } from './table.tsx';
import type { PanelProps } from './use-session.ts';
import { RepairButton } from './verification.tsx';

const KINDS: Readonly<Record<DifferenceKind, string>> = {
  DIFFERS: 'differs',
  ONLY_IN_OLD: 'only in the old store',
  ONLY_IN_NEW: 'only in the new store',
  UNREADABLE: 'cannot be read',
};

export function Differences({ board, now }: PanelProps) {
  const columns: readonly Column<Difference>[] = [
    { name: 'Key', cell: ({ key }) => <code>{key}</code> },
    { name: 'Field', cell: ({ field }) => field ?? 'whole row' },
    { name: 'How', cell: ({ kind }) => KINDS[kind] ?? kind },
    { name: 'Old store', cell: ({ old }) => <Value value={old} /> },
    { name: 'New store', cell: (difference) => <Value value={difference.new} /> },
    { name: 'First seen', numeric: true, cell: ({ firstSeenAt }) => moment(firstSeenAt, now) },
    { name: 'Last seen', numeric: true, cell: ({ lastSeenAt }) => moment(lastSeenAt, now) },
  ];
  return (
    <>
      <div class="list-head">
        <p class="quiet">
          What was found to differ and still stands. A repair looks at each key again before it writes.
        </p>
        <RepairButton board={board} />
      </div>
      <List
        name="differences"
        list={board.differences}
        missing={board.missing.get('differences')}
        caption="Differences"
        columns={columns}
        identify={({ key, field }) => JSON.stringify([key, field])}
        empty="No difference is known."
      />
    </>
  );
}

function Value({ value }: { readonly value: string | null | undefined }) {
  return typeof value === 'string' ? <code class="value">{value}</code> : <span class="quiet">nothing</span>;
}
