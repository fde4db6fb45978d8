/**
 * Rows out of what COPY sends, with their digest: where the bytes of a cell are those of its value, they are hashed before they are text.
 */
import type { ColumnType, Dataset, StoreRole, Value } from '../../dataset.ts';
import { know, RowHasher } from '../../digest.ts';
import { fieldsOf } from '../fields.ts';
import { PART_ROWS, type Stored } from '../store.ts';
import { cellAt, eachPiece, END, type Piece } from './copy-text.ts';
import { keyOfCells, SEPARATOR } from './keys.ts';
import { isSpelt, storedOf, valueOf } from './types.ts';

/** What the server shows is what the value is. */
const SAME_BYTES: readonly ColumnType[] = ['text', 'json', 'bigint'];

export class RowReader {
  readonly #dataset: Dataset;
  readonly #table: ReturnType<Dataset['table']>;
  readonly #fields: ReturnType<typeof fieldsOf>;
  readonly #timesAt: readonly boolean[];
  readonly #sameBytes: readonly boolean[];
  /** Where the key fields are among the columns. */
  readonly #keyAt: readonly number[];
  readonly #textKey: boolean;
  #part: Stored[] = [];
  #hasher = new RowHasher();

  constructor(dataset: Dataset, role: StoreRole) {
    this.#dataset = dataset;
    this.#table = dataset.table(role);
    this.#fields = fieldsOf(this.#table);
    this.#timesAt = this.#fields.map(([, { type }]) => type === 'timestamp');
    this.#sameBytes = this.#fields.map(([, { type }]) => SAME_BYTES.includes(type));
    this.#keyAt = dataset.keyFields.map(({ field }) => this.#fields.findIndex(([name]) => name === field));
    this.#textKey = dataset.keyFields.every(({ type }) => type === 'text');
  }

  /** Parts that became full with these messages, each with its digest known. */
  take(messages: Buffer): readonly (readonly Stored[])[] {
    const full: (readonly Stored[])[] = [];
    eachPiece(messages, this.#timesAt, (piece) => {
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
    const row: Record<string, Value> = {};
    hasher.begin();
    let i = first;
    let column = 0;
    for (const [field, definition] of this.#fields) {
      const from = piece.marks[i] ?? 0;
      const to = piece.marks[i + 1] ?? 0;
      if (from === END) throw new TypeError('a row with too few cells');
      const cell = cellAt(piece, i);
      const value = valueOf(definition, cell);
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

  #unreadable(piece: Piece, first: number): Stored {
    const cells = this.#fields.map((_, column) => cellAt(piece, first + column * 2));
    const stored = storedOf(this.#key(piece, first), this.#table, cells);
    if ('row' in stored) throw new TypeError('a row that can be read after all');
    this.#hasher.addUnreadable(stored);
    return stored;
  }

  #key(piece: Piece, first: number): string {
    if (!this.#textKey || !this.#keyAt.every((at) => (piece.marks[first + at * 2 + 1] ?? END) >= 0)) {
      return keyOfCells(
        this.#dataset.keyFields,
        this.#keyAt.map((at) => cellAt(piece, first + at * 2)),
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
