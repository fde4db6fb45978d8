/**
 * The composition root: everything one process is made of, put together from a configuration. Used by the server, the demo and tests.
 */
import type { ControlTables } from './migration/control/sql/index.ts';
import { sqlControl } from './migration/control/sql/index.ts';
import type { ControlRecord, ControlStore } from './migration/control/control.ts';
import { mayBeMade } from './migration/control/found.ts';
import { systemClock } from './migration/clock.ts';
import type { StoreRole } from './migration/dataset.ts';
import { createEngine } from './migration/engine.ts';
import { hasCode } from './migration/errors.ts';
import type { Journal } from './migration/journal/journal.ts';
import type { JournalTables } from './migration/journal/sql/index.ts';
import { openJournal } from './migration/journal/open.ts';
import type { Logger } from './migration/log.ts';
import type { SqlDatabase } from './migration/sql/database.ts';
import { engineOf, type DataEngine } from './migration/stores/open.ts';
import type { Store } from './migration/stores/store.ts';
import { openCatalogue, type Catalogue, type CatalogueTables } from './activity/catalogue.ts';
import { participationDataset, type ParticipationDataset } from './activity/dataset.ts';
import { phoneParser } from './activity/phone.ts';
import { createAuditTrail } from './audit.ts';
import { createAuthenticator, type Authenticator } from './auth.ts';
import { ConfigError, maskPassword, type Config } from './config.ts';
import { Metrics } from './metrics/index.ts';
import { buildSubgraph } from './resolvers/index.ts';
import type { ActivityEngine } from './resolvers/context.ts';
import { checkJournal } from './journal-check.ts';
import { createServer, type Server } from './server.ts';
import { checkStores } from './store-check.ts';

export interface App {
  readonly engine: ActivityEngine;
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly control: ControlStore;
  readonly catalogue: Catalogue;
  readonly dataset: ParticipationDataset;
  readonly server: Server;
  /** Requests under way are answered, background work stops where it is, everything is closed. */
  stop(): Promise<void>;
}

/** What the engine works with. */
export interface Devices {
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly journal: Journal;
  readonly control: ControlStore;
}

export interface AppOptions {
  readonly config: Config;
  /** What operators show: see auth.ts. null: they show tokens of an identity provider alone. */
  readonly adminToken: string | null;
  readonly log: Logger;
  /** Puts something between the engine and its devices, once they are open: to watch them, or to disturb them. */
  readonly wrap?: (devices: Devices) => Devices;
}

type Tables = ControlTables & JournalTables & CatalogueTables;

