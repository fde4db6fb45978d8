/** How a dataset begins: the first control record, and the fence of the store that serves it; and how its stores are known again. */
import type { StoreRole } from '../dataset.ts';
import { CrossfadeError, hasCode } from '../errors.ts';
import { rung } from '../states.ts';
import type { Store } from '../stores/store.ts';
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

/**
 * Is this the store that the record speaks of? One that was replaced, or restored from before the run, has another fence.
 * While a switch is on its way fences may stand on either side of it, and only the deployment tells.
 */
export async function isKnown(store: Store, record: ControlRecord, deployment: string): Promise<boolean> {
  const fence = await store.fence.read();
  if (fence?.deployment !== deployment) return false;
  if (record.switching) return true;
  if (fence.mode === 'APPLY') return fence.run === record.run;
  if (fence.mode !== 'COPY') return fence.epoch === record.epoch;
  // It was down when replay began: what it has is the whole copy, and it will take the rest.
  return fence.epoch === record.run && (await store.checkpoint())?.complete === true;
}

export interface Recognition {
  readonly control: ControlStore;
  readonly dataset: string;
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly deployment: string;
}

/**
 * STORE_UNAVAILABLE if a store whose rows count answers, but is not the one: empty, another deployment's, or restored from before.
 * A store that does not answer may be the right one.
 */
export async function recognise({ control, dataset, stores, deployment }: Recognition): Promise<void> {
  for (;;) {
    const record = await control.read(dataset);
    const stranger = record && (await findStranger(stores, record, deployment));
    if (!stranger) return;
    // A switch may have moved fences between the two readings.
    if ((await control.read(dataset))?.revision === record.revision) throw strange(stranger, dataset);
  }
}

async function findStranger(
  stores: Recognition['stores'],
  record: ControlRecord,
  deployment: string,
): Promise<StoreRole | null> {
  for (const store of Object.values(stores)) {
    if (!holdsRows(record, store.role)) continue;
    const known = await isKnown(store, record, deployment).catch((error: unknown) => {
      if (hasCode(error, 'STORE_UNAVAILABLE')) return true;
      throw error;
    });
    if (!known) return store.role;
  }
  return null;
}

function strange(role: StoreRole, dataset: string): CrossfadeError {
  const name = role === 'OLD' ? 'old' : 'new';
  return new CrossfadeError('STORE_UNAVAILABLE', {
    message: `The ${name} store of ${dataset} is not the one that the control record speaks of: it is empty, another deployment's, or restored from before. Put the right one in its place, or none.`,
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
