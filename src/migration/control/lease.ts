/**
 * The lease: what this process holds of the control record (view.ts), kept fresh for as long as it may be trusted.
 *
 * A switch waits until every registered instance has answered its announce, or one lease has gone by. This instance answers with the highest
 * revision under which, or later, all of its running operations were begun: an operation that began before is either over or its view's
 * lease is, and then it starts over by itself.
 */
import type { Clock } from '../clock.ts';
import { CrossfadeError, hasCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { ControlRecord, ControlStore } from './control.ts';
import { PauseMeter } from './pause.ts';
import { View, type Asked } from './view.ts';

export interface LeaseOptions {
  readonly control: ControlStore;
  readonly dataset: string;
  readonly instanceId: string;
  readonly label: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often the record is read again: several times a lease, so that one lost answer costs nothing. */
const RENEWALS_PER_LEASE = 4;
/** How often the record is read again while a switch is on, milliseconds, where no word comes of changes. */
const SWITCHING_MS = 20;
/** While a request waits for a switch to move on, milliseconds between two tries: a flip moves stores and slots one by one. */
const IMPATIENT_MS = 5;
/** The same where word comes of changes: the end of a flip is heard of, so that a try before it is seldom worth what it costs the flip. */
const PATIENT_MS = 25;
/** While requests wait, the record is read at least this often, milliseconds, also where word should come of changes. */
const DOUBTFUL_MS = 50;

export class Lease {
  readonly #options: LeaseOptions;
  readonly #views = new Set<View>();
  readonly #listeners = new Set<(view: View) => void>();
  readonly #stopping = new AbortController();
  readonly pauses: PauseMeter;
  #current: View | null = null;
  #answered = 0;
  #renewing: Promise<View> | null = null;
  #next: Promise<View> | null = null;
  #loop: Promise<void> | null = null;
  #wake = new AbortController();
  /** The next renewal is due now. */
  #hurry = false;
  /** Somebody waits for an answer to the newest record; to another, the next renewal is soon enough. */
  #awaited = false;
  /** The revision that word came of last. */
  #told = 0;
  #glancing: Promise<void> | null = null;
  /** When the record was asked for last, monotonic. */
  #lastAsked = -Infinity;
  #unsubscribe: (() => void) | null = null;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.pauses = new PauseMeter(options.clock);
  }

  /** Registers, takes the first lease, and keeps it. */
  async start(): Promise<View> {
    const { control, dataset } = this.#options;
    const first = await this.renew();
    this.#unsubscribe = control.onChange((change) => {
      if (change === null) return this.#soon();
      if (change.dataset !== dataset || change.revision <= this.newest().revision) return;
      if (change.record && this.#learn(change.record)) return;
      this.#told = change.revision;
      this.#glancing ??= this.#glance();
    });
    this.#loop = this.#keep();
    return first;
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#stopping.abort();
    this.#wake.abort();
    await this.#loop;
    // Whether the last renewal succeeds does not matter any more.
    await Promise.allSettled([this.#renewing, this.#glancing]);
    // A switch waits for registered instances alone, so nothing may go by this lease once it is given back.
    for (const view of this.#views) view.end();
    await this.#giveBack();
  }

  async #giveBack(): Promise<void> {
    const { control, dataset, instanceId, log } = this.#options;
    try {
      await control.release(dataset, instanceId);
    } catch (error) {
      if (!hasCode(error, 'CONTROL_UNAVAILABLE')) throw error;
      log.warn({ err: error }, 'the lease could not be given back; it runs out by itself');
    }
  }

  onView(listener: (view: View) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The view whose lease runs right now, or null. */
  peek(): View | null {
    return this.#current?.valid() ? this.#current : null;
  }

  /** As `peek`, for an operation that begins: a renewal that is late is hurried. Without a promise, as nearly every operation finds one. */
  held(): View | null {
    const held = this.peek();
    if (held?.late()) this.#soon();
    return held;
  }

  /** The newest record known, whether or not the lease runs: for background work and display, whose steps are fenced. */
  newest(): ControlRecord {
    if (!this.#current) throw new CrossfadeError('CONTROL_UNAVAILABLE', { message: 'The lease was never taken.' });
    return this.#current.record;
  }

  /** A view whose lease runs. Throws CONTROL_UNAVAILABLE if it cannot be renewed before the deadline (of the monotonic clock). */
  async current(deadline: number): Promise<View> {
    const held = this.held();
    if (held) return held;
    for (;;) {
      const view = await this.renew().catch((error: unknown) => {
        if (!hasCode(error, 'CONTROL_UNAVAILABLE')) throw error;
        if (this.#options.clock.monotonic() >= deadline || this.#stopping.signal.aborted) throw error;
        return null;
      });
      if (view?.valid()) return view;
      await this.#options.clock.delay(IMPATIENT_MS, this.#stopping.signal);
    }
  }

  /**
   * Waits until there is a newer record than this view's, or a moment has passed in which a half-made flip may have moved on.
   * All waits of one request are measured together.
   */
  async changed(view: View, request: { readonly deadline: number }): Promise<void> {
    if (this.#options.clock.monotonic() >= request.deadline) throw new CrossfadeError('DEADLINE_EXCEEDED');
    await this.pauses.measure(request, this.#look(view));
  }

  async #look(view: View): Promise<void> {
    const { clock, control } = this.#options;
    if (this.#current !== view) return;
    // Asking again would be one question a few milliseconds from every waiting process: where word comes of changes, it is waited for.
    if (control.hears() && view.valid()) {
      await this.#newer(PATIENT_MS);
      if (this.#current !== view || clock.monotonic() - this.#lastAsked < DOUBTFUL_MS) return;
    }
    const newer = await this.renew().catch((error: unknown) => {
      if (!hasCode(error, 'CONTROL_UNAVAILABLE')) throw error;
      return null;
    });
    if (newer && newer !== view) return;
    await this.#newer(IMPATIENT_MS);
  }

  /** Until there is another view, or for so many milliseconds. */
  async #newer(atMostMs: number): Promise<void> {
    const over = new AbortController();
    const unsubscribe = this.onView(() => over.abort());
    await this.#options.clock.delay(atMostMs, AbortSignal.any([over.signal, this.#stopping.signal]));
    unsubscribe();
  }

  /** An operation begins under this view; a switch waits for `leave`. */
  enter(view: View): void {
    if (view.operations++ === 0) this.#views.add(view);
  }

  leave(view: View): void {
    view.operations--;
    if (view.operations > 0) return;
    if (view !== this.#current) this.#views.delete(view);
    if (view !== this.#current && this.#owesAnswer()) this.#soon();
  }

  /**
   * Reads the record and renews the lease. A call while a question is on its way shares the next one: the answer to the present one may be
   * older than what the caller has seen.
   */
  renew(): Promise<View> {
    if (!this.#renewing) return this.#begin();
    this.#next ??= this.#renewing
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        this.#next = null;
        return this.#begin();
      });
    return this.#next;
  }

  #begin(): Promise<View> {
    const renewing = this.#ask().finally(() => {
      if (this.#renewing === renewing) this.#renewing = null;
    });
    this.#renewing = renewing;
    return renewing;
  }

  async #ask(): Promise<View> {
    const { control, clock, dataset, instanceId, label, leaseMs } = this.#options;
    if (this.#stopping.signal.aborted)
      throw new CrossfadeError('CONTROL_UNAVAILABLE', { message: 'This instance has stopped.' });
    const answered = this.#answer();
    const asked = { monotonic: clock.monotonic(), wall: clock.wall() };
    this.#lastAsked = asked.monotonic;
    const epoch = this.#current?.record.epoch ?? 0;
    const record = await control.renew({ dataset, id: instanceId, label, leaseMs, epoch, answered });
    if (!record)
      throw new CrossfadeError('CONTROL_UNAVAILABLE', { message: `There is no control record of ${dataset}.` });
    this.#answered = answered;
    return this.#adopt(record, asked);
  }

  #adopt(record: ControlRecord, asked: Asked): View {
    const known = this.#current;
    if (known && known.record.revision >= record.revision) {
      if (known.record.revision === record.revision) known.renewed(asked);
      return known;
    }
    const view = new View(record, asked, this.#options.leaseMs, this.#options.clock);
    if (known && known.operations === 0) this.#views.delete(known);
    this.#awaited = isAwaited(record, known?.record ?? null);
    this.#current = view;
    this.#views.add(view);
    for (const listener of this.#listeners) listener(view);
    if (this.#owesAnswer()) this.#soon();
    return view;
  }

  /** Reads the record that word came of, whatever a renewal waits for; where that does not help, one is due. */
  async #glance(): Promise<void> {
    const { control, dataset } = this.#options;
    let record: ControlRecord | null;
    do {
      // That it cannot be read is told by the renewal.
      const [read] = await Promise.allSettled([control.read(dataset)]);
      record = read.status === 'fulfilled' ? read.value : null;
      if (!record || !this.#learn(record)) break;
    } while (record.revision < this.#told && !this.#stopping.signal.aborted);
    this.#glancing = null;
    if (this.newest().revision < this.#told) this.#soon();
  }

  /**
   * Goes by a record that was come by without a renewal, under the lease that runs: counted from an earlier question, it ends no later than
   * whoever announces the next switch waits for. It costs no commit, and requests that wait for this record go on that much sooner.
   * False: the lease is over.
   */
  #learn(record: ControlRecord): boolean {
    const known = this.peek();
    if (!known) return false;
    this.#adopt(record, known.asked);
    this.#wake.abort();
    return true;
  }

  /** The highest revision under which, or later, all running operations with a running lease were begun. */
  #answer(): number {
    let answer = this.#current?.record.revision ?? 0;
    for (const view of this.#views) {
      if (view.operations > 0 && view.valid()) answer = Math.min(answer, view.record.revision);
    }
    return answer;
  }

  #owesAnswer(): boolean {
    return this.#awaited && this.#answer() > this.#answered;
  }

  #soon(): void {
    this.#hurry = true;
    this.#wake.abort();
  }

  async #keep(): Promise<void> {
    const { clock, control, leaseMs, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      while (!this.#hurry && !this.#owesAnswer() && !this.#stopping.signal.aborted) {
        const looks = this.#current?.record.switching && !control.hears();
        const pause = Math.min(leaseMs / RENEWALS_PER_LEASE, looks ? SWITCHING_MS : Infinity);
        const left = this.#lastAsked + pause - clock.monotonic();
        if (left <= 0) break;
        this.#wake = new AbortController();
        await clock.delay(left, this.#wake.signal);
      }
      if (this.#stopping.signal.aborted) return;
      this.#hurry = false;
      try {
        await this.renew();
      } catch (error) {
        log.warn({ err: error }, 'the control record could not be read');
        await clock.delay(leaseMs / RENEWALS_PER_LEASE, this.#stopping.signal);
      }
    }
  }
}

/**
 * Does anybody wait for the answer? A switch does when it has announced and when what it brings is in force, and any other change does. Only
 * the steps into a flip and out of a switch are waited for by nobody; what was missed in between may have been anything.
 */
function isAwaited(record: ControlRecord, before: ControlRecord | null): boolean {
  if (!before || record.revision > before.revision + 1) return true;
  const [was, is] = [before.switching?.phase, record.switching?.phase];
  return was === is || is === 'ANNOUNCE' || is === 'SETTLE';
}
