/**
 * The stores at the start: what a person has to mend stops it, if the state needs that store; what may be back later does not.
 *
 *   nothing founded yet     the store that is to serve must answer; the other may be down, but not unusable
 *   one store decides       that one may be down (`/readyz` is red until it is back), but not unusable; nor may it be missing if it is
 *                           embedded, for then it does not come back by itself
 *   DUAL                    it starts without either, so that one can go to the other
 */
import { ConfigError, maskPassword, type Config } from './config.ts';
import type { ControlRecord } from './migration/control/control.ts';
import { placeOf } from './migration/control/situation.ts';
import { STORE_ROLES, type StoreRole } from './migration/dataset.ts';
import { hasCode, StoreUnusable, type CrossfadeError } from './migration/errors.ts';
import type { Logger } from './migration/log.ts';
import { rung } from './migration/states.ts';
import { engineOf } from './migration/stores/open.ts';
import type { Store } from './migration/stores/store.ts';

export interface StoreCheck {
  readonly config: Pick<Config, 'oldStoreUrl' | 'newStoreUrl' | 'embedded'>;
  readonly stores: Readonly<Record<StoreRole, Store>>;
  /** The dataset's, if it has one. */
  readonly record: ControlRecord | null;
  /** The state in which it begins without one. */
  readonly initial: string;
  readonly log: Logger;
}

/** Throws in one line that names the variable, or the embedded store. Does not wait for a store that cannot stop the start. */
export async function checkStores(check: StoreCheck): Promise<void> {
  const { record } = check;
  const looks = STORE_ROLES.map((role) => {
    const look = lookAt(check, role);
    const deciding = record === null || rung(placeOf(record)).authority === role;
    // One that runs in this process stops everything while it starts: better before there is a lease, and before anybody waits.
    return deciding || engineOf(urlOf(check, role)).runsHere === true ? look : null;
  });
  await Promise.all(looks);
}

/** Throws only what stops the start. */
async function lookAt(check: StoreCheck, role: StoreRole): Promise<void> {
  try {
    await check.stores[role].ping();
  } catch (error) {
    if (!hasCode(error, 'STORE_UNAVAILABLE') || stops(check, role, error)) throw told(check, role, error);
    check.log.warn({ err: error, variable: variableOf(role) }, 'a store cannot be used now');
  }
}

function stops(check: StoreCheck, role: StoreRole, error: CrossfadeError): boolean {
  const { record, initial } = check;
  if (record === null) return role === initial || error instanceof StoreUnusable;
  if (rung(placeOf(record)).authority !== role) return false;
  const url = urlOf(check, role);
  return error instanceof StoreUnusable || engineOf(url).directory(url) !== null;
}

function told(check: StoreCheck, role: StoreRole, error: unknown): unknown {
  const { embedded } = check.config;
  if (!(error instanceof Error) || (role === 'OLD' ? embedded.old : embedded.new)) return error;
  const shown = JSON.stringify(maskPassword(urlOf(check, role)));
  const { message, cause } = error;
  const why = cause instanceof Error && !message.includes(cause.message) ? `${message} (${cause.message})` : message;
  return new ConfigError(`${variableOf(role)} is ${shown}. ${why}`, { cause: error });
}

function urlOf({ config }: StoreCheck, role: StoreRole): string {
  return role === 'OLD' ? config.oldStoreUrl : config.newStoreUrl;
}

function variableOf(role: StoreRole): string {
  return `${role}_STORE_URL`;
}
