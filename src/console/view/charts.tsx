/** The last minutes, live. They begin when the page is opened and are gone with it; what is kept is a monitoring system's to keep. */
import { CHARTS } from '../metrics/charts.ts';
import type { View } from '../session/session.ts';
import { ChartView } from './chart.tsx';
import { Panel } from './panel.tsx';

export function ChartsPanel({ view }: { readonly view: View }) {
  const { charts, hasMetrics } = view;
  const aside = (
    <span class="quiet">
      {hasMetrics ? 'last five minutes, this process' : '/metrics does not answer: what the migration tells is shown'}
    </span>
  );
  return (
    <Panel title="Live" aside={aside}>
      <div class="charts">
        {CHARTS.map(
          (chart, i) =>
            (hasMetrics || !chart.needsMetrics) && (
              <ChartView key={chart.title} chart={chart} times={charts.times} values={charts.values[i] ?? []} />
            ),
        )}
      </div>
    </Panel>
  );
}
