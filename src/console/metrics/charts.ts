/** The charts, as data: what each line shows and where it comes from. Lines keep what was seen since the page was opened. */
import type { CounterName, HistogramName } from '../../metrics/catalogue.ts';
import type { Board } from '../session/board.ts';
import { parseExposition } from './exposition.ts';
import { quantile, rate, type Scrape } from './rates.ts';

export type Tone = 'old' | 'new' | 'journal' | 'bad';

interface Seen {
  readonly board: Board;
  /** The scrape of the last tick and this one's; null without metrics, or in the first tick. */
  readonly step: readonly [Scrape, Scrape] | null;
  /** Like `step`, over several seconds: what is rare needs time to be counted. */
  readonly window: readonly [Scrape, Scrape] | null;
}

interface Line {
  readonly label: string;
  readonly tone: Tone;
  readonly dashed?: boolean;
  readonly of: (seen: Seen) => number | null;
}

export interface Chart {
  readonly title: string;
  readonly unit: string;
  /** Drawn from /metrics; without, from what the migration tells. */
  readonly needsMetrics: boolean;
  readonly lines: readonly Line[];
}

const store = (role: string) => (labels: Readonly<Record<string, string>>) => labels['store'] === role;
const perSecond =
  (name: CounterName | `${HistogramName}_count`, match?: Parameters<typeof rate>[3]) =>
  ({ step }: Seen) =>
    // A counter that never counted is not on the page.
    step && (rate(...step, name, match) ?? 0);
const requestMs =
  (q: number) =>
  ({ window }: Seen) => {
    const seconds = window && quantile(...window, REQUESTS, q);
    return seconds === null ? null : seconds * 1000;
  };

const REQUESTS: HistogramName = 'crossfade_graphql_request_duration_seconds';
const STORE = 'crossfade_store_operation_duration_seconds_count';
const STORE_ERRORS = 'crossfade_store_errors_total';

export const CHARTS: readonly Chart[] = [
  {
    title: 'Operations',
    unit: '/s',
    needsMetrics: true,
    lines: [
      { label: 'old store', tone: 'old', of: perSecond(STORE, store('OLD')) },
      { label: 'new store', tone: 'new', of: perSecond(STORE, store('NEW')) },
      { label: 'journal', tone: 'journal', of: perSecond('crossfade_journal_operation_duration_seconds_count') },
    ],
  },
  {
    title: 'Errors',
    unit: '/s',
    needsMetrics: true,
    lines: [
      { label: 'old store', tone: 'old', of: perSecond(STORE_ERRORS, store('OLD')) },
      { label: 'new store', tone: 'new', of: perSecond(STORE_ERRORS, store('NEW')) },
      { label: 'journal', tone: 'journal', of: perSecond('crossfade_journal_errors_total') },
      {
        label: 'requests',
        tone: 'bad',
        of: perSecond('crossfade_graphql_requests_total', ({ code }) => code !== 'OK'),
      },
    ],
  },
  {
    title: 'Request latency',
    unit: 'ms',
    needsMetrics: true,
    lines: [
      { label: 'p50', tone: 'new', of: requestMs(0.5) },
      { label: 'p99', tone: 'journal', of: requestMs(0.99) },
    ],
  },
  {
    title: 'Journal backlog',
    unit: 'entries',
    needsMetrics: false,
    lines: [
      { label: 'owed to old', tone: 'old', of: ({ board }) => board.journal?.pendingOld ?? null },
      { label: 'owed to new', tone: 'new', of: ({ board }) => board.journal?.pendingNew ?? null },
      { label: 'all', tone: 'journal', dashed: true, of: ({ board }) => board.journal?.entries ?? null },
    ],
  },
  {
    title: 'Differences',
    unit: 'known',
    needsMetrics: false,
    lines: [{ label: 'between the stores', tone: 'bad', of: ({ board }) => board.differences?.total ?? null }],
  },
  {
    title: 'Copy',
    unit: 'rows/s',
    needsMetrics: false,
    lines: [{ label: 'copied', tone: 'new', of: ({ board }) => (board.copy ? copyRate(board.copy) : null) }],
  },
];

function copyRate({ running, rowsPerSecond }: { readonly running: boolean; readonly rowsPerSecond: number }): number {
  return running ? rowsPerSecond : 0;
}

/** How many ticks are kept. */
const KEPT = 300;
/** Ticks that quantiles are taken over. */
const WINDOW = 15;

/** `times` in seconds of the epoch, and for each line of each chart as many values. */
export interface History {
  readonly times: readonly number[];
  readonly values: readonly (readonly (readonly (number | null)[])[])[];
}

export const EMPTY: History = { times: [], values: CHARTS.map(({ lines }) => lines.map(() => [])) };

export class Recorder {
  #history: History = EMPTY;
  readonly #scrapes: Scrape[] = [];

  /** `at`: seconds of the epoch. `metrics`: the text of this tick's scrape; null: there was none. */
  record(at: number, board: Board, metrics: string | null): History {
    const before = this.#scrapes.at(-1);
    const oldest = this.#scrapes[0];
    const now = metrics === null ? null : { at, samples: parseExposition(metrics) };
    if (now) this.#scrapes.push(now);
    if (this.#scrapes.length > WINDOW) this.#scrapes.shift();
    const seen: Seen = {
      board,
      step: now && before ? [before, now] : null,
      window: now && oldest ? [oldest, now] : null,
    };
    const { times, values } = this.#history;
    this.#history = {
      times: [...times, at].slice(-KEPT),
      values: CHARTS.map(({ lines }, chart) =>
        lines.map((line, i) => [...(values[chart]?.[i] ?? []), line.of(seen)].slice(-KEPT)),
      ),
    };
    return this.#history;
  }
}
