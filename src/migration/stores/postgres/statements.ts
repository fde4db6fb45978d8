/** The SQL over one dataset's table. Names are quoted, values always bound. */
import type { Column, Dataset, StoreRole, Table } from '../../dataset.ts';
import { compareKeys, encodeKey, type KeyField } from '../../key.ts';
import type { Filter, KeyRange } from '../store.ts';
import type { Cell } from './connection.ts';
import { boundOfKey, cellsOfKey, SEPARATOR } from './keys.ts';
import { Params } from './params.ts';
import { arrayOf, keyColumns, quote } from './schema.ts';
import { BOUND, NO_LIMITS, toCell } from './types.ts';

/**
 * What the server thinks a list is long that it has not seen. It plans again for each list that is shorter, because that is cheaper to
 * run; what a list lacks is filled up with what no row has.
 */
const THOUGHT_LENGTH = 10;

/** A row on its way into the table: its cells, in the order of the definition, beside its key. */
export interface Line {
  readonly key: string;
  readonly cells: readonly Cell[];
}

export class Statements {
  readonly table: Table;
  readonly name: string;
  /** All columns, in the order of the definition. */
  readonly columns: string;
  /** As `columns`, of `e` (see `lines`). */
  readonly given: string;
  /** The key columns. */
  readonly keys: readonly string[];
  /** For `order by`. */
  readonly order: string;
  readonly #dataset: Dataset;
  readonly #columns: readonly Column[];
  readonly #keyColumns: readonly Column[];
  readonly #isSettable: readonly boolean[];
  #load: string | null = null;
  #loadOne: string | null = null;

