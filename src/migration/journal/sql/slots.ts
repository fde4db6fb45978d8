/**
 * Slots: made once, then moved by the steps of switches, upwards only. All slots of the dataset move in one transaction:
 * requests wait for a switch, so it should cost one commit, and nothing for each entry. Entries and debts are dropped by what their slots
 * say of them: a new generation hides all entries there were, a forgiven seq the debts of one store up to it.
 */
import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import { JOURNAL_SLOTS, type StoreRole } from '../../dataset.ts';
import { packSeq } from '../../seq.ts';
import type { Journal } from '../journal.ts';
import { ALL_SLOTS, unavailable, type Access, type SlotRow } from './access.ts';
import { FORGIVEN, JOURNAL_INDEXES, journalTables, LACKING, type JournalTables } from './tables.ts';

type Tx = Transaction<JournalTables>;
type Slots = Pick<Journal, 'incarnation' | 'init' | 'open' | 'advance' | 'note' | 'close' | 'discard'>;

/** What a slot knows of its entries when there are none. */
const EMPTY = { entries: 0, lacking_old: 0, lacking_new: 0, hidden: 0 };

export function slots(access: Access): Slots {
  return {
    incarnation: () =>
      access.read(async (db) => {
        const meta = await db
          .selectFrom('crossfade_journal_meta')
          .select('incarnation')
          .where('dataset', '=', access.dataset)
          .executeTakeFirst();
        if (!meta) throw unavailable(`There is no journal of ${access.dataset}.`);
        return meta.incarnation;
      }),

    async init(epoch) {
      await access.guard((database) => database.migrate(journalTables(database.byteText)));
      await checkLayout(access);
      await access.guard((database) => database.migrate(JOURNAL_INDEXES));
      await access.write((tx) => make(tx, access, epoch));
    },

    // Answers to appends stay: who repeats one of an earlier run must still hear that it was made.
    open: ({ epoch, run }) =>
      access.write(async (tx) => {
        const below = await lockBelow(tx, access, epoch);
        if (below.length === 0) return;
        const start = packSeq(run, 0);
        const counters = { last_seq: start, mark: start, noted_seq: start, noted_number: epoch };
        await access
          .update(tx, below)
          .set({ epoch, open: 1, generation: epoch, ...counters, ...EMPTY })
          .execute();
      }),

    advance: ({ epoch, dropDebtsOf }) =>
      access.write(async (tx) => {
        const below = await lockBelow(tx, access, epoch);
        if (below.length === 0) return;
        if (dropDebtsOf) await forgive(tx, access, below, dropDebtsOf);
        await noteUnder(tx, access, below, epoch);
        await access.update(tx, below).set({ epoch, open: 1 }).execute();
      }),

    note: (number) =>
      access.write(async (tx) => {
        await access.lock(tx, ALL_SLOTS);
        await noteUnder(tx, access, ALL_SLOTS, number);
      }),

    close: (epoch) =>
      access.write(async (tx) => {
        const below = await lockBelow(tx, access, epoch);
        if (below.length > 0) await access.update(tx, below).set({ epoch, open: 0 }).execute();
      }),

    discard: (epoch) =>
      access.write(async (tx) => {
        const rows = await access.lock(tx, ALL_SLOTS);
        const closed = rows.filter((row) => Number(row.epoch) === epoch && Number(row.open) === 0);
        if (closed.length === 0) return 0;
        await access
          .update(tx, numbersOf(closed))
          .set(({ ref }) => ({ generation: epoch, mark: ref('last_seq').$castTo<number>(), ...EMPTY }))
          .execute();
        return closed.reduce((sum, { entries }) => sum + Number(entries), 0);
      }),
  };
}

/** The row of the dataset is made together with its slots: a slot that is missing later was lost, and is not made again. */
async function make(tx: Tx, access: Access, epoch: number): Promise<void> {
  const incarnation = randomUUID();
  const made = await tx
    .insertInto('crossfade_journal_meta')
    .values({ dataset: access.dataset, incarnation, slots: JOURNAL_SLOTS })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (made.numInsertedOrUpdatedRows === 1n) {
    const counters = { last_seq: 0, mark: 0, noted_seq: 0, noted_number: 0, forgiven_old: 0, forgiven_new: 0 };
    const closed = { incarnation, epoch, open: 0, generation: epoch, ...counters, ...EMPTY };
    const rows = ALL_SLOTS.map((slot) => ({ dataset: access.dataset, slot, ...closed }));
    await tx.insertInto('crossfade_journal_slot').values(rows).execute();
  }
  const meta = await tx
    .selectFrom('crossfade_journal_meta')
    .select('slots')
    .where('dataset', '=', access.dataset)
    .executeTakeFirstOrThrow();
  if (Number(meta.slots) !== JOURNAL_SLOTS) {
    throw unavailable(`The journal of ${access.dataset} was made with ${meta.slots} slots, not ${JOURNAL_SLOTS}.`);
  }
  await access.lock(tx, ALL_SLOTS);
}

/** Tables that are there already are not made again, whatever their columns are. */
async function checkLayout(access: Access): Promise<void> {
  const slot = await access.read((db) =>
    db.selectFrom('crossfade_journal_slot').selectAll().limit(1).executeTakeFirst(),
  );
  if (!slot || 'generation' in slot) return;
  throw unavailable(
    `The tables of the journal of ${access.dataset} were made by an earlier version, which laid them out differently. ` +
      'Bring the dataset to OLD or NEW with that version, then drop the tables named crossfade_journal_*.',
  );
}

/** Locks all slots; those that stand below this epoch. */
async function lockBelow(tx: Tx, access: Access, epoch: number): Promise<readonly number[]> {
  const rows = await access.lock(tx, ALL_SLOTS);
  return numbersOf(rows.filter((row) => Number(row.epoch) < epoch));
}

function numbersOf(rows: readonly SlotRow[]): readonly number[] {
  return rows.map(({ slot }) => Number(slot));
}

async function noteUnder(tx: Tx, access: Access, which: readonly number[], number: number): Promise<void> {
  await access
    .update(tx, which)
    .set((slot) => ({ noted_seq: slot.ref('last_seq').$castTo<number>(), noted_number: number }))
    .where('noted_number', '<', number)
    .execute();
}

/** Without the debts of this store the entries left are those of which the other one lacks something. */
async function forgive(tx: Tx, access: Access, which: readonly number[], role: StoreRole): Promise<void> {
  const other = role === 'OLD' ? 'NEW' : 'OLD';
  await access
    .update(tx, which)
    .set((slot) => {
      const last = slot.ref('last_seq').$castTo<number>();
      const left = slot.ref(LACKING[other]).$castTo<number>();
      const hidden = slot('hidden', '+', slot('entries', '-', left)).$castTo<number>();
      return { mark: last, [FORGIVEN[role]]: last, [LACKING[role]]: 0, entries: left, hidden };
    })
    .execute();
}
