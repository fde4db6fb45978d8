/**
 * Watches the devices of an engine from between the two: how many operations, how long, which errors, which refusals. The engine knows
 * nothing of it, and an engine that is not watched pays nothing.
 */
import { CrossfadeError, type ErrorCode } from '../migration/errors.ts';
import type { ControlRecord, ControlStore, Transition } from '../migration/control/control.ts';
import type { StoreRole } from '../migration/dataset.ts';
import type { Journal } from '../migration/journal/journal.ts';
import { STATES, type MigrationState } from '../migration/states.ts';
import type { Store } from '../migration/stores/store.ts';
import type { Instruments } from './instruments.ts';
import type { Tally } from './tally.ts';

export interface WatchedDevices {
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly journal: Journal;
  readonly control: ControlStore;
}

/** The state that operations are counted under: the newest that this process knows of. */
export interface Whereabouts {
  state: MigrationState;
}

/** What becomes of one operation. */
interface Watch {
  took(ms: number): void;
  failed(error: unknown): void;
  refused(reason: 'FENCED' | 'CHANGED'): void;
}

/** Methods of a port that answer at once, or end it: passed on as they are. */
const PASSED_ON: ReadonlySet<string> = new Set(['constructor', 'expect', 'hears', 'onChange', 'stop']);

export function watchDevices(devices: WatchedDevices, instruments: Instruments, here: Whereabouts): WatchedDevices {
  const { stores, journal, control } = devices;
  return {
    stores: { OLD: watchStore(stores.OLD, instruments, here), NEW: watchStore(stores.NEW, instruments, here) },
    journal: watchPort(journal, (operation) => journalWatch(instruments, operation)),
    control: watchSwitches(
      watchPort(control, (operation) => controlWatch(instruments, operation)),
      instruments,
    ),
  };
}

function watchStore(store: Store, instruments: Instruments, here: Whereabouts): Store {
  const watch = (operation: string): Watch => storeWatch(instruments, here, store.role, operation);
  const named = (part: string) => (operation: string) => watch(`${part}_${operation}`);
  const watched = watchPort(store, (operation) => (operation === 'close' ? null : watch(operation)));
  return Object.defineProperties(watched, {
    reader: { value: watchPort(store.reader, watch) },
    writer: { value: watchPort(store.writer, watch) },
    fence: { value: watchPort(store.fence, named('fence')) },
    quarantine: { value: watchPort(store.quarantine, named('quarantine')) },
  });
}

/** The same port with every method watched for which there is a watch; what else it has, or may gain, is passed on. */
function watchPort<P extends object>(port: P, watchOf: (operation: string) => Watch | null): P {
  const watched: P = Object.create(port);
  for (const name of methodsOf(port)) {
    const method: unknown = Reflect.get(port, name, port);
    if (typeof method !== 'function') continue;
    const watch = PASSED_ON.has(name) ? null : watchOf(snakeCase(name));
    const value = watch ? timed(port, method, watch) : method.bind(port);
    Object.defineProperty(watched, name, { value, enumerable: true, writable: true });
  }
  return watched;
}

function timed(port: object, method: Function, watch: Watch): (...args: readonly unknown[]) => Promise<unknown> {
  return async (...args) => {
    const began = performance.now();
    try {
      const result: unknown = await Reflect.apply(method, port, args);
      const reason = reasonOf(result);
      if (reason) watch.refused(reason);
      return result;
    } catch (error) {
      watch.failed(error);
      throw error;
    } finally {
      watch.took(performance.now() - began);
    }
  };
}

/** A port says by the word FENCED that it refuses an epoch, and by CHANGED that something else was there than expected. */
function reasonOf(result: unknown): 'FENCED' | 'CHANGED' | null {
  const word = typeof result === 'object' && result !== null && 'outcome' in result ? result.outcome : result;
  return word === 'FENCED' || word === 'CHANGED' ? word : null;
}

