/** How a dataset begins: the first control record, and the fence of the store that serves it. */
import type { StoreRole } from '../dataset.ts';
import { CrossfadeError } from '../errors.ts';
import type { Store } from '../stores/store.ts';
import type { ControlRecord, ControlStore } from './control.ts';

export interface Founding {
  readonly control: ControlStore;
  readonly dataset: string;
  /** The store that is to serve it; its role is the state in which the dataset begins. */
  readonly store: Store;
  /** What `control.open()` returned. */
  readonly deployment: string;
  /** How long the fence waits for transactions that are under way, milliseconds. */
  readonly lockTimeoutMs: number;
}

/**
 * The control record; made, and the store's fence with it, where there is none yet. The fence comes first and both are safe to repeat:
 * whoever dies between the two is followed by somebody who finds no record, while a record without its fence would stay shut for ever.
 * STORE_UNAVAILABLE if the store belongs to another control store.
 */
export async function findOrFound({ control, dataset, store, ...by }: Founding): Promise<ControlRecord> {
  const standing = await control.read(dataset);
  if (standing) return standing;
  const record = firstRecord(dataset, store.role);
  const fence = { epoch: record.epoch, step: 0, mode: 'DIRECT', run: null, deployment: by.deployment } as const;
  const before = await store.fence.read();
  if (before && before.deployment !== by.deployment) throw foreign(store.role, dataset);
  const stands = await store.fence.raise(fence, { timeoutMs: by.lockTimeoutMs });
  if (stands.deployment !== by.deployment) throw foreign(store.role, dataset);
  return control.create(record);
}

function firstRecord(dataset: string, initial: StoreRole): ControlRecord {
  return {
    dataset,
    revision: 1,
    place: { state: initial, percent: initial === 'NEW' ? 100 : 0 },
    epoch: 1,
    lastNumber: 1,
    run: null,
    switching: null,
    pinnedLogic: null,
    incarnation: null,
    copy: { paused: false, rateLimit: null },
    dualSince: null,
  };
}

function foreign(role: StoreRole, dataset: string): CrossfadeError {
  return new CrossfadeError('STORE_UNAVAILABLE', {
    message: `The ${role === 'OLD' ? 'old' : 'new'} store of ${dataset} belongs to another control store; starting over with an empty control store could serve the wrong data.`,
  });
}
