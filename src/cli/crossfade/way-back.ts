/** The next step of the way back from each place; the run book has the whole of it. */
import type { MigrationState } from '../../migration/states.ts';
import type { Base } from './status.ts';

export type WayBack =
  { readonly to: MigrationState; readonly readNewPercent: number | null } | { readonly none: string };

/** A switch that has not flipped is cancelled first. */
export function wayBack({
  state,
  readNewPercent,
  switching,
}: Pick<Base, 'state' | 'readNewPercent' | 'switching'>): WayBack {
  if (switching?.phase === 'ANNOUNCE') return { to: state, readNewPercent: state === 'DUAL' ? readNewPercent : null };
  switch (state) {
    case 'OLD':
      return { none: 'none is needed: this is where it began' };
    case 'MIGRATING':
      return { to: 'RETREATING', readNewPercent: null };
    case 'RETREATING':
      return { to: 'OLD', readNewPercent: null };
    case 'CATCHING_UP':
      return { to: 'DUAL', readNewPercent: 0 };
    case 'DUAL':
      return readNewPercent > 0 ? { to: 'DUAL', readNewPercent: 0 } : { to: 'OLD', readNewPercent: null };
    case 'NEW':
      return { none: 'NEW is final' };
  }
}
