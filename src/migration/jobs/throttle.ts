/**
 * How much of the time the copy may take, so that requests are answered as they are without it.
 *
 * A probe is a question to both stores, asked at a set time, as a request might come: what it waits for, the event loop, a connection
 * and the slower store, is what requests wait for. Probes while the copy rests tell what is normal; the others are held against that.
 */
import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Store } from '../stores/store.ts';

export interface Signal {
  /** How long probes waited while the copy worked, milliseconds; null: a store did not answer, or nobody knows. */
  readonly workingMs: number | null;
  /** The same while it rested. */
  readonly restingMs: number | null;
  /** Are requests served in this process? */
  readonly serving: boolean;
  /** The share of the time for which the event loop is busy while the copy rests. */
  readonly busy: number;
}

export const LEAST_SHARE = 0.02;
/**
 * Requests come as they like, so that the slowest of them wait for more than a probe sees. So many times what they take is left to them:
 * where they take half of the time the copy has next to nothing, where they take little it has what the probes allow.
 */
const LEFT = 1.9;

/** Whom nobody waits for may be slower: other processes use the stores too, but not this one's event loop. */
const ALLOWED = {
  serving: { times: 1.25, beyondMs: 0.5 },
  alone: { times: 20, beyondMs: 100 },
} as const;

/** The share of the time (above 0, at most 1) that the copy may take next. A signal that cannot be read counts as a bad one. Pure. */
export function nextShare(share: number, { workingMs, restingMs, serving, busy }: Signal): number {
  const { times, beyondMs } = serving ? ALLOWED.serving : ALLOWED.alone;
  const good = workingMs !== null && restingMs !== null && workingMs <= times * restingMs + beyondMs;
  const next = good ? share + (serving ? 0.02 : 0.2) : share * 0.75;
  return Math.max(Math.min(next, serving ? 1 - LEFT * busy : 1), LEAST_SHARE);
}

/** A probe is asked so long after it was thought of, milliseconds: what keeps the event loop then is part of its wait. */
const PROBE_IN_MS = 15;
/** A probe that takes longer has no answer so far. */
const PROBE_MS = 2000;
const REMEMBERED = 20;
const NORMAL_PROBES = 6;
/** Whom nobody waits for is allowed so much that one tells enough. */
const ALONE_PROBES = 1;
/** For how long it is believed what is normal, milliseconds. */
const NORMAL_FOR_MS = 10_000;
/** Rests are saved up, so that one is long enough to see in it what is normal, milliseconds. */
const REST_MS = 50;
/**
 * Where requests are served they are short, for much work at once is what the slowest requests meet; what is normal is looked at after this
 * time, milliseconds.
 */
const SHORT_REST_MS = 2;
const LOOK_EVERY_MS = 500;
/** How much of how busy the event loop is is learned from one rest. */
const LEARNED = 0.25;

const eventLoopUtilization: Utilization = (since) => performance.eventLoopUtilization(since);

type Wait = number | null;

export interface ThrottleOptions {
  readonly clock: Clock;
  readonly stores: readonly Pick<Store, 'ping'>[];
  /** Requests so far. */
  readonly served: () => number;
  /** The share of the time for which the event loop was busy since it stood there; where it stands. */
  readonly utilization?: Utilization;
}

type Utilization = (since?: EventLoopUtilization) => EventLoopUtilization;

export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #working: Wait[] = [];
  readonly #resting: Wait[] = [];
  #normalAt = -Infinity;
  /** Since when a probe waits while the copy works; null: none does. */
  #probingSince: number | null = null;
  #owedMs = 0;
  #rests = 0;
  #served = 0;
  #serving = false;
  #busy = 0;
  share = 1;

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Finds out what is normal, if that is not known; nothing is to be copied meanwhile. */
  async settle(signal?: AbortSignal): Promise<void> {
    if (this.#options.clock.monotonic() - this.#normalAt < NORMAL_FOR_MS) return;
    const probes = this.#options.served() > this.#served ? NORMAL_PROBES : ALONE_PROBES;
    for (let i = 0; i < probes; i++) {
      if (signal?.aborted) return;
      await this.#probeAtRest(signal);
    }
  }

  /** To be called after each stretch of work; returns when the next one may begin. */
  async rest(workedMs: number, signal?: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#owedMs += (workedMs * (1 - this.share)) / this.share;
    if (this.#owedMs < (this.#serving ? SHORT_REST_MS : REST_MS)) {
      this.#probeAtWork();
      await nextTurn();
      return;
    }
    const began = clock.monotonic();
    const looks = !this.#serving || began - this.#normalAt >= LOOK_EVERY_MS;
    if (looks) {
      this.#rests++;
      await this.#probeAtRest(signal);
    } else {
      this.#probeAtWork();
      await nextTurn();
    }
    const left = this.#owedMs - (clock.monotonic() - began);
    if (left > 0) await clock.delay(left, signal);
    this.#owedMs = 0;
  }

  async #probeAtRest(signal?: AbortSignal): Promise<void> {
    const { utilization = eventLoopUtilization } = this.#options;
    const before = utilization();
    remember(this.#resting, await this.#probe(signal));
    this.#busy += (utilization(before).utilization - this.#busy) * LEARNED;
    this.#normalAt = this.#options.clock.monotonic();
  }

  /** One at a time. */
  #probeAtWork(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    if (this.#probingSince !== null) {
      if (now - this.#probingSince < PROBE_MS) return;
      this.#decide(null);
    }
    this.#probingSince = now;
    const rests = this.#rests;
    void this.#probe().then((wait) => {
      // One that was overtaken has been counted, and one that met a rest says nothing of work.
      if (this.#probingSince !== now) return;
      this.#probingSince = null;
      if (rests === this.#rests) this.#decide(wait);
    });
  }

  #decide(wait: Wait): void {
    remember(this.#working, wait);
    const served = this.#options.served();
    this.#serving = served > this.#served;
    this.#served = served;
    this.share = nextShare(this.share, {
      workingMs: mostOf(this.#working),
      restingMs: mostOf(this.#resting),
      serving: this.#serving,
      busy: this.#busy,
    });
  }

  /** How long a question waits that is asked in a moment, milliseconds; null: a store does not answer. */
  async #probe(signal?: AbortSignal): Promise<Wait> {
    const { clock, stores } = this.#options;
    const due = clock.monotonic() + PROBE_IN_MS;
    await clock.delay(PROBE_IN_MS, signal);
    const answers = stores.map((store) =>
      store.ping().then(
        () => true,
        () => false,
      ),
    );
    const answered = (await Promise.all(answers)).every(Boolean);
    return answered ? Math.max(0, clock.monotonic() - due) : null;
  }
}

function remember(waits: Wait[], wait: Wait): void {
  waits.push(wait);
  if (waits.length > REMEMBERED) waits.shift();
}

/** What four of five stay below; null: one of the last has no answer, or there are none. */
function mostOf(waits: readonly Wait[]): Wait {
  const answered = waits.flatMap((wait) => (wait === null ? [] : [wait])).toSorted((a, b) => a - b);
  if (answered.length < waits.length) return null;
  return answered[Math.floor(answered.length * 0.8)] ?? null;
}
