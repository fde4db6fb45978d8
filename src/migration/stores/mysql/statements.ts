/** The SQL over one dataset's table. Names are quoted, values always bound. */
import type { Column, Dataset, StoreRole, Table } from '../../dataset.ts';
import type { Filter, KeyRange } from '../store.ts';
import type { Cell } from './connection.ts';
import { cellsOfKey } from './keys.ts';
import { keyColumns, quote } from './schema.ts';
import { toCell } from './types.ts';

/** A condition, or another part of a statement, with what is bound in it. */
export interface Part {
  readonly sql: string;
  readonly cells: readonly Cell[];
}

/** Rows in one statement: more gain nothing. A power of two, as all sizes of batches are. */
const MOST_ROWS = 512;

export class Statements {
  readonly table: Table;
  readonly name: string;
  /** The key columns, in order. */
  readonly key: string;
  /** All columns, in the order of the definition. */
  readonly columns: string;
  /** As `columns`, times spelt as values are: the driver takes long to put one together, and it would have to be spelt again. */
  readonly spelt: string;
  /** As `spelt`, text as its bytes: of rows in which the driver found what is no character. */
  readonly inBytes: string;
  /** The update of one row. Bound: the new row without its key, then the key. */
  readonly replaceByKey: string;
  /** Bound: the new row without its key, then the row that must be there. */
  readonly replaceExact: string;
  readonly removeExact: string;
  /** Bound: how many. */
  readonly removeSome: string;
  /** Of lines that the client sends. A row that is not new is left out, with a warning. */
  readonly load: string;
  readonly #dataset: Dataset;
  readonly #keyNames: readonly string[];
  readonly #values: string;
  readonly #overwrite: string;
  /** Where the cells that are no key are among those of a row. */
  readonly #restAt: readonly number[];

  constructor(dataset: Dataset, role: StoreRole) {
    this.#dataset = dataset;
    this.table = dataset.table(role);
    const columns = Object.values(this.table.columns);
    const key = keyColumns(dataset, role);
    const rest = columns.filter((column) => !key.includes(column));
    const first = quote(key[0]?.name ?? '');
    const exact = columns
      .map((column) => (key.includes(column) ? `${quote(column.name)} = ?` : isExactly(column)))
      .join(' and ');
    const set = rest.map(({ name }) => `${quote(name)} = ?`).join(', ') || `${first} = ${first}`;
    this.#restAt = rest.map((column) => columns.indexOf(column));
    this.#keyNames = key.map(({ name }) => quote(name));
    this.#values = `(${columns.map(() => '?').join(', ')})`;
    this.#overwrite =
      rest.map(({ name }) => `${quote(name)} = values(${quote(name)})`).join(', ') || `${first} = ${first}`;
    this.name = quote(this.table.name);
    this.key = this.#keyNames.join(', ');
    this.columns = columns.map(({ name }) => quote(name)).join(', ');
    this.spelt = columns.map(spelt).join(', ');
    this.inBytes = columns.map((column) => (isText(column) ? bytesOfText(column) : spelt(column))).join(', ');
    this.replaceByKey = `update ${this.name} set ${set} where ${this.#keyNames.map((name) => `${name} = ?`).join(' and ')}`;
    this.replaceExact = `update ${this.name} set ${set} where ${exact}`;
    this.removeExact = `delete from ${this.name} where ${exact}`;
    this.load = `load data local infile 'rows' into table ${this.name} character set utf8mb4
      fields terminated by '\\t' escaped by '\\\\' lines terminated by '\\n' (${this.columns})`;
    this.removeSome = `delete from ${this.name} order by ${this.key} limit ?`;
  }

