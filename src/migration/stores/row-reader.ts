/**
 * Rows out of the bytes that a server sends, with their digest: where the bytes of a cell are those of its value, they are hashed before they
 * are text.
 */
import type { ColumnType, Dataset, StoreRole, Value } from '../dataset.ts';
import { know, RowHasher } from '../digest.ts';
import { encodeParts, SEPARATOR } from '../key.ts';
import { fieldsOf } from './fields.ts';
import { END, isSpelt, type Form, type Kinds, type Piece, type SentCell, type ShownCell } from './piece.ts';
import { PART_ROWS, type Stored } from './store.ts';

/** What the server shows is what the value is. */
const SAME_BYTES: readonly ColumnType[] = ['text', 'json', 'bigint'];
const WHOLES: readonly ColumnType[] = ['integer', 'bigint', 'boolean'];

export class RowReader {
  readonly #form: Form;
  readonly #dataset: Dataset;
  readonly #table: ReturnType<Dataset['table']>;
  readonly #fields: ReturnType<typeof fieldsOf>;
  readonly #kinds: Kinds;
  readonly #timesAt: readonly boolean[];
  readonly #sameBytes: readonly boolean[];
  /** Where the key fields are among the columns. */
  readonly #keyAt: readonly number[];
  readonly #textKey: boolean;
  /** A row without values: to fill its copy takes less than to make one field by field. */
  readonly #blank: Readonly<Record<string, Value>>;
  /** Of the row before: where its cells are in the piece, and what they say. A cell that says the same is that text, which was looked up before. */
  readonly #before: { readonly froms: Int32Array; readonly tos: Int32Array; readonly cells: SentCell[] };
  #part: Stored[] = [];
  #hasher = new RowHasher();

  constructor(form: Form, dataset: Dataset, role: StoreRole) {
    this.#form = form;
    this.#dataset = dataset;
    this.#table = dataset.table(role);
    this.#fields = fieldsOf(this.#table);
    this.#timesAt = this.#fields.map(([, { type }]) => type === 'timestamp');
    this.#kinds = { timesAt: this.#timesAt, wholesAt: this.#fields.map(([, { type }]) => WHOLES.includes(type)) };
    this.#sameBytes = this.#fields.map(([, { type }]) => SAME_BYTES.includes(type));
    this.#keyAt = dataset.keyFields.map(({ field }) => this.#fields.findIndex(([name]) => name === field));
    this.#blank = Object.fromEntries(this.#fields.map(([field]) => [field, null]));
    const { length } = this.#fields;
    this.#before = { froms: new Int32Array(length), tos: new Int32Array(length), cells: [] };
    this.#textKey = dataset.keyFields.every(({ type }) => type === 'text');
  }

  /** Parts that became full with these messages, each with its digest known. */
  take(messages: Buffer): readonly (readonly Stored[])[] {
    const full: (readonly Stored[])[] = [];
    this.#form.eachPiece(messages, this.#kinds, (piece) => {
      this.#before.tos.fill(0);
      for (let i = 0; i < piece.count; i += (this.#fields.length + 1) * 2) {
        this.#part.push(this.#row(piece, i));
        if (this.#part.length === PART_ROWS) full.push(this.rest());
      }
    });
    return full;
  }

  /** The last part, which may be empty. */
  rest(): readonly Stored[] {
    const part = this.#part;
    know(part, this.#hasher);
    this.#part = [];
    this.#hasher = new RowHasher();
    return part;
  }

  #row(piece: Piece, first: number): Stored {
    const hasher = this.#hasher;
    const row: Record<string, Value> = { ...this.#blank };
    hasher.begin();
    let i = first;
    let column = 0;
    for (const [field, definition] of this.#fields) {
      const from = piece.marks[i] ?? 0;
      const to = piece.marks[i + 1] ?? 0;
      if (from === END) throw new TypeError('a row with too few cells');
      const cell = this.#cell(piece, column, i);
      if (typeof cell === 'object' && cell !== null) return this.#unreadable(piece, first);
      const value = this.#form.valueOf(definition, cell);
      if (typeof value === 'object' && value !== null) return this.#unreadable(piece, first);
      row[field] = value;
      const same = this.#sameBytes[column] || (this.#timesAt[column] && cell !== null && isSpelt(cell));
      if (same && to >= 0) hasher.bytes(piece.bytes, from, to);
      else hasher.value(value);
      i += 2;
      column++;
    }
    if (piece.marks[i] !== END) throw new TypeError('a row with too many cells');
    hasher.end();
    return { key: this.#key(piece, first), row };
  }

  #cell(piece: Piece, column: number, i: number): SentCell {
    const { bytes, marks } = piece;
    const { froms, tos, cells } = this.#before;
    const from = marks[i] ?? 0;
    const to = marks[i + 1] ?? 0;
    const length = to - from;
    let same = (tos[column] ?? 0) - (froms[column] ?? 0) === length && length > 0;
    // What differs, differs at its end most of the time.
    for (let at = to - 1, other = (tos[column] ?? 0) - 1; same && at >= from; at--, other--) {
      same = bytes[at] === bytes[other];
    }
    froms[column] = from;
    tos[column] = to;
    return same ? (cells[column] ?? null) : (cells[column] = this.#form.cellAt(piece, i));
  }

  #unreadable(piece: Piece, first: number): Stored {
    // As a page shows them, and the server: of a row that is unreadable that is what is told and hashed.
    const cells = this.#fields.map((_, column) => {
      const cell = this.#form.cellAt(piece, first + column * 2);
      return this.#timesAt[column] && !Buffer.isBuffer(cell) ? this.#form.timeInPage(cell) : cell;
    });
    const stored = this.#form.storedOf(this.#key(piece, first), this.#table, cells);
    if ('row' in stored) throw new TypeError('a row that can be read after all');
    this.#hasher.addUnreadable(stored);
    return stored;
  }

  #key(piece: Piece, first: number): string {
    if (!this.#textKey || !this.#keyAt.every((at) => (piece.marks[first + at * 2 + 1] ?? END) >= 0)) {
      return encodeParts(
        this.#dataset.keyFields,
        this.#keyAt.map((at) => textOf(this.#form.cellAt(piece, first + at * 2))),
      );
    }
    // Nothing in it is written otherwise in a key.
    let key = '';
    for (const at of this.#keyAt) {
      const cell = piece.text.substring(piece.marks[first + at * 2] ?? 0, piece.marks[first + at * 2 + 1] ?? 0);
      key = key === '' && at === this.#keyAt[0] ? cell : key + SEPARATOR + cell;
    }
    return key;
  }
}

/** Instead of what is no character, the sign for that. */
function textOf(cell: SentCell): ShownCell {
  return Buffer.isBuffer(cell) ? cell.toString() : cell;
}
