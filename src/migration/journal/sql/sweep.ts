/**
 * Sweeping: first the rows of earlier generations, then those of entries that were hidden within the generation in force.
 *
 * Nobody else reads or writes an earlier generation any more, so no slot is locked for it and no request is held up; it goes in the order of
 * its keys, so that each batch is one range of each table.
 */
import { STORE_ROLES } from '../../dataset.ts';
import type { Journal } from '../journal.ts';
import { ALL_SLOTS, type Access, type SlotRow } from './access.ts';
import { remove } from './entries.ts';
import { ENTRY_TABLES, FORGIVEN, LACKS } from './tables.ts';

export function sweeps(access: Access): Pick<Journal, 'sweep'> {
  return {
    async sweep(limit) {
      const slots = await slotsOf(access);
      const generation = Math.max(...slots.map((slot) => Number(slot.generation)));
      if (await sweepEarlier(access, generation, limit)) return 'MORE';
      const slot = slots.find(({ hidden }) => Number(hidden) > 0);
      if (!slot) return 'SWEPT';
      await sweepHidden(access, Number(slot.slot), limit);
      return 'MORE';
    },
  };
}

async function slotsOf(access: Access): Promise<readonly Pick<SlotRow, 'slot' | 'generation' | 'hidden'>[]> {
  const slots = await access.read((db) =>
    db
      .selectFrom('crossfade_journal_slot')
      .select(['slot', 'incarnation', 'generation', 'hidden'])
      .where('dataset', '=', access.dataset)
      .execute(),
  );
  access.check(ALL_SLOTS, slots);
  return slots;
}

/** false: there are no rows of generations before this one. */
async function sweepEarlier(access: Access, generation: number, limit: number): Promise<boolean> {
  const rows = await access.read((db) =>
    db
      .selectFrom('crossfade_journal_entry')
      .select(['generation', 'key'])
      .where('dataset', '=', access.dataset)
      .where('generation', '<', generation)
      .orderBy('generation')
      .orderBy('key')
      .limit(limit)
      .execute(),
  );
  const oldest = Number(rows[0]?.generation);
  const last = rows.findLast((row) => Number(row.generation) === oldest);
  if (!last) return false;
  await access.write(async (tx) => {
    for (const table of ENTRY_TABLES) {
      await tx
        .deleteFrom(table)
        .where('dataset', '=', access.dataset)
        .where('generation', '=', oldest)
        .where('key', '<=', last.key)
        .execute();
    }
  });
  return true;
}

function sweepHidden(access: Access, slot: number, limit: number): Promise<void> {
  return access.write(async (tx) => {
    const locked = await access.lockOne(tx, slot);
    const generation = Number(locked.generation);
    const rows = await tx
      .selectFrom('crossfade_journal_entry')
      .select('key')
      .where('dataset', '=', access.dataset)
      .where('generation', '=', generation)
      .where('slot', '=', slot)
      .where((entry) =>
        entry.and(
          STORE_ROLES.map((role) =>
            entry.or([entry(LACKS[role], 'is', null), entry(LACKS[role], '<=', Number(locked[FORGIVEN[role]]))]),
          ),
        ),
      )
      .limit(limit)
      .execute();
    if (rows.length > 0) await remove(tx, access, generation, rows);
    await access
      .update(tx, [slot])
      .set({ hidden: rows.length < limit ? 0 : Math.max(0, Number(locked.hidden) - rows.length) })
      .execute();
  });
}
