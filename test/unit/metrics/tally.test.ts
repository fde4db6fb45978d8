/** A tally prints what a histogram of the library prints of the same observations. */
import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { TallyHistogram } from '../../../src/metrics/tally.ts';

const OPTIONS = { name: 'a_duration_seconds', help: 'A duration.', labelNames: ['store', 'state'] };
const BUCKETS = [0.001, 0.01, 0.1, 1];
const VALUES = [0, 0.0005, 0.001, 0.0011, 0.05, 0.1, 0.5, 1, 1.5, 20];

test('prints what the library would', async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const tallied = new TallyHistogram({ ...OPTIONS, buckets: BUCKETS, registers: [ours] });
  const library = new Histogram({ ...OPTIONS, buckets: BUCKETS, registers: [theirs] });
  for (const labels of [
    { store: 'OLD', state: 'DUAL' },
    { store: 'NEW', state: 'DUAL' },
  ]) {
    const tally = tallied.tally(labels);
    for (const value of VALUES) {
      tally.observe(value);
      library.observe(labels, value);
    }
  }
  tallied.tally({ store: 'NEW', state: 'NEW' });
  expect(lines(await ours.metrics())).toEqual(lines(await theirs.metrics()));
});

/** The order of a line's labels says nothing. */
function lines(page: string): readonly string[] {
  return page.split('\n').map((line) => {
    const [, name, labels, value] = /^(\w+)\{(.*)\} (.+)$/.exec(line) ?? [];
    return labels === undefined ? line : `${name}{${labels.split(',').toSorted().join(',')}} ${value}`;
  });
}
