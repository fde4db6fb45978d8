/** One switch: what it changes, what a dry run says, why it is made; then the switch itself, watched until it has settled. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Blocker, BlockerCode } from '../../generated/schema.ts';
import { type MigrationState, type Place } from '../../migration/states.ts';
import type { Board } from '../session/board.ts';
import { problemOf, type Problem } from '../session/problem.ts';
import type { Session } from '../session/session.ts';
import { PASSING, RISKS } from '../words/blockers.ts';
import { milliseconds } from '../words/format.ts';
import { conduct, placeName, wayBack } from '../words/ladder.ts';
import { Blockers } from './blockers.tsx';
import { Dialog, Reason } from './dialog.tsx';
import { ProblemNote } from './problem-note.tsx';
import { useSession } from './use-session.ts';

type Tried =
  | { readonly kind: 'asking' }
  | { readonly kind: 'allowed' }
  | { readonly kind: 'blocked'; readonly blockers: readonly Blocker[] }
  | { readonly kind: 'overtaken'; readonly by: Place }
  | { readonly kind: 'failed'; readonly problem: Problem };

interface SwitchDialogProps {
  readonly board: Board;
  readonly to: Place;
  readonly onClose: () => void;
  /** The switch has settled; what to say about it. */
  readonly onDone: (message: string) => void;
}

/** Between two dry runs while what bars the way passes by itself, milliseconds. */
const ASK_AGAIN_MS = 1000;

export function SwitchDialog({ board, to, onClose, onDone }: SwitchDialogProps) {
  const session = useSession();
  // What the operator decides about is what was there when the dialog opened; who switches meanwhile makes it a conflict.
  const [{ place: from, now }] = useState(board);
  const [risks, setRisks] = useState<readonly BlockerCode[]>([]);
  const [tried, again] = useDryRun({ session, to, epoch: now.epoch, risks });
  const [reason, setReason] = useState('');
  const [final, setFinal] = useState(false);
  const [running, setRunning] = useState(false);
  const [outcome, setOutcome] = useState<Tried | null>(null);
  const shown = useRef(true);
  useEffect(() => () => void (shown.current = false), []);
  const noReturn = wayBack(to) === null;
  const ready = tried.kind === 'allowed' && reason.trim() !== '' && (!noReturn || final) && !running;

  const go = async (): Promise<void> => {
    if (!ready) return;
    setRunning(true);
    setOutcome(null);
    const result = await attempt(session, to, { epoch: now.epoch, risks, reason, dryRun: false });
    setRunning(false);
    if (result.kind === 'done') return onDone(`Switched to ${placeName(to)}. ${pauseWords(result.pauseMs)}`);
    if (!shown.current) return onDone(`The switch to ${placeName(to)} was not made. ${inShort(result)}`);
    setOutcome(result);
  };

  return (
    <Dialog
      title={`${placeName(from)} → ${placeName(to)}`}
      onClose={onClose}
      onSubmit={() => void go()}
      actions={
        <>
          <button type="button" class="plain" onClick={onClose}>
            {running ? 'Close, it goes on' : 'Not now'}
          </button>
          <button type="submit" class="primary" disabled={!ready} aria-busy={running}>
            {running ? 'Switching…' : `Switch to ${placeName(to)}`}
          </button>
        </>
      }
    >
      <Changes from={from} to={to} />
      <section class="dry-run" aria-live="polite" aria-label="Dry run">
        <h3>Dry run</h3>
        <Outcome tried={tried} />
        {tried.kind === 'blocked' && (
          <Acceptable blockers={tried.blockers} to={to.state} risks={risks} onChange={setRisks} />
        )}
        {(tried.kind === 'blocked' || tried.kind === 'failed') && (
          <button type="button" class="plain small" onClick={again}>
            Ask again
          </button>
        )}
        {tried.kind === 'allowed' && risks.length > 0 && (
          <p class="note warn">Goes over {risks.join(', ')}; the history keeps that.</p>
        )}
      </section>
      <Reason value={reason} onInput={setReason} />
      {noReturn && (
        <label class="check">
          <input type="checkbox" checked={final} onChange={(event) => setFinal(event.currentTarget.checked)} />
          <span>
            I know that there is no way back from {to.state}: the old store gets no write any more from here on.
          </span>
        </label>
      )}
      {outcome && (
        <section role="alert">
          <h3>The switch was not made</h3>
          <Outcome tried={outcome} />
        </section>
      )}
    </Dialog>
  );
}

