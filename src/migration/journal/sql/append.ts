/** The append: the point where a write that goes through the journal takes effect. */
import type { Transaction } from 'kysely';
import type { StoreRole } from '../../dataset.ts';
import { CrossfadeError } from '../../errors.ts';
import { runOf, type Seq } from '../../seq.ts';
import type { Append, AppendResult, Journal } from '../journal.ts';
import type { Access, SlotRow } from './access.ts';
import { debtsOf, owesNothing, type Debts } from './debts.ts';
import { numberOrNull } from './snapshot.ts';
import type { Statistics } from './statistics.ts';
import type { JournalTables } from './tables.ts';

type Tx = Transaction<JournalTables>;

/** How long an append that is repeated gets its first answer, milliseconds: far beyond the deadline of any request. */
const ANSWERS_MS = 300_000;
/** Every so many-th append of a slot removes old answers, many more than were added meanwhile. */
const PRUNE_EVERY = 32;
const PRUNE_ROWS = 256;

export function appends(access: Access, statistics: Statistics): Pick<Journal, 'append'> {
  return {
    append: async (append) => {
      let grown: SlotRow | null = null;
      const result = await access.write(async (tx): Promise<AppendResult> => {
        grown = null;
        const slot = await access.lockOne(tx, append.address.slot);
        const { answered, entry, remains } = await find(tx, access, append, slot);
        if (answered !== null) return { outcome: 'APPENDED', seq: answered };
        if (Number(slot.open) !== 1 || Number(slot.epoch) !== append.epoch) return { outcome: 'FENCED' };
        if (!asExpected(append, slot, entry)) return { outcome: 'CHANGED' };
        const seq = nextSeq(access, slot);
        if (remains) await unlist(tx, access, append, slot);
        const debts = await put(tx, access, append, seq, entry, slot);
        await count(tx, access, slot, { seq, before: entry?.debts ?? NO_DEBTS, after: debts });
        await list(tx, access, append, slot);
        await answer(tx, access, append, seq);
        grown = slot;
        return { outcome: 'APPENDED', seq };
      });
      noteGrowth(statistics, grown);
      return result;
    },
  };
}

/** `slot`: as it was before an entry came into it. */
function noteGrowth(statistics: Statistics, slot: SlotRow | null): void {
  if (slot) statistics.grown(Number(slot.generation), Number(slot.entries) + 1);
}

interface Standing {
  readonly seq: Seq;
  readonly debts: Debts;
  readonly since: number;
}

const NO_DEBTS: Debts = { OLD: null, NEW: null };

/**
 * The key's entry, and what this very append was answered if it came before. `remains`: the entry left when its last debts were
 * forgiven, and its rows are still here.
 */
async function find(tx: Tx, access: Access, { address, writeId }: Append, slot: SlotRow) {
  const row = await tx
    .selectFrom('crossfade_journal_slot as s')
    .leftJoin('crossfade_journal_entry as e', (join) =>
      join
        .onRef('e.dataset', '=', 's.dataset')
        .onRef('e.generation', '=', 's.generation')
        .on('e.key', '=', address.key),
    )
    .leftJoin('crossfade_journal_write as w', (join) =>
      join.onRef('w.dataset', '=', 's.dataset').onRef('w.slot', '=', 's.slot').on('w.write_id', '=', writeId),
    )
    .select(['e.seq', 'e.lacks_old', 'e.lacks_new', 'e.since', 'w.seq as answered'])
    .where('s.dataset', '=', access.dataset)
    .where('s.slot', '=', address.slot)
    .executeTakeFirstOrThrow();
  const answered = numberOrNull(row.answered);
  if (row.seq === null) return { answered, entry: null, remains: false };
  const debts = debtsOf(row, slot);
  if (owesNothing(debts)) return { answered, entry: null, remains: true };
  const entry: Standing = { seq: Number(row.seq), debts, since: Number(row.since) };
  return { answered, entry, remains: false };
}

