/** What a table refuses for good: a row that breaks a constraint stays refused however often it is written. */
import type { Table } from '../../dataset.ts';
import { CrossfadeError, hasCode } from '../../errors.ts';
import { Failure } from './database.ts';

/** Why the row is refused, in words for operators, or null: the failure has nothing to do with the row. */
export function refusalOf(error: unknown): string | null {
  if (hasCode(error, 'BAD_USER_INPUT')) return error.message;
  return error instanceof Failure && error.kind === 'REFUSED' ? error.message : null;
}

/** Does the work that writes rows; null, or why they are refused. Any other failure is thrown. */
export async function refused(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === null) throw error;
    return reason;
  }
}

/** A client's row that is refused, as BAD_USER_INPUT: with the field if the constraint tells and without SQL. */
export function badRow(table: Table, error: unknown): CrossfadeError {
  if (hasCode(error, 'BAD_USER_INPUT')) return error;
  const field = fieldIn(table, refusalOf(error) ?? '');
  const message = `${field ?? 'The row'} breaks a rule of the store.`;
  return new CrossfadeError('BAD_USER_INPUT', { message, cause: error, ...(field === undefined ? {} : { field }) });
}

/** The servers name a column as `'answer'` or as `` `database`.`table`.`answer` ``. */
function fieldIn(table: Table, reason: string): string | undefined {
  const [, named] = /[Cc]olumn:? (?:'|(?:`[^`]+`\.)*`)([^'`]+)['`]/.exec(reason) ?? [];
  return Object.keys(table.columns).find((field) => table.columns[field]?.name === named);
}
