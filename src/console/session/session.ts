/**
 * One operator at one page: the token, what was last heard, and the commands.
 *
 * The token is a field of this object and nowhere else: not in the address, not in any storage, and gone with the page.
 */
import { EMPTY, Recorder, type History } from '../metrics/charts.ts';
import { ask, scrape, type Answer, type Scraped } from './api.ts';
import { boardOf, type Board } from './board.ts';
import {
  boardDocument,
  COMMANDS,
  DATASETS,
  PAGE,
  SWITCH,
  type BoardAnswer,
  type Command,
  type Cut,
  type DatasetsAnswer,
  type SwitchAnswer,
  type SwitchInput,
} from './documents.ts';
import { problemOf, Trouble, type Problem } from './problem.ts';

/** Between the end of one tick and the begin of the next, milliseconds; longer after each that failed. */
const TICK_MS = 1000;
const LONGEST_TICK_MS = 5000;
/** What is asked each second must come soon, or it is old. */
const TICK_PATIENCE_MS = 5000;
/** A command may wait for other processes as long as a switch may; the server ends it itself. */
const COMMAND_PATIENCE_MS = 120_000;

export interface View {
  readonly open: boolean;
  /** `READ`: the token may look and not touch. */
  readonly rights: 'ADMIN' | 'READ';
  readonly datasets: readonly string[];
  readonly dataset: string;
  readonly board: Board | null;
  /** When the board was heard, milliseconds of this machine's clock. */
  readonly heardAt: number;
  /** What to add to this machine's clock to get the server's, milliseconds. */
  readonly clockOffset: number;
  /** Why the newest tick brought nothing; null: it did. */
  readonly lost: Problem | null;
  /** Why the operator has to sign in again. */
  readonly refused: Problem | null;
  readonly charts: History;
  readonly hasMetrics: boolean;
}

const CLOSED: View = {
  open: false,
  rights: 'READ',
  datasets: [],
  dataset: '',
  board: null,
  heardAt: 0,
  clockOffset: 0,
  lost: null,
  refused: null,
  charts: EMPTY,
  hasMetrics: false,
};

const NO_METRICS: Scraped = { text: null, absent: true };

/** The clock of the answers' headers has whole seconds; less than this is not worth correcting, milliseconds. */
const CLOCK_GRAIN_MS = 2000;

export class Session {
  #view: View = CLOSED;
  #token = '';
  #recorder = new Recorder();
  #cut: Cut | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #metricsAbsent = false;
  /** A tick under way; what is asked meanwhile waits for the one after it. */
  #ticking: Promise<void> | null = null;
  #hidden = false;
  readonly #listeners = new Set<() => void>();

