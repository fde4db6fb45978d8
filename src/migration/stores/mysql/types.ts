/**
 * Values in MySQL and MariaDB: text and JSON as text, decimals as DECIMAL, times as DATETIME(6) in UTC, whole numbers and booleans
 * (0, 1) as integers.
 *
 * The server is told to be strict, and still cuts and rounds without a word: decimals beyond a column's scale, spaces beyond its
 * length. What a column would not keep is therefore refused here, by what the table's columns are found to be.
 */
import type { Column, Row, Table, Value } from '../../dataset.ts';
import { badInput } from '../../errors.ts';
import { canonicalFault } from '../canonical.ts';
import { fieldsOf } from '../fields.ts';
import { isSpelt, type ShownCell } from '../piece.ts';
import type { Stored } from '../store.ts';
import type { Cell } from './connection.ts';

/** What a column has room for; null: no limit of this kind. */
export interface Room {
  readonly characters: number | null;
  readonly bytes: number | null;
  /** Digits before and behind the decimal point. */
  readonly digits: readonly [whole: number, part: number] | null;
}

export interface TableFacts {
  /** By column name. */
  readonly room: ReadonlyMap<string, Room>;
  /** The primary key is the dataset's key, and nothing else is unique. */
  readonly onlyKeyIsUnique: boolean;
  /** Bytes that may be sent in one statement. */
  readonly statementBytes: number;
}

/** Bytes of a statement that are no values, and those before each value. */
const OVERHEAD = 16_384;
const PER_CELL = 16;

/** One spelling for each value, or BAD_USER_INPUT naming the field. */
export function toCells(table: Table, row: Row, facts: TableFacts): readonly Cell[] {
  const cells = fieldsOf(table).map(([field, column]) => {
    const value = row[field] ?? null;
    const cell = toCell(field, column, value);
    const fault = roomFault(facts.room.get(column.name), value);
    if (fault) throw badInput(field, `${field} ${fault}`);
    return cell;
  });
  // A change binds two rows, the one that is expected and the new one.
  if (!fits(cells, facts.statementBytes / 2)) {
    const sizes = cells.map((cell) => bytesOf([cell]));
    const field = Object.keys(table.columns)[sizes.indexOf(Math.max(...sizes))] ?? '';
    throw badInput(field, `${field} must be shorter: the server takes ${facts.statementBytes} bytes at once`);
  }
  return cells;
}

export function toCell(field: string, column: Column, value: Value): Cell {
  const fault = canonicalFault(column, value);
  if (fault) throw badInput(field, `${field} ${fault}`);
  if (value === null) return null;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (column.type === 'integer' || column.type === 'bigint') return BigInt(value);
  return column.type === 'timestamp' ? String(value).replace('T', ' ').replace('Z', '') : value;
}

/** Of what a statement may hold. */
export function statementBytes(maxPacket: number): number {
  return Math.max(maxPacket - OVERHEAD, OVERHEAD);
}

export function bytesOf(cells: readonly Cell[]): number {
  let bytes = 0;
  for (const cell of cells)
    bytes += PER_CELL + (typeof cell === 'string' || Buffer.isBuffer(cell) ? Buffer.byteLength(cell) : 0);
  return bytes;
}

/** A UTF-16 unit takes so many bytes at most. */
const MOST_BYTES = 3;

/** As many bytes as that, by a look at lengths if that tells. */
function fits(cells: readonly Cell[], bytes: number): boolean {
  let most = 0;
  for (const cell of cells)
    most += PER_CELL + (typeof cell === 'string' || Buffer.isBuffer(cell) ? cell.length * MOST_BYTES : 0);
  return most <= bytes || bytesOf(cells) <= bytes;
}

/** What the cell says, as the protocol's text form shows it, or why that is no value of the column. */
export function valueOf(column: Column, cell: ShownCell): Value | { readonly fault: string } {
  const value = fromCell(column, column.type === 'timestamp' ? speltTime(cell) : cell);
  const fault = isSound(column, value) ? null : canonicalFault(column, value);
  return fault === null ? value : { fault };
}

