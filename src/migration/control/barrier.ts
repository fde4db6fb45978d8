/**
 * What a switch waits for before it goes on: that every instance has answered a record or may not act by an earlier one any more, and that
 * the store which gains keys lacks nothing of what was written before.
 */
import { isoTime, type Clock } from '../clock.ts';
import type { Dataset, StoreRole } from '../dataset.ts';
import { CrossfadeError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { counted } from '../words.ts';
import type { ControlRecord, ControlStore } from './control.ts';
import type { Lease } from './lease.ts';

export interface BarrierDevices {
  readonly control: ControlStore;
  readonly clock: Clock;
  readonly dataset: Dataset;
  readonly journal: Journal;
  readonly lease: Lease;
  /** Background work should look again: there may be something to replay. */
  readonly wakeWorkers: () => void;
}

/** How a wait ended. `MOOT`: the record has changed (a cancel, a pin, another driver), and what comes next is decided anew. */
export type Waited = 'DONE' | 'LATE' | 'MOOT';

export interface Answers {
  /** Monotonic. */
  readonly until: number;
  /** `LIVE`: those whose lease runs out meanwhile are not waited for beyond it. */
  readonly whom: 'ALL' | 'LIVE';
  /** Also when the record has changed meanwhile. */
  readonly whatever?: boolean;
}

/** Clocks of two machines may run apart by this share, and by this much more for the journey of an answer. */
const DRIFT = 0.02;
const MARGIN_MS = 50;
/**
 * Between two looks at instances or journal while waiting, milliseconds: the first, and the longest. One driver looks, so that is no load;
 * answers that were notified would be, as transactions that notify commit one after the other.
 */
const FIRST_LOOK_MS = 2;
const LONGEST_LOOK_MS = 20;

export class Barrier {
  readonly #devices: BarrierDevices;
  readonly #stopping: AbortSignal;
  /** What is waited for now, for people. */
  waitingFor = '';

  constructor(devices: BarrierDevices, stopping: AbortSignal) {
    this.#devices = devices;
    this.#stopping = stopping;
  }

  /** Waits until instances have answered with this revision, or their leases, counted from now, are over. */
  async answered(record: ControlRecord, { until, whom, whatever = false }: Answers): Promise<Waited> {
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
    return this.#poll(until, nobodyIsSilent, () => !whatever && this.#isMoot(record));
  }

  /** Waits until the store that gains keys lacks nothing up to the counters of now. */
  async caughtUp(
    record: ControlRecord,
    { until, epoch, gains }: { readonly until: number; readonly epoch: number; readonly gains: StoreRole },
  ): Promise<Waited> {
    const { journal, wakeWorkers } = this.#devices;
    await journal.note(epoch);
    const lacksNothing = async () => {
      const lacking = await journal.lacking(gains, 'NOTED');
      this.waitingFor = `${counted(lacking, 'write')} that the ${gains === 'NEW' ? 'new' : 'old'} store lacks`;
      if (lacking > 0) wakeWorkers();
      return lacking === 0;
    };
    return this.#poll(until, lacksNothing, () => this.#isMoot(record));
  }

  #isMoot(record: ControlRecord): boolean {
    return this.#devices.lease.newest().revision > record.revision;
  }

  async #poll(until: number, done: () => Promise<boolean>, moot: () => boolean): Promise<Waited> {
    const { clock } = this.#devices;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LONGEST_LOOK_MS)) {
      if (await done()) return 'DONE';
      goOn(this.#stopping);
      if (moot()) return 'MOOT';
      if (clock.monotonic() >= until) return 'LATE';
      await clock.delay(wait, this.#stopping);
    }
  }
}

/** Throws when this instance is stopping. */
export function goOn(stopping: AbortSignal): void {
  if (stopping.aborted) throw new CrossfadeError('OUTCOME_UNKNOWN', { message: 'This instance is stopping.' });
}
