/**
 * Continuous comparison: a share of what requests read, where both stores answer for keys, is compared in both stores, off the requests'
 * path. A verification tells that the stores agreed; this tells that they still do, first of all about the rows that are in use.
 *
 * Requests hand over keys and nothing else: what they read may be old by then, so both stores are asked, and keys that seem to differ
 * are looked at again like those of a verification (recheck.ts). A store that is slow or down costs requests nothing: keys wait in a
 * bounded set, few batches are under way, and the breaker leaves a store that does not answer alone; what could not be compared because of
 * it is listed too, and looked at later (unseen.ts). A batch that hangs keeps its place until the store lets go of it, so that no further
 * questions pile up there.
 */
import type { ControlRecord, FoundDifference } from '../control/control.ts';
import { CrossfadeError } from '../errors.ts';
import type { ComparisonResult, Observer } from '../observer.ts';
import { Breaker } from './breaker.ts';
import type { Pair } from './compare.ts';
import type { JobContext } from './context.ts';
import { lookAgain, type Rechecked, type RecheckOptions } from './recheck.ts';
import { differingKeys } from './ranges.ts';
import { isOneSided, loadBoth, type Answers } from './sides.ts';
import { comparable } from './steps.ts';
import { Unseen } from './unseen.ts';

export interface SpotCheckOptions {
  /** Share of the keys that are read, 0 to 100. */
  readonly percent: number;
  /** How long both stores may take to answer for a batch, milliseconds. */
  readonly deadlineMs: number;
  readonly recheck: RecheckOptions;
  readonly observer?: Observer | undefined;
}

/** Batches under way, keys in one, and keys that wait for their turn; what comes beyond is skipped. */
const ABREAST = 2;
const BATCH = 64;
const MOST_WAITING = 512;
/** Keys are gathered for so long before they are looked at, milliseconds. */
const GATHER_MS = 20;
/** Keys of which this process knows that they differed, so that it notices when they do not any more. */
const MOST_REMEMBERED = 10_000;
/** Failures in a row after which stores are left alone, and for how long. */
const REST = { after: ABREAST, firstRestMs: 1000, longestRestMs: 60_000 };
/** How often found differences are logged, milliseconds. */
const REMIND_MS = 60_000;

interface Batch {
  readonly keys: readonly string[];
  /** In which it was begun; null: not known yet. */
  run: number | null;
  /** null: the stores were not asked yet. */
  answers: Answers | null;
}

const DEFAULTS = {
  percent: 0,
  deadlineMs: 1000,
  recheck: { looks: 10, firstDelayMs: 5, longestDelayMs: 500 },
} satisfies SpotCheckOptions;

export class SpotCheck {
  readonly #ctx: JobContext;
  readonly #options: SpotCheckOptions;
  readonly #breaker: Breaker;
  readonly #unseen: Unseen;
  readonly #stopping = new AbortController();
  readonly #waiting = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #differing = new Set<string>();
  #gathering = false;
  #returning = false;
  #loggedAt = -Infinity;

  constructor(ctx: JobContext, options: Partial<SpotCheckOptions> = {}) {
    this.#ctx = ctx;
    this.#options = { ...DEFAULTS, ...options };
    this.#breaker = new Breaker(ctx.clock, REST);
    this.#unseen = new Unseen(ctx);
  }

