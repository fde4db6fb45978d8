/** What operators see and do; the switch's questions are answered here, its work is done in control/switch.ts. */
import {
  ACCEPTABLE_RISKS,
  type Blocker,
  type MigrationStatus,
  type MoveOption,
  type Operator,
  type OperatorList,
  type OperatorPage,
  type SwitchInput,
  type SwitchResult,
} from './api.ts';
import type { Clock } from './clock.ts';
import { blockersOf, type CheckContext } from './control/blockers.ts';
import type { ControlRecord } from './control/control.ts';
import type { Lease } from './control/lease.ts';
import { epochOf, logicOf, placeOf } from './control/situation.ts';
import { readRecord, type SwitchDriver } from './control/switch.ts';
import { badInput, hasCode } from './errors.ts';
import type { Workers } from './jobs/workers.ts';
import type { Logger } from './log.ts';
import { MOVES, STATES, type MigrationState, type Place } from './states.ts';

export interface OperatorDevices extends Omit<CheckContext, 'record' | 'thorough'> {
  readonly clock: Clock;
  readonly lease: Lease;
  readonly driver: SwitchDriver;
  readonly workers: Workers;
  readonly log: Logger;
}

/** Instances that were not seen for this long are not shown, milliseconds. */
const SHOWN_FOR_MS = 60_000;

export function createOperator(devices: OperatorDevices): Operator {
  const { control, dataset, journal, lease, stores, workers } = devices;
  const name = dataset.name;
  const read = () => readRecord(control, name);

  /** Changes the record whatever else changes it meanwhile; waits until every instance acts by it. */
  const change = async (edit: (record: ControlRecord) => Partial<ControlRecord>): Promise<ControlRecord> => {
    for (;;) {
      const record = await read();
      const next = await control.compareAndSet(record.revision, {
        ...record,
        ...edit(record),
        revision: record.revision + 1,
      });
      if (!next) continue;
      await lease.renew();
      workers.wake();
      return next;
    }
  };

  return {
    status: async () => statusOf(await read(), devices),
    copyProgress: () => workers.copyProgress(),
    journalStatus: () => journal.status(),
    verification: () => workers.verification(),
    instances: () => control.instances(name, SHOWN_FOR_MS),
    moves: async () => movesFrom(devices, await read()),
    otherWriters: () => stores.OLD.otherWriters(),
    switchTo: (input) => switchTo(devices, input),

    differences: (page) =>
      list(
        page,
        (after, limit) => control.differences(name, after === null ? null : differencePosition(after), limit),
        ({ key, field }) => JSON.stringify([key, field ?? '']),
        () => control.differenceCount(name),
        (node) => ({ ...node, key: dataset.showKey(node.key) }),
      ),
    quarantine: (page) =>
      list(
        page,
        (after, limit) => stores.NEW.quarantine.page(after, limit),
        ({ key }) => key,
        async () => {
          const { open, waived } = await stores.NEW.quarantine.counts();
          return open + waived;
        },
        (node) => ({ ...node, key: dataset.showKey(node.key) }),
      ),
    quarantineCounts: () => stores.NEW.quarantine.counts(),
    history: (page) =>
      list(
        page,
        (after, limit) => control.history(name, after === null ? null : historyPosition(after), limit),
        ({ epoch }) => String(epoch),
        () => control.historyCount(name),
        (node) => node,
      ),

    setBusinessLogic: async (logic) => {
      const record = await change(() => ({ pinnedLogic: logic }));
      await devices.driver.everybodyHasSeen(record);
    },
    pauseCopy: async () => void (await change(({ copy }) => ({ copy: { ...copy, paused: true } }))),
    resumeCopy: async () => void (await change(({ copy }) => ({ copy: { ...copy, paused: false } }))),
    setCopyRate: async (rateLimit) => void (await change(({ copy }) => ({ copy: { ...copy, rateLimit } }))),
    verify: () => workers.startVerification(),
    repair: async () => workers.startRepair(),
    retryQuarantine: async () => workers.startRetry(),
    waiveQuarantine: async (reason) => void (await stores.NEW.quarantine.waive(reason)),
  };
}

