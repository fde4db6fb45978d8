import type { Cell } from './connection.ts';

/** Names, which may have a question mark in them, and the places of values. */
const PLACES = /`(?:[^`]|``)*`|\?/g;

/**
 * The statement with its values in it, for where it cannot be prepared: prepared ones have their rows in another form. Text is told by its
 * bytes in hex digits, in which nothing needs an escape, whatever the session's settings.
 */
export function withLiterals(sql: string, cells: readonly Cell[]): string {
  let next = 0;
  const statement = sql.replace(PLACES, (found) => (found === '?' ? literal(cells[next++]) : found));
  if (next !== cells.length) throw new RangeError(`${cells.length} values for ${next} places`);
  return statement;
}

function literal(cell: Cell | undefined): string {
  if (cell === undefined) throw new RangeError('a place without a value');
  if (cell === null) return 'null';
  if (typeof cell === 'string') return `_utf8mb4 x'${Buffer.from(cell).toString('hex')}'`;
  return Buffer.isBuffer(cell) ? `x'${cell.toString('hex')}'` : String(cell);
}
