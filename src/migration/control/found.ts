/** How a dataset begins: the first control record, and the fence of the store that serves it; and how its stores are known again. */
import type { StoreRole } from '../dataset.ts';
import { CrossfadeError, hasCode } from '../errors.ts';
import { rung } from '../states.ts';
import type { Fence, Store } from '../stores/store.ts';
import { placeOf } from './situation.ts';
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

/** Do rows count that this store holds? Those of the old store until NEW; those of the new store from the end of the copy on. */
export function holdsRows(record: ControlRecord, role: StoreRole): boolean {
  const { authority, write } = rung(placeOf(record));
  if (role === 'OLD') return authority !== 'NEW';
  return authority !== 'OLD' || (write.via === 'JOURNAL' && write.applyTo.includes('NEW'));
}

/** May this store be made where it is missing? Not where its rows count: an empty one in its place would answer that there are none. */
export function mayBeMade(record: ControlRecord | null, role: StoreRole): boolean {
  return record === null || (role === 'NEW' && !holdsRows(record, role));
}

/** Is this the store that the record speaks of? One that was replaced, or restored from before the run, has another fence. */
export async function isKnown(store: Store, record: ControlRecord, deployment: string): Promise<boolean> {
  const fence = await store.fence.read();
  if (fence?.deployment !== deployment) return false;
  if (fence.mode === 'APPLY') return fence.run === record.run;
  if (fence.mode !== 'COPY') return fence.epoch === record.epoch;
  // It was down when replay began: what it has is the whole copy, and it will take the rest.
  return fence.epoch === record.run && (await store.checkpoint())?.complete === true;
}

/** STORE_UNAVAILABLE if a store whose rows count is empty, or another deployment's. One that does not answer may be the right one. */
export async function recognise(
  stores: Readonly<Record<StoreRole, Store>>,
  record: ControlRecord,
  deployment: string,
): Promise<void> {
  for (const store of Object.values(stores)) {
    if (!holdsRows(record, store.role)) continue;
    const fence = await store.fence.read().catch((error: unknown) => {
      if (hasCode(error, 'STORE_UNAVAILABLE')) return undefined;
      throw error;
    });
    if (fence !== undefined && fence?.deployment !== deployment) throw unknown(store.role, record.dataset, fence);
  }
}

function unknown(role: StoreRole, dataset: string, fence: Fence | null): CrossfadeError {
  const has = fence ? 'it belongs to another control store' : 'it was never written by this deployment';
  return new CrossfadeError('STORE_UNAVAILABLE', {
    message: `The ${role === 'OLD' ? 'old' : 'new'} store of ${dataset} is not the one that its control record speaks of: ${has}. Put the right one in its place, or none.`,
  });
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