/** Opens the stores and starts the engine; the server listens when its `http.listen` is called. */
export async function createApp({ config, adminToken, log, wrap = (devices) => devices }: AppOptions): Promise<App> {
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).toReversed()) await close();
  };
  try {
    const clock = systemClock;
    // One handle for all tables of the control store: writers that queue are fairer to each other than writers that find a file busy.
    const database = open<Tables>('CONTROL_URL', config.controlUrl);
    const controlStore = sqlControl({ database, clock });
    closing.push(() => controlStore.close());
    const catalogue = await usable('CONTROL_URL', config.controlUrl, openCatalogue(database));
    const phones = phoneParser(config.phoneRegion);
    const dataset = participationDataset(catalogue, phones);
    const { schema, types } = buildSubgraph([dataset], phones);
    const initial = [...types.values()].find((type) => type.dataset === dataset)?.initial ?? 'OLD';
    const deployment = await usable('CONTROL_URL', config.controlUrl, controlStore.open());
    const record = await controlStore.read(dataset.name);
    const openedStores = openStores(config, dataset, record);
    closing.push(async () => {
      await Promise.all([openedStores.OLD.close(), openedStores.NEW.close()]);
    });
    await checkStores({ config, stores: openedStores, record, initial, log });
    const { requestTimeoutMs } = config;
    const openedJournal = openJournal(config.journalUrl, { database, dataset, deployment, clock, requestTimeoutMs });
    closing.push(() => openedJournal.stop());
    await checkJournal({ config, journal: openedJournal });

    const devices = wrap({ stores: openedStores, journal: openedJournal, control: controlStore });
    const metrics = new Metrics({ dataset: dataset.name, label: config.label });
    const { stores, journal, control } = metrics.watch(devices);
    const openQueue = engineOf(config.controlUrl).openQueue?.(config.controlUrl);
    const engine = createEngine({
      dataset,
      stores,
      journal,
      control,
      clock,
      log,
      initial,
      leaseMs: config.leaseMs,
      switchTimeoutMs: config.switchTimeoutMs,
      requestTimeoutMs,
      label: config.label,
      comparePercent: config.comparePercent,
      maskDifferences: config.maskDifferences,
      observer: metrics.engine,
      ...(openQueue && { openQueue }),
    });
    const unfollow = metrics.follow(engine, devices);
    let epoch: number | null = null;
    const unsubscribe = engine.onPlace((place) => {
      if (place.epoch !== epoch) catalogue.forget();
      epoch = place.epoch;
    });
    await engine.start();
    closing.push(async () => {
      unsubscribe();
      unfollow();
      await engine.stop();
    });

    const server = await createServer({
      config,
      schema,
      engine,
      catalogue,
      audit: createAuditTrail({ control, clock, log }),
      authenticator: metrics.guard(await authenticatorOf(config, adminToken, log)),
      log,
      metrics,
    });
    closing.push(() => server.close());
    return { engine, stores, control, catalogue, dataset, server, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The longest that the keys of an identity provider are waited for, milliseconds; never longer than half a request. */
const KEYS_MS = 5000;

/** What checks signatures is loaded where there are any to check. */
async function authenticatorOf(config: Config, token: string | null, log: Logger): Promise<Authenticator> {
  const { jwt, requestTimeoutMs } = config;
  if (!jwt) return createAuthenticator({ token, jwt: null, log });
  const { jwtVerifier } = await import('./auth/jwt.ts');
  const timeoutMs = Math.min(KEYS_MS, Math.floor(requestTimeoutMs / 2));
  return createAuthenticator({ token, jwt: jwtVerifier({ ...jwt, timeoutMs }), log });
}

function open<T>(variable: string, url: string): SqlDatabase<T> {
  return opening(variable, url, () => engineOf(url).openDatabase<T>(url));
}

/** What is not there or can't be used stops the start, in the words of its driver. */
async function usable<T>(variable: string, url: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!hasCode(error, 'CONTROL_UNAVAILABLE')) throw error;
    const why = error.cause instanceof Error ? error.cause.message : error.message;
    const shown = JSON.stringify(maskPassword(url));
    throw new ConfigError(`${variable} is ${shown}, which can't be used: ${why}.`, { cause: error });
  }
}

function opening<T>(variable: string, url: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`${variable} is ${JSON.stringify(maskPassword(url))}, which cannot be opened: ${why}.`);
  }
}

/** The two stores may share a database, but not a table: the copy would read what it writes. `record`: the dataset's, if it has one. */
export function openStores(
  config: Pick<Config, 'oldStoreUrl' | 'newStoreUrl'>,
  dataset: ParticipationDataset,
  record: ControlRecord | null,
): Readonly<Record<StoreRole, Store>> {
  const [old, next] = [engineOf(config.oldStoreUrl), engineOf(config.newStoreUrl)];
  const oneTable = dataset.table('OLD').name === dataset.table('NEW').name;
  if (oneTable && old.identity(config.oldStoreUrl) === next.identity(config.newStoreUrl)) {
    const shown = JSON.stringify(maskPassword(config.newStoreUrl));
    throw new ConfigError(`NEW_STORE_URL is ${shown}; it must not be the same table as that of OLD_STORE_URL.`);
  }
  const openStore = (variable: string, engine: DataEngine, url: string, role: StoreRole) =>
    opening(variable, url, () => {
      // On a server the tables of the dataset are for the setup to make.
      const create = engine.directory(url) !== null && mayBeMade(record, role);
      return engine.openStore(url, role, dataset, { create });
    });
  return {
    OLD: openStore('OLD_STORE_URL', old, config.oldStoreUrl, 'OLD'),
    NEW: openStore('NEW_STORE_URL', next, config.newStoreUrl, 'NEW'),
  };
}