  insert(rows: readonly (readonly Cell[])[]): Part {
    const values = rows.map(() => this.#values).join(', ');
    return { sql: `insert into ${this.name} (${this.columns}) values ${values}`, cells: rows.flat() };
  }

  /** Right only where nothing but the key is unique: it would change the row that is in the way, whichever that is. */
  upsert(rows: readonly (readonly Cell[])[]): Part {
    const { sql, cells } = this.insert(rows);
    return { sql: `${sql} on duplicate key update ${this.#overwrite}`, cells };
  }

  /** Of one row, if the query has a row: its values with it. */
  insertFrom(cells: readonly Cell[], from: Part): Part {
    const values = cells.map(() => '?').join(', ');
    return {
      sql: `insert into ${this.name} (${this.columns}) select ${values} ${from.sql}`,
      cells: [...cells, ...from.cells],
    };
  }

  /** A row's cells but for its key. */
  rest(cells: readonly Cell[]): readonly Cell[] {
    return this.#restAt.map((i) => cells[i] ?? null);
  }

  /** The row with this key. */
  keyIs(key: string): Part {
    return equal(this.#keyNames, this.#cells(key));
  }

  /**
   * The rows with these keys, of which there is one at least; each key is met once. Of one key without IN: MariaDB goes through the whole
   * table, and locks it, to delete where `(a, b) IN ((?, ?))`; with two keys in the list it takes the index.
   */
  among(keys: readonly string[]): Part {
    const all = padded(keys).map((key) => this.#cells(key));
    const [only] = all;
    if (only && all.length === 1) return equal(this.#keyNames, only);
    const one = this.#keyNames.length === 1 ? '?' : `(${this.#keyNames.map(() => '?').join(', ')})`;
    const names = this.#keyNames.length === 1 ? this.key : `(${this.key})`;
    return { sql: `${names} in (${all.map(() => one).join(', ')})`, cells: all.flat() };
  }

  /** Rows of the range that pass the filter, in a form that the key's index can find. */
  within(range: KeyRange, filter?: Filter): Part {
    const parts: Part[] = [];
    if (filter) parts.push(this.#filter(filter));
    if (range.after !== null) parts.push(beyond('>', this.#keyNames, this.#cells(range.after)));
    if (range.upTo !== null) parts.push(beyond('<', this.#keyNames, this.#cells(range.upTo)));
    return parts.length === 0 ? { sql: 'true', cells: [] } : and(parts);
  }

  #cells(key: string): readonly Cell[] {
    return cellsOfKey(this.#dataset.keyFields, key);
  }

  #filter({ field, value }: Filter): Part {
    const column = this.table.columns[field];
    if (!column) throw new RangeError(`no field ${field} to list by`);
    const cell = toCell(field, column, value);
    const isKey = this.#dataset.definition.key.includes(field);
    if (isKey) return { sql: `${quote(column.name)} = ?`, cells: [cell] };
    if (cell === null) return { sql: `${quote(column.name)} is null`, cells: [] };
    // The first finds rows by the index, also too many; the second tells letters apart whatever the column's collation.
    return { sql: `(${quote(column.name)} = ${typed(column)} and ${isExactly(column)})`, cells: [cell, cell] };
  }
}

export function and(parts: readonly Part[]): Part {
  return { sql: parts.map(({ sql }) => sql).join(' and '), cells: parts.flatMap(({ cells }) => cells) };
}

/** Items in runs whose sizes are powers of two, each with no more bytes than may be sent (but one item at least). */
export function batches<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  mostBytes: number,
): readonly (readonly T[])[] {
  const runs: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    const run = runs.at(-1);
    if (run && run.length < MOST_ROWS && bytes + size <= mostBytes) {
      run.push(item);
      bytes += size;
    } else {
      runs.push([item]);
      bytes = size;
    }
  }
  return runs.flatMap(inPowersOfTwo);
}

function inPowersOfTwo<T>(items: readonly T[]): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let at = 0; at < items.length;) {
    const size = 2 ** Math.floor(Math.log2(items.length - at));
    parts.push(items.slice(at, at + size));
    at += size;
  }
  return parts;
}

/** The items once each, the last one repeated until their number is a power of two: so there are few different statements. */
export function padded<T>(items: readonly T[]): readonly T[] {
  const once = [...new Set(items)];
  const last = once.slice(-1);
  const size = 2 ** Math.ceil(Math.log2(once.length));
  return [...once, ...Array.from({ length: size - once.length }, () => last).flat()];
}

function equal(columns: readonly string[], cells: readonly Cell[]): Part {
  return { sql: columns.map((column) => `${column} = ?`).join(' and '), cells };
}

/** Above these cells, or below and equal. Written out, because a comparison of rows is not looked up in an index. */
function beyond(side: '>' | '<', columns: readonly string[], cells: readonly Cell[]): Part {
  const [column = '', ...columnsLeft] = columns;
  const [cell = null, ...cellsLeft] = cells;
  if (columnsLeft.length === 0) return { sql: `${column} ${side === '<' ? '<=' : '>'} ?`, cells: [cell] };
  const then = beyond(side, columnsLeft, cellsLeft);
  return { sql: `(${column} ${side} ? or (${column} = ? and ${then.sql}))`, cells: [cell, cell, ...then.cells] };
}

function spelt({ name, type }: Column): string {
  return type === 'timestamp' ? `date_format(${quote(name)}, '%Y-%m-%dT%H:%i:%s.%fZ')` : quote(name);
}

function isText({ type }: Column): boolean {
  return type === 'text' || type === 'json';
}

function bytesOfText({ name }: Column): string {
  return `cast(convert(${quote(name)} using utf8mb4) as binary)`;
}

/** NULL-safe, and letter for letter whatever the column's collation and character set. */
function isExactly(column: Column): string {
  if (!isText(column)) return `${quote(column.name)} <=> ${typed(column)}`;
  return `${bytesOfText(column)} <=> cast(? as binary)`;
}

/** Text that is compared with a number or a time would be compared as a double or as text. */
function typed({ type }: Column): string {
  if (type === 'decimal') return 'cast(? as decimal(65, 30))';
  return type === 'timestamp' ? 'cast(? as datetime(6))' : '?';
}
