/** The comparison of both stores, and the repair of what it found. */
import { useState } from 'preact/hooks';
import type { Verification } from '../../generated/schema.ts';
import { rung } from '../../migration/states.ts';
import type { Board } from '../session/board.ts';
import { count, counted, duration, moment, percent } from '../words/format.ts';
import { Button, useDoing } from './action.tsx';
import { Dialog } from './dialog.tsx';
import { Bar, Facts, Panel } from './panel.tsx';
import { ProblemNote } from './problem-note.tsx';
import { useSession, type PanelProps } from './use-session.ts';

export function VerificationPanel({ board, now }: PanelProps) {
  const session = useSession();
  const { busy, problem, run } = useDoing();
  const { verification } = board;
  const barred =
    board.place.state === 'DUAL' ? '' : 'Both stores are complete in DUAL; only there can they be compared.';
  const aside = (
    <Button
      barred={verification?.running ? 'It is at work.' : barred}
      busy={busy}
      onClick={() => run(() => session.command('verifyMigration'))}
    >
      Verify now
    </Button>
  );
  return (
    <Panel title="Verification" aside={aside} missing={board.missing.get('verification')}>
      {verification ? (
        <Progress verification={verification} left={board.differences?.total ?? null} now={now} />
      ) : (
        <p class="quiet">None yet. NEW wants one that began in DUAL, covered every row and found the stores alike.</p>
      )}
      {problem && <ProblemNote problem={problem} />}
    </Panel>
  );
}

interface ProgressProps {
  readonly verification: Verification;
  /** Differences that are known now, of this verification or found by reads since; null: they cannot be told. */
  readonly left: number | null;
  readonly now: number;
}

function Progress({ verification, left, now }: ProgressProps) {
  const { running, checked, total, differing, repaired, coverage, clean, startedAt, finishedAt } = verification;
  const share = total === 0 ? coverage : checked / total;
  const seconds = ((finishedAt ? Date.parse(finishedAt) : now) - Date.parse(startedAt)) / 1000;
  const rate = seconds > 0 ? checked / seconds : 0;
  return (
    <>
      <p class="headline">
        <span class={`number ${clean ? 'good' : ''}`}>{running ? percent(share) : verdict(clean, left)}</span>{' '}
        <span class="quiet">{running ? 'comparing' : `finished ${finishedAt ? moment(finishedAt, now) : '–'}`}</span>
      </p>
      <Bar label="Rows compared" share={running ? share : coverage} tone={running ? 'accent' : 'quiet'} />
      <Facts
        facts={[
          ['Rows compared', `${count(checked)} of ${count(total)}`],
          ['Covered', percent(coverage)],
          ['Differing, repaired', `${count(differing)}, ${count(repaired)}`],
          running
            ? ['Time left', rate > 0 ? duration(Math.max(0, total - checked) / rate) : '–']
            : ['Took', duration(Math.max(0, seconds))],
        ]}
      />
    </>
  );
}

function verdict(clean: boolean, left: number | null): string {
  if (clean) return 'Clean';
  // Without a difference: it ended before it had seen everything.
  return left === 0 || left === null ? 'Not clean' : counted(left, 'difference');
}

export function RepairButton({ board }: { readonly board: Board }) {
  const [asked, setAsked] = useState(false);
  const known = board.differences?.total ?? 0;
  const elsewhere = rung(board.place).authority === 'BY_KEY' ? '' : 'Only in DUAL are both stores written.';
  const barred = known === 0 ? 'No difference is known.' : elsewhere;
  return (
    <>
      <Button kind="primary" barred={barred} onClick={() => setAsked(true)}>
        Repair…
      </Button>
      {asked && <RepairDialog board={board} known={known} onClose={() => setAsked(false)} />}
    </>
  );
}

interface RepairDialogProps {
  readonly board: Board;
  readonly known: number;
  readonly onClose: () => void;
}

function RepairDialog({ board, known, onClose }: RepairDialogProps) {
  const session = useSession();
  const { busy, problem, run } = useDoing();
  const repair = () =>
    run(async () => {
      await session.command('repairDifferences');
      onClose();
    });
  return (
    <Dialog
      title="Repair the differences"
      onClose={onClose}
      onSubmit={repair}
      actions={
        <>
          <button type="button" class="plain" onClick={onClose}>
            Not now
          </button>
          <button type="submit" class="primary" disabled={busy} aria-busy={busy} autofocus>
            Repair {counted(known, 'difference')}
          </button>
        </>
      }
    >
      <p>{winner(board)}</p>
      <p class="note warn">
        What the other store holds for these keys is overwritten. If the store that is read from is the wrong one,
        change the share first: at 0 % the old store wins.
      </p>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}

function winner({ place }: Board): string {
  const { authority } = rung(place);
  if (authority === 'OLD' || place.percent === 0)
    return 'Every key is read from the old store now: the new store is made equal to it.';
  if (authority === 'NEW' || place.percent === 100)
    return 'Every key is read from the new store now: the old store is made equal to it.';
  return `Each key is made equal to the store it is read from now: the new store for ${place.percent} of 100 keys, the old one for the others.`;
}
