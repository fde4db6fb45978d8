/** What a table refuses for good: a row that breaks a constraint stays refused however often it is written. */
import { DatabaseError } from 'pg';
import type { Table } from '../../dataset.ts';
import { CrossfadeError, hasCode } from '../../errors.ts';
import { DriverFailure } from './codes.ts';

/** Why the row is refused, in words for operators, or null: the failure has nothing to do with the row. */
export function refusalOf(error: unknown): string | null {
  if (hasCode(error, 'BAD_USER_INPUT')) return error.message;
  return error instanceof DriverFailure && error.meaning === 'REFUSED' ? error.message : null;
}

/** Does work that makes a row, without the database; null, or why the row is refused. Any other failure is thrown. */
export function attempt<T>(work: () => T): { readonly made: T } | { readonly reason: string } {
  try {
    return { made: work() };
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === null) throw error;
    return { reason };
  }
}

/** A refusal of a client's row: BAD_USER_INPUT, with the field if the constraint tells and without SQL. */
export function badRow(table: Table, failure: DriverFailure): CrossfadeError {
  const { cause } = failure;
  const column = cause instanceof DatabaseError && cause.table === table.name ? cause.column : undefined;
  const field = Object.keys(table.columns).find((name) => table.columns[name]?.name === column);
  const message = `${field ?? 'The row'} breaks a rule of the store.`;
  return new CrossfadeError('BAD_USER_INPUT', { message, cause, ...(field === undefined ? {} : { field }) });
}

/**
 * Writes these items as few statements as it can, inside a transaction: all at once, and where that is refused each half by itself,
 * down to the items that are refused alone. `together`: may these be in one statement?
 */
export async function settle<T>(
  items: readonly T[],
  write: (items: readonly T[]) => Promise<void>,
  savepoint: (work: () => Promise<void>) => Promise<void>,
  together: (items: readonly T[]) => boolean = () => true,
): Promise<readonly { readonly item: T; readonly reason: string }[]> {
  const [first] = items;
  if (first === undefined) return [];
  if (items.length === 1 || together(items)) {
    try {
      await savepoint(() => write(items));
      return [];
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === null) throw error;
      if (items.length === 1) return [{ item: first, reason }];
    }
  }
  const half = Math.ceil(items.length / 2);
  const lower = await settle(items.slice(0, half), write, savepoint, together);
  return [...lower, ...(await settle(items.slice(half), write, savepoint, together))];
}
