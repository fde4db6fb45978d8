/** What a run did, in lines for people. */
import type { Verdict } from './checker.ts';

const MOST_SHOWN = 20;

export function show(verdict: Verdict): string {
  const counts = (of: Readonly<Record<string, number>>) => {
    const pairs = Object.entries(of).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const sum = pairs.reduce((total, [, n]) => total + n, 0);
    return pairs.length === 0 ? '0' : `${sum}: ${pairs.map(([name, n]) => `${name} ${n}`).join(', ')}`;
  };
  const { violations } = verdict;
  return [
    `operations  ${verdict.operations}, of which ${verdict.unknown} writes whose outcome was not told`,
    `errors      ${counts(verdict.errors)}`,
    `switches    ${counts(verdict.switches)}`,
    `faults      ${counts(verdict.faults)}`,
    `pauses      at most ${verdict.longestPauseMs} ms for one request, as the history of switches has it`,
    `violations  ${violations.length}`,
    ...violations.slice(0, MOST_SHOWN).map((violation) => `  ${violation}`),
  ].join('\n');
}
