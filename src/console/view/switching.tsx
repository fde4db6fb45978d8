/** A switch under way: its phase, whom it waits for, and the way to call it off while that is still possible. */
import type { SwitchPhase } from '../../generated/schema.ts';
import type { Place } from '../../migration/states.ts';
import { duration } from '../words/format.ts';
import { duringSwitch, placeName } from '../words/ladder.ts';
import { Button, useDoing } from './action.tsx';
import { ProblemNote } from './problem-note.tsx';
import { useSession, type PanelProps } from './use-session.ts';

const PHASES: readonly { readonly phase: SwitchPhase; readonly name: string; readonly means: string }[] = [
  { phase: 'ANNOUNCE', name: 'Announce', means: 'instances get ready' },
  { phase: 'FLIP', name: 'Flip', means: 'stores and journal change over' },
  { phase: 'SETTLE', name: 'Settle', means: 'instances take up the new state' },
];

export function SwitchingPanel({ board, now }: PanelProps) {
  const { switching } = board.now;
  if (!switching) return null;
  const to: Place = { state: switching.to, percent: switching.readNewPercent ?? board.place.percent };
  const age = (now - Date.parse(switching.since)) / 1000;
  const reached = PHASES.findIndex(({ phase }) => phase === switching.phase);
  return (
    <section class="panel switching" aria-label="Switch under way">
      <div class="switching-head">
        <h2>
          {switching.phase === 'SETTLE'
            ? `Settling in ${placeName(to)}`
            : `Switching from ${placeName(board.place)} to ${placeName(to)}`}
        </h2>
        {switching.phase === 'ANNOUNCE' ? (
          <CancelSwitch board={board} />
        ) : (
          <span class="quiet">From the flip on it can only go on.</span>
        )}
      </div>
      <ol class="phases">
        {PHASES.map(({ phase, name, means }, i) => (
          <li
            key={phase}
            class={i < reached ? 'done' : i === reached ? 'running' : ''}
            aria-current={i === reached ? 'step' : undefined}
          >
            <strong>{name}</strong>
            <span>{means}</span>
          </li>
        ))}
      </ol>
      <p>
        For <span class="number">{duration(Math.max(0, age))}</span>, waiting for {switching.waitingFor}.{' '}
        {duringSwitch(board.place)}
      </p>
    </section>
  );
}

/** To switch to the state it came from is what calls a switch off. */
function CancelSwitch({ board }: Pick<PanelProps, 'board'>) {
  const session = useSession();
  const { busy, problem, run } = useDoing();
  const { place } = board;
  const cancel = async (): Promise<void> => {
    await session.switchTo({
      to: place.state,
      readNewPercent: place.state === 'DUAL' ? place.percent : null,
      reason: 'Called off at the console',
    });
  };
  return (
    <>
      <Button onClick={() => run(cancel)} busy={busy}>
        Call it off, stay in {placeName(place)}
      </Button>
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}
