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
import { counted } from '../words.ts';
import type { ControlRecord, ControlStore, Switch, Transition } from './control.ts';
import { runFlip, type FlipContext } from './flip.ts';
import type { Lease } from './lease.ts';

export interface SwitchDevices extends Omit<FlipContext, 'record'> {
  readonly lease: Lease;
  readonly switchTimeoutMs: number;
  /** Background work should look again: there may be something to replay. */
  readonly wakeWorkers: () => void;
}

export type DriveResult =
  | { readonly outcome: 'SWITCHED'; readonly pauseMs: number }
  | { readonly outcome: 'CANCELLED'; readonly waitedFor: string | null };

/** How a wait ended. `MOOT`: the record has changed (a cancel, a pin, another driver), and what comes next is decided anew. */
type Waited = 'DONE' | 'LATE' | 'MOOT';

/** Clocks of two machines may run apart by this share, and by this much more for the journey of an answer. */
const DRIFT = 0.02;
const MARGIN_MS = 50;
/**
 * Between two looks at instances or journal while waiting, milliseconds: the first, and the longest. One driver looks, so that is no load;
 * answers that were notified would be, as transactions that notify commit one after the other.
 */
const FIRST_LOOK_MS = 2;
const LONGEST_LOOK_MS = 20;
/** Between two goes at a flip that a store or the journal holds up, milliseconds. */
const FLIP_RETRY_MS = 100;

export class SwitchDriver {
  readonly #devices: SwitchDevices;
  /** What this process's driver waits for now, for people. */
  waitingFor = '';
  readonly #driving = new Map<number, Promise<DriveResult>>();
  /** Entries dropped by goes at a flip whose compare-and-set was lost to another change of the record. */
  readonly #dropped = new Map<number, number>();
  readonly #stopping = new AbortController();
  readonly #unsubscribe: () => void;
  /** The switch whose pauses are measured. */
  #measured: number | null = null;

  constructor(devices: SwitchDevices) {
    this.#devices = devices;
    // Also of a switch that another instance announced: this one may bring it to its end.
    this.#unsubscribe = devices.lease.onView(({ record }) => this.#measure(record.switching));
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
      this.waitingFor = '';
    });
    this.#driving.set(number, drive);
    return drive;
  }

  /** Waits until every instance acts by this record or a later one, or may not act any more: the longest lease, and no other timeout, ends it. */
  async everybodyHasSeen(record: ControlRecord): Promise<void> {
    await this.#answered(record, Infinity, 'ALL');
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
    const { clock, journal, switchTimeoutMs, wakeWorkers } = this.#devices;
    const gone = Math.max(0, clock.wall() - Date.parse(current.since));
    const until = clock.monotonic() + switchTimeoutMs - gone;
    const moot = () => this.#devices.lease.newest().revision > record.revision;
    const answered = await this.#answered(record, until, 'ALL', moot);
    if (answered !== 'DONE') return answered;
    const gains = gaining(record.place, current.to);
    if (!gains) return 'DONE';
    await journal.note(current.epoch);
    const caughtUp = async () => {
      const lacking = await journal.lacking(gains, 'NOTED');
      this.waitingFor = `${counted(lacking, 'write')} that the ${gains === 'NEW' ? 'new' : 'old'} store lacks`;
      if (lacking > 0) wakeWorkers();
      return lacking === 0;
    };
    return this.#poll(until, caughtUp, moot);
  }

  /**
   * Waits until instances have answered with this revision, or their leases, counted from now, are over.
   * `LIVE`: those whose lease runs out meanwhile are not waited for beyond it.
   */
  async #answered(
    record: ControlRecord,
    until: number,
    whom: 'ALL' | 'LIVE',
    moot: () => boolean = () => false,
  ): Promise<Waited> {
    const { control, clock, dataset, lease } = this.#devices;
    const since = clock.monotonic();
    // What this process wrote it knows, and its answer is on the way; another's it may not have heard of yet.
    if (lease.newest().revision < record.revision) await lease.renew();
    const nobodyIsSilent = async () => {
      const elapsed = clock.monotonic() - since;
      const now = isoTime(clock);
      const silent = (await control.instances(dataset.name, null)).filter(
        (instance) =>
          instance.answered < record.revision &&
          elapsed <= instance.leaseMs * (1 + DRIFT) + MARGIN_MS &&
          (whom === 'ALL' || instance.leaseExpiresAt > now),
      );
      this.waitingFor = silent.length === 0 ? '' : `an answer of ${silent.map(({ label }) => label).join(', ')}`;
      return silent.length === 0;
    };
    return this.#poll(until, nobodyIsSilent, moot);
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
      this.waitingFor = 'fences and journal';
      const dropped = await runFlip({ ...this.#devices, record }, record, current, move);
      this.#dropped.set(current.epoch, (this.#dropped.get(current.epoch) ?? 0) + dropped);
    } catch (error) {
      if (!(error instanceof CrossfadeError)) throw error;
      this.waitingFor = `${error.code === 'STORE_UNAVAILABLE' ? 'a store' : 'the journal'} that does not answer`;
      log.warn({ err: error, to: current.to }, 'a flip is held up; trying again');
      await clock.delay(FLIP_RETRY_MS, this.#stopping.signal);
      return this.#stopHere();
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
    await this.#answered(record, clock.monotonic() + switchTimeoutMs, 'LIVE');
    const next = { ...record, revision: record.revision + 1, switching: null };
    if (await control.compareAndSet(record.revision, next)) {
      const tookMs = Math.max(0, clock.wall() - Date.parse(current.since));
      log.debug({ dataset: record.dataset, state: showPlace(record.place), epoch: current.epoch, tookMs }, 'settled');
    }
  }

  async #poll(until: number, done: () => Promise<boolean>, moot: () => boolean): Promise<Waited> {
    const { clock } = this.#devices;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LONGEST_LOOK_MS)) {
      if (await done()) return 'DONE';
      this.#stopHere();
      if (moot()) return 'MOOT';
      if (clock.monotonic() >= until) return 'LATE';
      await clock.delay(wait, this.#stopping.signal);
    }
  }

  #stopHere(): void {
    if (this.#stopping.signal.aborted)
      throw new CrossfadeError('OUTCOME_UNKNOWN', { message: 'This instance is stopping.' });
  }

  async #read(): Promise<ControlRecord> {
    this.#stopHere();
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