function statusOf(record: ControlRecord, { driver }: OperatorDevices): MigrationStatus {
  const { switching } = record;
  return {
    dataset: record.dataset,
    place: placeOf(record),
    epoch: epochOf(record),
    settled: switching === null,
    switching: switching && {
      to: switching.to,
      phase: switching.phase,
      since: switching.since,
      waitingFor: driver.isDriving(switching.epoch) ? driver.waitingFor : 'the instance that drives it',
    },
    logic: logicOf(record),
    logicPinned: record.pinnedLogic !== null,
    copySettings: record.copy,
  };
}

async function switchTo(devices: OperatorDevices, input: SwitchInput): Promise<SwitchResult> {
  const { control, dataset, driver } = devices;
  const to = target(input);
  const beyond = input.acceptRisk.find((code) => !ACCEPTABLE_RISKS.includes(code));
  if (beyond) throw badInput('acceptRisk', `${beyond} cannot be accepted; ${ACCEPTABLE_RISKS.join(', ')} can.`);
  let record = await readRecord(control, dataset.name);
  if (input.expectedEpoch !== null && input.expectedEpoch !== epochOf(record)) return { outcome: 'EPOCH_CONFLICT' };
  if (record.switching?.phase === 'SETTLE') {
    await driver.drive(record.switching.epoch);
    record = await readRecord(control, dataset.name);
  }
  if (record.switching) return whileSwitching(devices, record, to, input);
  if (same(record.place, to)) return { outcome: 'SWITCHED', dryRun: input.dryRun, pauseMs: input.dryRun ? null : 0 };

  const found = await blockersOf({ ...devices, record, thorough: true }, to);
  if (to.state === 'MIGRATING') await tellWriters(devices);
  const accepted = found.filter(({ acceptable, code }) => acceptable && input.acceptRisk.includes(code));
  const blockers = found.filter((blocker) => !accepted.includes(blocker));
  if (blockers.length > 0) return { outcome: 'BLOCKED', blockers: blockers.map(plain) };
  if (input.dryRun) return { outcome: 'SWITCHED', dryRun: true, pauseMs: null };

  const why = { actor: input.actor, reason: input.reason, acceptedRisks: accepted.map(({ code }) => code) };
  const announced = await announce(devices, record, to, why);
  if (!announced?.switching) return { outcome: 'EPOCH_CONFLICT' };
  const driven = await driver.drive(announced.switching.epoch);
  if (driven.outcome === 'SWITCHED') return { outcome: 'SWITCHED', dryRun: false, pauseMs: driven.pauseMs };
  const message = driven.waitedFor
    ? `The switch was cancelled before it changed anything: it waited for ${driven.waitedFor}.`
    : 'The switch was cancelled before it changed anything.';
  return { outcome: 'BLOCKED', blockers: [{ code: 'TIMED_OUT', message, count: null }] };
}

/** From MIGRATING to CATCHING_UP the old table must not change, and these could change it. Also in a dry run. */
async function tellWriters({ dataset, stores, log }: OperatorDevices): Promise<void> {
  const writers = await stores.OLD.otherWriters().catch((error: unknown) => {
    // That it does not answer bars the way by itself.
    if (hasCode(error, 'STORE_UNAVAILABLE')) return null;
    throw error;
  });
  if (!writers || writers.length === 0) return;
  const facts = { dataset: dataset.name, table: dataset.table('OLD').name, writers };
  log.warn(facts, 'other users may write the old table, which must not change while it is copied');
}

/** A compare-and-set that is lost to a change of something else (the copy's rate, say) is no conflict of epochs. */
async function announce(
  { control, dataset, driver }: OperatorDevices,
  read: ControlRecord,
  to: Place,
  why: Parameters<SwitchDriver['announce']>[2],
): Promise<ControlRecord | null> {
  for (let record = read; ; record = await readRecord(control, dataset.name)) {
    if (record.switching || record.lastNumber !== read.lastNumber) return null;
    const announced = await driver.announce(record, to, why);
    if (announced) return announced;
  }
}

