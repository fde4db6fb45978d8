/** The bulk copy: how far, how fast, how long still; pause and rate. */
import { useState } from 'preact/hooks';
import type { CopyProgress } from '../../generated/schema.ts';
import type { Board } from '../session/board.ts';
import { count, duration, measured, percent } from '../words/format.ts';
import { Button, useDoing } from './action.tsx';
import { Bar, Facts, Panel } from './panel.tsx';
import { ProblemNote } from './problem-note.tsx';
import { useSession, type PanelProps } from './use-session.ts';

export function CopyPanel({ board }: Pick<PanelProps, 'board'>) {
  const { copy } = board;
  const session = useSession();
  const { busy, problem, run } = useDoing();
  const aside = copy && !copy.complete && (
    <Button busy={busy} onClick={() => run(() => session.command(copy.paused ? 'resumeCopy' : 'pauseCopy'))}>
      {copy.paused ? 'Resume' : 'Pause'}
    </Button>
  );
  return (
    <Panel title="Copy" aside={aside} missing={board.missing.get('copy')}>
      {copy ? <Progress copy={copy} board={board} /> : <p class="quiet">{whyNone(board)}</p>}
      <Rate limit={copy?.rateLimit ?? null} />
      {problem && <ProblemNote problem={problem} />}
    </Panel>
  );
}

function whyNone({ place }: Board): string {
  if (place.state === 'OLD') return 'Begins in MIGRATING: every row of the old store goes to the new one.';
  return place.state === 'MIGRATING'
    ? 'The new store is being prepared, or does not answer.'
    : 'The new store does not answer.';
}

function Progress({ copy, board }: { readonly copy: CopyProgress; readonly board: Board }) {
  const done = copy.copied + copy.quarantined;
  const share = copy.complete ? 1 : copy.total === 0 ? 0 : done / copy.total;
  return (
    <>
      <p class="headline">
        <span class="number">{percent(share)}</span> <span class="quiet">{standing(copy, board)}</span>
      </p>
      <Bar label="Rows copied" share={share} />
      <Facts
        facts={[
          ['Copied', `${count(copy.copied)} of ${count(copy.total)}`],
          ['In quarantine', count(copy.quarantined)],
          ['Rate', copy.running ? `${measured(copy.rowsPerSecond)} rows/s` : '–'],
          ['Time left', typeof copy.etaSeconds === 'number' ? duration(copy.etaSeconds) : '–'],
        ]}
      />
    </>
  );
}

function standing(copy: CopyProgress, { place }: Board): string {
  if (copy.complete) return 'complete';
  if (copy.paused) return 'paused';
  if (copy.running) return 'copying';
  return place.state === 'MIGRATING' ? 'waiting' : 'of an earlier run';
}

function Rate({ limit }: { readonly limit: number | null }) {
  const session = useSession();
  const { busy, problem, run } = useDoing();
  const [wanted, setWanted] = useState<string | null>(null);
  const shown = wanted ?? (limit === null ? '' : String(limit));
  const rowsPerSecond = shown.trim() === '' ? null : Number(shown);
  const barred = rowsPerSecond === limit ? 'This is the limit in force.' : '';
  const set = async (): Promise<void> => {
    await session.command('setCopyRate', { rowsPerSecond });
    setWanted(null);
  };
  return (
    <form
      class="inline"
      onSubmit={(event) => {
        event.preventDefault();
        if (barred === '') run(set);
      }}
    >
      <label>
        <span>Limit, rows a second</span>
        <input
          type="number"
          min={1}
          step={1}
          value={shown}
          placeholder="no limit"
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
      </label>
      <Button onClick={() => run(set)} busy={busy} barred={barred}>
        Set
      </Button>
      {problem && <ProblemNote problem={problem} />}
    </form>
  );
}
