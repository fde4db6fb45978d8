/**
 * Seeing an appended entry home: bring it to the stores until the rule in force lets it be acknowledged.
 *
 * The rule is taken from the control record of the moment, under a lease that still runs after the last store has answered: a switch
 * that was announced meanwhile may ask for more than the state in which the write began.
 */
import type { Clock } from './clock.ts';
import type { ControlRecord } from './control/control.ts';
import type { Lease } from './control/lease.ts';
import { acknowledgement, applyTargets, type Acknowledgement } from './control/situation.ts';
import { STORE_ROLES, type Address, type Dataset, type StoreRole } from './dataset.ts';
import { CrossfadeError } from './errors.ts';
import type { Image, Journal } from './journal/journal.ts';
import type { Deliveries } from './deliveries.ts';
import type { Seq } from './seq.ts';
import type { Store } from './stores/store.ts';

export interface HomeDevices {
  readonly dataset: Dataset;
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly journal: Journal;
  readonly lease: Lease;
  readonly deliveries: Deliveries;
  readonly clock: Clock;
}

export interface Traveller {
  readonly address: Address;
  readonly seq: Seq;
  readonly image: Image | null;
}

interface Terms {
  readonly deadline: number;
  readonly everywhere: boolean;
}

/** Resolves when the entry may be acknowledged; throws OUTCOME_UNKNOWN when that is not known before the deadline. */
export async function seeHome(devices: HomeDevices, traveller: Traveller, terms: Terms): Promise<void> {
  const { lease, clock } = devices;
  const has = new Set<StoreRole>();
  const sent = new Set<StoreRole>();
  for (;;) {
    const view = await leaseFor(devices, terms.deadline);
    const rule = ruleFor(view.record, traveller, terms);
    if (rule.when === 'GUARD') {
      const reached = await hasGuard(devices, rule.store, traveller);
      if (lease.peek() !== view) continue;
      if (reached) return;
      throw new CrossfadeError('OUTCOME_UNKNOWN');
    }
    const { by } = rule;
    for (const role of applyTargets(view.record, rule)) {
      if (by.includes(role) || sent.has(role)) continue;
      sent.add(role);
      devices.deliveries.later(traveller, role);
    }
    await Promise.all(
      by.map(async (role) => {
        if (!has.has(role) && (await devices.deliveries.now(traveller, role))) has.add(role);
      }),
    );
    const now = lease.peek();
    if (!now) continue;
    const inForce = ruleFor(now.record, traveller, terms);
    if (inForce.when === 'APPLIED' && inForce.by.every((role) => has.has(role))) return;
    if (clock.monotonic() >= terms.deadline) throw new CrossfadeError('OUTCOME_UNKNOWN');
    if (now === view) await waitForMore(devices, view, terms);
  }
}

function ruleFor(record: ControlRecord, { address, seq }: Traveller, { everywhere }: Terms): Acknowledgement {
  const rule = acknowledgement(record, address.bucket, seq);
  return everywhere && rule.when === 'APPLIED' ? { when: 'APPLIED', by: STORE_ROLES } : rule;
}

/** The write has been appended: whatever keeps us from learning more, its outcome is not known. */
async function leaseFor({ lease }: HomeDevices, deadline: number) {
  try {
    return await lease.current(deadline);
  } catch (error) {
    throw new CrossfadeError('OUTCOME_UNKNOWN', { cause: error });
  }
}

async function waitForMore({ lease }: HomeDevices, view: Awaited<ReturnType<typeof leaseFor>>, terms: Terms) {
  try {
    await lease.changed(view, terms);
  } catch (error) {
    throw new CrossfadeError('OUTCOME_UNKNOWN', { cause: error });
  }
}

async function hasGuard(devices: HomeDevices, role: StoreRole, { address, seq }: Traveller): Promise<boolean> {
  try {
    const guards = await devices.stores[role].reader.guards([address.key]);
    return (guards.get(address.key) ?? 0) >= seq;
  } catch (error) {
    throw new CrossfadeError('OUTCOME_UNKNOWN', { cause: error });
  }
}
