/** Rows of the old store without a counterpart: why, what they hold, another try, or going without them. */
import { useState } from 'preact/hooks';
import type { QuarantinedRow } from '../../generated/schema.ts';
import { counted } from '../words/format.ts';
import { Button, useDoing } from './action.tsx';
import { Dialog, Reason } from './dialog.tsx';
import { ProblemNote } from './problem-note.tsx';
import { List, type Column } from './table.tsx';
import { useSession, type PanelProps } from './use-session.ts';

const COLUMNS: readonly Column<QuarantinedRow>[] = [
  { name: 'Key', cell: ({ key }) => <code>{key}</code> },
  { name: 'Reason', cell: ({ reason }) => reason },
  {
    name: 'Row',
    cell: ({ row }) => (
      <details>
        <summary>Show</summary>
        <code class="value">{row}</code>
      </details>
    ),
  },
  { name: 'Waived', cell: ({ waived }) => (waived ? 'waived' : <strong>open</strong>) },
];

export function Quarantine({ board }: Pick<PanelProps, 'board'>) {
  const session = useSession();
  const { busy, problem, run } = useDoing();
  const [waiving, setWaiving] = useState(false);
  const total = board.quarantine?.total ?? 0;
  const barred = total === 0 ? 'Quarantine is empty.' : '';
  return (
    <>
      <div class="list-head">
        <p class="quiet">
          Mend the catalogue or the mapping and try them again. A waived row stays in the old store and here, and will
          not be in the new one.
        </p>
        <Button barred={barred} busy={busy} onClick={() => run(() => session.command('retryQuarantine'))}>
          Try again
        </Button>
        <Button barred={barred} onClick={() => setWaiving(true)}>
          Waive…
        </Button>
      </div>
      {problem && <ProblemNote problem={problem} />}
      <List
        name="quarantine"
        list={board.quarantine}
        missing={board.missing.get('quarantine')}
        caption="Quarantine"
        columns={COLUMNS}
        identify={({ key }) => key}
        empty="No row is in quarantine."
      />
      {waiving && <WaiveDialog total={total} onClose={() => setWaiving(false)} />}
    </>
  );
}

function WaiveDialog({ total, onClose }: { readonly total: number; readonly onClose: () => void }) {
  const session = useSession();
  const [reason, setReason] = useState('');
  const { busy, problem, run } = useDoing();
  const waive = () =>
    run(async () => {
      await session.command('waiveQuarantine', { reason });
      onClose();
    });
  return (
    <Dialog
      title="Waive the rows in quarantine"
      onClose={onClose}
      onSubmit={waive}
      actions={
        <>
          <button type="button" class="plain" onClick={onClose}>
            Not now
          </button>
          <button type="submit" class="primary" disabled={busy || reason.trim() === ''} aria-busy={busy}>
            Waive all that are open
          </button>
        </>
      }
    >
      <p>
        {counted(total, 'row is', 'rows are')} in quarantine. All that are still open will be missing from the new
        store, count as no difference, and their keys stay taken.
      </p>
      <Reason value={reason} onInput={setReason} />
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
