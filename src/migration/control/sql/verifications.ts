/** Runs of verify: what is covered of their ranges is durable, so that another process goes on, and of two that go on from one position one wins. */
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { ControlStore, VerificationRange, VerificationRow } from '../control.ts';
import { coversEverything } from '../coverage.ts';
import { toNumber, type Access, type Lock } from './access.ts';
import { addDifferences, removeOtherDifferences, upsertDifferences } from './differences.ts';
import { addRanges, moveRange, rangesOf } from './ranges.ts';
import type { ControlTables, VerificationTable } from './tables.ts';

export function verifications(
  access: Access,
): Pick<
  ControlStore,
  | 'verification'
  | 'startVerification'
  | 'verificationRanges'
  | 'splitVerification'
  | 'advanceVerification'
  | 'failVerification'
  | 'settleDifferences'
  | 'noteDifferences'
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
        await tx.deleteFrom('crossfade_verification_range').where('dataset', '=', row.dataset).execute();
        return started;
      }),

    verificationRanges: (of) => access.read((db) => rangesOf(db, of)),

    splitVerification: (of, cuts) =>
      access.write(async (tx, lock) => {
        const now = await stillRunning(tx, lock, of);
        if (!now || (await rangesOf(tx, of)).length > 0) return false;
        await addRanges(tx, of, cuts);
        // Of a run that an earlier release began and covered in part: it is all gone over again.
        await change(tx, { ...now, checked: 0, differing: 0 });
        return true;
      }),

    advanceVerification: (of, from, step, found) =>
      access.write(async (tx, lock) => {
        const now = await stillRunning(tx, lock, of);
        if (!now || !(await moveRange(tx, of, from, step))) return null;
        const moved = { ...now, checked: now.checked + step.checked, differing: now.differing + step.differing };
        const next = step.covered ? ended(moved, await rangesOf(tx, of), access.time()) : moved;
        await change(tx, next);
        await upsertDifferences(tx, of.dataset, found, access.time());
        return next;
      }),

    failVerification: (of, failed) =>
      access.write(async (tx, lock) => {
        const now = await stillRunning(tx, lock, of);
        if (now) await change(tx, { ...now, failed, finishedAt: access.time() });
        return now !== null;
      }),

    settleDifferences: (dataset, keys, found) =>
      access.write(async (tx, lock) => {
        const newest = await newestVerification(tx, dataset, lock);
        const cleared = await removeOtherDifferences(tx, lock, dataset, keys, found);
        await upsertDifferences(tx, dataset, found, access.time());
        if (!newest || cleared.size === 0) return;
        await change(tx, { ...newest, repaired: newest.repaired + cleared.size });
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

/** The run as it stands, locked until the transaction ends; null: it has ended, or is another one. */
async function stillRunning(
  tx: Transaction<ControlTables>,
  lock: Lock,
  { dataset, number, epoch }: VerificationRow,
): Promise<VerificationRow | null> {
  const newest = await newestVerification(tx, dataset, lock);
  if (newest?.number !== number || newest.epoch !== epoch) return null;
  return isRunning(newest) ? newest : null;
}

/** What becomes of the run when one more of its ranges is covered. */
function ended(run: VerificationRow, ranges: readonly VerificationRange[], finishedAt: string): VerificationRow {
  if (!ranges.every(({ covered }) => covered)) return run;
  if (coversEverything(ranges)) return { ...run, covered: true, finishedAt };
  return { ...run, failed: 'the ranges that were compared leave keys out', finishedAt };
}

async function change(tx: Transaction<ControlTables>, row: VerificationRow): Promise<void> {
  await tx
    .updateTable('crossfade_verification')
    .set(toRow(row))
    .where('dataset', '=', row.dataset)
    .where('number', '=', row.number)
    .execute();
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
    covered: toNumber(row.covered) === 1,
    checked: toNumber(row.checked),
    total: toNumber(row.total),
    differing: toNumber(row.differing),
    repaired: toNumber(row.repaired),
    failed: row.failed,
  };
}
