/**
 * The switch: from one place on the ladder to the next, in three phases that are compare-and-sets in the control record.
 *
 *   ANNOUNCE   takes the next epoch number. Everybody reads with the overlay from here; a write of a key whose authority moves is
 *              acknowledged when both stores have it. Ends when every instance has answered or its lease is over, and the store that gains
 *              keys lacks nothing up to the counters noted then. Until here a cancel is one compare-and-set; after a time it cancels itself.
 *   FLIP       fences and journal slots go to the announced epoch, step by step (flip.ts).
 *   SETTLE     the new state is in force; ends when all live instances have seen it.
 *
 * `drive` takes a switch from wherever it stands to its end. Any instance may, at any time, also several at once: whoever loses a
 * compare-and-set reads the record again and goes on from there. A cancel takes a number too, so that a number is never used twice.
 */
import type { Clock } from '../clock.ts';
import { isoTime } from '../clock.ts';
import { CrossfadeError } from '../errors.ts';
import { findMove, gaining, usesJournal } from '../states.ts';
import { showPlace } from '../route.ts';
import { Barrier, goOn, type BarrierDevices, type Waited } from './barrier.ts';
import type { ControlRecord, ControlStore, Switch, Transition } from './control.ts';
import { runFlip, type FlipContext } from './flip.ts';

export interface SwitchDevices extends Omit<FlipContext, 'record'>, BarrierDevices {
  readonly switchTimeoutMs: number;
}

export type DriveResult =
  | { readonly outcome: 'SWITCHED'; readonly pauseMs: number }
  | { readonly outcome: 'CANCELLED'; readonly waitedFor: string | null };

/** Between two goes at a flip that a store or the journal holds up, milliseconds. */
const FLIP_RETRY_MS = 100;

export class SwitchDriver {
  readonly #devices: SwitchDevices;
  readonly #barrier: Barrier;
  readonly #driving = new Map<number, Promise<DriveResult>>();
  /** Entries dropped by goes at a flip whose compare-and-set was lost to another change of the record. */
  readonly #dropped = new Map<number, number>();
  readonly #stopping = new AbortController();
  readonly #unsubscribe: () => void;
  /** The switch whose pauses are measured. */
  #measured: number | null = null;

  constructor(devices: SwitchDevices) {
    this.#devices = devices;
    this.#barrier = new Barrier(devices, this.#stopping.signal);
    // Also of a switch that another instance announced: this one may bring it to its end.
    this.#unsubscribe = devices.lease.onView(({ record }) => this.#measure(record.switching));
  }

  /** What this process's driver waits for now, for people. */
  get waitingFor(): string {
    return this.#barrier.waitingFor;
  }

  /** Announces a switch from this record; null: the record has changed, nothing was announced. */
  async announce(
    record: ControlRecord,
    to: ControlRecord['place'],
    why: Pick<Switch, 'actor' | 'reason' | 'acceptedRisks'>,
  ): Promise<ControlRecord | null> {
    const { control, clock, journal, log } = this.#devices;
    const number = record.lastNumber + 1;
    const opening = !usesJournal(record.place.state);
    const announced = await control.compareAndSet(record.revision, {
      ...record,
      revision: record.revision + 1,
      lastNumber: number,
      incarnation: opening ? await journal.incarnation() : record.incarnation,
      switching: { to, epoch: number, phase: 'ANNOUNCE', since: isoTime(clock), ...why },
    });
    const facts = { dataset: record.dataset, from: showPlace(record.place), to: showPlace(to), epoch: number, ...why };
    if (announced) log.info(facts, 'a switch is announced');
    return announced;
  }

  /** Back to the state in force; false: the switch is not in ANNOUNCE any more. */
  async cancel(number: number): Promise<boolean> {
    for (;;) {
      const record = await this.#read();
      if (record.switching?.epoch !== number || record.switching.phase !== 'ANNOUNCE') return false;
      const next = {
        ...record,
        revision: record.revision + 1,
        lastNumber: record.lastNumber + 1,
        incarnation: usesJournal(record.place.state) ? record.incarnation : null,
        switching: null,
      };
      if (!(await this.#devices.control.compareAndSet(record.revision, next))) continue;
      const { dataset, switching } = record;
      const facts = {
        dataset,
        stays: showPlace(record.place),
        to: showPlace(switching.to),
        waitedFor: this.waitingFor,
      };
      this.#devices.log.info({ ...facts, epoch: number }, 'the switch is cancelled');
      return true;
    }
  }

  /** Takes the switch with this announced epoch to its end; calls in one process share the work. */
  drive(number: number): Promise<DriveResult> {
    const running = this.#driving.get(number);
    if (running) return running;
    const drive = this.#drive(number).finally(() => {
      this.#driving.delete(number);
      this.#dropped.delete(number);
      this.#barrier.waitingFor = '';
    });
    this.#driving.set(number, drive);
    return drive;
  }

  /** Waits until every instance acts by this record or a later one, or may not act any more: the longest lease, and no other timeout, ends it. */
  async everybodyHasSeen(record: ControlRecord): Promise<void> {
    await this.#barrier.answered(record, { until: Infinity, whom: 'ALL', whatever: true });
  }

  isDriving(number: number): boolean {
    return this.#driving.has(number);
  }

