/**
 * Values in SQLite: text, JSON, decimals and timestamps as TEXT, exactly as they are; integers and booleans (0, 1) as INTEGER.
 *
 * SQLite puts any kind of value into any column, and the driver decodes bytes that are no UTF-8 to U+FFFD without a word.
 * So every cell is checked on its way out; a cell that does not hold a value of its column makes its row unreadable.
 */
import type { Column, ColumnType, Row, Table, Value } from '../../dataset.ts';
import { badInput } from '../../errors.ts';
import { canonicalFault } from '../canonical.ts';
import type { Cell } from './connection.ts';

/** TEXT whose bytes are no UTF-8. */
export class InvalidText {
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/** A cell as it was found. */
export type Found = Cell | InvalidText;

/** One spelling for each value, or BAD_USER_INPUT naming the field. */
export function toCells(table: Table, row: Row): readonly Cell[] {
  return Object.entries(table.columns).map(([field, column]) => toCell(field, column, row[field] ?? null));
}

export function toCell(field: string, column: Column, value: Value): Cell {
  const fault = canonicalFault(column, value);
  if (fault) throw badInput(field, `${field} ${fault}`);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (value !== null && isWhole(column.type)) return BigInt(value);
  return value;
}

/** The row, or why it can't be read (naming the column) with what could be, as JSON. */
export function fromCells(
  table: Table,
  cells: readonly Found[],
): { readonly row: Row } | { readonly unreadable: string; readonly raw: string } {
  const row: Record<string, Value> = {};
  const faults: string[] = [];
  for (const [i, [field, column]] of Object.entries(table.columns).entries()) {
    const value = fromCell(column, cells[i] ?? null);
    if (typeof value === 'object' && value !== null) faults.push(`${column.name} ${value.fault}`);
    else row[field] = value;
  }
  if (faults.length === 0) return { row };
  const raw = Object.fromEntries(Object.values(table.columns).map(({ name }, i) => [name, show(cells[i] ?? null)]));
  return { unreadable: faults.join('; '), raw: JSON.stringify(raw) };
}

function fromCell(column: Column, cell: Found): Value | { readonly fault: string } {
  if (cell instanceof InvalidText) return { fault: 'holds bytes that are no UTF-8 text' };
  const value = interpret(column.type, cell);
  if (value === undefined) return { fault: `holds ${storageClass(cell)}, not ${column.type}` };
  const fault = canonicalFault(column, value);
  return fault === null ? value : { fault };
}

/** The value that this storage class stands for in such a column; undefined: none. */
function interpret(type: ColumnType, cell: Cell): Value | undefined {
  if (cell === null) return null;
  if (typeof cell === 'string' && type === 'timestamp') return canonicalTime(cell);
  if (typeof cell === 'string') return isWhole(type) || type === 'boolean' ? undefined : cell;
  if (typeof cell !== 'bigint') return undefined;
  if (type === 'integer') return Number(cell);
  if (type === 'bigint' || type === 'decimal') return cell.toString();
  return type === 'boolean' && (cell === 0n || cell === 1n) ? cell === 1n : undefined;
}

const UTC_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/;

/** Other programs write times with fewer decimals, or none; `timeAsCanonical` in statements.ts says the same in SQL. */
function canonicalTime(text: string): string {
  const [, seconds, decimals = ''] = UTC_TIME.exec(text) ?? [];
  return seconds === undefined ? text : `${seconds}.${decimals.padEnd(6, '0')}Z`;
}

function isWhole(type: ColumnType): type is 'integer' | 'bigint' {
  return type === 'integer' || type === 'bigint';
}

function storageClass(cell: Cell): string {
  if (typeof cell === 'string') return 'text';
  if (typeof cell === 'bigint') return `the integer ${cell}`;
  return typeof cell === 'number' ? `the real number ${cell}` : 'a blob';
}

/** For people and for JSON: bytes as `{"hex": …}`, numbers in digits. */
function show(found: Found): Value | { readonly hex: string } {
  if (found instanceof InvalidText) return { hex: found.bytes.toString('hex') };
  if (Buffer.isBuffer(found)) return { hex: found.toString('hex') };
  return typeof found === 'bigint' || typeof found === 'number' ? String(found) : found;
}

// The driver decodes a byte order mark as a character, and so must this.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** TEXT from its bytes. */
export function decodeText(bytes: Buffer): string | InvalidText {
  try {
    return utf8.decode(bytes);
  } catch {
    return new InvalidText(bytes);
  }
}

/** May the driver have replaced bytes in this cell? */
export function isSuspicious(cell: Cell): boolean {
  return typeof cell === 'string' && cell.includes('\uFFFD');
}
