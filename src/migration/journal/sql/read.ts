/** What is read of the journal. */
import { JOURNAL_SLOTS, type StoreRole } from '../../dataset.ts';
import { compareKeys } from '../../key.ts';
import { Together } from '../../together.ts';
import type { Journal, JournalEntry, JournalStatus, Slot } from '../journal.ts';
import { ALL_SLOTS, unavailable, type Access } from './access.ts';
import { counts, currentGeneration } from './debts.ts';
import { byKey, entriesOf, entryOf, numberOrNull, snapshot, type Db, type EntriesQuery } from './snapshot.ts';
import { FORGIVEN, LACKING, LACKS } from './tables.ts';

type Addresses = Parameters<Journal['read']>[0];
type JournalView = Awaited<ReturnType<Journal['read']>>;
type PageQuery = Parameters<Journal['page']>[0];

/** Keys in one statement; more only if one slot alone has more. */
const MAX_KEYS = 4096;

export function reads(access: Access): Pick<Journal, 'read' | 'page' | 'owed' | 'lacking' | 'status'> {
  const entriesByKey = byKey(access);
  const readNow = async (addresses: Addresses): Promise<JournalView> => {
    const entries = new Map<string, JournalEntry>();
    const slots = new Map<number, Slot>();
    for (const group of inGroups(addresses)) {
      const asked = [...new Set(group.map(({ slot }) => slot))];
      const keys = group.map(({ key }) => key);
      const view = await entriesByKey(asked, keys);
      for (const row of view.rows) entries.set(row.key, entryOf(row));
      for (const [number, slot] of view.slots) slots.set(number, slot);
    }
    return { entries, slots };
  };
  const together = new Together({ ask: readNow, pick });
  return {
    // To an embedded database it makes no difference who asks together.
    read: (addresses) => (access.concurrentWriters ? together.ask(addresses) : readNow(addresses)),

    async page(query) {
      const asked = query.slot === undefined ? ALL_SLOTS : [query.slot];
      const { rows, slots } = await snapshot(access, asked, (db) => pageOf(db, access, query));
      return { entries: rows.toSorted((a, b) => compareKeys(a.key, b.key)).map(entryOf), slots };
    },

    async owed({ role, limit, held, slots }) {
      const { rows } = await snapshot(access, ALL_SLOTS, (db) => {
        const all = debtors(db, access, role);
        const owed = slots ? all.where('e.slot', '>=', slots.from).where('e.slot', '<', slots.below) : all;
        const free = held ? owed : owed.where('e.held_until', '<=', access.clock.wall());
        return free.orderBy('e.since').orderBy('e.key').limit(limit);
      });
      return rows.toSorted((a, b) => Number(a.since) - Number(b.since) || compareKeys(a.key, b.key)).map(entryOf);
    },

    lacking: (role, what) =>
      access.read(async (db) => {
        const counted = what === 'ALL' ? total(db, access, LACKING[role]) : lackedUpToNoted(db, access, role);
        const row = await db
          .selectNoFrom([trustedSlots(db, access).as('trusted'), counted.as('lacked')])
          .executeTakeFirstOrThrow();
        checkTrusted(access, row.trusted);
        return Number(row.lacked);
      }),

    status: () => access.read((db) => status(db, access)),
  };
}

/** Of what was read for several, what these asked for. */
function pick(view: JournalView, addresses: Addresses): JournalView {
  const entries = new Map<string, JournalEntry>();
  const slots = new Map<number, Slot>();
  for (const { key, slot: number } of addresses) {
    const entry = view.entries.get(key);
    if (entry) entries.set(key, entry);
    const slot = view.slots.get(number);
    if (slot) slots.set(number, slot);
  }
  return { entries, slots };
}

/** The addresses in groups that one statement each can ask for; those of one slot stay together. */
function inGroups(addresses: Addresses): readonly Addresses[] {
  if (addresses.length === 0) return [];
  if (addresses.length <= MAX_KEYS) return [addresses];
  const groups: Addresses[number][][] = [];
  for (const ofSlot of Map.groupBy(addresses, ({ slot }) => slot).values()) {
    const group = groups.at(-1);
    if (group && group.length + ofSlot.length <= MAX_KEYS) group.push(...ofSlot);
    else groups.push(ofSlot);
  }
  return groups;
}