  /** Stops driving where it stands; another instance, or the next start, goes on. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stopping.abort();
    await Promise.allSettled(this.#driving.values());
  }

  async #drive(number: number): Promise<DriveResult> {
    let waitedFor: string | null = null;
    for (;;) {
      const record = await this.#read();
      const current = record.switching;
      if (current?.epoch !== number) {
        // It went past FLIP exactly if it is in the history; the epoch in force may be a later one's.
        const [last] = await this.#devices.control.history(record.dataset, number + 1, 1);
        if (last?.epoch !== number) return { outcome: 'CANCELLED', waitedFor };
        return { outcome: 'SWITCHED', pauseMs: this.#pauseMs() };
      }
      if (current.phase === 'ANNOUNCE') {
        const waited = await this.#prepared(record, current);
        if (waited === 'DONE') await this.#toFlip(record, current);
        if (waited === 'LATE') {
          waitedFor = this.waitingFor;
          await this.cancel(number);
        }
      } else if (current.phase === 'FLIP') await this.#flip(record, current);
      else await this.#settle(record, current);
    }
  }

  /** Waits until the switch may flip. */
  async #prepared(record: ControlRecord, current: Switch): Promise<Waited> {
    const { clock, switchTimeoutMs } = this.#devices;
    const gone = Math.max(0, clock.wall() - Date.parse(current.since));
    const until = clock.monotonic() + switchTimeoutMs - gone;
    const answered = await this.#barrier.answered(record, { until, whom: 'ALL' });
    if (answered !== 'DONE') return answered;
    const gains = gaining(record.place, current.to);
    if (!gains) return 'DONE';
    return this.#barrier.caughtUp(record, { until, epoch: current.epoch, gains });
  }

  async #toFlip(record: ControlRecord, current: Switch): Promise<void> {
    const opens = findMove(record.place, current.to)?.flip.some(({ step }) => step === 'OPEN_JOURNAL');
    await this.#devices.control.compareAndSet(record.revision, {
      ...record,
      revision: record.revision + 1,
      run: opens ? current.epoch : record.run,
      switching: { ...current, phase: 'FLIP' },
    });
  }

  async #flip(record: ControlRecord, current: Switch): Promise<void> {
    const { control, clock, log } = this.#devices;
    const move = findMove(record.place, current.to);
    if (!move)
      throw new CrossfadeError('INTERNAL', {
        message: `There is no move from ${showPlace(record.place)} to ${showPlace(current.to)}.`,
      });
    try {
      this.#barrier.waitingFor = 'fences and journal';
      const dropped = await runFlip({ ...this.#devices, record }, record, current, move);
      this.#dropped.set(current.epoch, (this.#dropped.get(current.epoch) ?? 0) + dropped);
    } catch (error) {
      if (!(error instanceof CrossfadeError)) throw error;
      this.#barrier.waitingFor = `${error.code === 'STORE_UNAVAILABLE' ? 'a store' : 'the journal'} that does not answer`;
      log.warn({ err: error, to: current.to }, 'a flip is held up; trying again');
      await clock.delay(FLIP_RETRY_MS, this.#stopping.signal);
      return goOn(this.#stopping.signal);
    }
    const transition = this.#transition(record, current);
    if (await control.compareAndSet(record.revision, settled(record, current, clock), transition)) {
      const { pauseMs, dropped } = transition;
      const facts = { dataset: record.dataset, state: showPlace(current.to), epoch: current.epoch, pauseMs };
      log.info({ ...facts, ...(dropped > 0 && { dropped }) }, 'the new state is in force');
    }
  }

  #transition(record: ControlRecord, current: Switch): Transition {
    const { epoch, to, actor, reason, acceptedRisks } = current;
    const dropped = this.#dropped.get(epoch) ?? 0;
    const at = isoTime(this.#devices.clock);
    return { from: record.place, to, epoch, actor, reason, at, pauseMs: this.#pauseMs(), acceptedRisks, dropped };
  }

  #measure(current: Switch | null): void {
    if (!current || current.epoch === this.#measured) return;
    this.#measured = current.epoch;
    this.#devices.lease.pauses.reset();
  }

  /** To hundredths of a millisecond. */
  #pauseMs(): number {
    return Math.round(this.#devices.lease.pauses.longestMs() * 100) / 100;
  }

  async #settle(record: ControlRecord, current: Switch): Promise<void> {
    const { control, clock, switchTimeoutMs, log } = this.#devices;
    await this.#barrier.answered(record, { until: clock.monotonic() + switchTimeoutMs, whom: 'LIVE', whatever: true });
    const next = { ...record, revision: record.revision + 1, switching: null };
    if (await control.compareAndSet(record.revision, next)) {
      const tookMs = Math.max(0, clock.wall() - Date.parse(current.since));
      log.debug({ dataset: record.dataset, state: showPlace(record.place), epoch: current.epoch, tookMs }, 'settled');
    }
  }

  async #read(): Promise<ControlRecord> {
    goOn(this.#stopping.signal);
    return readRecord(this.#devices.control, this.#devices.dataset.name);
  }
}

/** The record as it stands when all steps of a flip are done. */
function settled(record: ControlRecord, current: Switch, clock: Clock): ControlRecord {
  const inRun = usesJournal(current.to.state);
  const reachedDual = current.to.state === 'DUAL' && record.place.state !== 'DUAL';
  return {
    ...record,
    revision: record.revision + 1,
    place: current.to,
    epoch: current.epoch,
    incarnation: inRun ? record.incarnation : null,
    dualSince: reachedDual ? isoTime(clock) : inRun ? record.dualSince : null,
    switching: { ...current, phase: 'SETTLE' },
  };
}

export async function readRecord(control: ControlStore, dataset: string): Promise<ControlRecord> {
  const record = await control.read(dataset);
  if (!record)
    throw new CrossfadeError('CONTROL_UNAVAILABLE', { message: `There is no control record of ${dataset}.` });
  return record;
}