function asExpected({ expect }: Append, slot: SlotRow, entry: Standing | null): boolean {
  if (entry) return 'seq' in expect && expect.seq === entry.seq;
  return 'mark' in expect && expect.mark === Number(slot.mark);
}

function nextSeq(access: Access, slot: SlotRow): Seq {
  const last = Number(slot.last_seq);
  if (runOf(last + 1) === runOf(last)) return last + 1;
  throw new CrossfadeError('JOURNAL_FULL', {
    message: `Slot ${slot.slot} of the journal of ${access.dataset} has given out all seqs of its run.`,
  });
}

/** Replaces the entry but not what stores lack of it: an older write of this key may be missing there as well. */
async function put(
  tx: Tx,
  access: Access,
  append: Append,
  seq: Seq,
  before: Standing | null,
  { slot, generation }: SlotRow,
): Promise<Debts> {
  const lacked = (role: StoreRole) => before?.debts[role] ?? (append.owedTo.includes(role) ? seq : null);
  const debts = { OLD: lacked('OLD'), NEW: lacked('NEW') };
  const now = access.clock.wall();
  const entry = {
    seq,
    image: append.image && JSON.stringify(append.image),
    lacks_old: debts.OLD,
    lacks_new: debts.NEW,
    held_until: now + append.holdMs,
    since: before?.since ?? now,
  };
  await tx
    .insertInto('crossfade_journal_entry')
    .values({
      dataset: access.dataset,
      generation: Number(generation),
      key: append.address.key,
      slot: Number(slot),
      ...entry,
    })
    .onConflict((conflict) => conflict.columns(['dataset', 'generation', 'key']).doUpdateSet(entry))
    .execute();
  return debts;
}

interface Change {
  readonly seq: Seq;
  readonly before: Debts;
  readonly after: Debts;
}

/** Moves the counter of the slot on, and what it knows of its entries. */
async function count(tx: Tx, access: Access, slot: SlotRow, { seq, before, after }: Change): Promise<void> {
  const one = (role: StoreRole) => Number(after[role] !== null) - Number(before[role] !== null);
  await access
    .update(tx, [Number(slot.slot)])
    .set({
      last_seq: seq,
      entries: Number(slot.entries) + Number(!owesNothing(after)) - Number(!owesNothing(before)),
      lacking_old: Number(slot.lacking_old) + one('OLD'),
      lacking_new: Number(slot.lacking_new) + one('NEW'),
    })
    .execute();
}

async function unlist(tx: Tx, access: Access, { address }: Append, { generation }: SlotRow): Promise<void> {
  await tx
    .deleteFrom('crossfade_journal_listed')
    .where('dataset', '=', access.dataset)
    .where('generation', '=', Number(generation))
    .where('key', '=', address.key)
    .execute();
}

async function list(tx: Tx, access: Access, { address, listed }: Append, { generation }: SlotRow): Promise<void> {
  const rows = Object.entries(listed).flatMap(([field, values]) =>
    values.map((value) => ({
      dataset: access.dataset,
      generation: Number(generation),
      key: address.key,
      field,
      value: JSON.stringify(value),
    })),
  );
  if (rows.length === 0) return;
  await tx
    .insertInto('crossfade_journal_listed')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function answer(tx: Tx, access: Access, { address, writeId }: Append, seq: Seq): Promise<void> {
  const now = access.clock.wall();
  await tx
    .insertInto('crossfade_journal_write')
    .values({ dataset: access.dataset, slot: address.slot, write_id: writeId, seq, at: now })
    .execute();
  if (seq % PRUNE_EVERY !== 0) return;
  await tx
    .deleteFrom('crossfade_journal_write')
    .where('dataset', '=', access.dataset)
    .where('slot', '=', address.slot)
    .where('write_id', 'in', (old) =>
      old
        .selectFrom('crossfade_journal_write')
        .select('write_id')
        .where('dataset', '=', access.dataset)
        .where('slot', '=', address.slot)
        .where('at', '<', now - ANSWERS_MS)
        .orderBy('at')
        .limit(PRUNE_ROWS),
    )
    .execute();
}