function pageOf(db: Db, access: Access, { after, limit, listed, slot }: PageQuery): EntriesQuery {
  let entries = entriesOf(db, access).limit(limit);
  if (slot !== undefined) entries = entries.where('e.slot', '=', slot);
  if (after !== null) entries = entries.where('e.key', '>', after);
  if (!listed) return entries.orderBy('e.key');
  let found = entries
    .innerJoin('crossfade_journal_listed as l', (join) =>
      join.onRef('l.dataset', '=', 'e.dataset').onRef('l.generation', '=', 'e.generation').onRef('l.key', '=', 'e.key'),
    )
    .where('l.dataset', '=', access.dataset)
    .where('l.generation', '=', currentGeneration(db, access))
    .where('l.field', '=', listed.field)
    .where('l.value', '=', JSON.stringify(listed.value));
  // Said of both, because no engine concludes the one from the other.
  if (after !== null) found = found.where('l.key', '>', after);
  return found.orderBy('l.key');
}

/** Entries of which this store lacks something. Where it lacks nothing, the rows of debts that were forgiven are not looked through. */
function debtors(db: Db, access: Access, role: StoreRole): EntriesQuery {
  return (
    entriesOf(db, access)
      .where((eb) => counts(eb, role))
      // Of the index that has only rows which lack something.
      .where(`e.${LACKS[role]}`, 'is not', null)
      .where(total(db, access, LACKING[role]), '>', 0)
  );
}

async function status(db: Db, access: Access): Promise<JournalStatus> {
  // An entry is there as long as a store lacks something of it, so the oldest debt is as old as the oldest entry.
  const oldest = (role: StoreRole) =>
    db.selectFrom(debtors(db, access, role).orderBy('e.since').limit(1).as('oldest')).select('since');
  const row = await db
    .selectNoFrom([
      trustedSlots(db, access).as('trusted'),
      total(db, access, 'entries').as('entries'),
      total(db, access, LACKING.OLD).as('old'),
      total(db, access, LACKING.NEW).as('new'),
      oldest('OLD').as('oldest_old'),
      oldest('NEW').as('oldest_new'),
    ])
    .executeTakeFirstOrThrow();
  checkTrusted(access, row.trusted);
  const times = [row.oldest_old, row.oldest_new].flatMap((time) => numberOrNull(time) ?? []);
  return {
    entries: Number(row.entries),
    oldestAgeSeconds: times.length === 0 ? null : Math.max(0, access.clock.wall() - Math.min(...times)) / 1000,
    pending: { OLD: Number(row.old), NEW: Number(row.new) },
  };
}

/** What all slots know of their entries, together. */
function total(db: Db, access: Access, of: 'entries' | 'lacking_old' | 'lacking_new') {
  return db
    .selectFrom('crossfade_journal_slot')
    .select((slot) => slot.fn.sum(of).as('count'))
    .where('dataset', '=', access.dataset);
}

/** By a join, which costs about the same whichever way an engine goes; slot by slot, the wrong index costs all entries for each slot. */
function lackedUpToNoted(db: Db, access: Access, role: StoreRole) {
  return db
    .selectFrom('crossfade_journal_entry as e')
    .innerJoin('crossfade_journal_slot as s', (join) =>
      join.onRef('s.dataset', '=', 'e.dataset').onRef('s.slot', '=', 'e.slot'),
    )
    .where('e.dataset', '=', access.dataset)
    .where('e.generation', '=', currentGeneration(db, access))
    .whereRef(`e.${LACKS[role]}`, '<=', 's.noted_seq')
    .whereRef(`e.${LACKS[role]}`, '>', `s.${FORGIVEN[role]}`)
    .select((eb) => eb.fn.countAll().as('count'));
}

/** How many slots are there, of the trusted incarnation; for statements that count and have no use for the slots themselves. */
function trustedSlots(db: Db, access: Access) {
  const slots = db
    .selectFrom('crossfade_journal_slot')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('dataset', '=', access.dataset);
  return access.trusted === null ? slots : slots.where('incarnation', '=', access.trusted);
}

function checkTrusted(access: Access, trusted: number | string | bigint | null): void {
  if (Number(trusted) === JOURNAL_SLOTS) return;
  throw unavailable(`Slots of the journal of ${access.dataset} are missing, or are not of ${access.trusted}.`);
}
