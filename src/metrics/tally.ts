/**
 * A histogram whose observations cost a few nanoseconds. The library hashes its labels with each one (0.6 µs), which is too much beside
 * an operation of an embedded store; here whoever observes holds the place of its labels, and the library only prints.
 */
import { Histogram, type HistogramConfiguration, type LabelValues } from 'prom-client';

/** Counts for one combination of labels. */
export class Tally {
  readonly #bounds: readonly number[];
  /** One count for each bound, not added up, and a last one for what is above all of them. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] ?? Infinity)) i++;
    this.counts[i] = (this.counts[i] ?? 0) + 1;
    this.sum += value;
  }
}

type Printed<L extends string> = Awaited<ReturnType<Histogram<L>['get']>>;

export class TallyHistogram<L extends string> extends Histogram<L> {
  readonly #name: string;
  readonly #bounds: readonly number[];
  /** Has no observations: what a registry wants to know beside them. */
  readonly #blank: Histogram<L>;
  readonly #tallies: { readonly labels: LabelValues<L>; readonly tally: Tally }[] = [];

  constructor(options: Omit<HistogramConfiguration<L>, 'buckets'> & { readonly buckets: readonly number[] }) {
    const own = { ...options, buckets: [...options.buckets] };
    super(own);
    this.#name = options.name;
    this.#bounds = options.buckets;
    this.#blank = new Histogram({ ...own, registers: [] });
  }

  /** For these labels, once: whoever observes keeps it. It is shown from its first observation on. */
  tally(labels: LabelValues<L>): Tally {
    const tally = new Tally(this.#bounds);
    this.#tallies.push({ labels, tally });
    return tally;
  }

  override async get(): Promise<Printed<L>> {
    const values = this.#tallies.flatMap(({ labels, tally }) => this.#print(labels, tally));
    return { ...(await this.#blank.get()), values };
  }

  /** What a registry asks histograms for; other kinds of metrics are asked by `get`. */
  getForPromString(): Promise<Printed<L>> {
    return this.get();
  }

  #print(labels: LabelValues<L>, { counts, sum }: Tally): Printed<L>['values'] {
    let total = 0;
    const buckets = [...counts].map((count, i) => {
      total += count;
      const le = this.#bounds[i] ?? '+Inf';
      return { metricName: `${this.#name}_bucket`, labels: { ...labels, le }, value: total };
    });
    if (total === 0) return [];
    return [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels, value: sum },
      { metricName: `${this.#name}_count`, labels, value: total },
    ];
  }
}
