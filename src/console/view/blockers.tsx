/** What stands in the way, in words, with numbers. */
import type { Blocker } from '../../generated/schema.ts';
import { BLOCKERS } from '../words/blockers.ts';
import { count } from '../words/format.ts';

export function Blockers({ blockers }: { readonly blockers: readonly Blocker[] }) {
  return (
    <ul class="blockers">
      {blockers.map((blocker) => (
        <li key={`${blocker.code} ${blocker.message}`}>
          <strong>{BLOCKERS[blocker.code] ?? blocker.code}</strong>
          {typeof blocker.count === 'number' && <span class="badge">{count(blocker.count)}</span>}
          <p>
            {blocker.message} <code>{blocker.code}</code>
          </p>
        </li>
      ))}
    </ul>
  );
}
