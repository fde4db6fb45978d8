/** The catalogue's metrics, made in a registry of their own, with the types that the catalogue gives them. */
import { Counter, Gauge, Registry } from 'prom-client';
import {
  METRICS,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelOf,
  type MetricName,
} from './catalogue.ts';
import { TallyHistogram } from './tally.ts';

export type Labels<N extends MetricName> = Readonly<Record<LabelOf<N>, string>>;

export class Instruments {
  readonly registry = new Registry();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #histograms = new Map<MetricName, TallyHistogram<string>>();

  constructor() {
    for (const [key, { type, labels, help, ...more }] of Object.entries(METRICS)) {
      const name = key as MetricName;
      const made = { name, help, labelNames: [...labels], registers: [this.registry] };
      if (type === 'gauge') this.#gauges.set(name, new Gauge(made));
      else if (type === 'counter') this.#counters.set(name, new Counter(made));
      else this.#histograms.set(name, new TallyHistogram({ ...made, buckets: 'buckets' in more ? more.buckets : [] }));
    }
  }

  counter<N extends CounterName>(name: N): Counter<LabelOf<N>> {
    return of(this.#counters, name);
  }

  histogram<N extends HistogramName>(name: N): TallyHistogram<LabelOf<N>> {
    return of(this.#histograms, name);
  }

  set<N extends GaugeName>(name: N, labels: Labels<N>, value: number): void {
    of(this.#gauges, name).set(labels, value);
  }

  /** What is not known is not shown. */
  clear(name: GaugeName): void {
    const gauge = of(this.#gauges, name);
    gauge.reset();
    if (METRICS[name].labels.length === 0) gauge.remove();
  }
}

function of<T>(made: ReadonlyMap<MetricName, T>, name: MetricName): T {
  const found = made.get(name);
  if (!found) throw new TypeError(`${name} is of another type`);
  return found;
}
