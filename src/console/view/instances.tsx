/** The processes that serve this dataset: under which epoch, and how long they may trust it. */
import { useState } from 'preact/hooks';
import type { Instance } from '../../generated/schema.ts';
import { PAGE } from '../session/documents.ts';
import { count, duration } from '../words/format.ts';
import { Rows, type Column } from './table.tsx';
import type { PanelProps } from './use-session.ts';

export function Instances({ board, now }: PanelProps) {
  const { instances, epoch } = board.now;
  const [page, setPage] = useState(0);
  const columns: readonly Column<Instance>[] = [
    { name: 'Instance', cell: ({ label }) => <strong>{label}</strong> },
    { name: 'Id', cell: ({ id }) => <code>{id.slice(0, 8)}</code> },
    {
      name: 'Epoch',
      numeric: true,
      cell: (instance) => (instance.epoch === epoch ? instance.epoch : <strong>{instance.epoch}</strong>),
    },
    { name: 'Last seen', numeric: true, cell: ({ lastSeenAt }) => `${age(now - Date.parse(lastSeenAt))} ago` },
    { name: 'Lease', numeric: true, cell: ({ leaseExpiresAt }) => lease(Date.parse(leaseExpiresAt) - now) },
  ];
  const last = Math.max(0, Math.ceil(instances.length / PAGE) - 1);
  const shown = Math.min(page, last);
  return (
    <>
      <p class="quiet">A process that was killed stays for a minute. A switch waits for leases that still run.</p>
      <Rows
        caption="Instances"
        columns={columns}
        rows={instances.slice(shown * PAGE, (shown + 1) * PAGE)}
        identify={({ id }) => id}
      />
      {last > 0 && (
        <nav class="pager" aria-label="Pages of instances">
          <span class="number">
            {count(shown + 1)} of {count(last + 1)}
          </span>
          <button type="button" class="plain small" disabled={shown === 0} onClick={() => setPage(shown - 1)}>
            Before
          </button>
          <button type="button" class="plain small" disabled={shown === last} onClick={() => setPage(shown + 1)}>
            After
          </button>
        </nav>
      )}
    </>
  );
}

const age = (ms: number): string => duration(Math.max(0, ms) / 1000);

function lease(ms: number) {
  return ms > 0 ? `runs ${age(ms)} more` : <strong class="bad">over for {age(-ms)}</strong>;
}
