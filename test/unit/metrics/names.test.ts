/** The names of metrics are the same in the code, in the documentation, in the dashboard and in the alerts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { METRICS, type MetricName } from '../../../src/metrics/catalogue.ts';
import { Instruments } from '../../../src/metrics/instruments.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');
const ALL = Object.keys(METRICS).toSorted();

/** What a query may call them: a histogram is asked for by its parts. */
const SERIES = new Set(
  Object.entries(METRICS).flatMap(([name, { type }]) =>
    type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
  ),
);
const seriesIn = (text: string): readonly string[] => [...new Set(text.match(/\bcrossfade_[a-z_]+/g))];
const metricOf = (series: string): string => (series in METRICS ? series : series.replace(/_(bucket|sum|count)$/, ''));

function rows(text: string, first: RegExp): readonly (readonly string[])[] {
  const cells = (line: string) => line.split('|').map((cell) => cell.trim()).slice(1, -1); // prettier-ignore
  return text.split('\n').filter((line) => first.test(line)).map(cells); // prettier-ignore
}

test('the registry has the metrics of the catalogue', () => {
  const made = new Instruments().registry.getMetricsAsArray().map(({ name }) => name);
  expect(made.toSorted()).toEqual(ALL);
});

test('names go by the conventions: a unit or _total where there is one, no unit but base units', () => {
  for (const [name, { type }] of Object.entries(METRICS)) {
    expect(name).toMatch(/^crossfade_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(name).not.toMatch(/_(ms|milliseconds|percent|minutes)(_|$)/);
  }
});

test('documentation: each metric with type, labels, meaning and what to do', async () => {
  const told = rows(await read('docs/metrics.md'), /^\| `crossfade_/);
  const expected = Object.entries(METRICS).map(([name, { type, labels, help }]) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  expect(told.map((cells) => cells.slice(0, 4))).toEqual(expected);
  for (const [name = '', , , , advice] of told) expect(advice, name).toMatch(/\w/);
});

test('dashboard: draws every metric, and nothing that is not there', async () => {
  const text = await read('ops/grafana-dashboard.json');
  const drawn = seriesIn(JSON.stringify(JSON.parse(text)));
  expect(drawn.filter((series) => !SERIES.has(series))).toEqual([]);
  expect([...new Set(drawn.map(metricOf))].toSorted()).toEqual(ALL);
});

test('dashboard and alerts: only labels that the metric has', async () => {
  const text = (await read('ops/grafana-dashboard.json')) + (await read('ops/alerts.yml'));
  const selectors = [...text.matchAll(/\b(crossfade_[a-z_]+)\{([^}]*)\}/g)];
  expect(selectors.length).toBeGreaterThan(20);
  for (const [, series = '', selector = ''] of selectors) {
    const { labels } = METRICS[metricOf(series) as MetricName];
    const asked = [...selector.matchAll(/(\w+)=/g)].map(([, label = '']) => label);
    expect(['job', ...labels], `${series}{${selector}}`).toEqual(expect.arrayContaining(asked));
  }
});

test('alerts: watch what is there, and are explained', async () => {
  const alerts = await read('ops/alerts.yml');
  expect(seriesIn(alerts).filter((series) => !SERIES.has(series))).toEqual([]);
  const names = [...alerts.matchAll(/^ *- alert: (\w+)$/gm)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(5);
  const told = rows(await read('docs/metrics.md'), /^\| `Crossfade/).map(([name = '']) => name.replaceAll('`', ''));
  expect(told).toEqual(names);
});