/** A time as values are spelt, and as the server spells it for a page (statements.ts). */
export function speltTime(cell: ShownCell): ShownCell {
  return cell === null || isSpelt(cell) ? cell : `${cell.replace(' ', 'T')}Z`;
}

/** Of cells that are bytes (see `decodedWhole`). */
const NO_TEXT = 'must be text of whole Unicode characters';

/** The row, or why it can't be read (naming the column) with what could be, as JSON. */
export function storedOf(key: string, table: Table, cells: readonly Cell[]): Stored {
  const row: Record<string, Value> = {};
  let faults: string[] | null = null;
  let i = 0;
  for (const [field, column] of fieldsOf(table)) {
    const cell = cells[i++] ?? null;
    const value = fromCell(column, cell);
    const fault = Buffer.isBuffer(cell) ? NO_TEXT : isSound(column, value) ? null : canonicalFault(column, value);
    if (fault === null) row[field] = value;
    else faults = [...(faults ?? []), `${column.name} ${fault}`];
  }
  if (!faults) return { key, row };
  const raw = Object.fromEntries(Object.values(table.columns).map(({ name }, at) => [name, show(cells[at] ?? null)]));
  return { key, unreadable: faults.join('; '), raw: JSON.stringify(raw) };
}

const TIME_LENGTH = '2026-01-31T23:59:59.123456Z'.length;
const ZERO = 0x30;
/** Every month has so many days. */
const SURE_DAYS = 28;

/**
 * What nobody has to look at again: text was decoded, so that it is whole, and a time was spelt by the server (statements.ts), which may
 * hold days that no calendar has, and nothing else that is no time. False: it is to be checked.
 */
function isSound({ type }: Column, value: Value): boolean {
  if (typeof value !== 'string') return false;
  if (type === 'text') return true;
  if (type !== 'timestamp' || value.length !== TIME_LENGTH) return false;
  const month = (value.charCodeAt(5) - ZERO) * 10 + value.charCodeAt(6) - ZERO;
  const day = (value.charCodeAt(8) - ZERO) * 10 + value.charCodeAt(9) - ZERO;
  return month >= 1 && month <= 12 && day >= 1 && day <= SURE_DAYS;
}

function fromCell({ type }: Column, cell: Cell): Value {
  if (cell === null) return null;
  const shown = typeof cell === 'string' ? cell : show(cell);
  if (type === 'integer') return Number(shown);
  if (type === 'boolean') return shown === '0' || shown === '1' ? shown === '1' : shown;
  if (type === 'decimal') return withoutZeros(shown);
  return shown;
}

function show(cell: Exclude<Cell, null>): string;
function show(cell: Cell): string | null;
function show(cell: Cell): string | null {
  if (cell === null) return null;
  return Buffer.isBuffer(cell) ? `0x${cell.toString('hex')}` : String(cell);
}

/** A column declared ZEROFILL has zeros before the number too. */
function withoutZeros(decimal: string): string {
  const behind = decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
  const short = behind.length > 1 && behind.charCodeAt(0) === ZERO ? behind.replace(/^0+(?=\d)/, '') : behind;
  return short === '-0' ? '0' : short;
}

function roomFault(room: Room | undefined, value: Value): string | null {
  if (!room || typeof value !== 'string') return null;
  const { characters, bytes, digits } = room;
  if (characters !== null && value.length > characters && [...value].length > characters) {
    return `must have ${characters} characters at most`;
  }
  if (bytes !== null && value.length * 3 > bytes && Buffer.byteLength(value) > bytes) {
    return `must have ${bytes} bytes at most`;
  }
  if (digits === null) return null;
  const [whole = '', part = ''] = value.replace('-', '').split('.');
  if (whole.length <= Math.max(digits[0], 1) && part.length <= digits[1]) return null;
  return `must have ${digits[0]} digits before and ${digits[1]} behind the decimal point at most`;
}
