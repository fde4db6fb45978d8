/** Ways over the ladder: which moves lead from one place to another, in the fewest steps. */
import { findMove, MOVES, type Place } from './states.ts';

/** The places on the shortest way, without `from` and with `to`; empty: it stands there; null: there is no way. */
export function route(from: Place, to: Place): readonly Place[] | null {
  const queue: { readonly at: Place; readonly way: readonly Place[] }[] = [{ at: from, way: [] }];
  const seen = new Set([showPlace(from)]);
  for (const { at, way } of queue) {
    if (showPlace(at) === showPlace(to)) return way;
    for (const next of neighbours(at, to)) {
      if (seen.has(showPlace(next))) continue;
      seen.add(showPlace(next));
      queue.push({ at: next, way: [...way, next] });
    }
  }
  return null;
}

/** The percentages of DUAL that matter on a way are 0 and 100, and the one it leads to. */
function neighbours(at: Place, to: Place): Place[] {
  return MOVES.filter((move) => move.from === at.state).flatMap((move) => {
    const percents =
      move.to === 'DUAL' ? [0, 100, ...(to.state === 'DUAL' ? [to.percent] : [])] : [move.to === 'NEW' ? 100 : 0];
    return percents.map((percent) => ({ state: move.to, percent })).filter((next) => findMove(at, next));
  });
}

export function showPlace(place: Place): string {
  return place.state === 'DUAL' ? `DUAL at ${place.percent} percent` : place.state;
}
