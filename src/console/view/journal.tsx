/** The journal: writes on their way, and which store lacks how many of them. */
import type { Board } from '../session/board.ts';
import { usesJournal } from '../../migration/states.ts';
import { count, duration } from '../words/format.ts';
import { Facts, Panel } from './panel.tsx';

export function JournalPanel({ board }: { readonly board: Board }) {
  const { journal } = board;
  return (
    <Panel title="Journal" missing={board.missing.get('journal')}>
      {journal && (
        <>
          <p class="headline">
            <span class="number">{count(journal.entries)}</span>{' '}
            <span class="quiet">{journal.entries === 1 ? 'entry' : 'entries'}, one for each key on its way</span>
          </p>
          <Facts
            facts={[
              ['Old store lacks', count(journal.pendingOld)],
              ['New store lacks', count(journal.pendingNew)],
              [
                'Oldest entry',
                typeof journal.oldestAgeSeconds === 'number' ? `${duration(journal.oldestAgeSeconds)} old` : '–',
              ],
            ]}
          />
          <p class="quiet">{meaning(board)}</p>
        </>
      )}
    </Panel>
  );
}

function meaning({ place }: Board): string {
  if (!usesJournal(place.state)) return `Not used in ${place.state}.`;
  if (place.state === 'MIGRATING') return 'Grows with the writes and is kept until CATCHING_UP.';
  return 'Falls to the writes of the last moment.';
}