function Changes({ from, to }: { readonly from: Place; readonly to: Place }) {
  const [before, after] = [conduct(from), conduct(to)];
  const rows = [
    ['Reads', before.reads, after.reads],
    ['Writes', before.writes, after.writes],
    ['Background', before.background, after.background],
  ] as const;
  return (
    <dl class="changes">
      {rows.map(([name, was, becomes]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{was === becomes ? <span class="quiet">As before. {becomes}</span> : becomes}</dd>
        </div>
      ))}
    </dl>
  );
}

function Outcome({ tried }: { readonly tried: Tried }) {
  switch (tried.kind) {
    case 'asking':
      return <p class="quiet">Asking what would happen…</p>;
    case 'allowed':
      return <p class="note good">Nothing stands in the way.</p>;
    case 'blocked':
      return <Blockers blockers={tried.blockers} />;
    case 'overtaken':
      return (
        <p class="note warn">
          Somebody else switched meanwhile: it is in {placeName(tried.by)} now. Close and look again.
        </p>
      );
    case 'failed':
      return <ProblemNote problem={tried.problem} />;
  }
}

interface AcceptableProps {
  readonly blockers: readonly Blocker[];
  readonly to: MigrationState;
  readonly risks: readonly BlockerCode[];
  readonly onChange: (risks: readonly BlockerCode[]) => void;
}

/** Ticked ones are gone over in the next dry run; STORE_UNREACHABLE can be where the old store is left behind for good. */
function Acceptable({ blockers, to, risks, onChange }: AcceptableProps) {
  const codes = [...new Set(blockers.map(({ code }) => code))];
  return codes.map((code) => {
    const risk = RISKS[code];
    if (risk === undefined || (code === 'STORE_UNREACHABLE' && to !== 'NEW')) return null;
    return (
      <label class="check" key={code}>
        <input type="checkbox" checked={risks.includes(code)} onChange={() => onChange([...risks, code])} />
        <span>Take the risk. {risk}</span>
      </label>
    );
  });
}

interface DryRun {
  readonly session: Session;
  readonly to: Place;
  readonly epoch: number;
  readonly risks: readonly BlockerCode[];
}

/** Asked when the dialog opens and when a risk is accepted; again by itself while all that bars the way passes by itself. */
function useDryRun({ session, to, epoch, risks }: DryRun): readonly [Tried, () => void] {
  const [tried, setTried] = useState<Tried>({ kind: 'asking' });
  const [round, setRound] = useState(0);
  const again = (): void => setRound((count) => count + 1);
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      const result = await attempt(session, to, { epoch, risks, reason: 'dry run', dryRun: true });
      if (over) return;
      setTried(result.kind === 'done' ? { kind: 'allowed' } : result);
      const passing = result.kind === 'blocked' && result.blockers.every(({ code }) => PASSING.includes(code));
      if (passing) timer = setTimeout(again, ASK_AGAIN_MS);
    };
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [session, to.state, to.percent, epoch, risks, round]);
  return [tried, again];
}

interface Attempt {
  readonly epoch: number;
  readonly risks: readonly BlockerCode[];
  readonly reason: string;
  readonly dryRun: boolean;
}

type Attempted =
  Exclude<Tried, { kind: 'asking' } | { kind: 'allowed' }> | { readonly kind: 'done'; readonly pauseMs: number | null };

async function attempt(session: Session, { state, percent }: Place, how: Attempt): Promise<Attempted> {
  const { epoch, risks, reason, dryRun } = how;
  const readNewPercent = state === 'DUAL' ? percent : null;
  const input = { to: state, readNewPercent, expectedEpoch: epoch, reason, dryRun, acceptRisk: risks };
  try {
    const result = await session.switchTo(input);
    switch (result.__typename) {
      case 'MigrationSwitched':
        return { kind: 'done', pauseMs: result.pauseMs ?? null };
      case 'SwitchBlocked':
        return { kind: 'blocked', blockers: result.blockers };
      case 'EpochConflict':
        return { kind: 'overtaken', by: { state: result.migration.state, percent: result.migration.readNewPercent } };
    }
  } catch (error) {
    return { kind: 'failed', problem: problemOf(error) };
  }
}

function inShort(result: Exclude<Attempted, { kind: 'done' }>): string {
  switch (result.kind) {
    case 'blocked':
      return result.blockers.map(({ message }) => message).join(' ');
    case 'overtaken':
      return `Somebody else switched to ${placeName(result.by)} meanwhile.`;
    case 'failed':
      return result.problem.message;
  }
}

function pauseWords(pauseMs: number | null): string {
  if (pauseMs === null) return '';
  return pauseMs < 0.05 ? 'No request had to wait.' : `The longest wait of a request was ${milliseconds(pauseMs)}.`;
}
