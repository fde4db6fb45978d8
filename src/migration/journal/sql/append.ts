/** The append: the point where a write that goes through the journal takes effect. */
import type { Transaction } from 'kysely';
import type { StoreRole } from '../../dataset.ts';
import { CrossfadeError } from '../../errors.ts';
import { runOf, type Seq } from '../../seq.ts';
import type { Append, AppendResult, Journal } from '../journal.ts';
import type { Access, SlotRow } from './access.ts';
import { numberOrNull } from './snapshot.ts';
import type { JournalTables } from './tables.ts';

type Tx = Transaction<JournalTables>;

/** How long an append that is repeated gets its first answer, milliseconds: far beyond the deadline of any request. */
const ANSWERS_MS = 300_000;
/** Every so many-th append of a slot removes old answers, many more than were added meanwhile. */
const PRUNE_EVERY = 32;
const PRUNE_ROWS = 256;

export function appends(access: Access): Pick<Journal, 'append'> {
  return {
    append: (append) =>
      access.write(async (tx): Promise<AppendResult> => {
        const slot = await access.lockOne(tx, append.address.slot);
        const { answered, entry } = await find(tx, access, append);
        if (answered !== null) return { outcome: 'APPENDED', seq: answered };
        if (Number(slot.open) !== 1 || Number(slot.epoch) !== append.epoch) return { outcome: 'FENCED' };
        if (!asExpected(append, slot, entry)) return { outcome: 'CHANGED' };
        const seq = nextSeq(access, slot);
        await put(tx, access, append, seq, entry);
        await list(tx, access, append);
        await answer(tx, access, append, seq);
        return { outcome: 'APPENDED', seq };
      }),
  };
}

interface Standing {
  readonly seq: Seq;
  readonly lacks: Readonly<Record<StoreRole, Seq | null>>;
  readonly since: number;
}

/** The key's entry, and what this very append was answered if it came before. */
async function find(tx: Tx, access: Access, { address, writeId }: Append) {
  const row = await tx
    .selectFrom('crossfade_journal_slot as s')
    .leftJoin('crossfade_journal_entry as e', (join) =>
      join.onRef('e.dataset', '=', 's.dataset').on('e.key', '=', address.key),
    )
    .leftJoin('crossfade_journal_write as w', (join) =>
      join.onRef('w.dataset', '=', 's.dataset').onRef('w.slot', '=', 's.slot').on('w.write_id', '=', writeId),
    )
    .select(['e.seq', 'e.lacks_old', 'e.lacks_new', 'e.since', 'w.seq as answered'])
    .where('s.dataset', '=', access.dataset)
    .where('s.slot', '=', address.slot)
    .executeTakeFirstOrThrow();
  const entry: Standing | null =
    row.seq === null
      ? null
      : {
          seq: Number(row.seq),
          lacks: { OLD: numberOrNull(row.lacks_old), NEW: numberOrNull(row.lacks_new) },
          since: Number(row.since),
        };
  return { answered: numberOrNull(row.answered), entry };
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
async function put(tx: Tx, access: Access, append: Append, seq: Seq, before: Standing | null): Promise<void> {
  const lacked = (role: StoreRole) => before?.lacks[role] ?? (append.owedTo.includes(role) ? seq : null);
  const now = access.clock.wall();
  const entry = {
    seq,
    image: append.image && JSON.stringify(append.image),
    lacks_old: lacked('OLD'),
    lacks_new: lacked('NEW'),
    held_until: now + append.holdMs,
    since: before?.since ?? now,
  };
  await tx
    .insertInto('crossfade_journal_entry')
    .values({ dataset: access.dataset, key: append.address.key, slot: append.address.slot, ...entry })
    .onConflict((conflict) => conflict.columns(['dataset', 'key']).doUpdateSet(entry))
    .execute();
  await tx
    .updateTable('crossfade_journal_slot')
    .set({ last_seq: seq })
    .where('dataset', '=', access.dataset)
    .where('slot', '=', append.address.slot)
    .execute();
}

async function list(tx: Tx, access: Access, { address, listed }: Append): Promise<void> {
  const rows = Object.entries(listed).flatMap(([field, values]) =>
    values.map((value) => ({
      dataset: access.dataset,
      key: address.key,
      slot: address.slot,
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
