/**
 * What must hold before an announce: one function for each precondition of the ladder's moves, in the order the moves name them.
 * A check that cannot be made, because a store or the journal does not answer, counts as blocked by that.
 */
import type { Blocker, BlockerCode } from '../api.ts';
import type { Dataset, StoreRole } from '../dataset.ts';
import { hasCode } from '../errors.ts';
import { findChanges } from '../jobs/changes.ts';
import { isCleared } from '../jobs/prepare.ts';
import type { Journal } from '../journal/journal.ts';
import { route, showPlace } from '../route.ts';
import { findMove, gaining, usesJournal, type Place, type Precondition } from '../states.ts';
import { EVERYTHING, type Store } from '../stores/store.ts';
import { counted } from '../words.ts';
import type { ControlRecord, ControlStore } from './control.ts';
import { holdsRows, isKnown } from './found.ts';

export interface CheckContext {
  readonly dataset: Dataset;
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly journal: Journal;
  readonly control: ControlStore;
  readonly record: ControlRecord;
  readonly deployment: string;
  /** Read whole tables where only that can tell; without it, what can be told quickly. */
  readonly thorough: boolean;
}

/** `acceptable`: the operator may take the risk by naming the code. */
export interface FoundBlocker extends Blocker {
  readonly acceptable: boolean;
}

/** Keys that a message names, and for how long it is looked for them, milliseconds. */
const SHOWN_CHANGES = 10;
const FIND_CHANGES_MS = 5000;

type Check = (context: CheckContext, precondition: Precondition) => Promise<readonly Blocker[]>;

const block = (code: BlockerCode, message: string, count: number | null = null): readonly Blocker[] => [
  { code, message, count },
];
const NONE: readonly Blocker[] = [];

/** Codes that an operator may accept wherever they come up; STORE_UNREACHABLE only for a store that the move can do without. */
const ACCEPTABLE: readonly BlockerCode[] = ['JOURNAL_UNSAFE', 'OLD_STORE_CHANGED'];

const CHECKS: Readonly<Record<Precondition['check'], Check>> = {
  STORE_REACHABLE: async ({ stores, record, deployment }, precondition) => {
    if (precondition.check !== 'STORE_REACHABLE') return NONE;
    const store = stores[precondition.store];
    await store.ping();
    if (!holdsRows(record, store.role) || (await isKnown(store, record, deployment))) return NONE;
    const message = `The ${name(store.role)} store answers, but it is not the one this migration writes: it was replaced, or restored from before.`;
    return block('STORE_UNREACHABLE', message);
  },

  JOURNAL_REACHABLE: async ({ journal, record }) => {
    // Outside a run it may have come back empty since this process started, and its slots must be there before an announce.
    if (!usesJournal(record.place.state)) await journal.init(record.epoch);
    await journal.status();
    return NONE;
  },

  JOURNAL_SAFE: async ({ journal }) => {
    const risks = await journal.risks();
    return risks.length === 0 ? NONE : block('JOURNAL_UNSAFE', risks.join(' '), risks.length);
  },

  TARGET_EMPTY: async ({ stores, deployment, record }) => {
    const fence = await stores.NEW.fence.read();
    // What an earlier run left is emptied with the next one's first steps, if it was not before.
    if (fence?.deployment === deployment && !isCleared(fence, deployment)) return NONE;
    const rows = await stores.NEW.reader.count(EVERYTHING);
    const free = fence === null || fence.deployment === deployment || fence.epoch <= record.lastNumber;
    if (rows === 0 && free) return NONE;
    if (rows === 0)
      return block('TARGET_NOT_EMPTY', 'The new store is fenced by another deployment, which may use it.');
    return block(
      'TARGET_NOT_EMPTY',
      `The new table holds ${counted(rows, 'row')} that no migration of this deployment put there.`,
      rows,
    );
  },

  COPY_COMPLETE: async ({ stores, record }) => {
    const checkpoint = await stores.NEW.checkpoint();
    if (checkpoint?.epoch !== record.epoch) return block('COPY_INCOMPLETE', 'The copy of this run has not begun.');
    if (checkpoint.complete) return NONE;
    const left = Math.max(0, checkpoint.total - checkpoint.copied - checkpoint.quarantined);
    return block('COPY_INCOMPLETE', `About ${left} of ${counted(checkpoint.total, 'row')} must still be copied.`, left);
  },

  QUARANTINE_EMPTY: async ({ stores }) => {
    const { open } = await stores.NEW.quarantine.counts();
    if (open === 0) return NONE;
    return block(
      'QUARANTINE_NOT_EMPTY',
      `${counted(open, 'row')} could not be mapped; mend and retry, or waive.`,
      open,
    );
  },

  OLD_STORE_UNCHANGED: async ({ dataset, stores, record, thorough }) => {
    const checkpoint = await stores.NEW.checkpoint();
    if (checkpoint?.epoch !== record.epoch || !checkpoint.complete) return NONE;
    const seen = checkpoint.digest.rows;
    const found = thorough ? await stores.OLD.reader.digest(EVERYTHING) : null;
    const rows = found?.rows ?? (await stores.OLD.reader.count(EVERYTHING));
    if (rows === seen && (!found || found.hash === checkpoint.digest.hash)) return NONE;
    if (found) return oldStoreChanged(dataset, stores);
    return block(
      'OLD_STORE_CHANGED',
      `The old table holds ${counted(rows, 'row')}; when it was copied there ${seen === 1 ? 'was' : 'were'} ${seen}.`,
      Math.abs(rows - seen),
    );
  },

  BACKLOG_EMPTY: async ({ journal }, precondition) => {
    if (precondition.check !== 'BACKLOG_EMPTY') return NONE;
    const lacking = await journal.lacking(precondition.store, 'NOTED');
    if (lacking === 0) return NONE;
    const store = name(precondition.store);
    return block(
      'BACKLOG_NOT_EMPTY',
      `The ${store} store still lacks ${counted(lacking, 'write')} from before the last switch.`,
      lacking,
    );
  },

  VERIFIED: async ({ control, record }) => {
    const differences = await control.differenceCount(record.dataset);
    const found =
      differences === 0
        ? NONE
        : block(
            'DIFFERENCES_FOUND',
            `${counted(differences, 'difference is', 'differences are')} known: look, then repair.`,
            differences,
          );
    const last = await control.verification(record.dataset);
    const counts = last?.finishedAt && last.covered && !last.failed && last.startedAt >= (record.dualSince ?? '~');
    if (counts) return found;
    return [
      ...block('NOT_VERIFIED', 'No verification that began in DUAL has finished and covered every row.'),
      ...found,
    ];
  },
};

