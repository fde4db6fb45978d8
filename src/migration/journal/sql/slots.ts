/**
 * Slots: made once, then moved by the steps of switches, upwards only. All slots of the dataset move in one transaction:
 * requests wait for a switch, so it should cost one commit and touch each page of the tables once.
 */
import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import { JOURNAL_SLOTS, type StoreRole } from '../../dataset.ts';
import { packSeq } from '../../seq.ts';
import type { Journal } from '../journal.ts';
import { ALL_SLOTS, unavailable, type Access } from './access.ts';
import { leave, raiseMark } from './entries.ts';
import { ENTRY_TABLES, journalTables, LACKS, type JournalTables } from './tables.ts';

type Tx = Transaction<JournalTables>;
type Slots = Pick<Journal, 'incarnation' | 'init' | 'open' | 'advance' | 'note' | 'close' | 'discard'>;

/** Entries that `discard` drops in one transaction; in key order, which is the order of most of the indexes they are in. */
const DISCARD_BATCH = 1000;

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
      await access.write((tx) => make(tx, access, epoch));
    },

    // Answers to appends stay: who repeats one of an earlier run must still hear that it was made.
    open: ({ epoch, run }) =>
      access.write(async (tx) => {
        const below = await lockBelow(tx, access, epoch);
        if (below.length === 0) return;
        for (const table of ENTRY_TABLES) {
          await tx.deleteFrom(table).where('dataset', '=', access.dataset).where('slot', 'in', below).execute();
        }
        const start = packSeq(run, 0);
        await update(tx, access, below)
          .set({ epoch, open: 1, last_seq: start, mark: start, noted_seq: start, noted_number: epoch })
          .execute();
      }),

    advance: ({ epoch, dropDebtsOf }) =>
      access.write(async (tx) => {
        const below = await lockBelow(tx, access, epoch);
        if (below.length === 0) return;
        if (dropDebtsOf) await dropDebts(tx, access, below, dropDebtsOf);
        await noteUnder(tx, access, below, epoch);
        await update(tx, access, below).set({ epoch, open: 1 }).execute();
      }),

    note: (number) =>
      access.write(async (tx) => {
        await access.lock(tx, ALL_SLOTS);
        await noteUnder(tx, access, ALL_SLOTS, number);
      }),

    close: (epoch) =>
      access.write(async (tx) => {
        const below = await lockBelow(tx, access, epoch);
        if (below.length > 0) await update(tx, access, below).set({ epoch, open: 0 }).execute();
      }),

    async discard(epoch) {
      for (let dropped = 0; ;) {
        const batch = await access.write((tx) => discardSome(tx, access, epoch));
        dropped += batch;
        if (batch < DISCARD_BATCH) return dropped;
      }
    },
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
    const closed = { incarnation, epoch, open: 0, last_seq: 0, mark: 0, noted_seq: 0, noted_number: 0 };
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

/** Locks all slots; those that stand below this epoch. */
async function lockBelow(tx: Tx, access: Access, epoch: number): Promise<readonly number[]> {
  const rows = await access.lock(tx, ALL_SLOTS);
  return rows.filter((row) => Number(row.epoch) < epoch).map((row) => Number(row.slot));
}

function update(tx: Tx, access: Access, which: readonly number[]) {
  return tx.updateTable('crossfade_journal_slot').where('dataset', '=', access.dataset).where('slot', 'in', which);
}

async function noteUnder(tx: Tx, access: Access, which: readonly number[], number: number): Promise<void> {
  await update(tx, access, which)
    .set((slot) => ({ noted_seq: slot.ref('last_seq').$castTo<number>(), noted_number: number }))
    .where('noted_number', '<', number)
    .execute();
}

async function dropDebts(tx: Tx, access: Access, which: readonly number[], role: StoreRole): Promise<void> {
  const [dropped, other] = role === 'OLD' ? [LACKS.OLD, LACKS.NEW] : [LACKS.NEW, LACKS.OLD];
  const leaving = tx
    .selectFrom('crossfade_journal_entry')
    .where('dataset', '=', access.dataset)
    .where('slot', 'in', which)
    .where(dropped, 'is not', null)
    .where(other, 'is', null);
  const highest = await leaving
    .select('slot')
    .select((entry) => entry.fn.max('seq').as('seq'))
    .groupBy('slot')
    .execute();
  for (const { slot, seq } of highest) await raiseMark(tx, access, Number(slot), Number(seq));
  for (const table of ENTRY_TABLES) {
    await tx
      .deleteFrom(table)
      .where('dataset', '=', access.dataset)
      .where('key', 'in', leaving.select('key'))
      .execute();
  }
  await tx
    .updateTable('crossfade_journal_entry')
    .set(role === 'OLD' ? { lacks_old: null } : { lacks_new: null })
    .where('dataset', '=', access.dataset)
    .where('slot', 'in', which)
    .where(dropped, 'is not', null)
    .execute();
}

async function discardSome(tx: Tx, access: Access, epoch: number): Promise<number> {
  const rows = await access.lock(tx, ALL_SLOTS);
  const closed = rows.filter((row) => Number(row.epoch) === epoch && Number(row.open) === 0).map((row) => row.slot);
  if (closed.length === 0) return 0;
  const entries = await tx
    .selectFrom('crossfade_journal_entry')
    .select(['key', 'slot', 'seq'])
    .where('dataset', '=', access.dataset)
    .where('slot', 'in', closed)
    .orderBy('key')
    .limit(DISCARD_BATCH)
    .execute();
  const leaving = entries.map(({ key, slot, seq }) => ({ key, slot: Number(slot), seq: Number(seq) }));
  await leave(tx, access, leaving);
  return leaving.length;
}
