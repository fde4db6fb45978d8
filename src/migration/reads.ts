/**
 * The reading device. Interprets the control record (control/situation.ts) for one operation.
 *
 * The order in an overlay read is the journal first, then the store: an entry leaves the journal only after the store has it, so what is in
 * neither answer was not there. The lease is checked when a read starts and again when the store has answered.
 */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { OperationExpired, type Operation, type Page, type PageQuery } from './api.ts';
import type { ControlRecord } from './control/control.ts';
import type { Lease } from './control/lease.ts';
import type { View } from './control/view.ts';
import { keyReads, listReads, logicOf, placeOf, slotEpochs, type ListReads } from './control/situation.ts';
import type { Address, Dataset, Faces, Row, StoreRole } from './dataset.ts';
import { CrossfadeError, hasCode } from './errors.ts';
import { facesOfImage, mapStored } from './faces.ts';
import { Gathered, type Wanted } from './gathered.ts';
import type { SpotCheck } from './jobs/spot-check.ts';
import type { Journal, JournalEntry, Slot } from './journal/journal.ts';
import { compareKeys } from './key.ts';
import { authorityOf, type BusinessLogic, type Place } from './states.ts';
import type { Filter, KeyRange, Store } from './stores/store.ts';

export interface ReadDevices {
  readonly dataset: Dataset;
  readonly stores: Readonly<Record<StoreRole, Store>>;
  readonly journal: Journal;
  readonly lease: Lease;
  /** Compares a share of what is read. */
  readonly spotCheck?: Pick<SpotCheck, 'offer'> | undefined;
}

/** Journal entries read at once for a list: the first chunk, and the largest, to which chunks grow while they bring no row. */
const FIRST_CHUNK = 64;
const LARGEST_CHUNK = 1024;
/** How long a list waits for the store that is preferred before it asks the other one too, milliseconds. */
const PATIENCE_MS = 500;
/** Journal keys left out of one count. */
const COUNT_CHUNK = 1000;

export class ReadOperation implements Operation {
  readonly place: Place;
  readonly logic: BusinessLogic;
  readonly #devices: ReadDevices;
  readonly #view: View;
  readonly #loader = new Gathered<Faces>((wanted) => this.#loadBatch(wanted));
  /** Made with the first list: most operations read none. */
  #lists: Map<string, Promise<unknown>> | null = null;
  #ended = false;

  constructor(devices: ReadDevices, view: View) {
    this.#devices = devices;
    this.#view = view;
    this.place = placeOf(view.record);
    this.logic = logicOf(view.record);
    devices.lease.enter(view);
  }

  load(key: Row): Promise<Faces | null> {
    return this.#loader.load(this.#devices.dataset.keyOf(key), key);
  }

  page(query: PageQuery): Promise<Page> {
    return this.#once(`page ${JSON.stringify(query)}`, () => this.#page(query));
  }

  count(filter?: Filter): Promise<number> {
    return this.#once(`count ${JSON.stringify(filter ?? null)}`, () => this.#count(filter));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#devices.lease.leave(this.#view);
  }

  /** The same list asked twice in one operation is read once. */
  #once<T>(name: string, read: () => Promise<T>): Promise<T> {
    const lists = (this.#lists ??= new Map());
    const known = lists.get(name) as Promise<T> | undefined;
    const answer = known ?? this.#guarded(read);
    lists.set(name, answer);
    return answer;
  }