function storeWatch(instruments: Instruments, here: Whereabouts, store: StoreRole, operation: string): Watch {
  const histogram = instruments.histogram('crossfade_store_operation_duration_seconds');
  const tallies = byState((state) => histogram.tally({ store, operation, state }));
  const errors = instruments.counter('crossfade_store_errors_total');
  return {
    took: (ms) => tallies[here.state].observe(ms / 1000),
    failed: (error) => errors.inc({ store, operation, code: codeOf(error) }),
    refused: (reason) => countRefusal(instruments, store, operation, reason),
  };
}

function journalWatch(instruments: Instruments, operation: string): Watch {
  const tally = instruments.histogram('crossfade_journal_operation_duration_seconds').tally({ operation });
  const errors = instruments.counter('crossfade_journal_errors_total');
  return {
    took: (ms) => tally.observe(ms / 1000),
    failed: (error) => errors.inc({ operation, code: codeOf(error) }),
    refused: (reason) => countRefusal(instruments, 'JOURNAL', operation, reason),
  };
}

function controlWatch(instruments: Instruments, operation: string): Watch | null {
  if (operation === 'close') return null;
  const tally = instruments.histogram('crossfade_control_operation_duration_seconds').tally({ operation });
  const errors = instruments.counter('crossfade_control_errors_total');
  return {
    took: (ms) => tally.observe(ms / 1000),
    failed: (error) => errors.inc({ operation, code: codeOf(error) }),
    refused: () => {},
  };
}

/** Switches are compare-and-sets of the control record, so whoever watches those sees every switch of this process. */
function watchSwitches(control: ControlStore, instruments: Instruments): ControlStore {
  const durations = instruments.histogram('crossfade_switch_duration_seconds').tally({});
  const pauses = instruments.histogram('crossfade_switch_pause_seconds').tally({});
  const flipped = ({ from, to, pauseMs, at }: Transition, next: ControlRecord): void => {
    instruments.counter('crossfade_switches_total').inc({ from: from.state, to: to.state });
    if (next.switching) durations.observe(Math.max(0, Date.parse(at) - Date.parse(next.switching.since)) / 1000);
    if (pauseMs !== null) pauses.observe(pauseMs / 1000);
  };
  /** The highest number taken, as read last: a change that takes another without announcing anything is a cancel. */
  let lastNumber = Infinity;
  const watched: Pick<ControlStore, 'read' | 'compareAndSet'> = {
    read: async (dataset) => {
      const record = await control.read(dataset);
      if (record) lastNumber = record.lastNumber;
      return record;
    },
    compareAndSet: async (revision, next, transition) => {
      const before = lastNumber;
      const set = await control.compareAndSet(revision, next, transition);
      if (!set) return set;
      lastNumber = set.lastNumber;
      if (transition) flipped(transition, next);
      else if (!set.switching && set.lastNumber > before)
        instruments.counter('crossfade_switches_cancelled_total').inc();
      return set;
    },
  };
  return Object.assign(Object.create(control), watched);
}

function countRefusal(
  instruments: Instruments,
  device: StoreRole | 'JOURNAL',
  operation: string,
  reason: 'FENCED' | 'CHANGED',
): void {
  const name = reason === 'FENCED' ? 'crossfade_fence_refusals_total' : 'crossfade_conflicts_total';
  instruments.counter(name).inc({ device, operation });
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof CrossfadeError ? error.code : 'INTERNAL';
}

function byState(make: (state: MigrationState) => Tally): Readonly<Record<MigrationState, Tally>> {
  const [OLD, MIGRATING, CATCHING_UP, RETREATING, DUAL, NEW] = STATES;
  return {
    [OLD]: make(OLD),
    [MIGRATING]: make(MIGRATING),
    [CATCHING_UP]: make(CATCHING_UP),
    [RETREATING]: make(RETREATING),
    [DUAL]: make(DUAL),
    [NEW]: make(NEW),
  };
}

function methodsOf(port: object): ReadonlySet<string> {
  const names = new Set<string>();
  for (let at: object | null = port; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  return names;
}

/** As labels are written: `insertMissing` is `insert_missing`. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
