/** One chart. The line's colours are the page's; they are looked up again when the page turns light or dark. */
import { useEffect, useRef } from 'preact/hooks';
import UPlot, { type AlignedData, type Options } from 'uplot';
import type { Chart, Tone } from '../metrics/charts.ts';
import { measured } from '../words/format.ts';

interface ChartProps {
  readonly chart: Chart;
  readonly times: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
}

const HEIGHT = 120;
/** Seconds that are shown: as many as there are, but not so few that a second looks like a minute. */
const LEAST_SPAN = 60;
const LONGEST_SPAN = 300;

export function ChartView({ chart, times, values }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const data = useRef<AlignedData>([[]]);
  const newest = chart.lines.map(({ label, tone }, i) => ({ label, tone, value: values[i]?.at(-1) ?? null }));

  useEffect(() => {
    data.current = [[...times], ...values.map((line) => [...line])];
    plot.current?.setData(data.current);
  }, [times, values]);

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const make = (): void => {
      plot.current?.destroy();
      plot.current = new UPlot(optionsOf(chart, element.clientWidth), data.current, element);
    };
    make();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    const watcher = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      scheme.removeEventListener('change', make);
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [chart]);

  return (
    <figure class="chart">
      <figcaption>
        <h3>
          {chart.title} <span class="quiet">{chart.unit}</span>
        </h3>
        <ul>
          {newest.map(({ label, tone, value }) => (
            <li key={label} class={`tone-${tone}`}>
              {label} <span class="number">{value === null ? '–' : measured(value)}</span>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} class="plot" aria-hidden="true" />
    </figure>
  );
}

function spanOf(min: number | null, max: number | null): [number, number] {
  const end = max ?? 0;
  return [end - Math.min(LONGEST_SPAN, Math.max(LEAST_SPAN, end - (min ?? end))), end];
}

function optionsOf(chart: Chart, width: number): Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const tones: Readonly<Record<Tone, string>> = {
    old: colour('old'),
    new: colour('accent'),
    journal: colour('warn'),
    bad: colour('bad'),
  };
  const axis = {
    stroke: colour('muted'),
    font: `11px ${style.getPropertyValue('--sans')}`,
    grid: { stroke: colour('grid'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 16, 0, 0],
    scales: {
      x: { time: true, range: (_, min, max) => spanOf(min, max) },
      y: { range: (_, __, max) => [0, Math.max(1, (max ?? 0) * 1.15)] },
    },
    axes: [
      { ...axis, size: 24, space: 70, values: '{HH}:{mm}' },
      { ...axis, size: 44, space: 28, values: (_, ticks) => ticks.map((tick) => measured(tick)) },
    ],
    series: [
      {},
      ...chart.lines.map(({ label, tone, dashed }) => ({
        label,
        stroke: tones[tone],
        width: 1.5,
        points: { show: false },
        ...(dashed && { dash: [4, 4] }),
      })),
    ],
  };
}
