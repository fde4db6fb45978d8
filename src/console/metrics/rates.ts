/** What happened between two scrapes: rates of counters, quantiles of histograms. */
import type { Sample } from './exposition.ts';

export interface Scrape {
  /** Seconds, of any clock that only goes on. */
  readonly at: number;
  readonly samples: readonly Sample[];
}

type Match = (labels: Sample['labels']) => boolean;

/** A second, of all samples of the name that match; null: the metric is not there. A counter that fell began anew with its process. */
export function rate(before: Scrape, after: Scrape, name: string, match: Match = () => true): number | null {
  const seconds = after.at - before.at;
  const grown = growth(before, after, name, match);
  return grown === null || seconds <= 0 ? null : grown.reduce((sum, { by }) => sum + by, 0) / seconds;
}

/** Of what a histogram counted between the scrapes, seconds; null: it counted nothing, or is not there. `q` is 0 to 1. */
export function quantile(before: Scrape, after: Scrape, name: string, q: number): number | null {
  const buckets = new Map<number, number>();
  for (const { labels, by } of growth(before, after, `${name}_bucket`, () => true) ?? []) {
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    buckets.set(bound, (buckets.get(bound) ?? 0) + by);
  }
  const ordered = [...buckets].toSorted(([a], [b]) => a - b);
  const total = ordered.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = q * total;
  let [low, below] = [0, 0];
  for (const [high, upTo] of ordered) {
    // Above the last bound nothing is known but that it is above.
    if (upTo >= rank)
      return high === Infinity ? low : low + ((high - low) * (rank - below)) / Math.max(1, upTo - below);
    [low, below] = [high, upTo];
  }
  return low;
}

interface Growth {
  readonly labels: Sample['labels'];
  readonly by: number;
}

function growth(before: Scrape, after: Scrape, name: string, match: Match): readonly Growth[] | null {
  const found = after.samples.filter((sample) => sample.name === name);
  if (found.length === 0) return null;
  const earlier = new Map(before.samples.filter((sample) => sample.name === name).map((s) => [identity(s), s.value]));
  return found
    .filter(({ labels }) => match(labels))
    .map((sample) => {
      const was = earlier.get(identity(sample)) ?? 0;
      return { labels: sample.labels, by: sample.value >= was ? sample.value - was : sample.value };
    });
}

function identity({ labels }: Sample): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