  get view(): View {
    return this.#view;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Throws `Trouble` when the server does not take the token, or does not answer. */
  async signIn(token: string): Promise<void> {
    const datasets = await this.#datasets(token);
    const [first] = datasets;
    if (!first) throw new Trouble({ code: 'UNKNOWN_DATASET', message: 'This server has no dataset to migrate.' });
    this.#token = token;
    this.#metricsAbsent = false;
    this.#recorder = new Recorder();
    const rights = await this.#rights(first);
    this.#show({
      ...CLOSED,
      open: true,
      rights,
      datasets: datasets.map(({ dataset }) => dataset),
      dataset: first.dataset,
    });
    await this.#tick();
  }

  signOut(refused: Problem | null = null): void {
    clearTimeout(this.#timer);
    this.#token = '';
    this.#cut = null;
    this.#show({ ...CLOSED, refused });
  }

  choose(dataset: string): void {
    this.#recorder = new Recorder();
    this.#show({ ...this.#view, dataset, board: null, charts: EMPTY });
    this.refresh();
  }

  /** The part of a list that each tick brings along. */
  look(cut: Cut | null): void {
    this.#cut = cut;
    this.refresh();
  }

  /** While nobody looks nothing is asked. */
  hide(hidden: boolean): void {
    this.#hidden = hidden;
    if (hidden) clearTimeout(this.#timer);
    else this.refresh();
  }

  /** A tick now, or right after the one under way. */
  refresh(): void {
    if (!this.#view.open) return;
    clearTimeout(this.#timer);
    void (this.#ticking ?? Promise.resolve()).then(() => this.#tick());
  }

  async switchTo(input: SwitchInput): Promise<SwitchAnswer['switchMigration']> {
    const variables = { input: { ...input, dataset: this.#view.dataset } };
    const answer = await this.#command<SwitchAnswer>(SWITCH, variables);
    return answer.switchMigration;
  }

  async command(name: Command, variables: object = {}): Promise<void> {
    await this.#command(COMMANDS[name], { ...variables, dataset: this.#view.dataset });
  }

  async #command<T>(document: string, variables: object): Promise<T> {
    try {
      const answer = await ask<T>({ token: this.#token, document, variables, patience: COMMAND_PATIENCE_MS });
      const [problem] = answer.problems;
      if (problem || !answer.data) throw new Trouble(problem ?? { code: 'INTERNAL', message: 'The answer is empty.' });
      return answer.data;
    } finally {
      this.refresh();
    }
  }

  async #datasets(token: string): Promise<DatasetsAnswer['migrations']> {
    const { data, problems } = await ask<DatasetsAnswer>({ token, document: DATASETS, patience: TICK_PATIENCE_MS });
    const [problem] = problems;
    if (problem || !data) throw new Trouble(problem ?? { code: 'INTERNAL', message: 'The answer is empty.' });
    return data.migrations;
  }

  /** The server says what the token may: it is asked for a dry run of the switch to where it stands, which changes nothing either way. */
  async #rights({ dataset, state, readNewPercent }: DatasetsAnswer['migrations'][number]): Promise<View['rights']> {
    const input = { dataset, to: state, reason: 'rights of the console', dryRun: true };
    const variables = { input: { ...input, readNewPercent: state === 'DUAL' ? readNewPercent : null } };
    const question = { token: this.#token, document: SWITCH, variables, patience: TICK_PATIENCE_MS };
    const { problems } = await ask(question);
    return problems.some(({ code }) => code === 'FORBIDDEN') ? 'READ' : 'ADMIN';
  }

  async #tick(): Promise<void> {
    if (this.#ticking || !this.#view.open) return;
    this.#ticking = this.#hear().finally(() => {
      this.#ticking = null;
    });
    await this.#ticking;
    clearTimeout(this.#timer);
    if (this.#hidden || !this.#view.open) return;
    const pause = Math.min(LONGEST_TICK_MS, TICK_MS * 2 ** Math.min(this.#failures, 5));
    this.#timer = setTimeout(() => void this.#tick(), pause);
  }

  async #hear(): Promise<void> {
    const token = this.#token;
    const { dataset } = this.#view;
    try {
      const cut = this.#cut;
      const variables = { dataset, ...(cut && { first: PAGE, after: cut.after }) };
      const [answer, metrics] = await Promise.all([
        ask<BoardAnswer>({ token, document: boardDocument(cut?.list ?? null), variables, patience: TICK_PATIENCE_MS }),
        this.#metricsAbsent ? NO_METRICS : scrape(token, TICK_PATIENCE_MS),
      ]);
      if (token !== this.#token || dataset !== this.#view.dataset) return;
      this.#heard(answer, metrics);
    } catch (error) {
      if (token !== this.#token) return;
      this.#failures += 1;
      this.#show({ ...this.#view, lost: problemOf(error) });
    }
  }

  #heard(answer: Answer<BoardAnswer>, metrics: Scraped): void {
    this.#metricsAbsent = metrics.absent;
    const refusal = answer.problems.find(({ code }) => code === 'UNAUTHENTICATED');
    if (refusal) return this.signOut(refusal);
    const board = boardOf(answer);
    if (!board) {
      this.#failures += 1;
      const [problem] = answer.problems;
      return this.#show({
        ...this.#view,
        lost: problem ?? { code: 'UNKNOWN_DATASET', message: 'The dataset is gone.' },
      });
    }
    this.#failures = 0;
    const now = Date.now();
    const offset = answer.serverTime === null ? 0 : answer.serverTime - now;
    this.#show({
      ...this.#view,
      board,
      heardAt: now,
      clockOffset: Math.abs(offset) < CLOCK_GRAIN_MS ? 0 : offset,
      lost: null,
      charts: this.#recorder.record(now / 1000, board, metrics.text),
      hasMetrics: metrics.text !== null,
    });
  }

  #show(view: View): void {
    this.#view = view;
    for (const listener of this.#listeners) listener();
  }
}
