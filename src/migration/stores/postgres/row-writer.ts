/**
 * Rows of the copy in COPY's binary format (binary-cells.ts), in packets as the protocol sends them, checked like everything that is
 * written.
 *
 * Nearly every value is text of plain ASCII, or a time that the new row has from the old one. Bytes of the former are written while they
 * are looked at, and the latter, where both tables hold it as the same type, was checked when it was read. All others go the long way.
 */
import type { Column, Dataset, Row, Value } from '../../dataset.ts';
import { encodeTime, ENCODERS, roomOf, type Target } from './binary-cells.ts';
import { Unusable } from './connection.ts';
import { toCell, type Limits } from './types.ts';

/** Before the first row: https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.55.9.4 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** Instead of a number of cells, behind the last row. */
const END = -1;
/** Where other cells have their length. */
const NULL = -1;
const DELETE = 0x7f;
/** Of a message of the protocol: its kind and its length, which counts itself. */
const COPY_DATA = 0x64;
const HEADER_BYTES = 5;
const LENGTH_BYTES = 4;
/** Several packets are cut from one piece of memory. */
const SLAB_BYTES = 1 << 17;

interface Place {
  readonly field: string;
  readonly column: Column;
  readonly encode: (target: Target, at: number, text: string) => number;
  /** Text of this many characters fits for certain; below 0: it has to be looked at. */
  readonly plainUpTo: number;
  /** The old table has such times too, and the column holds all of their digits. */
  readonly sharedTime: boolean;
}

export interface Columns {
  /** The server's names of the columns' types. */
  readonly types: ReadonlyMap<string, string>;
  readonly limits: Limits;
}

export class RowWriter {
  readonly #places: readonly Place[];
  readonly #limits: Limits;
  #target = targetOf(SLAB_BYTES);
  /** Where the packet begins that is being made, and what is written next. */
  #from = 0;
  #at = HEADER_BYTES;

  /** Of the dataset's new table. */
  constructor(dataset: Dataset, { types, limits }: Columns) {
    const old = dataset.table('OLD').columns;
    this.#limits = limits;
    this.#places = Object.entries(dataset.table('NEW').columns).map(([field, column]) => {
      const { name, type } = column;
      const encode = ENCODERS.get(types.get(name) ?? '');
      if (!encode) throw new Unusable(`column ${name} is ${types.get(name) ?? 'missing'}`);
      return {
        field,
        column,
        encode,
        plainUpTo: type === 'text' ? (limits.get(name) ?? Infinity) : NULL,
        sharedTime: type === 'timestamp' && old[field]?.type === type && !limits.has(name),
      };
    });
    SIGNATURE.copy(this.#target.bytes, this.#at);
    this.#at += SIGNATURE.length;
  }

  /**
   * Adds the row. BAD_USER_INPUT naming the field for a value that its column cannot hold, `Undone` for one that only the slow way can
   * judge: nothing of the row is added then. `old`: as its reader gave it.
   */
  add(row: Row, old: Row | undefined): void {
    const begun = this.#at - this.#from;
    try {
      this.#reserve(2);
      this.#target.view.setInt16(this.#at, this.#places.length);
      this.#at += 2;
      for (const place of this.#places) {
        const value = row[place.field] ?? null;
        if (typeof value !== 'string' || !this.#asItIs(place, value, old)) this.#slowly(place, value);
      }
    } catch (error) {
      this.#at = this.#from + begun;
      throw error;
    }
  }

  /** Of the packet that is being made. */
  get bytes(): number {
    return this.#at - this.#from;
  }

  /** That packet, as a message of the protocol; nobody writes to it any more. */
  take(): Buffer {
    const { bytes, view } = this.#target;
    bytes[this.#from] = COPY_DATA;
    view.setInt32(this.#from + 1, this.#at - this.#from - 1);
    const packet = bytes.subarray(this.#from, this.#at);
    this.#from = this.#at;
    this.#at += HEADER_BYTES;
    return packet;
  }

  /** The last packet. */
  end(): Buffer {
    this.#reserve(2);
    this.#target.view.setInt16(this.#at, END);
    this.#at += 2;
    return this.take();
  }

  /** False: this has to be looked at more closely. */
  #asItIs({ field, plainUpTo, sharedTime }: Place, value: string, old: Row | undefined): boolean {
    const { length } = value;
    if (this.#at + LENGTH_BYTES + length > this.#target.bytes.length) this.#reserve(LENGTH_BYTES + length);
    const { bytes, view } = this.#target;
    const begun = this.#at;
    let at = begun + LENGTH_BYTES;
    if (length <= plainUpTo) {
      for (let i = 0; i < length; i++) {
        const unit = value.charCodeAt(i);
        // ASCII, and nothing that no column holds.
        if (unit === 0 || unit >= DELETE) return false;
        bytes[at++] = unit;
      }
    } else {
      if (!sharedTime || old === undefined || old[field] !== value) return false;
      at += encodeTime(this.#target, at, value);
    }
    view.setInt32(begun, at - begun - LENGTH_BYTES);
    this.#at = at;
    return true;
  }

  #slowly({ field, column, encode }: Place, value: Value): void {
    const text = toCell(field, column, value, this.#limits);
    this.#reserve(LENGTH_BYTES + (text === null ? 0 : roomOf(text)));
    const length = text === null ? NULL : encode(this.#target, this.#at + LENGTH_BYTES, text);
    this.#target.view.setInt32(this.#at, length);
    this.#at += LENGTH_BYTES + Math.max(length, 0);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#target.bytes.length) return;
    const begun = this.#target.bytes.subarray(this.#from, this.#at);
    this.#target = targetOf(Math.max(SLAB_BYTES, (begun.length + bytes) * 2));
    this.#target.bytes.set(begun);
    this.#at -= this.#from;
    this.#from = 0;
  }
}

function targetOf(size: number): Target {
  const bytes = Buffer.allocUnsafeSlow(size);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}
