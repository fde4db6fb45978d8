/** The ranges of a run of verify. Each moves by compare-and-set: of two that go on from one position one wins. */
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { RangeStep, VerificationRange, VerificationRow } from '../control.ts';
import { toNumber } from './access.ts';
import type { ControlTables, VerificationRangeTable } from './tables.ts';

export async function rangesOf(
  db: Kysely<ControlTables>,
  { dataset, number }: VerificationRow,
): Promise<readonly VerificationRange[]> {
  const all = db.selectFrom('crossfade_verification_range').selectAll();
  const found = await all.where('dataset', '=', dataset).where('number', '=', number).orderBy('part').execute();
  return found.map(fromRow);
}

/** Ranges without a gap: one up to each cut, one above the last. */
export async function addRanges(
  tx: Transaction<ControlTables>,
  { dataset, number }: VerificationRow,
  cuts: readonly string[],
): Promise<void> {
  const rows = [...cuts, null].map((upTo, part) => ({
    dataset,
    number,
    part,
    above: cuts[part - 1] ?? null,
    up_to: upTo,
    position: null,
    covered: 0,
  }));
  await tx.insertInto('crossfade_verification_range').values(rows).execute();
}

/** false: the range is not as in `from` any more. */
export async function moveRange(
  tx: Transaction<ControlTables>,
  { dataset, number }: VerificationRow,
  from: VerificationRange,
  { position, covered }: RangeStep,
): Promise<boolean> {
  const result = await tx
    .updateTable('crossfade_verification_range')
    .set({ position, covered: covered ? 1 : 0 })
    .where('dataset', '=', dataset)
    .where('number', '=', number)
    .where('part', '=', from.part)
    .where('covered', '=', 0)
    .where((eb) => {
      const same = (column: 'above' | 'up_to' | 'position', value: string | null) =>
        value === null ? eb(column, 'is', null) : eb(column, '=', value);
      return eb.and([same('above', from.after), same('up_to', from.upTo), same('position', from.position)]);
    })
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

function fromRow(row: Selectable<VerificationRangeTable>): VerificationRange {
  return {
    part: toNumber(row.part),
    after: row.above,
    upTo: row.up_to,
    position: row.position,
    covered: toNumber(row.covered) === 1,
  };
}
