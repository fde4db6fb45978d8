/**
 * Slots and entries in one statement, so that they are of one moment in every engine and at every isolation level:
 * what the entries say is worth only what the epoch of their slot says.
 */
import { sql, type Kysely } from 'kysely';
import type { Image, JournalEntry, Slot } from '../journal.ts';
import { padded, type Access } from './access.ts';
import { counts, rowsInForce } from './debts.ts';
import type { Integer, JournalTables } from './tables.ts';
import { Template } from './template.ts';

export type Db = Kysely<JournalTables>;

interface SlotRow {
  readonly key: null;
  readonly slot: Integer;
  readonly epoch: Integer;
  readonly open: Integer;
  readonly mark: Integer;
  readonly incarnation: string;
}

export interface EntryRow {
  readonly key: string;
  readonly slot: Integer;
  readonly seq: Integer;
  readonly image: string | null;
  readonly lacks_old: Integer | null;
  readonly lacks_new: Integer | null;
  readonly since: Integer;
}

const OF_SLOTS = ['epoch', 'open', 'mark', 'incarnation'] as const;
const OF_ENTRIES = ['key', 'seq', 'image', 'lacks_old', 'lacks_new', 'since'] as const;
const nothing = sql<null>`null`;

/** The entries that are there, as `e`, with those of their debts that count. */
export function entriesOf(db: Db, access: Access) {
  return rowsInForce(db, access)
    .select(['e.slot', 'e.key', 'e.seq', 'e.image', 'e.since'])
    .select((eb) => [
      eb.case().when(counts(eb, 'OLD')).then(eb.ref('e.lacks_old')).end().as('lacks_old'),
      eb.case().when(counts(eb, 'NEW')).then(eb.ref('e.lacks_new')).end().as('lacks_new'),
    ])
    .where((eb) => eb.or([counts(eb, 'OLD'), counts(eb, 'NEW')]));
}
export type EntriesQuery = ReturnType<typeof entriesOf>;

export interface Snapshot {
  /** In no order. */
  readonly rows: readonly EntryRow[];
  readonly slots: ReadonlyMap<number, Slot>;
}

/** These slots, checked, and the rows of the query. */
export async function snapshot(
  access: Access,
  slots: readonly number[],
  query: (db: Db) => EntriesQuery,
): Promise<Snapshot> {
  const asked = padded(slots);
  const rows = await access.read((db) => statement(db, access, asked, query(db)).execute());
  return snapshotOf(access, slots, rows);
}

/** The entries of keys with their slots: what every request asks in MIGRATING, so that it is compiled once for each number of them. */
export function byKey(access: Access): (slots: readonly number[], keys: readonly string[]) => Promise<Snapshot> {
  const templates = new Map<string, Template>();
  const templateOf = (db: Db, size: { readonly slots: number; readonly keys: number }) => {
    const shape = `${size.slots} ${size.keys}`;
    const known = templates.get(shape);
    if (known) return known;
    const made = new Template(size, (standIns) =>
      statement(db, access, standIns.slots, entriesOf(db, access).where('e.key', 'in', standIns.keys)).compile(),
    );
    templates.set(shape, made);
    return made;
  };
  return async (slots, keys) => {
    const values = { slots: padded(slots), keys: padded(keys) };
    const size = { slots: values.slots.length, keys: values.keys.length };
    const rows = await access.guard((database) => database.rows(templateOf(database.read, size).filled(values)));
    return snapshotOf(access, slots, rows.map(rowOf));
  };
}

function statement(db: Db, access: Access, slots: readonly number[], entries: EntriesQuery) {
  const slotRows = db
    .selectFrom('crossfade_journal_slot')
    .select(['slot', ...OF_SLOTS])
    .select(OF_ENTRIES.map((name) => nothing.as(name)))
    .where('dataset', '=', access.dataset)
    .where('slot', 'in', slots)
    .$castTo<SlotRow | EntryRow>();
  const entryRows = db
    .selectFrom(entries.as('found'))
    .select('slot')
    .select(OF_SLOTS.map((name) => nothing.as(name)))
    .select(OF_ENTRIES)
    .$castTo<SlotRow | EntryRow>();
  return slotRows.unionAll(entryRows);
}

/** A row of `statement` whose columns came in their order. */
function rowOf(cells: readonly unknown[]): SlotRow | EntryRow {
  const [slot, epoch, open, mark, incarnation, key, seq, image, lacksOld, lacksNew, since] = cells;
  if (key === null) {
    return {
      key,
      slot: Number(slot),
      epoch: Number(epoch),
      open: Number(open),
      mark: Number(mark),
      incarnation: String(incarnation),
    };
  }
  return {
    key: String(key),
    slot: Number(slot),
    seq: Number(seq),
    image: image === null ? null : String(image),
    lacks_old: lacksOld === null ? null : Number(lacksOld),
    lacks_new: lacksNew === null ? null : Number(lacksNew),
    since: Number(since),
  };
}

function snapshotOf(access: Access, slots: readonly number[], rows: readonly (SlotRow | EntryRow)[]): Snapshot {
  const found = rows.filter((row) => row.key === null);
  access.check(slots, found);
  return {
    rows: rows.filter((row) => row.key !== null),
    slots: new Map(found.map((row) => [Number(row.slot), slotOf(row)])),
  };
}

function slotOf(row: SlotRow): Slot {
  return { slot: Number(row.slot), epoch: Number(row.epoch), open: Number(row.open) === 1, mark: Number(row.mark) };
}

export function entryOf(row: EntryRow): JournalEntry {
  const image: Image | null = row.image === null ? null : JSON.parse(row.image);
  return {
    key: row.key,
    slot: Number(row.slot),
    seq: Number(row.seq),
    image,
    lacks: { OLD: numberOrNull(row.lacks_old), NEW: numberOrNull(row.lacks_new) },
  };
}

export function numberOrNull(value: Integer | null): number | null {
  return value === null ? null : Number(value);
}
