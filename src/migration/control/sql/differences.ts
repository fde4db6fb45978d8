/** What was found to differ, by key and field. A difference keeps the time at which it was first seen for as long as it is seen again. */
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { ControlStore, Difference, DifferenceKind, FoundDifference } from '../control.ts';
import { isNoAnswer } from '../unanswered.ts';
import { oneOf, toNumber, type Access, type Lock } from './access.ts';
import type { ControlTables, DifferenceTable } from './tables.ts';

const KINDS = ['DIFFERS', 'ONLY_IN_OLD', 'ONLY_IN_NEW', 'UNREADABLE'] as const satisfies readonly DifferenceKind[];
const WHOLE_ROW = '';
/** Keys or rows in one statement: well below every engine's limit on bound parameters. */
const BATCH = 500;

export function differenceTable(access: Access): Pick<ControlStore, 'differences' | 'differenceCount'> {
  return {
    differences: (dataset, after, limit) =>
      access.read(async (db) => {
        const all = of(db, dataset).selectAll();
        const page = after
          ? all.where((eb) =>
              eb.or([eb('key', '>', after.key), eb.and([eb('key', '=', after.key), eb('field', '>', after.field)])]),
            )
          : all;
        return (await page.orderBy('key').orderBy('field').limit(limit).execute()).map(fromRow);
      }),

    differenceCount: (dataset) =>
      access.read(async (db) => {
        const { count } = await of(db, dataset)
          .select((eb) => eb.fn.countAll().as('count'))
          .executeTakeFirstOrThrow();
        return toNumber(count);
      }),
  };
}

export async function upsertDifferences(
  tx: Transaction<ControlTables>,
  dataset: string,
  found: readonly FoundDifference[],
  now: string,
): Promise<void> {
  const rows = found.map((difference) => ({
    dataset,
    key: difference.key,
    field: difference.field ?? WHOLE_ROW,
    kind: difference.kind,
    old_value: difference.old,
    new_value: difference.new,
    first_seen_at: now,
    last_seen_at: now,
  }));
  for (const batch of batches(rows)) {
    await tx
      .insertInto('crossfade_difference')
      .values(batch)
      .onConflict((conflict) =>
        conflict.columns(['dataset', 'key', 'field']).doUpdateSet((eb) => ({
          kind: eb.ref('excluded.kind'),
          old_value: eb.ref('excluded.old_value'),
          new_value: eb.ref('excluded.new_value'),
          last_seen_at: eb.ref('excluded.last_seen_at'),
        })),
      )
      .execute();
  }
}

/** See `ControlStore.noteDifferences`. */
export async function addDifferences(
  tx: Transaction<ControlTables>,
  lock: Lock,
  dataset: string,
  found: readonly FoundDifference[],
  now: string,
): Promise<void> {
  for (const batch of batches(found)) {
    const keys = batch.map(({ key }) => key);
    const known = await lock(of(tx, dataset).select(['key', 'kind']).where('key', 'in', keys)).execute();
    const kinds = new Map(known.map(({ key, kind }) => [key, kind]));
    const added = batch.filter(({ key, kind }) => (kinds.get(key) ?? kind) === kind);
    await upsertDifferences(tx, dataset, added, now);
  }
}

/**
 * Removes all differences of these keys that are not in `found`; returns the keys that differed and do not any more. One of which no more was
 * known than that a store did not answer is not among them: nothing was repaired.
 */
export async function removeOtherDifferences(
  tx: Transaction<ControlTables>,
  lock: Lock,
  dataset: string,
  keys: readonly string[],
  found: readonly FoundDifference[],
): Promise<ReadonlySet<string>> {
  const fields = new Map<string, Set<string>>();
  for (const { key, field } of found) {
    fields.set(key, (fields.get(key) ?? new Set()).add(field ?? WHOLE_ROW));
  }
  const cleared = new Set<string>();
  for (const batch of batches(keys)) {
    const known = await lock(of(tx, dataset).selectAll().where('key', 'in', batch)).execute();
    const gone = new Set<string>();
    for (const difference of known.map(fromRow)) {
      const { key, field } = difference;
      const still = fields.get(key);
      if (!still) gone.add(key);
      if (!still && !couldNotBeSeen(difference)) cleared.add(key);
      if (still && !still.has(field ?? WHOLE_ROW)) await remove(tx, dataset, [key], field ?? WHOLE_ROW);
    }
    if (gone.size > 0) await remove(tx, dataset, [...gone]);
  }
  return cleared;
}

async function remove(tx: Transaction<ControlTables>, dataset: string, keys: readonly string[], field?: string) {
  const rows = tx.deleteFrom('crossfade_difference').where('dataset', '=', dataset).where('key', 'in', keys);
  await (field === undefined ? rows : rows.where('field', '=', field)).execute();
}

function couldNotBeSeen(difference: FoundDifference): boolean {
  return isNoAnswer(difference, difference.old) || isNoAnswer(difference, difference.new);
}

function of(db: Kysely<ControlTables>, dataset: string) {
  return db.selectFrom('crossfade_difference').where('dataset', '=', dataset);
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += BATCH) yield items.slice(start, start + BATCH);
}

function fromRow(row: Selectable<DifferenceTable>): Difference {
  return {
    key: row.key,
    field: row.field === WHOLE_ROW ? null : row.field,
    kind: oneOf(KINDS, row.kind),
    old: row.old_value,
    new: row.new_value,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
  };
}
