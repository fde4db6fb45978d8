/** Which dataset, whether what is shown is live, and the way out. */
import { duration } from '../words/format.ts';
import type { View } from '../session/session.ts';
import { ProblemNote } from './problem-note.tsx';
import { Mark } from './sign-in.tsx';
import { useSession } from './use-session.ts';

/** What was heard longer ago than this is marked as old, milliseconds. */
export const STALE_MS = 4000;

export function Header({ view, clock }: { readonly view: View; readonly clock: number }) {
  const session = useSession();
  const { dataset, datasets, lost, heardAt, rights } = view;
  const age = Math.max(0, clock - heardAt);
  const stale = lost !== null || age > STALE_MS;
  return (
    <header class="top">
      <div class="bar-top">
        <span class="brand">
          <Mark /> Crossfade
        </span>
        {datasets.length > 1 ? (
          <select aria-label="Dataset" value={dataset} onChange={(event) => session.choose(event.currentTarget.value)}>
            {datasets.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        ) : (
          <span class="dataset">{dataset}</span>
        )}
        <span class="spacer" />
        {rights === 'READ' && <span class="badge">read only</span>}
        <span class={`pulse ${stale ? 'stale' : ''}`}>
          {stale ? `as of ${heardAt === 0 ? 'never' : `${duration(age / 1000)} ago`}` : 'live'}
        </span>
        <button type="button" class="plain small" onClick={() => session.signOut()}>
          Sign out
        </button>
      </div>
      {lost && <ProblemNote problem={lost} lead={lost.code === 'CONNECTION_LOST' ? 'Connection lost.' : ''} />}
    </header>
  );
}
