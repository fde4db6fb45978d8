/** Which gauges there are to ask for, and of whom. */
import type { Operator } from '../migration/api.ts';
import type { StoreRole } from '../migration/dataset.ts';
import type { Journal } from '../migration/journal/journal.ts';
import type { Store } from '../migration/stores/store.ts';
import type { Question } from './scrape.ts';

export interface Answering {
  /** `operator` is there once the engine runs. */
  readonly engine: { readonly operator: Operator };
  readonly stores: Readonly<Record<StoreRole, Pick<Store, 'ping' | 'quarantine'>>>;
  readonly journal: Pick<Journal, 'status'>;
}

export function questions({ engine, stores, journal }: Answering): readonly Question[] {
  return [
    migration(engine),
    copy(engine),
    verification(engine),
    quarantine(stores.NEW),
    backlog(journal),
    storeUp('OLD', stores.OLD),
    storeUp('NEW', stores.NEW),
  ];
}

function migration(engine: Answering['engine']): Question {
  return {
    gauges: [
      'crossfade_business_logic_pinned',
      'crossfade_switch_age_seconds',
      'crossfade_instances',
      'crossfade_differences',
      'crossfade_control_up',
    ],
    ask: async () => {
      const { operator } = engine;
      const [status, instances, differences] = await Promise.all([
        operator.status(),
        operator.instances(),
        operator.differences({ first: 1, after: null }).then((list) => list.totalCount()),
      ]);
      return (set) => {
        set('crossfade_business_logic_pinned', {}, flag(status.logicPinned));
        const { switching } = status;
        if (switching) set('crossfade_switch_age_seconds', { phase: switching.phase }, secondsSince(switching.since));
        const now = new Date().toISOString();
        const running = instances.filter(({ leaseExpiresAt }) => leaseExpiresAt > now).length;
        set('crossfade_instances', { lease: 'running' }, running);
        set('crossfade_instances', { lease: 'over' }, instances.length - running);
        set('crossfade_differences', {}, differences);
        set('crossfade_control_up', {}, 1);
      };
    },
    unanswered: (set) => set('crossfade_control_up', {}, 0),
  };
}

function copy(engine: Answering['engine']): Question {
  return {
    gauges: [
      'crossfade_copy_rows',
      'crossfade_copy_rows_per_second',
      'crossfade_copy_running',
      'crossfade_copy_complete',
    ],
    ask: async () => {
      const progress = await engine.operator.copyProgress();
      return (set) => {
        if (!progress) return;
        set('crossfade_copy_rows', { part: 'total' }, progress.total);
        set('crossfade_copy_rows', { part: 'copied' }, progress.copied);
        set('crossfade_copy_rows', { part: 'quarantined' }, progress.quarantined);
        set('crossfade_copy_rows_per_second', {}, progress.rowsPerSecond);
        set('crossfade_copy_running', {}, flag(progress.running));
        set('crossfade_copy_complete', {}, flag(progress.complete));
      };
    },
  };
}

function verification(engine: Answering['engine']): Question {
  return {
    gauges: [
      'crossfade_verify_rows',
      'crossfade_verify_keys',
      'crossfade_verify_coverage_ratio',
      'crossfade_verify_running',
      'crossfade_verify_clean',
    ],
    ask: async () => {
      const newest = await engine.operator.verification();
      return (set) => {
        if (!newest) return;
        set('crossfade_verify_rows', { part: 'total' }, newest.total);
        set('crossfade_verify_rows', { part: 'checked' }, newest.checked);
        set('crossfade_verify_keys', { result: 'differing' }, newest.differing);
        set('crossfade_verify_keys', { result: 'repaired' }, newest.repaired);
        set('crossfade_verify_coverage_ratio', {}, newest.coverage);
        set('crossfade_verify_running', {}, flag(newest.running));
        set('crossfade_verify_clean', {}, flag(newest.clean));
      };
    },
  };
}

function quarantine(store: Pick<Store, 'quarantine'>): Question {
  return {
    gauges: ['crossfade_quarantine_rows'],
    ask: async () => {
      const { open, waived } = await store.quarantine.counts();
      return (set) => {
        set('crossfade_quarantine_rows', { waived: 'false' }, open);
        set('crossfade_quarantine_rows', { waived: 'true' }, waived);
      };
    },
  };
}

function backlog(journal: Answering['journal']): Question {
  return {
    gauges: [
      'crossfade_journal_entries',
      'crossfade_journal_oldest_age_seconds',
      'crossfade_journal_pending_entries',
      'crossfade_journal_up',
    ],
    ask: async () => {
      const { entries, oldestAgeSeconds, pending } = await journal.status();
      return (set) => {
        set('crossfade_journal_entries', {}, entries);
        set('crossfade_journal_oldest_age_seconds', {}, oldestAgeSeconds ?? 0);
        set('crossfade_journal_pending_entries', { store: 'OLD' }, pending.OLD);
        set('crossfade_journal_pending_entries', { store: 'NEW' }, pending.NEW);
        set('crossfade_journal_up', {}, 1);
      };
    },
    unanswered: (set) => set('crossfade_journal_up', {}, 0),
  };
}

/** One gauge that two questions set, so neither clears it: each always sets its own label to one of these two. */
function storeUp(store: StoreRole, device: Pick<Store, 'ping'>): Question {
  return {
    gauges: [],
    ask: async () => {
      await device.ping();
      return (set) => set('crossfade_store_up', { store }, 1);
    },
    unanswered: (set) => set('crossfade_store_up', { store }, 0),
  };
}

function flag(value: boolean): number {
  return value ? 1 : 0;
}

function secondsSince(time: string): number {
  return Math.max(0, (Date.now() - Date.parse(time)) / 1000);
}
