/** Runs of verify: their position is durable, so that another process goes on, and of two that go on from one position one wins. */
import type { Kysely, Selectable } from 'kysely';
import type { ControlStore, VerificationRow } from '../control.ts';
import { toNumber, type Access, type Lock } from './access.ts';
import { addDifferences, removeOtherDifferences, upsertDifferences } from './differences.ts';
import type { ControlTables, VerificationTable } from './tables.ts';

export function verifications(
  access: Access,
): Pick<
  ControlStore,
  'verification' | 'startVerification' | 'advanceVerification' | 'settleDifferences' | 'noteDifferences'
> {
  return {
    verification: (dataset) => access.read((db) => newestVerification(db, dataset)),

    startVerification: (row) =>
      access.write(async (tx, lock) => {
        const newest = await newestVerification(tx, row.dataset, lock);
        if (newest && isRunning(newest)) return newest;
        const started = { ...row, number: (newest?.number ?? 0) + 1 };
        const insert = tx.insertInto('crossfade_verification').values(toRow(started));
        const result = await insert
          .onConflict((conflict) => conflict.columns(['dataset', 'number']).doNothing())
          .executeTakeFirst();
        if (result.numInsertedOrUpdatedRows === 0n) {
          // Somebody started this number after we had looked: where there was no row there was nothing to lock.
          const theirs = await newestVerification(tx, row.dataset);
          if (!theirs) throw new Error(`verification ${started.number} is there and is not`);
          return theirs;
        }
        await tx.deleteFrom('crossfade_difference').where('dataset', '=', row.dataset).execute();
        return started;
      }),

    advanceVerification: (from, next, found) =>
      access.write(async (tx, lock) => {
        const newest = await newestVerification(tx, from.dataset, lock);
        if (newest?.number !== from.number || !isRunning(newest) || newest.position !== from.position) return false;
        await tx
          .updateTable('crossfade_verification')
          // Repairs are counted by whoever repairs, also between `from` and now.
          .set({ ...toRow(next), repaired: newest.repaired + next.repaired - from.repaired })
          .where('dataset', '=', from.dataset)
          .where('number', '=', from.number)
          .execute();
        await upsertDifferences(tx, from.dataset, found, access.time());
        return true;
      }),

    settleDifferences: (dataset, keys, found) =>
      access.write(async (tx, lock) => {
        const newest = await newestVerification(tx, dataset, lock);
        const cleared = await removeOtherDifferences(tx, lock, dataset, keys, found);
        await upsertDifferences(tx, dataset, found, access.time());
        if (!newest || cleared.size === 0) return;
        await tx
          .updateTable('crossfade_verification')
          .set({ repaired: newest.repaired + cleared.size })
          .where('dataset', '=', dataset)
          .where('number', '=', newest.number)
          .execute();
      }),

    noteDifferences: (dataset, found) =>
      access.write((tx, lock) => addDifferences(tx, lock, dataset, found, access.time())),
  };
}

async function newestVerification(
  db: Kysely<ControlTables>,
  dataset: string,
  lock?: Lock,
): Promise<VerificationRow | null> {
  const all = db.selectFrom('crossfade_verification').selectAll().where('dataset', '=', dataset);
  const newest = all.orderBy('number', 'desc').limit(1);
  const row = await (lock ? lock(newest) : newest).executeTakeFirst();
  return row ? fromRow(row) : null;
}

function isRunning(row: VerificationRow): boolean {
  return row.finishedAt === null && row.failed === null;
}

function toRow(row: VerificationRow) {
  return {
    dataset: row.dataset,
    number: row.number,
    epoch: row.epoch,
    started_at: row.startedAt,
    finished_at: row.finishedAt,
    position: row.position,
    covered: row.covered ? 1 : 0,
    checked: row.checked,
    total: row.total,
    differing: row.differing,
    repaired: row.repaired,
    failed: row.failed,
  };
}

function fromRow(row: Selectable<VerificationTable>): VerificationRow {
  return {
    dataset: row.dataset,
    number: toNumber(row.number),
    epoch: toNumber(row.epoch),
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    position: row.position,
    covered: toNumber(row.covered) === 1,
    checked: toNumber(row.checked),
    total: toNumber(row.total),
    differing: toNumber(row.differing),
    repaired: toNumber(row.repaired),
    failed: row.failed,
  };
}
