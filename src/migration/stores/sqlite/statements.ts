/** The SQL over one dataset's table. Names are quoted, values always bound. */
import type { Column, Dataset, StoreRole, Table } from '../../dataset.ts';
import { compareKeys, encodeKey, type KeyType } from '../../key.ts';
import type { Filter, KeyRange } from '../store.ts';
import type { Cell } from './connection.ts';
import { cellsOfKey, SEPARATOR, type KeyCell } from './keys.ts';
import { keyColumns, quote } from './schema.ts';
import { toCell } from './types.ts';

/** A condition, or another part of a statement, with what is bound in it. */
export interface Part {
  readonly sql: string;
  readonly cells: readonly Cell[];
}

export class Statements {
  readonly table: Table;
  readonly name: string;
  /** The key columns, in order: `"phone", "event"`. */
  readonly key: string;
  /** All columns, in the order of the definition. */
  readonly columns: string;
  /** As `columns`, but text as its bytes, each followed by its storage class. */
  readonly exactColumns: string;
  readonly insert: string;
  readonly upsert: string;
  /** Bound: the new row, then the row that must be there. */
  readonly replaceExact: string;
  readonly removeExact: string;
  /** Bound: how many. */
  readonly removeSome: string;
  readonly #dataset: Dataset;
  readonly #keyNames: readonly string[];

  constructor(dataset: Dataset, role: StoreRole) {
    this.#dataset = dataset;
    this.table = dataset.table(role);
    const columns = Object.values(this.table.columns);
    const all = columns.map(({ name }) => quote(name));
    const set = all.map((column) => `${column} = excluded.${column}`).join(', ');
    const exact = columns.map(isExactly).join(' and ');
    const values = `(${all.join(', ')}) values (${all.map(() => '?').join(', ')})`;
    this.#keyNames = keyColumns(dataset, role).map(({ name }) => quote(name));
    this.name = quote(this.table.name);
    this.key = this.#keyNames.join(', ');
    this.columns = all.join(', ');
    this.exactColumns = all
      .map((c) => `case typeof(${c}) when 'text' then cast(${c} as blob) else ${c} end, typeof(${c})`)
      .join(', ');
    this.insert = `insert into ${this.name} ${values}`;
    this.upsert = `${this.insert} on conflict (${this.key}) do update set ${set}`;
    this.replaceExact = `update ${this.name} set ${all.map((column) => `${column} = ?`).join(', ')} where ${exact}`;
    this.removeExact = `delete from ${this.name} where ${exact}`;
    this.removeSome = `delete from ${this.name} where (${this.key}) in
      (select ${this.key} from ${this.name} order by ${this.key} limit ?)`;
  }

  /** The row with this key. */
  keyIs(key: string): Part {
    return this.#compare('=', this.#cells(key));
  }

  /** Rows of the range that pass the filter; a row comparison, so that the key's index finds them. */
  within(range: KeyRange, filter?: Filter): Part {
    const parts: Part[] = [];
    if (filter) parts.push(this.#filter(filter));
    parts.push(...this.#bound('>', range.after, filter), ...this.#bound('<=', range.upTo, filter));
    return parts.length === 0 ? { sql: 'true', cells: [] } : and(parts);
  }

  /**
   * A from-clause that meets each of these keys once, however many they are, in one parameter: text travels as the hex of its bytes,
   * which is exact for NUL and for what is no UTF-8. Keys with a cell of another kind can't travel so, and are left out.
   */
  amongKeys(keys: Iterable<string>): Part & { readonly odd: readonly string[] } {
    const odd: string[] = [];
    const rows: string[][] = [];
    for (const key of new Set(keys)) {
      const row = this.#cells(key).map((cell, i) => travelling(cell, this.#dataset.keyFields[i]?.type));
      if (row.includes(null)) odd.push(key);
      else rows.push(row.filter((part) => part !== null));
    }
    const on = this.#dataset.keyFields.map(({ type }, i) => {
      const part = `crossfade_wanted ->> ${i}`;
      return `${this.#keyNames[i]} = ${type === 'text' ? `cast(unhex(${part}) as text)` : `cast(${part} as integer)`}`;
    });
    const sql = `(select value as crossfade_wanted from json_each(?)) cross join ${this.name} on ${on.join(' and ')}`;
    return { sql, cells: [JSON.stringify(rows)], odd };
  }

  #cells(key: string): readonly KeyCell[] {
    return cellsOfKey(this.#dataset.keyFields, key);
  }

  #filter({ field, value }: Filter): Part {
    const column = this.table.columns[field];
    if (!column) throw new RangeError(`no field ${field} to list by`);
    return {
      sql: `${quote(column.name)} ${value === null ? 'is' : '='} ?${collation(column)}`,
      cells: [toCell(field, column, value)],
    };
  }

  /**
   * With a filter on the first key field that field is settled, and only the rest is compared: SQLite would otherwise
   * walk all rows with that value.
   */
  #bound(operator: '>' | '<=', key: string | null, filter: Filter | undefined): readonly Part[] {
    if (key === null) return EVERY_ROW;
    const cells = this.#cells(key);
    const [first] = this.#dataset.keyFields;
    if (!first || filter?.field !== first.field) return [this.#compare(operator, cells)];
    const [part = ''] = key.split(SEPARATOR);
    const order = compareKeys(encodeKey([first], { [first.field]: filter.value }), part);
    if (order === 0 && cells.length > 1) return [this.#compare(operator, cells.slice(1))];
    // Equal here means a key of one field: it is not above itself, and up to and including itself.
    return order > 0 === (operator === '>') ? EVERY_ROW : NO_ROW;
  }

  /** Compares the last key columns, as many as there are cells. */
  #compare(operator: '=' | '>' | '<=', cells: readonly KeyCell[]): Part {
    const columns = this.#keyNames.slice(-cells.length).join(', ');
    const places = cells.map((cell) => ('text' in cell ? 'cast(? as text)' : '?')).join(', ');
    const bound = cells.map((cell) => ('text' in cell ? cell.text : cell.cell));
    return { sql: `(${columns}) ${operator} (${places})`, cells: bound };
  }
}

const EVERY_ROW: readonly Part[] = [];
const NO_ROW: readonly Part[] = [{ sql: 'false', cells: [] }];

export function and(parts: readonly Part[]): Part {
  return { sql: parts.map(({ sql }) => sql).join(' and '), cells: parts.flatMap(({ cells }) => cells) };
}

/** NULL-safe, and letter for letter whatever collation the column was declared with. */
function isExactly(column: Column): string {
  const name = quote(column.name);
  return `${column.type === 'timestamp' ? timeAsCanonical(name) : name} is ?${collation(column)}`;
}

/** A UTC time with its six decimals, whatever number of them (up to six) the cell was written with. */
function timeAsCanonical(name: string): string {
  return `substr(rtrim(${name}, 'Z') || case when instr(${name}, '.') then '000000' else '.000000' end, 1, 26) || 'Z'`;
}

function collation({ type }: Column): string {
  return type === 'integer' || type === 'bigint' || type === 'boolean' ? '' : ' collate binary';
}

function travelling(cell: KeyCell, type: KeyType | undefined): string | null {
  if (type === 'text') return 'text' in cell ? cell.text.toString('hex') : null;
  return 'cell' in cell && typeof cell.cell === 'bigint' ? cell.cell.toString() : null;
}