  async #guarded<T>(read: () => Promise<T>): Promise<T> {
    this.#checkLease();
    const answer = await read();
    this.#checkLease();
    return answer;
  }

  #checkLease(): void {
    if (this.#ended || !this.#view.valid()) throw new OperationExpired();
  }

  async #loadBatch(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, Faces | null>> {
    this.#checkLease();
    const { dataset, stores, spotCheck } = this.#devices;
    const { record } = this.#view;
    const authority = soleAuthority(record);
    let found: ReadonlyMap<string, Faces | null>;
    if (authority) {
      found = await readFrom(stores[authority], dataset, wanted);
    } else {
      const addresses = wanted.map(({ row }) => dataset.address(row));
      found = await readByKey(this.#devices, record, addresses);
      spotCheck?.offer(record, addresses);
    }
    this.#checkLease();
    return found;
  }

  async #page(query: PageQuery): Promise<Page> {
    const source = listReads(this.#view.record);
    const limit = query.first + 1;
    const rows = source.overlay
      ? await this.#overlayPage(source, query, limit)
      : await this.#storePage(source, { after: query.after, upTo: null }, limit, query.filter);
    const page = { rows: rows.slice(0, query.first), hasNextPage: rows.length > query.first };
    this.#devices.spotCheck?.offer(this.#view.record, page.rows);
    return page;
  }

  /** Merges two streams in key order: a chunk of the journal, then the store's rows up to the chunk's last key, until the page is full. */
  async #overlayPage(source: ListReads, query: PageQuery, limit: number): Promise<readonly Faces[]> {
    const page: Faces[] = [];
    let after = query.after;
    for (let chunk = FIRST_CHUNK; ; chunk = Math.min(chunk * 2, LARGEST_CHUNK)) {
      const entries = await this.#entries(after, chunk, query.filter);
      const upTo = entries.length === chunk ? (entries.at(-1)?.key ?? null) : null;
      // Every entry may replace or drop a row, so that many more are asked for than the page wants.
      const wanted = limit - page.length + entries.length;
      const rows = await this.#storePage(source, { after, upTo }, wanted, query.filter);
      const end = rows.length === wanted ? (rows.at(-1)?.key ?? upTo) : upTo;
      page.push(...merge(entries, rows, end, query.filter));
      if (page.length >= limit || end === null) return page.slice(0, limit);
      after = end;
      await nextTurn();
    }
  }

  async #storePage(source: ListReads, range: KeyRange, limit: number, filter?: Filter): Promise<readonly Faces[]> {
    const { dataset } = this.#devices;
    const { role, answer } = await this.#firstToAnswer(source, (store) => store.reader.page(range, limit, filter));
    return mapStored(dataset, role, answer);
  }

  async #count(filter?: Filter): Promise<number> {
    const source = listReads(this.#view.record);
    const count = async (range: KeyRange, except: readonly string[]) =>
      (await this.#firstToAnswer(source, (store) => store.reader.count(range, filter, except))).answer;
    if (!source.overlay) return count({ after: null, upTo: null }, []);
    let total = 0;
    for (let after: string | null = null; ;) {
      const entries: readonly JournalEntry[] = await this.#entries(after, COUNT_CHUNK, filter);
      const upTo: string | null = entries.length === COUNT_CHUNK ? (entries.at(-1)?.key ?? null) : null;
      const alive = entries.filter((entry) => isListed(entry, filter)).length;
      const keys = entries.map(({ key }) => key);
      total += alive + (await count({ after, upTo }, keys));
      if (upTo === null) return total;
      after = upTo;
      await nextTurn();
    }
  }

  async #entries(after: string | null, limit: number, filter?: Filter): Promise<readonly JournalEntry[]> {
    const { dataset, journal } = this.#devices;
    const onePartition = filter?.field === dataset.definition.partitionBy;
    const { entries, slots } = await journal.page({
      after,
      limit,
      ...(filter && { listed: filter }),
      ...(onePartition && { slot: dataset.slotOf(filter.value) }),
    });
    checkSlots(this.#view.record, slots);
    return entries;
  }

  /** The store that is preferred; the other one as well, where there is one, if that fails or keeps everybody waiting. */
  async #firstToAnswer<T>(source: ListReads, ask: (store: Store) => Promise<T>): Promise<Answered<T>> {
    const from = async (role: StoreRole) => ({ role, answer: await ask(this.#devices.stores[role]) });
    const [preferred, other] = source.stores;
    if (preferred === undefined) throw new CrossfadeError('INTERNAL', { message: 'There is no store to list from.' });
    const first = from(preferred);
    if (other === undefined || (await isPrompt(first))) return first;
    try {
      return await Promise.any([first, from(other)]);
    } catch {
      // Both failed; the preferred one says why.
      return first;
    }
  }
}

interface Answered<T> {
  readonly role: StoreRole;
  readonly answer: T;
}

/** Is it there within a while, and not because the store does not answer? */
async function isPrompt(work: Promise<unknown>): Promise<boolean> {
  const answered = new AbortController();
  const late = delay(PATIENCE_MS, false, { signal: answered.signal }).catch(() => false);
  const prompt = work.then(
    () => true,
    (error: unknown) => !hasCode(error, 'STORE_UNAVAILABLE'),
  );
  try {
    return await Promise.race([prompt, late]);
  } finally {
    answered.abort();
  }
}

/** The store that alone answers for all keys, without the journal: settled in OLD or NEW. Nothing is compared there, nor placed by its key. */
function soleAuthority(record: ControlRecord): StoreRole | null {
  const { overlay, place } = keyReads(record);
  return !overlay && (place.state === 'OLD' || place.state === 'NEW') ? place.state : null;
}

async function readFrom(store: Store, dataset: Dataset, wanted: readonly Wanted[]): Promise<Map<string, Faces>> {
  const rows = await store.reader.load(wanted.map(({ key }) => key));
  const found = new Map<string, Faces>();
  if (rows.size === 0) return found;
  for (const faces of await mapStored(dataset, store.role, [...rows.values()])) found.set(faces.key, faces);
  return found;
}

/** Rows of these keys as the record says: each from the journal or from its authority; one question to each device. */
export async function readByKey(
  devices: Omit<ReadDevices, 'lease'>,
  record: ControlRecord,
  addresses: readonly Address[],
): Promise<Map<string, Faces | null>> {
  const { dataset, journal, stores } = devices;
  const { overlay, place } = keyReads(record);
  const found = new Map<string, Faces | null>();
  if (overlay) {
    const { entries, slots } = await journal.read(addresses);
    checkSlots(record, slots);
    for (const [key, { image }] of entries) found.set(key, image && facesOfImage(key, image));
  }
  const missing = overlay ? addresses.filter(({ key }) => !found.has(key)) : addresses;
  const [first] = missing;
  if (!first) return found;
  const ask = async (role: StoreRole, wanted: readonly Address[]) => {
    const rows = await stores[role].reader.load(wanted.map(({ key }) => key));
    for (const faces of await mapStored(dataset, role, [...rows.values()])) found.set(faces.key, faces);
  };
  // Everywhere but in DUAL all keys have one authority: nothing to group then, nor to wait for together.
  const role = authorityOf(place, first.bucket);
  if (missing.every(({ bucket }) => authorityOf(place, bucket) === role)) {
    await ask(role, missing);
    return found;
  }
  const byStore = Map.groupBy(missing, ({ bucket }) => authorityOf(place, bucket));
  await Promise.all([...byStore].map(([each, wanted]) => ask(each, wanted)));
  return found;
}

/** No answer comes from a slot that stands where this record does not expect it. */
export function checkSlots(record: ControlRecord, slots: ReadonlyMap<number, Slot>): void {
  const epochs = slotEpochs(record);
  for (const { slot, epoch } of slots.values()) {
    if (epochs.includes(epoch)) continue;
    if (epoch > Math.max(...epochs)) throw new OperationExpired();
    const message = `Journal slot ${slot} stands at epoch ${epoch}, not at ${epochs.join(' or ')}: the journal went back.`;
    throw new CrossfadeError('JOURNAL_UNAVAILABLE', { message });
  }
}

/** Entries and rows up to `end` (null: all) in key order; a row with an entry is replaced or dropped. */
function merge(
  entries: readonly JournalEntry[],
  rows: readonly Faces[],
  end: string | null,
  filter: Filter | undefined,
): Faces[] {
  const within = (key: string) => end === null || compareKeys(key, end) <= 0;
  const written = entries.filter(({ key }) => within(key));
  const hidden = new Set(written.map(({ key }) => key));
  const alive = written.flatMap((entry) =>
    entry.image && isListed(entry, filter) ? [facesOfImage(entry.key, entry.image)] : [],
  );
  const kept = rows.filter(({ key }) => within(key) && !hidden.has(key));
  return [...alive, ...kept].sort((a, b) => compareKeys(a.key, b.key));
}

function isListed({ image }: JournalEntry, filter: Filter | undefined): boolean {
  return image !== null && (!filter || image.old[filter.field] === filter.value);
}