  constructor(dataset: Dataset, role: StoreRole) {
    this.#dataset = dataset;
    this.table = dataset.table(role);
    this.name = quote(this.table.name);
    this.#columns = Object.values(this.table.columns);
    this.#keyColumns = keyColumns(dataset, role);
    this.columns = this.#columns.map(({ name }) => quote(name)).join(', ');
    this.given = this.#columns.map(({ name }) => `e.${quote(name)}`).join(', ');
    this.keys = this.#keyColumns.map(({ name }) => quote(name));
    this.order = this.#keyColumns.map(inOrder).join(', ');
    const settable = new Set(this.#settable());
    this.#isSettable = this.#columns.map(({ name }) => settable.has(quote(name)));
  }

  /** Cells of a row that is not known yet. */
  get noRow(): readonly null[] {
    return this.#columns.map(() => null);
  }

  /** Of a row's cells those that `assignments` binds. */
  settable(cells: readonly Cell[]): readonly Cell[] {
    return cells.filter((_, i) => this.#isSettable[i]);
  }

  /** `on conflict`, if the key has a row already. */
  get onTaken(): { readonly keep: string; readonly replace: string } {
    const conflict = `on conflict (${this.keys.join(', ')})`;
    const set = this.#settable().map((column) => `${column} = excluded.${column}`);
    return { keep: `${conflict} do nothing`, replace: `${conflict} do update set ${set.join(', ')}` };
  }

  /** `from` many rows in a few parameters: the columns as `e`, with the key as `e.crossfade_key` and in the end what `more` has. */
  lines(params: Params, lines: readonly Line[], more: readonly string[] = []): string {
    const lists = this.#columns.map(({ type }, i) =>
      params.add(arrayOf(lines.map(({ cells }) => cells[i] ?? null)), `${BOUND[type]}[]`),
    );
    const keys = params.add(arrayOf(lines.map(({ key }) => key)), 'text[]');
    return `unnest(${[...lists, keys, ...more].join(', ')}) as e(${this.columns}, crossfade_key${more.length > 0 ? ', crossfade_seq' : ''})`;
  }

  /** Removes the rows with these keys. */
  removal(params: Params, keys: readonly string[]): string {
    return `delete from ${this.name} where (${this.keys.join(', ')}) in (select ${this.keys.map((key) => `t.${key}`).join(', ')} from ${this.amongKeys(params, keys)})`;
  }

  /** The values of one row, for `select`. */
  values(params: Params, cells: readonly Cell[]): string {
    return this.#columns.map(({ type }, i) => params.add(cells[i] ?? null, BOUND[type])).join(', ');
  }

  /** For `update`: the columns that are no key get these values. */
  assignments(params: Params, cells: readonly Cell[]): string {
    return this.#columns
      .flatMap(({ name, type }, i) =>
        this.#isSettable[i] ? `${quote(name)} = ${params.add(cells[i] ?? null, BOUND[type])}` : [],
      )
      .join(', ');
  }

  /** The row is this one, to the letter; null is a value. */
  isExactly(params: Params, cells: readonly Cell[]): string {
    return this.#columns
      .map((column, i) => {
        const value = params.add(cells[i] ?? null, column.type === 'json' ? 'text' : BOUND[column.type]);
        if (this.#keyColumns.includes(column)) return `t.${inOrder(column)} = ${value}`;
        // JSON is compared as the text that it is.
        return `t.${quote(column.name)}${column.type === 'json' ? '::text' : ''} is not distinct from ${value}`;
      })
      .join(' and ');
  }

  /** The row of `t` with this key; false where no row here can have it. */
  keyIs(params: Params, key: string): string {
    const cells = cellsOfKey(this.#dataset.keyFields, key);
    return cells === null ? 'false' : this.#compare(params, '=', this.#keyColumns, cells);
  }

  /** `from` that meets the row of each of these keys once, as `t`, however many they are. */
  amongKeys(params: Params, keys: Iterable<string>): string {
    const cells = this.#listsOf(keys);
    const lists = this.#keyColumns.map(({ type }, i) => params.add(cells[i] ?? null, `${BOUND[type]}[]`));
    const on = this.#keyColumns.map((column, i) => `t.${inOrder(column)} = w.k${i}`).join(' and ');
    return `unnest(${lists.join(', ')}) as w(${lists.map((_, i) => `k${i}`).join(', ')}) join ${this.name} t on ${on}`;
  }

  /**
   * The rows with these keys: texts that are put together once, for they are asked with nearly every request. One key has a text of its
   * own, which the server plans once: of a list it thinks that it is long until it sees it, and plans again each time that it is not.
   */
  load(keys: readonly string[]): { readonly sql: string; readonly cells: readonly Cell[] } {
    const [only] = keys;
    const cells = keys.length === 1 && only !== undefined ? cellsOfKey(this.#dataset.keyFields, only) : null;
    if (cells) {
      this.#loadOne ??= `select ${this.columns} from ${this.name} t where ${this.#compare(new Params(), '=', this.#keyColumns, cells)}`;
      return { sql: this.#loadOne, cells };
    }
    this.#load ??= `select ${this.columns} from ${this.amongKeys(new Params(), [])}`;
    return { sql: this.#load, cells: this.#listsOf(keys, THOUGHT_LENGTH) };
  }

  /** A list for each key column, of those keys that a row here can have, each once, and null for what it has less than `least`. */
  #listsOf(keys: Iterable<string>, least = 0): readonly string[] {
    const rows: (readonly string[])[] = [];
    for (const key of new Set(keys)) {
      const cells = cellsOfKey(this.#dataset.keyFields, key);
      if (cells && cells.length > 0) rows.push(cells);
    }
    while (rows.length < least) rows.push([]);
    return this.#keyColumns.map((_, i) => arrayOf(rows.map((row) => row[i] ?? null)));
  }

  /** Rows of `t` in the range that pass the filter. */
  within(params: Params, range: KeyRange, filter?: Filter): string {
    const parts = [
      ...(filter ? [this.#filter(params, filter)] : []),
      ...this.#bound(params, '>', range.after, filter),
      ...this.#bound(params, '<=', range.upTo, filter),
    ];
    return parts.length === 0 ? 'true' : parts.join(' and ');
  }

  #filter(params: Params, { field, value }: Filter): string {
    const column = this.table.columns[field];
    if (!column) throw new RangeError(`no field ${field} to list by`);
    const isKey = this.#keyColumns.includes(column);
    if (value === null) return `t.${quote(column.name)} is null`;
    // No text here has this character.
    if (typeof value === 'string' && value.includes('\0')) return 'false';
    return `t.${isKey ? inOrder(column) : quote(column.name)} = ${params.add(toCell(field, column, value, NO_LIMITS), BOUND[column.type])}`;
  }

  /** With a filter on the first key field that field is settled, and only the rest is compared, which an index can do. */
  #bound(params: Params, operator: '>' | '<=', key: string | null, filter: Filter | undefined): readonly string[] {
    if (key === null) return [];
    const fields = this.#dataset.keyFields;
    const [first, ...rest] = fields;
    if (!first || filter?.field !== first.field || filter.value === null) {
      return [this.#beside(params, operator, fields, key)];
    }
    const [part = '', ...parts] = key.split(SEPARATOR);
    const order = compareKeys(encodeKey([first], { [first.field]: filter.value }), part);
    if (order === 0 && rest.length > 0) return [this.#beside(params, operator, rest, parts.join(SEPARATOR))];
    // Equal here means a key of one field: it is not above itself, and up to and including itself.
    return order > 0 === (operator === '>') ? [] : ['false'];
  }

  /** `fields`: all of the key, or its last ones. */
  #beside(params: Params, operator: '>' | '<=', fields: readonly KeyField[], key: string): string {
    const { cells } = boundOfKey(fields, key);
    return this.#compare(params, operator, this.#keyColumns.slice(-fields.length), cells);
  }

  #compare(params: Params, operator: '=' | '>' | '<=', columns: readonly Column[], cells: readonly string[]): string {
    const compared = columns.slice(0, cells.length);
    const values = compared.map(({ type }, i) => params.add(cells[i] ?? null, BOUND[type]));
    return `(${compared.map((column) => `t.${inOrder(column)}`).join(', ')}) ${operator} (${values.join(', ')})`;
  }

  /** A table of key columns alone sets one of them to what it is. */
  #settable(): readonly string[] {
    const others = this.#columns.filter((column) => !this.#keyColumns.includes(column));
    return (others.length > 0 ? others : this.#keyColumns.slice(0, 1)).map(({ name }) => quote(name));
  }
}

/** A key column as lists are ordered by it. Whatever it was declared with, the index is there (see schema.ts). */
function inOrder({ name, type }: Column): string {
  return `${quote(name)}${type === 'text' ? ' collate "C"' : ''}`;
}
