/**
 * Rows of the copy as lines of COPY's text format (copy-text.ts), checked like everything that is written.
 *
 * Nearly every value is text of plain ASCII, or one that the new row has from the old one. Bytes of the former are written while they
 * are looked at, and the latter, where both tables hold it as the same type, was checked when it was read. All others go the long way.
 */
import type { Column, ColumnType, Dataset, Row, Value } from '../../dataset.ts';
import { spell } from './copy-text.ts';
import { toCell, type Limits } from './types.ts';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;
/** Lines of several parts are cut from one piece of memory. */
const SLAB_BYTES = 1 << 17;
/** A UTF-16 unit takes so many bytes at most; and the end of a cell. */
const MOST_BYTES = 3;

/** As many digits behind the point as there can be, and no escapes: such a value is written as it is if it was checked before. */
const PLAIN_TYPES: readonly ColumnType[] = ['timestamp', 'bigint'];

interface Place {
  readonly field: string;
  readonly column: Column;
  readonly isText: boolean;
  /** The old table has such values too, and they are written as they are. */
  readonly shared: boolean;
}

export class LineWriter {
  readonly #places: readonly Place[];
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #from = 0;
  #at = 0;

  /** Of the dataset's new table. */
  constructor(dataset: Dataset) {
    const old = dataset.table('OLD').columns;
    this.#places = Object.entries(dataset.table('NEW').columns).map(([field, column]) => ({
      field,
      column,
      isText: column.type === 'text',
      shared: old[field]?.type === column.type && PLAIN_TYPES.includes(column.type),
    }));
  }

  /**
   * Adds the row's line. BAD_USER_INPUT naming the field for a value that its column cannot hold, of which row nothing is added then.
   * `old`: as its reader gave it.
   */
  add(row: Row, old: Row | undefined, limits: Limits): void {
    const begun = this.#at;
    try {
      for (const place of this.#places) {
        const value = row[place.field] ?? null;
        if (!this.#asItIs(place, value, old, limits)) this.#slowly(place, value, limits);
        this.#slab[this.#at++] = TAB;
      }
      this.#slab[this.#at - 1] = LINE_FEED;
    } catch (error) {
      this.#at = begun;
      throw error;
    }
  }

  /** Of the lines that were not taken yet. */
  get bytes(): number {
    return this.#at - this.#from;
  }

  /** Those lines; nobody writes to them any more. */
  take(): Buffer {
    const lines = this.#slab.subarray(this.#from, this.#at);
    this.#from = this.#at;
    return lines;
  }

  /** False: this has to be looked at more closely. */
  #asItIs(place: Place, value: Value, old: Row | undefined, limits: Limits): boolean {
    if (typeof value !== 'string') return false;
    if (limits.size > 0 && limits.has(place.column.name)) return false;
    if (place.isText) return this.#plain(value);
    return place.shared && old !== undefined && old[place.field] === value && this.#plain(value);
  }

  /** Writes the text if all of it is visible ASCII without a backslash. */
  #plain(text: string): boolean {
    const { length } = text;
    this.#reserve(length + 1);
    const slab = this.#slab;
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < SPACE || unit === BACKSLASH || unit >= DELETE) return false;
      slab[at++] = unit;
    }
    this.#at = at;
    return true;
  }

  #slowly({ field, column }: Place, value: Value, limits: Limits): void {
    const text = spell(toCell(field, column, value, limits));
    this.#reserve(text.length * MOST_BYTES + 1);
    this.#at += this.#slab.write(text, this.#at, 'utf8');
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return;
    const begun = this.#slab.subarray(this.#from, this.#at);
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, (begun.length + bytes) * 2));
    slab.set(begun);
    this.#slab = slab;
    this.#at -= this.#from;
    this.#from = 0;
  }
}
