/**
 * A whole deployment on files of its own: stores, journal and control store, and any number of engine instances that share nothing but
 * these files. `wrap` lets a test put itself between an instance and its devices, to stall it, to cut it off or to count.
 */
import { join } from 'node:path';
import type { Engine } from '../../src/migration/api.ts';
import { systemClock, type Clock } from '../../src/migration/clock.ts';
import type { ControlStore } from '../../src/migration/control/control.ts';
import { sqlControl } from '../../src/migration/control/sql/index.ts';
import type { Dataset, Row, StoreRole } from '../../src/migration/dataset.ts';
import { createEngine, type EngineOptions } from '../../src/migration/engine.ts';
import type { Journal } from '../../src/migration/journal/journal.ts';
import { sqlJournal, type JournalTables } from '../../src/migration/journal/sql/index.ts';
import { openSqliteFile } from '../../src/migration/stores/sqlite/database.ts';
import { sqliteStore } from '../../src/migration/stores/sqlite/index.ts';
import type { Store } from '../../src/migration/stores/store.ts';

export interface Devices {
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly journal: Journal;
  readonly control: ControlStore;
  readonly clock: Clock;
}

export interface Instance<O extends Row, N extends Row> extends Devices {
  readonly engine: Engine<O, N>;
  /** Stops and closes as a process does that ends well. */
  close(): Promise<void>;
  /** Closes the devices under it, as a process does that is killed; whatever it still tries fails. */
  kill(): Promise<void>;
}

export interface InstanceOptions extends Pick<
  EngineOptions,
  'comparePercent' | 'maskDifferences' | 'observer' | 'log'
> {
  readonly wrap?: (devices: Devices) => Devices;
  readonly leaseMs?: number;
  readonly switchTimeoutMs?: number;
  readonly label?: string;
}

export class Deployment<O extends Row, N extends Row> {
  readonly directory: string;
  readonly dataset: Dataset<O, N>;
  readonly #open = new Set<Instance<O, N>>();

  constructor(directory: string, dataset: Dataset<O, N>) {
    this.directory = directory;
    this.dataset = dataset;
  }

  file(name: 'old' | 'new' | 'control'): string {
    return join(this.directory, `${name}.sqlite`);
  }

  store(role: StoreRole): Store {
    const file = this.file(role === 'OLD' ? 'old' : 'new');
    return sqliteStore({ file, role, dataset: this.dataset, create: true });
  }

  devices(): Devices & { close(): Promise<void> } {
    const stores = { OLD: this.store('OLD'), NEW: this.store('NEW') };
    const clock = systemClock;
    const control = sqlControl({ database: openSqliteFile(this.file('control')), clock });
    const journalFile = openSqliteFile<JournalTables>(this.file('control'));
    const journal = sqlJournal({ database: journalFile, dataset: this.dataset, clock });
    const close = async () => {
      await Promise.all([stores.OLD.close(), stores.NEW.close(), control.close(), journal.stop(), journalFile.close()]);
    };
    return { stores, control, journal, clock, close };
  }

  async instance(options: InstanceOptions = {}): Promise<Instance<O, N>> {
    const { close, ...own } = this.devices();
    const { wrap = (plain) => plain, ...more } = options;
    const devices = wrap(own);
    const engine = createEngine({
      dataset: this.dataset,
      ...devices,
      leaseMs: 500,
      switchTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      label: 'test',
      ...more,
    });
    const instance: Instance<O, N> = {
      ...devices,
      engine,
      close: async () => {
        this.#open.delete(instance);
        await engine.stop();
        await close();
      },
      kill: async () => {
        this.#open.delete(instance);
        await close();
        await engine.stop().catch(() => {});
      },
    };
    await engine.start();
    this.#open.add(instance);
    return instance;
  }

  async close(): Promise<void> {
    for (const instance of this.#open) await instance.close();
  }
}

export function soon(ms = 5000): number {
  return performance.now() + ms;
}
