/** Metrics as the page reads them: the text format, rates, quantiles, the lines of the charts. */
import { expect, test } from 'vitest';
import { parseExposition } from '../../../src/console/metrics/exposition.ts';
import { CHARTS, Recorder } from '../../../src/console/metrics/charts.ts';
import { quantile, rate, type Scrape } from '../../../src/console/metrics/rates.ts';
import type { Board } from '../../../src/console/session/board.ts';

const scrape = (at: number, text: string): Scrape => ({ at, samples: parseExposition(text) });

test('samples with and without labels, escapes, timestamps and infinities; comments and rubbish are passed over', () => {
  const text = [
    '# HELP a_total Something.',
    '# TYPE a_total counter',
    'a_total{store="OLD",why="a \\"b\\"\\n\\\\c,d={}"} 3 1700000000000',
    'b 1.5e-3',
    'c_bucket{le="+Inf"} +Inf',
    'd NaN',
    'not a sample at all',
    '',
  ].join('\n');
  expect(parseExposition(text)).toEqual([
    { name: 'a_total', labels: { store: 'OLD', why: 'a "b"\n\\c,d={}' }, value: 3 },
    { name: 'b', labels: {}, value: 0.0015 },
    { name: 'c_bucket', labels: { le: '+Inf' }, value: Infinity },
    { name: 'd', labels: {}, value: NaN },
  ]);
});

test('a rate sums what matches, counts new series from nothing, and a counter that fell from nothing too', () => {
  const before = scrape(10, 'n{s="OLD",o="x"} 100\nn{s="NEW",o="x"} 7');
  const after = scrape(12, 'n{s="OLD",o="x"} 110\nn{s="OLD",o="y"} 4\nn{s="NEW",o="x"} 2');
  const store = (name: string) => (labels: Readonly<Record<string, string>>) => labels['s'] === name;
  expect(rate(before, after, 'n', store('OLD'))).toBe(7);
  expect(rate(before, after, 'n', store('NEW'))).toBe(1);
  expect(rate(before, after, 'none')).toBeNull();
  expect(rate(after, after, 'n')).toBeNull();
});

test('a quantile is of what came between the scrapes, between the bounds of its bucket', () => {
  const histogram = (...counts: readonly number[]) =>
    ['0.1', '0.5', '1', '+Inf'].map((le, i) => `h_bucket{le="${le}"} ${counts[i]}`).join('\n');
  const before = scrape(0, histogram(1000, 1000, 1000, 1000));
  const after = scrape(1, histogram(1050, 1090, 1100, 1100));
  expect(quantile(before, after, 'h', 0.5)).toBeCloseTo(0.1);
  expect(quantile(before, after, 'h', 0.7)).toBeCloseTo(0.3);
  expect(quantile(before, after, 'h', 0.99)).toBeCloseTo(0.95);
  expect(quantile(before, scrape(1, histogram(1000, 1000, 1000, 1010)), 'h', 0.5)).toBe(1);
  expect(quantile(before, before, 'h', 0.5)).toBeNull();
});

const board = {
  journal: { entries: 3, oldestAgeSeconds: 1, pendingOld: 1, pendingNew: 2 },
  differences: null,
  copy: null,
};
const lineOf = (title: string, label: string) => {
  const chart = CHARTS.findIndex((candidate) => candidate.title === title);
  return [chart, CHARTS[chart]?.lines.findIndex((line) => line.label === label) ?? -1] as const;
};

test('the recorder keeps five minutes, draws what the migration tells without metrics, and leaves gaps for what is not known', () => {
  const recorder = new Recorder();
  const operations = 'crossfade_store_operation_duration_seconds_count{store="OLD"}';
  recorder.record(0, board as Board, `${operations} 5`);
  const second = recorder.record(2, board as Board, `${operations} 25`);
  const [chart, line] = lineOf('Operations', 'old store');
  expect(second.values[chart]?.[line]).toEqual([null, 10]);
  const [backlog, owed] = lineOf('Journal backlog', 'owed to new');
  let last = second;
  for (let at = 3; at < 400; at += 1) last = recorder.record(at, board as Board, null);
  expect(last.times).toHaveLength(300);
  expect(last.values[backlog]?.[owed]?.every((value) => value === 2)).toBe(true);
  expect(last.values[chart]?.[line]?.at(-1)).toBeNull();
});
