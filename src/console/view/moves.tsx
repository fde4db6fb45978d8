/** What can be done next: the way on, the share that the new store reads, and always the way back. */
import { useState } from 'preact/hooks';
import type { Move } from '../../generated/schema.ts';
import type { Place } from '../../migration/states.ts';
import type { Board } from '../session/board.ts';
import { placeName, wayBack, wayOn } from '../words/ladder.ts';
import { Button } from './action.tsx';
import { Blockers } from './blockers.tsx';
import { SwitchDialog } from './switch-dialog.tsx';

interface MovesProps {
  readonly board: Board;
  readonly onDone: (message: string) => void;
}

export function Moves({ board, onDone }: MovesProps) {
  const [to, setTo] = useState<Place | null>(null);
  const { place } = board;
  return (
    <section class="moves" aria-label="What can be done">
      {place.state === 'DUAL' && <Share board={board} onGo={setTo} />}
      <Onward board={board} onGo={setTo} />
      <Back board={board} onGo={setTo} />
      {to && (
        <SwitchDialog
          board={board}
          to={to}
          onClose={() => setTo(null)}
          onDone={(message) => {
            setTo(null);
            onDone(message);
          }}
        />
      )}
    </section>
  );
}

interface WayProps {
  readonly board: Board;
  readonly onGo: (to: Place) => void;
}

function Onward({ board, onGo }: WayProps) {
  const { place } = board;
  const [next, ...rest] = wayOn(place);
  if (!next) return <Card title="There is nothing left to do">The data lives in the new store alone.</Card>;
  // From RETREATING the way on begins anew at OLD, and is told when it is there.
  if (rest.some(({ state }) => state === 'OLD') || next.state === 'OLD') return null;
  if (place.state === 'DUAL' && next.state === 'DUAL') {
    return (
      <Card title="Then on to NEW">
        <p class="quiet">
          From DUAL at 100 %, after a clean verification that began in DUAL. Stay there for as long as a way back is
          wanted.
        </p>
      </Card>
    );
  }
  return (
    <Card title={`On to ${placeName(next)}`} move={moveTo(board, next)}>
      <SwitchButton board={board} to={next} kind={moveTo(board, next)?.allowed ? 'primary' : 'plain'} onGo={onGo}>
        Go on to {placeName(next)}…
      </SwitchButton>
    </Card>
  );
}

function Back({ board, onGo }: WayProps) {
  const way = wayBack(board.place);
  if (way === null) {
    return (
      <Card title="Way back: none">
        <p class="quiet">
          The old store has no write since the switch to NEW. Going back would be a migration of its own.
        </p>
      </Card>
    );
  }
  const [first] = way;
  if (!first) {
    return (
      <Card title="Way back">
        <p class="quiet">Nothing to go back from. Every state up to NEW has a way back to here.</p>
      </Card>
    );
  }
  const words = way.map(placeName).join(', then ');
  const forward = wayOn(board.place)[0];
  const sameStep = forward?.state === first.state && forward.percent === first.percent && first.state !== 'OLD';
  return (
    <Card title={`Way back: ${words}`} move={sameStep ? null : moveTo(board, first)}>
      {sameStep ? (
        <p class="quiet">It leads over the next step, {placeName(first)}, where the old store still reads every key.</p>
      ) : (
        <SwitchButton board={board} to={first} kind="plain" onGo={onGo}>
          Go back to {placeName(first)}…
        </SwitchButton>
      )}
    </Card>
  );
}

const STOPS = [0, 1, 10, 25, 50, 100] as const;

function Share({ board, onGo }: WayProps) {
  const { percent } = board.place;
  const [wanted, setWanted] = useState<number | null>(null);
  const shown = wanted ?? percent;
  const to: Place = { state: 'DUAL', percent: shown };
  return (
    <Card
      kind="share"
      title="Share of keys read from the new store"
      move={board.moves.find((move) => move.to === 'DUAL') ?? null}
    >
      <div class="slider">
        <input
          type="range"
          min={0}
          max={100}
          step={1}
          value={shown}
          onInput={(event) => setWanted(event.currentTarget.valueAsNumber)}
          aria-label="Percent read from the new store"
          aria-valuetext={`${shown} percent`}
          ref={(element) => element?.style.setProperty('--share', `${shown}%`)}
        />
        <output>{shown} %</output>
      </div>
      <div class="stops" role="group" aria-label="Usual stops">
        {STOPS.map((stop) => (
          <button key={stop} type="button" class="stop" aria-pressed={shown === stop} onClick={() => setWanted(stop)}>
            {stop}
          </button>
        ))}
      </div>
      <Button
        kind="primary"
        onClick={() => onGo(to)}
        barred={shown === percent ? 'This is where it stands; choose another share.' : switchingBars(board)}
      >
        {shown === percent ? `Stands at ${percent} %` : `Go to ${shown} %…`}
      </Button>
    </Card>
  );
}

interface CardProps {
  readonly title: string;
  readonly move?: Move | null;
  /** The share has a row to itself. */
  readonly kind?: 'share' | '';
  readonly children: preact.ComponentChildren;
}

/** During a switch the panel of the switch says what there is to say; the moves would all say the same. */
function Card({ title, move = null, kind = '', children }: CardProps) {
  const blockers = move?.blockers.filter(({ code }) => code !== 'SWITCH_IN_PROGRESS') ?? [];
  return (
    <section class={`panel move ${kind}`}>
      <div class="panel-head">
        <h2>{title}</h2>
      </div>
      {move?.allowed && <p class="possible">Nothing stands in the way.</p>}
      {blockers.length > 0 && <Blockers blockers={blockers} />}
      <div class="card-actions">{children}</div>
    </section>
  );
}

interface SwitchButtonProps extends WayProps {
  readonly to: Place;
  readonly kind: 'primary' | 'plain';
  readonly children: preact.ComponentChildren;
}

/** Blocked or not, the dialog can be opened: its dry run says more than a button can. */
function SwitchButton({ board, to, kind, onGo, children }: SwitchButtonProps) {
  return (
    <Button kind={kind} onClick={() => onGo(to)} barred={switchingBars(board)}>
      {children}
    </Button>
  );
}

function switchingBars({ now }: Board): string {
  return now.switching ? 'A switch is under way.' : '';
}

function moveTo({ moves }: Board, { state, percent }: Place): Move | null {
  const fits = ({ to, readNewPercent }: Move) => to === state && (readNewPercent ?? percent) === percent;
  return moves.find(fits) ?? null;
}