/** With the keys, for whoever has to look at them, and with those who may have done it. */
async function oldStoreChanged(dataset: Dataset, stores: CheckContext['stores']): Promise<readonly Blocker[]> {
  const { keys, count, complete } = await findChanges({ dataset, stores }, SHOWN_CHANGES, FIND_CHANGES_MS);
  const writers = (await stores.OLD.otherWriters()) ?? [];
  const number = `${complete ? '' : 'at least '}${count}${count > keys.length ? ', the first' : ''}`;
  const which = count === 0 ? '' : `: ${number}: ${keys.map((key) => dataset.showKey(key)).join(', ')}`;
  const who = writers.length === 0 ? '' : ` These may write it too: ${writers.join(', ')}.`;
  const message = `Rows of the old table are not as they were when they were copied${which}.${who}`;
  return block('OLD_STORE_CHANGED', message, complete && count > 0 ? count : null);
}

function name(store: StoreRole): string {
  return store === 'OLD' ? 'old' : 'new';
}

/** All that bars the way from the record's place to `to`; empty: nothing does. */
export async function blockersOf(context: CheckContext, to: Place): Promise<readonly FoundBlocker[]> {
  const from = context.record.place;
  const move = findMove(from, to);
  if (!move) return block('NOT_ADJACENT', notAdjacent(from, to)).map((blocker) => ({ ...blocker, acceptable: false }));
  const gains = gaining(from, to);
  const needs: readonly Precondition[] = gains
    ? [
        { check: 'STORE_REACHABLE', store: gains, acceptable: false },
        ...move.needs,
        { check: 'BACKLOG_EMPTY', store: gains },
      ]
    : move.needs;
  const found = new Map<string, FoundBlocker>();
  for (const need of needs) {
    const blockers = await CHECKS[need.check](context, need).catch((error: unknown) => unreachable(error, need));
    const waivable = need.check === 'STORE_REACHABLE' && need.acceptable;
    for (const blocker of blockers) {
      // A check that needs a store which is known not to answer has nothing to add.
      const told = [...found.values()].some(({ code, acceptable }) => code === 'STORE_UNREACHABLE' && !acceptable);
      if (blocker.code === 'STORE_UNREACHABLE' && need.check !== 'STORE_REACHABLE' && told) continue;
      const taken = found.get(`${blocker.code} ${blocker.message}`);
      const acceptable = (taken?.acceptable ?? true) && (waivable || ACCEPTABLE.includes(blocker.code));
      found.set(`${blocker.code} ${blocker.message}`, { ...blocker, acceptable });
    }
  }
  return [...found.values()];
}

function unreachable(error: unknown, need: Precondition): readonly Blocker[] {
  if (hasCode(error, 'STORE_UNAVAILABLE')) {
    const which = need.check === 'STORE_REACHABLE' ? `The ${name(need.store)} store` : 'A store that this move needs';
    return block('STORE_UNREACHABLE', `${which} does not answer.`);
  }
  if (hasCode(error, 'JOURNAL_UNAVAILABLE')) {
    return block('JOURNAL_UNREACHABLE', 'The journal does not answer or cannot be trusted.');
  }
  throw error;
}

function notAdjacent(from: Place, to: Place): string {
  const next = route(from, to)?.[0];
  return `There is no way from ${showPlace(from)} to ${showPlace(to)} in one step; ${next ? `the next step is ${showPlace(next)}` : 'there is no way on'}.`;
}
