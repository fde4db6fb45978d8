/**
 * Continuous comparison: a share of what requests read, where both stores answer for keys, is compared in both stores, off the requests'
 * path. A verification tells that the stores agreed; this tells that they still do, first of all about the rows that are in use.
 *
 * Requests hand over keys and nothing else: what they read may be old by then, so both stores are asked, and keys that seem to differ
 * are looked at again like those of a verification (recheck.ts). A store that is slow or down costs requests nothing: keys wait in a
 * bounded set, few batches are under way, and the breaker leaves a store that does not answer alone. A batch that hangs keeps its place
 * until the store lets go of it, so that no further questions pile up there.
 */
import type { ControlRecord, FoundDifference } from '../control/control.ts';
import { CrossfadeError } from '../errors.ts';
import type { ComparisonResult, Observer } from '../observer.ts';
import type { Stored } from '../stores/store.ts';
import { Breaker } from './breaker.ts';
import { compare } from './compare.ts';
import type { JobContext } from './context.ts';
import { lookAgain, type RecheckOptions } from './recheck.ts';
import { comparable } from './steps.ts';

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
/** How often found differences are logged, milliseconds. */
const REMIND_MS = 60_000;

const DEFAULTS = {
  percent: 0,
  deadlineMs: 1000,
  recheck: { looks: 10, firstDelayMs: 5, longestDelayMs: 500 },
} satisfies SpotCheckOptions;

export class SpotCheck {
  readonly #ctx: JobContext;
  readonly #options: SpotCheckOptions;
  readonly #breaker: Breaker;
  readonly #stopping = new AbortController();
  readonly #waiting = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #differing = new Set<string>();
  #gathering = false;
  #loggedAt = -Infinity;

  constructor(ctx: JobContext, options: Partial<SpotCheckOptions> = {}) {
    this.#ctx = ctx;
    this.#options = { ...DEFAULTS, ...options };
    this.#breaker = new Breaker(ctx.clock, { after: ABREAST, firstRestMs: 1000, longestRestMs: 60_000 });
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
    await Promise.race([Promise.all(this.#underWay), this.#ctx.clock.delay(this.#options.deadlineMs, patience.signal)]);
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
      if (this.#waiting.size > 0) this.#gather();
    });
    this.#underWay.add(batch);
  }

  /** Never rejects. */
  async #look(keys: readonly string[]): Promise<void> {
    const inTime = new AbortController();
    let late = false;
    void this.#ctx.clock.delay(this.#options.deadlineMs, inTime.signal).then(() => {
      if (inTime.signal.aborted) return;
      late = true;
      this.#unanswered(keys, new CrossfadeError('DEADLINE_EXCEEDED'));
    });
    try {
      const { run } = await this.#ctx.record();
      const suspicious = await this.#firstSight(keys);
      inTime.abort();
      if (late || this.#stopping.signal.aborted) return;
      this.#breaker.succeeded();
      await this.#settle(run, keys, suspicious);
    } catch (error) {
      inTime.abort();
      if (!late && !this.#stopping.signal.aborted) this.#unanswered(keys, error);
    }
  }

  async #firstSight(keys: readonly string[]): Promise<ReadonlySet<string>> {
    const { dataset, stores } = this.#ctx;
    const [old, now] = await both(stores.OLD.reader.load(keys), stores.NEW.reader.load(keys));
    const rows = [...old.values(), ...now.values()].flatMap((stored) => ('row' in stored ? [stored.row] : []));
    const mapper = await dataset.mapper(rows);
    const differs = (key: string) => compare(dataset, mapper, { key, old: old.get(key), new: now.get(key) }).length > 0;
    return new Set(keys.filter(differs));
  }

  /** Second looks, and what comes of them to the list of differences. */
  async #settle(run: number | null, keys: readonly string[], suspicious: ReadonlySet<string>): Promise<void> {
    const { control, dataset } = this.#ctx;
    const again = keys.filter((key) => suspicious.has(key) || this.#differing.has(key));
    const { verdicts, underWay } = await lookAgain(this.#ctx, again, this.#options.recheck, this.#stopping.signal);
    const found = [...verdicts.values()].flat();
    const differing = new Set(found.map(({ key }) => key));
    const news = [...verdicts.keys()].filter((key) => differing.has(key) || this.#differing.has(key));
    const still = await this.#ctx.record();
    // What was seen in another state, or in another run, says nothing about this one.
    if (this.#stopping.signal.aborted || !comparable(still) || still.run !== run || still.switching) return;
    if (news.length > 0) await control.settleDifferences(dataset.name, news, found);
    for (const key of news) {
      if (!differing.has(key)) this.#differing.delete(key);
      else if (this.#differing.size < MOST_REMEMBERED) this.#differing.add(key);
    }
    this.#tell('DIFFERS', differing.size);
    this.#tell('UNDECIDED', underWay.length);
    this.#tell('AGREES', keys.length - differing.size - underWay.length);
    this.#log(found);
  }

  #unanswered(keys: readonly string[], error: unknown): void {
    this.#tell('UNANSWERED', keys.length);
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

type Loaded = ReadonlyMap<string, Stored>;

/** As `Promise.all`, but when one fails the other one is waited for too: it may still be under way in the store. */
async function both(old: Promise<Loaded>, now: Promise<Loaded>): Promise<readonly [Loaded, Loaded]> {
  await Promise.allSettled([old, now]);
  return Promise.all([old, now]);
}