  /** What a request has read under this record, or has found absent. Returns at once and never throws. */
  offer(record: ControlRecord, read: readonly { readonly key: string }[]): void {
    if (this.#options.percent === 0 || record.switching || !comparable(record)) return;
    for (const { key } of read) {
      if (Math.random() * 100 >= this.#options.percent) continue;
      if (this.#waiting.size >= MOST_WAITING || this.#breaker.open) this.#tell('SKIPPED', 1);
      else this.#waiting.add(key);
    }
    if (this.#waiting.size > 0) this.#gather();
  }

  /** Nothing is looked at any more; what hangs is not waited for. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#waiting.clear();
    const patience = new AbortController();
    const ended = Promise.all([...this.#underWay, this.#unseen.written()]);
    await Promise.race([ended, this.#ctx.clock.delay(this.#options.deadlineMs, patience.signal)]);
    patience.abort();
  }

  #gather(): void {
    if (this.#gathering || this.#underWay.size >= ABREAST || this.#stopping.signal.aborted) return;
    this.#gathering = true;
    void this.#ctx.clock.delay(GATHER_MS, this.#stopping.signal).then(() => {
      this.#gathering = false;
      while (this.#waiting.size > 0 && this.#underWay.size < ABREAST) this.#begin();
    });
  }

  #begin(): void {
    const keys = [...this.#waiting].slice(0, BATCH);
    for (const key of keys) this.#waiting.delete(key);
    const batch = this.#look(keys).finally(() => {
      this.#underWay.delete(batch);
      this.#lookLater();
      if (this.#waiting.size > 0) this.#gather();
    });
    this.#underWay.add(batch);
  }

  /** What could not be seen is looked at again when the breaker lets it, also where nobody reads it any more. */
  #lookLater(): void {
    if (this.#returning || this.#unseen.first(1).length === 0 || this.#stopping.signal.aborted) return;
    this.#returning = true;
    const wait = Math.max(this.#breaker.restLeftMs, REST.firstRestMs);
    void this.#ctx.clock.delay(wait, this.#stopping.signal).then(() => {
      this.#returning = false;
      if (this.#stopping.signal.aborted) return;
      for (const key of this.#unseen.first(BATCH)) this.#waiting.add(key);
      this.#gather();
    });
  }

  /** Never rejects. */
  async #look(keys: readonly string[]): Promise<void> {
    const inTime = new AbortController();
    const batch: Batch = { keys, run: null, answers: null };
    let late = false;
    void this.#ctx.clock.delay(this.#options.deadlineMs, inTime.signal).then(() => {
      if (inTime.signal.aborted) return;
      late = true;
      this.#unanswered(batch, new CrossfadeError('DEADLINE_EXCEEDED'));
    });
    try {
      const record = await this.#ctx.record();
      this.#unseen.enter(record.run);
      // In another state a store may be gone for good.
      if (!comparable(record)) return this.#tell('SKIPPED', late ? 0 : keys.length);
      batch.run = record.run;
      const suspicious = await this.#firstSight(batch);
      inTime.abort();
      if (late || this.#stopping.signal.aborted) return;
      this.#breaker.succeeded();
      await this.#settle(batch, suspicious);
    } catch (error) {
      if (!late && !this.#stopping.signal.aborted) this.#unanswered(batch, error);
    } finally {
      inTime.abort();
    }
  }

  async #firstSight(batch: Batch): Promise<ReadonlySet<string>> {
    batch.answers = {};
    const { OLD, NEW } = await loadBoth(this.#ctx.stores, batch.keys, batch.answers);
    const pairs = batch.keys.map((key): Pair => ({ key, old: OLD.get(key), new: NEW.get(key) }));
    return new Set(await differingKeys(this.#ctx, pairs));
  }

  /** Second looks, and what comes of them to the list of differences. */
  async #settle({ keys, run }: Batch, suspicious: ReadonlySet<string>): Promise<void> {
    const known = (key: string): boolean => this.#differing.has(key) || this.#unseen.has(key);
    const again = keys.filter((key) => suspicious.has(key) || known(key));
    const { verdicts, underWay } = await this.#lookAgain(again);
    const found = [...verdicts.values()].flat();
    const differing = new Set(found.map(({ key }) => key));
    const news = [...verdicts.keys()].filter((key) => differing.has(key) || known(key));
    const still = await this.#ctx.record();
    // What was seen in another state, or in another run, says nothing about this one.
    if (this.#stopping.signal.aborted || !comparable(still) || still.run !== run || still.switching) return;
    if (news.length > 0) await this.#unseen.settle(news, found);
    for (const key of news) {
      if (!differing.has(key)) this.#differing.delete(key);
      else if (this.#differing.size < MOST_REMEMBERED) this.#differing.add(key);
    }
    this.#tell('DIFFERS', differing.size);
    this.#tell('UNDECIDED', underWay.length);
    this.#tell('AGREES', keys.length - differing.size - underWay.length);
    this.#log(found);
  }

  /** Should a store fall silent now, the keys are not forgotten. */
  async #lookAgain(keys: readonly string[]): Promise<Rechecked> {
    try {
      return await lookAgain(this.#ctx, keys, this.#options.recheck, this.#stopping.signal);
    } catch (error) {
      this.#unseen.remember(keys);
      throw error;
    }
  }

  #unanswered({ keys, run, answers }: Batch, error: unknown): void {
    this.#tell('UNANSWERED', keys.length);
    // One outage is told once: what is asked later, to see whether it is over, adds nothing.
    if (answers && isOneSided(answers) && !this.#breaker.tripped) {
      void this.#unseen.list(run, keys, answers).then(() => this.#lookLater());
    }
    if (!this.#breaker.failed()) return;
    for (const _ of this.#waiting) this.#tell('SKIPPED', 1);
    this.#waiting.clear();
    const { dataset, log } = this.#ctx;
    log.warn({ dataset: dataset.name, err: error }, 'reads are not compared for a while: a device does not answer');
  }

  #tell(result: ComparisonResult, rows: number): void {
    if (rows > 0) this.#options.observer?.compared(result, rows);
  }

  #log(found: readonly FoundDifference[]): void {
    const now = this.#ctx.clock.monotonic();
    if (found.length === 0 || now - this.#loggedAt < REMIND_MS) return;
    this.#loggedAt = now;
    this.#ctx.log.warn({ dataset: this.#ctx.dataset.name, differences: found.length }, 'reads found differences');
  }
}
