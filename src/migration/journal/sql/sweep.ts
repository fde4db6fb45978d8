/**
 * Sweeping: the rows of earlier generations, in the order of their keys, so that each batch is one range of each table.
 *
 * Nothing reads or writes these rows any more, so no slot is locked and requests are not held up. Entries that are hidden within
 * the generation in force, because their debts were forgiven, stay until it ends or their key is written again: no step of the ladder
 * forgives the only debt of more than a few entries.
 */
import type { Journal } from '../journal.ts';
import { ALL_SLOTS, type Access } from './access.ts';
import { ENTRY_TABLES } from './tables.ts';

export function sweeps(access: Access): Pick<Journal, 'sweep'> {
  return {
    async sweep(limit) {
      const generation = await generationInForce(access);
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
      if (!last) return 'SWEPT';
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
      return 'MORE';
    },
  };
}

async function generationInForce(access: Access): Promise<number> {
  const slots = await access.read((db) =>
    db
      .selectFrom('crossfade_journal_slot')
      .select(['slot', 'incarnation', 'generation'])
      .where('dataset', '=', access.dataset)
      .execute(),
  );
  access.check(ALL_SLOTS, slots);
  return Math.max(...slots.map(({ generation }) => Number(generation)));
}
