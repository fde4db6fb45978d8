/** The state in words: where reads come from, where writes go, what works in the background, whose business logic is in force. */
import { useState } from 'preact/hooks';
import type { BusinessLogic } from '../../generated/schema.ts';
import { rung } from '../../migration/states.ts';
import type { Board } from '../session/board.ts';
import { count, counted } from '../words/format.ts';
import { conduct } from '../words/ladder.ts';
import { Button, useDoing } from './action.tsx';
import { Dialog } from './dialog.tsx';
import { Panel } from './panel.tsx';
import { ProblemNote } from './problem-note.tsx';
import { useSession, type PanelProps } from './use-session.ts';

const LOGIC: Readonly<Record<BusinessLogic, string>> = {
  OLD: 'The old one: what the old store is made for.',
  BOTH: 'Both: clients may use either.',
  NEW: 'The new one: what the new store is made for.',
};

export function ConductPanel({ board }: Pick<PanelProps, 'board'>) {
  const [pinning, setPinning] = useState(false);
  const { reads, writes, background } = conduct(board.place);
  const { businessLogic, businessLogicPinned } = board.now;
  const verifying = board.verification?.running ? ' Rows of both stores are compared.' : '';
  const works = verifying !== '' && background === 'Nothing.' ? verifying.trim() : background + verifying;
  return (
    <Panel title="What happens now">
      <dl class="conduct">
        <dt>Reads</dt>
        <dd>{reads}</dd>
        <dt>Writes</dt>
        <dd>{writes}</dd>
        <dt>Background</dt>
        <dd>{works}</dd>
        <dt>Instances</dt>
        <dd>{serving(board)}</dd>
        <dt>Business logic</dt>
        <dd>
          {LOGIC[businessLogic]}{' '}
          {businessLogicPinned ? (
            <strong class="pinned">Pinned; it does not follow the state.</strong>
          ) : (
            'It follows the state.'
          )}{' '}
          <Button onClick={() => setPinning(true)}>{businessLogicPinned ? 'Change the pin…' : 'Pin…'}</Button>
        </dd>
      </dl>
      {pinning && <PinDialog board={board} onClose={() => setPinning(false)} />}
    </Panel>
  );
}

function serving({ now: { instances, epoch } }: Board): string {
  const behind = instances.filter((instance) => instance.epoch !== epoch).length;
  const all = counted(instances.length, 'process', 'processes');
  return behind === 0 ? `${all}, under the epoch in force.` : `${all}, ${count(behind)} under another epoch.`;
}

const CHOICES: readonly (BusinessLogic | null)[] = [null, 'OLD', 'BOTH', 'NEW'];

function PinDialog({ board, onClose }: Pick<PanelProps, 'board'> & { readonly onClose: () => void }) {
  const session = useSession();
  const { businessLogic, businessLogicPinned } = board.now;
  const [logic, setLogic] = useState<BusinessLogic | null>(businessLogicPinned ? businessLogic : null);
  const { busy, problem, run } = useDoing();
  const pin = () =>
    run(async () => {
      await session.command('setBusinessLogic', { logic });
      onClose();
    });
  return (
    <Dialog
      title="Business logic"
      onClose={onClose}
      onSubmit={pin}
      actions={
        <>
          <button type="button" class="plain" onClick={onClose}>
            Not now
          </button>
          <button type="submit" class="primary" disabled={busy} aria-busy={busy}>
            {logic === null ? 'Let it follow the state' : `Pin to ${logic}`}
          </button>
        </>
      }
    >
      <p>
        Which way of writing clients may use. In force everywhere when this returns; a pin outlives every switch until
        it is lifted.
      </p>
      <fieldset>
        <legend class="visually-hidden">Business logic</legend>
        {CHOICES.map((choice) => (
          <label class="check" key={choice ?? 'follow'}>
            <input type="radio" name="logic" checked={logic === choice} onChange={() => setLogic(choice)} />
            <span>{choice === null ? `Follow the state (now: ${rung(board.place).logic})` : LOGIC[choice]}</span>
          </label>
        ))}
      </fieldset>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