async function whileSwitching(
  { driver }: OperatorDevices,
  record: ControlRecord,
  to: Place,
  { dryRun }: SwitchInput,
): Promise<SwitchResult> {
  const { switching } = record;
  if (switching && same(to, record.place) && switching.phase === 'ANNOUNCE') {
    if (dryRun) return { outcome: 'SWITCHED', dryRun, pauseMs: null };
    if (await driver.cancel(switching.epoch)) return { outcome: 'SWITCHED', dryRun, pauseMs: 0 };
  }
  const message = `A switch to ${switching?.to.state ?? to.state} is under way; only going back to ${record.place.state} cancels it, and only before it flips.`;
  return { outcome: 'BLOCKED', blockers: [{ code: 'SWITCH_IN_PROGRESS', message, count: null }] };
}

async function movesFrom(devices: OperatorDevices, record: ControlRecord): Promise<readonly MoveOption[]> {
  return Promise.all(
    optionsFrom(record.place).map(async ({ shown, place }): Promise<MoveOption> => {
      const blockers: readonly Blocker[] = record.switching
        ? [{ code: 'SWITCH_IN_PROGRESS', message: 'A switch is under way.', count: null }]
        : (await blockersOf({ ...devices, record, thorough: false }, place)).map(plain);
      return { to: place.state, readNewPercent: shown, allowed: blockers.length === 0, blockers };
    }),
  );
}

/** The moves that the ladder has from here; another percentage of DUAL is one move, whatever the percentage. */
function optionsFrom(from: Place): readonly { readonly shown: number | null; readonly place: Place }[] {
  return MOVES.filter((move) => move.from === from.state).flatMap((move) => {
    if (move.from === 'DUAL' && move.to === 'DUAL') {
      const other = from.percent === 100 ? 0 : 100;
      return [{ shown: null, place: { state: move.to, percent: other } }];
    }
    if (move.fromPercent !== undefined && move.fromPercent !== from.percent) return [];
    const percent = move.toPercent ?? percentOutsideDual(move.to);
    return [{ shown: move.to === 'DUAL' ? percent : null, place: { state: move.to, percent } }];
  });
}

function target({ to, readNewPercent }: SwitchInput): Place {
  if (!STATES.includes(to)) throw badInput('to', `There is no state ${String(to)}.`);
  if (to !== 'DUAL') {
    if (readNewPercent !== null) throw badInput('readNewPercent', 'readNewPercent belongs to DUAL alone.');
    return { state: to, percent: percentOutsideDual(to) };
  }
  if (readNewPercent === null || !Number.isInteger(readNewPercent) || readNewPercent < 0 || readNewPercent > 100) {
    throw badInput('readNewPercent', 'DUAL needs a readNewPercent of 0 to 100.');
  }
  return { state: to, percent: readNewPercent };
}

export function percentOutsideDual(state: MigrationState): number {
  return state === 'NEW' ? 100 : 0;
}

function same(a: Place, b: Place): boolean {
  return a.state === b.state && a.percent === b.percent;
}

function plain({ code, message, count }: Blocker): Blocker {
  return { code, message, count };
}

async function list<T>(
  { first, after }: OperatorPage,
  read: (after: string | null, limit: number) => Promise<readonly T[]>,
  cursorOf: (node: T) => string,
  totalCount: () => Promise<number>,
  show: (node: T) => T,
): Promise<OperatorList<T>> {
  const found = await read(after, first + 1);
  return {
    edges: found.slice(0, first).map((node) => ({ node: show(node), cursor: cursorOf(node) })),
    hasNextPage: found.length > first,
    totalCount,
  };
}

function differencePosition(cursor: string): { readonly key: string; readonly field: string } {
  const parsed = parse(cursor);
  if (!Array.isArray(parsed) || typeof parsed[0] !== 'string' || typeof parsed[1] !== 'string') throw badCursor();
  return { key: parsed[0], field: parsed[1] };
}

function historyPosition(cursor: string): number {
  const epoch = Number(cursor);
  if (!Number.isSafeInteger(epoch)) throw badCursor();
  return epoch;
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(cursor);
  } catch {
    throw badCursor();
  }
}

function badCursor() {
  return badInput('after', 'This is no cursor of this list.');
}
