/** What a table refuses for good: a row that breaks a constraint stays refused however often it is written. */
import type { Table } from '../../dataset.ts';
import { CrossfadeError, hasCode } from '../../errors.ts';
import { isSqliteError } from './database.ts';

const FOR_GOOD = /^SQLITE_(?:CONSTRAINT|TOOBIG|MISMATCH)/;

/** Why the row is refused, in words for operators, or null: the failure has nothing to do with the row. */
export function refusalOf(error: unknown): string | null {
  if (hasCode(error, 'BAD_USER_INPUT')) return error.message;
  return isSqliteError(error) && FOR_GOOD.test(error.code) ? error.message : null;
}

/** Does the work that writes a row; null, or why the row is refused. Any other failure is thrown. */
export function refused(work: () => void): string | null {
  try {
    work();
    return null;
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === null) throw error;
    return reason;
  }
}

/** Does the work that writes a client's row. A refusal becomes BAD_USER_INPUT, with the field if the constraint tells and without SQL. */
export function orBadInput<T>(table: Table, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === null || hasCode(error, 'BAD_USER_INPUT')) throw error;
    const field = fieldIn(table, reason);
    const message = `${field ?? 'The row'} breaks a rule of the store.`;
    throw new CrossfadeError('BAD_USER_INPUT', { message, cause: error, ...(field === undefined ? {} : { field }) });
  }
}

/** SQLite names the column as `table.column` (UNIQUE, NOT NULL, types). */
function fieldIn(table: Table, reason: string): string | undefined {
  const named = new Set(reason.split(/[\s,]+/));
  return Object.keys(table.columns).find((field) => named.has(`${table.name}.${table.columns[field]?.name}`));
}
