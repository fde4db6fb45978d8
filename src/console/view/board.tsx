/** The whole page of one dataset. */
import { useEffect, useState } from 'preact/hooks';
import type { Place } from '../../migration/states.ts';
import type { View } from '../session/session.ts';
import { placeName, wayBack, wayOn } from '../words/ladder.ts';
import { READ_ONLY } from './action.tsx';
import { ChartsPanel } from './charts.tsx';
import { ConductPanel } from './conduct.tsx';
import { CopyPanel } from './copy.tsx';
import { Header, STALE_MS } from './header.tsx';
import { JournalPanel } from './journal.tsx';
import { Ladder } from './ladder.tsx';
import { Moves } from './moves.tsx';
import { Records } from './records.tsx';
import { SwitchingPanel } from './switching.tsx';
import { useClock, type PanelProps } from './use-session.ts';
import { VerificationPanel } from './verification.tsx';

export function BoardPage({ view }: { readonly view: View }) {
  const clock = useClock();
  const [notice, setNotice] = useState('');
  const { board, lost, heardAt, clockOffset, rights } = view;
  const stale = board !== null && (lost !== null || clock - heardAt > STALE_MS);
  const place = board && placeName(board.place);
  useEffect(() => {
    document.title = place === null ? 'Crossfade' : `${place} · Crossfade`;
  }, [place]);
  return (
    <>
      <Header view={view} clock={clock} />
      <main class={stale ? 'board stale' : 'board'}>
        {rights === 'READ' && <p class="note">{READ_ONLY} All buttons that would are disabled.</p>}
        <p class="visually-hidden" aria-live="polite">
          {announcement(view)}
        </p>
        <div aria-live="polite">
          {notice !== '' && (
            <p class="note good notice">
              {notice}
              <button type="button" class="plain small" onClick={() => setNotice('')}>
                Dismiss
              </button>
            </p>
          )}
        </div>
        {board ? (
          <Panels board={board} now={clock + clockOffset} view={view} onDone={setNotice} />
        ) : (
          <p class="quiet">Asking for the state…</p>
        )}
      </main>
    </>
  );
}

interface PanelsProps extends PanelProps {
  readonly view: View;
  readonly onDone: (message: string) => void;
}

function Panels({ board, now, view, onDone }: PanelsProps) {
  const { place } = board;
  return (
    <>
      <section class="panel hero" aria-label="The ladder">
        <div class="hero-head">
          <h1>
            {place.state}
            {place.state === 'DUAL' && <span class="number"> {place.percent} %</span>}
          </h1>
          <p class="lead">{lead(board)}</p>
          <p class="quiet epoch">
            epoch <span class="number">{board.now.epoch}</span>, {board.now.settled ? 'settled' : 'switching'}
          </p>
        </div>
        <Ladder board={board} />
      </section>
      <SwitchingPanel board={board} now={now} />
      <div class="columns">
        <ConductPanel board={board} />
        <Moves board={board} onDone={onDone} />
      </div>
      <div class="thirds">
        <CopyPanel board={board} />
        <JournalPanel board={board} />
        <VerificationPanel board={board} now={now} />
      </div>
      <ChartsPanel view={view} />
      <Records board={board} now={now} />
    </>
  );
}

/** Where the way leads from here, in one line. */
function lead({ place }: PanelProps['board']): string {
  const on = wayOn(place);
  const back = wayBack(place);
  if (back === null) return 'The data lives in the new store. There is no way back.';
  if (back.length === 0) return `The data lives in the old store. Next: ${on[0] ? placeName(on[0]) : '–'}.`;
  if (place.state === 'DUAL' && place.percent < 100) return `Next: a larger share, up to 100 %. ${wayHome(back)}`;
  const next = on.some(({ state }) => state === 'OLD') ? '' : `Next: ${on[0] ? placeName(on[0]) : '–'}. `;
  return next + wayHome(back);
}

const wayHome = (back: readonly Place[]): string => `The way back: ${back.map(placeName).join(', then ')}.`;

/** Spoken when it changes; said in full, for a listener has no picture beside it. */
function announcement({ board, lost }: View): string {
  if (lost) return `${lost.message} What is shown is old.`;
  if (!board) return '';
  const { switching } = board.now;
  const where = `In ${placeName(board.place)}.`;
  return switching ? `${where} Switching to ${switching.to}: ${switching.phase.toLowerCase()}.` : where;
}
