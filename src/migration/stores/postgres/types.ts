/**
 * Values in PostgreSQL: text, bigint, numeric, timestamptz, boolean and json, all bound and read in the server's text form, so that
 * no digit passes through a double and no microsecond through a `Date`.
 *
 * A table that somebody else made may hold less than a value says (`numeric(10, 2)`, `timestamptz(3)`, `varchar(5)`), and PostgreSQL
 * rounds and trims without a word. `Limits` are what its columns hold; a value beyond them is refused.
 */
import type { Column, ColumnType, Row, Table, Value } from '../../dataset.ts';
import { badInput } from '../../errors.ts';
import { canonicalFault } from '../canonical.ts';
import { fieldsOf } from '../fields.ts';
import { isSpelt } from '../piece.ts';
import type { Stored } from '../store.ts';
import type { Cell } from './connection.ts';

/** The type as which values of a column are bound. */
export const BOUND: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  integer: 'bigint',
  bigint: 'bigint',
  decimal: 'numeric',
  timestamp: 'timestamptz',
  boolean: 'boolean',
  json: 'json',
};

/** What a column holds: characters of text, digits behind the point of a number, or digits of a second. */
export type Limits = ReadonlyMap<string, number>;
export const NO_LIMITS: Limits = new Map();

/** One spelling for each value, or BAD_USER_INPUT naming the field; in the order of the definition. */
export function toCells(table: Table, row: Row, limits: Limits): readonly Cell[] {
  return fieldsOf(table).map(([field, column]) => toCell(field, column, row[field] ?? null, limits));
}

export function toCell(field: string, column: Column, value: Value, limits: Limits): Cell {
  const fault = canonicalFault(column, value) ?? faultHere(column, value, limits.get(column.name));
  if (fault) throw badInput(field, `${field} ${fault}`);
  return value === null ? null : String(value);
}

function faultHere({ type }: Column, value: Value, limit = Infinity): string | null {
  if (typeof value !== 'string') return null;
  if (type === 'text') {
    if (value.includes('\0')) return 'must not have the character U+0000';
    return value.length > limit && [...value].length > limit ? `must have at most ${limit} characters` : null;
  }
  if (limit === Infinity) return null;
  const digits = decimals(type, value);
  return digits > limit ? `must have at most ${limit} digits behind the point` : null;
}

/** Those that say something. */
function decimals(type: ColumnType, value: string): number {
  const point = value.indexOf('.');
  if (point === -1) return 0;
  if (type === 'decimal') return value.length - point - 1;
  return type === 'timestamp' ? value.slice(point + 1).replace(/0*Z$/, '').length : 0;
}

/** The row, or why it can't be read (naming the column) with what could be, as JSON. */
export function storedOf(key: string, table: Table, cells: readonly Cell[]): Stored {
  const row: Record<string, Value> = {};
  let faults: string[] | null = null;
  let i = 0;
  for (const [field, column] of fieldsOf(table)) {
    const value = valueOf(column, cells[i++] ?? null);
    if (typeof value === 'object' && value !== null) faults = [...(faults ?? []), `${column.name} ${value.fault}`];
    else row[field] = value;
  }
  if (!faults) return { key, row };
  const raw = Object.fromEntries(Object.values(table.columns).map(({ name }, at) => [name, cells[at] ?? null]));
  return { key, unreadable: faults.join('; '), raw: JSON.stringify(raw) };
}

/** What the cell says, or why that is no value of the column. */
export function valueOf(column: Column, cell: Cell): Value | { readonly fault: string } {
  // A time of the server, which knows the calendar, spelt as values are while its bytes were read (copy-rows.ts).
  if (column.type === 'timestamp' && cell !== null && isSpelt(cell)) return cell;
  const value = cell === null ? null : interpret(column.type, cell);
  // PostgreSQL keeps no broken text and no broken JSON; the rest is cheap to check.
  if (value !== null && (column.type === 'text' || column.type === 'json')) return value;
  const fault = canonicalFault(column, value);
  return fault === null ? value : { fault };
}

function interpret(type: ColumnType, cell: string): Value {
  if (type === 'integer') return Number(cell);
  if (type === 'boolean') return cell === 't';
  if (type === 'decimal') return plain(cell);
  return type === 'timestamp' ? instant(cell) : cell;
}

/** `1.50` is 1.5; what is no number (`NaN`) stays as it is. */
function plain(numeric: string): string {
  if (!numeric.includes('.')) return numeric;
  return numeric.replace(/\.?0+$/, '');
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00)?$/;
const SPACE = 0x20;
/** With all six digits of a second: what it is then is checked like any time. */
const WHOLE_LENGTH = '2026-01-31 23:59:59.123456+00'.length;

/** As the server shows it under DateStyle ISO in UTC; what is no time of four-digit years (`infinity`, BC) stays as it is. */
function instant(shown: string): string {
  if (shown.length === WHOLE_LENGTH && shown.charCodeAt(10) === SPACE && shown.endsWith('+00'))
    return `${shown.slice(0, 10)}T${shown.slice(11, 26)}Z`;
  const [, date, time, fraction = ''] = TIMESTAMP.exec(shown) ?? [];
  return date === undefined ? shown : `${date}T${time}.${fraction.padEnd(6, '0')}Z`;
}
