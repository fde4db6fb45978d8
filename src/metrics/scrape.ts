/**
 * Questions whose answers are gauges: asked when somebody scrapes, never waited for beyond a moment, and not more often than they are
 * cheap. A device that is down or hangs leaves its gauges out; it neither fails nor holds up the rest.
 */
import type { GaugeName } from './catalogue.ts';
import type { Instruments, Labels } from './instruments.ts';

/** How long a scrape waits for an answer, milliseconds. One that comes later is shown by a later scrape. */
const PATIENCE_MS = 500;
/** An answer is shown for at least this long before it is asked for again, milliseconds … */
const FRESH_MS = 900;
/** … and for this many times as long as it took, so that asking never takes more than a small share of a device. */
const REST = 20;
/** What was answered longer ago is not shown, milliseconds: a device that hangs is a device that does not answer. */
const STALE_MS = 15_000;

export type Set = <N extends GaugeName>(name: N, labels: Labels<N>, value: number) => void;

export interface Question {
  /** The gauges that the answer sets; whatever it does not set is absent. */
  readonly gauges: readonly GaugeName[];
  ask(): Promise<(set: Set) => void>;
  /** Set instead when there is no answer. */
  readonly unanswered?: (set: Set) => void;
}

export class Asked {
  readonly #question: Question;
  #running: Promise<void> | null = null;
  #answer: ((set: Set) => void) | null = null;
  #answeredAt = -Infinity;
  #askAgainAt = -Infinity;

  constructor(question: Question) {
    this.#question = question;
  }

  /** Brings the gauges up to date, as far as that can be done in a moment. Never throws. */
  async show(instruments: Instruments): Promise<void> {
    if (performance.now() >= this.#askAgainAt) this.#running ??= this.#ask();
    if (this.#running) await atMost(PATIENCE_MS, this.#running);
    const { gauges, unanswered } = this.#question;
    for (const name of gauges) instruments.clear(name);
    const known = performance.now() - this.#answeredAt < STALE_MS ? this.#answer : null;
    (known ?? unanswered)?.((name, labels, value) => instruments.set(name, labels, value));
  }

  async #ask(): Promise<void> {
    const began = performance.now();
    try {
      this.#answer = await this.#question.ask();
      this.#answeredAt = performance.now();
    } catch {
      // What failed and why is counted and logged by whoever was asked; here it is a gauge that is not known.
      this.#answer = null;
    }
    const took = performance.now() - began;
    this.#askAgainAt = performance.now() + Math.max(FRESH_MS, REST * took);
    this.#running = null;
  }
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, enough]);
  clearTimeout(timer);
}
