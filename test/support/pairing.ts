/** Instances of the tickets' engine on stores of different engines; they share nothing but the databases. */
import type { Engine } from '../../src/migration/api.ts';
import { systemClock } from '../../src/migration/clock.ts';
import { sqlControl, type ControlTables } from '../../src/migration/control/sql/index.ts';
import { createEngine } from '../../src/migration/engine.ts';
import { sqlJournal, type JournalTables } from '../../src/migration/journal/sql/index.ts';
import { engineOf } from '../../src/migration/stores/open.ts';
import type { Store } from '../../src/migration/stores/store.ts';
import { ticketDataset, type NewTicket, type OldTicket } from './tickets.ts';

export type Urls = Readonly<Record<'old' | 'new' | 'control', string>>;

export interface PairingInstance {
  readonly engine: Engine<OldTicket, NewTicket>;
  readonly stores: { readonly OLD: Store; readonly NEW: Store };
  close(): Promise<void>;
}

const dataset = ticketDataset();

/** Started; `close` stops it in good order. */
export async function instanceOn(urls: Urls, label: string): Promise<PairingInstance> {
  const stores = {
    OLD: engineOf(urls.old).openStore(urls.old, 'OLD', dataset, { create: true }),
    NEW: engineOf(urls.new).openStore(urls.new, 'NEW', dataset, { create: true }),
  };
  const database = engineOf(urls.control).openDatabase<ControlTables & JournalTables>(urls.control);
  const clock = systemClock;
  const control = sqlControl({ database, clock });
  const journal = sqlJournal({ database, dataset, clock });
  const engine = createEngine({ dataset, stores, journal, control, clock, leaseMs: 1000, label });
  const close = async () => {
    await engine.stop();
    await journal.stop();
    await Promise.all([stores.OLD.close(), stores.NEW.close(), control.close()]);
  };
  // One that runs in this process would stop everything here while it starts.
  await stores.NEW.ping();
  await engine.start();
  return { engine, stores, close };
}
