/** What the tests of the store contract share: stores on tables of their own, and short ways to fill them. */
import type { Dataset, Row, StoreRole } from '../../../src/migration/dataset.ts';
import { packSeq } from '../../../src/migration/seq.ts';
import type { FenceMode } from '../../../src/migration/states.ts';
import { EVERYTHING, type Fence, type Store } from '../../../src/migration/stores/store.ts';
import { newNote, newReading, notes, oldNote, oldReading, readings } from '../../support/dataset.ts';

/** All stores of a harness are in one database. */
export interface StoreHarness {
  /** Another handle at each call; the dataset's table is made when it is missing. */
  open(role: StoreRole, dataset: Dataset): Promise<Store>;
  /** From now on the table refuses rows in which the field has this value. */
  forbid(role: StoreRole, dataset: Dataset, field: string, value: string): Promise<void>;
  /** Holds the fence as a transaction of another process would, until the returned function is called. Without it: there is no other process. */
  holdFence?(role: StoreRole, dataset: Dataset): Promise<() => Promise<void>>;
  /** Text that the engine has no way to keep; without this, none. */
  cannotKeep?(text: string): boolean;
  dispose(): Promise<void>;
}

export const DEPLOYMENT = 'deployment-1';

export class Setting {
  #harness: StoreHarness | null = null;
  #stores: Store[] = [];
  #made = 0;

  begin(harness: StoreHarness): void {
    this.#harness = harness;
  }

  get harness(): StoreHarness {
    if (!this.#harness) throw new Error('the harness is there only while tests run');
    return this.#harness;
  }

  /** Of `AWKWARD`, what the engine has to keep. */
  get awkward(): readonly string[] {
    return AWKWARD.filter((text) => !this.harness.cannotKeep?.(text));
  }

  /** Tests of waiting for others need others. */
  get holdFence(): NonNullable<StoreHarness['holdFence']> | null {
    return this.harness.holdFence ?? null;
  }

  /** Datasets that no other test has. */
  notes(): Dataset {
    return notes(`_${++this.#made}`);
  }
  readings(): Dataset {
    return readings(`_${++this.#made}`);
  }

  /** A handle of its own, its tables made; closed after the test. */
  async open(role: StoreRole, dataset: Dataset): Promise<Store> {
    const store = await this.harness.open(role, dataset);
    this.#stores.push(store);
    await store.ping();
    return store;
  }

  async closeStores(): Promise<void> {
    await Promise.all(this.#stores.splice(0).map((store) => store.close()));
  }

  async end(): Promise<void> {
    await this.#harness?.dispose();
  }
}

/** A note as this role's table has it. */
export function note(role: StoreRole, owner: string, topic = 't', value = 'A'): Row {
  return role === 'OLD' ? oldNote(owner, topic, value) : newNote(owner, topic, `#${value}`);
}

export function reading(role: StoreRole, meter: number, sequence: string, change: Row = {}): Row {
  return { ...(role === 'OLD' ? oldReading(meter, sequence) : newReading(meter, sequence)), ...change };
}

/** The field of a note that is no key: what a test changes. */
export function valueField(role: StoreRole): string {
  return role === 'OLD' ? 'answer' : 'code';
}

export function fenceAt(
  mode: FenceMode,
  epoch: number,
  rest: { readonly step?: number; readonly run?: number } = {},
): Fence {
  return { epoch, step: rest.step ?? 1, mode, run: rest.run ?? null, deployment: DEPLOYMENT };
}

export async function raise(
  store: Store,
  mode: FenceMode,
  epoch: number,
  rest: { readonly step?: number; readonly run?: number; readonly total?: number } = {},
): Promise<Fence> {
  const { total } = rest;
  return store.fence.raise(fenceAt(mode, epoch, rest), { timeoutMs: 1000, ...(total === undefined ? {} : { total }) });
}

/** Puts rows into the table as the journal would, in run 1 with the counters 1, 2, …; leaves the fence at APPLY, epoch 1. */
export async function fill(store: Store, dataset: Dataset, rows: readonly Row[]): Promise<void> {
  await raise(store, 'APPLY', 1, { run: 1 });
  const entries = rows.map((row, i) => ({ key: dataset.keyOf(row), seq: packSeq(1, i + 1), row }));
  const { outcome, refused } = await store.writer.apply(1, entries);
  if (outcome !== 'APPLIED' || refused.length > 0)
    throw new Error(`rows for a test were refused: ${JSON.stringify(refused)}`);
}

/** All rows of the table, in the order of the store. */
export async function rowsOf(store: Store): Promise<readonly Row[]> {
  const found = await store.reader.page(EVERYTHING, 10_000);
  return found.map((stored) => {
    if ('unreadable' in stored) throw new Error(stored.unreadable);
    return stored.row;
  });
}

export async function rowAt(store: Store, key: string): Promise<Row | null> {
  const stored = (await store.reader.load([key])).get(key);
  if (stored && 'unreadable' in stored) throw new Error(stored.unreadable);
  return stored?.row ?? null;
}

/** The rows without order. */
export function byKey(dataset: Dataset, rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [dataset.keyOf(row), row]));
}

/** Text that stores like to bend, cut, fold, trim or put in the wrong order. */
export const AWKWARD: readonly string[] = [
  '',
  ' ',
  '  ',
  'a',
  'a ',
  ' a',
  'A',
  'b',
  'B',
  'ab',
  'a\0',
  'a\0b',
  '\0',
  '\u0001',
  '\u0002',
  'a\u0001b',
  '\u007f',
  'é',
  'e\u0301',
  'ß',
  'ss',
  'ﬁ',
  '\ufeff',
  '\ufeffa',
  '\ud7ff',
  '\ue000',
  '\ufffd',
  'a\ufffdb',
  '\uffff',
  '\u{10000}',
  '😀',
  '😀\ufffd',
  '\u{10ffff}',
  "'",
  '"',
  '\\',
  '%',
  '_',
  '/',
  '[1]',
  'null',
  '0',
  '00',
  '1e3',
  '\r\n',
  '\t',
  '\u2028',
];
