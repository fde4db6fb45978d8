/**
 * Rows that COPY sends in its binary format (https://www.postgresql.org/docs/current/sql-copy.html): a message a row, each cell with its
 * length before it. Times are asked for as the microseconds that the server keeps, which it would take long to spell, and everything else
 * as text: then a cell is the server's text form of a value, as everywhere here.
 */
import type { Column } from '../../dataset.ts';
import { END, grown, isSpelt, PIECE_BYTES, type Form, type Kinds, type Piece, type ShownCell } from '../piece.ts';
import { quote } from './schema.ts';
import { isOrdinary, shown, spellTime, SPELT_LENGTH } from './times.ts';
import { storedOf, valueOf } from './types.ts';

/** Binary and text form are the same. */
const TEXTS: readonly string[] = ['text', 'varchar', 'json'];
/** The type whose cells are microseconds. */
const TIME = 'timestamptz';

/** The columns as they are to be asked for. `types`: the server's names, by the columns'. */
export function sentColumns(columns: readonly Column[], types: ReadonlyMap<string, string>): string {
  return columns
    .map(({ name }) => {
      const type = types.get(name) ?? '';
      if (type === TIME || TEXTS.includes(type)) return quote(name);
      // Where it is shown, a boolean is its first letter.
      return type === 'bool' ? `left(${quote(name)}::text, 1)` : `${quote(name)}::text`;
    })
    .join(', ');
}

/** Which cells are microseconds. */
export function microsAt(columns: readonly Column[], types: ReadonlyMap<string, string>): readonly boolean[] {
  return columns.map(({ name, type }) => type === 'timestamp' && types.get(name) === TIME);
}

/** Of a message: its kind and its length, which counts itself. */
const HEADER_BYTES = 5;
const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
/** Before the first row; behind it is the length of more that there may be. */
const SIGNATURE_BYTES = 15;
/** Instead of a number of cells, behind the last row. */
const NO_ROW = -1;
/** Where a NULL ends. */
const NULL = -(2 ** 31);
const LAST_ASCII = 0x7f;
/** Up to this, characters are written otherwise in keys (key.ts). */
const LAST_RESERVED = 0x02;
/** No cell takes more of its piece than so many times what it took of its message. */
const MOST_GROWTH = 3;

/** The rows of one COPY. */
export class CopiedRows implements Form {
  readonly #micros: readonly boolean[];
  #begun = false;
  #marks = new Int32Array(1 << 13);
  #count = 0;
  /** Cells as text, one behind the other. */
  #out = Buffer.allocUnsafeSlow(PIECE_BYTES * MOST_GROWTH);
  #to = 0;
  readonly valueOf = valueOf;
  readonly storedOf = storedOf;

  constructor(micros: readonly boolean[]) {
    this.#micros = micros;
  }

  eachPiece(messages: Buffer, _kinds: Kinds, visit: (piece: Piece) => void): void {
    for (let at = 0; at < messages.length;) {
      this.#count = 0;
      this.#to = 0;
      const first = at + 1 + messages.readInt32BE(at + 1);
      if ((first - at) * MOST_GROWTH > this.#out.length) this.#out = Buffer.allocUnsafeSlow((first - at) * MOST_GROWTH);
      const room = Math.floor(this.#out.length / MOST_GROWTH);
      const from = at;
      for (let end = first; ;) {
        this.#row(messages, at, end);
        at = end;
        if (at >= messages.length || at - from >= PIECE_BYTES / 2) break;
        end = at + 1 + messages.readInt32BE(at + 1);
        if (end - from > room) break;
      }
      const text = this.#out.toString('latin1', 0, this.#to);
      visit({ bytes: this.#out, text, marks: this.#marks, count: this.#count });
    }
  }

  cellAt({ bytes, text, marks }: Piece, i: number): ShownCell {
    const from = marks[i] ?? 0;
    const to = marks[i + 1] ?? 0;
    if (to >= 0) return text.substring(from, to);
    return to === NULL ? null : bytes.toString('utf8', from, ~to);
  }

  /** As the server shows it. */
  timeInPage(cell: ShownCell): ShownCell {
    if (cell === null || !isSpelt(cell)) return cell;
    return `${cell.slice(0, 10)} ${cell.slice(11, -1).replace(/\.?0+$/, '')}+00`;
  }

  #row(messages: Buffer, begin: number, end: number): void {
    let at = begin + HEADER_BYTES;
    if (!this.#begun) {
      this.#begun = true;
      at += SIGNATURE_BYTES;
      at += LENGTH_BYTES + messages.readInt32BE(at);
    }
    if (at >= end) return;
    const cells = messages.readInt16BE(at);
    at += COUNT_BYTES;
    if (cells === NO_ROW) return;
    while (this.#count + 2 * (cells + 1) > this.#marks.length) this.#marks = grown(this.#marks);
    for (let column = 0; column < cells; column++) {
      const size = messages.readInt32BE(at);
      at += LENGTH_BYTES;
      if (size < 0) this.#mark(this.#to, NULL);
      else if (this.#micros[column]) this.#time(messages, at, size);
      else this.#text(messages, at, at + size);
      at += Math.max(size, 0);
    }
    if (at !== end) throw new TypeError('a message that is no row');
    this.#mark(END, END);
  }

  #mark(from: number, to: number): void {
    this.#marks[this.#count++] = from;
    this.#marks[this.#count++] = to;
  }

  #time(messages: Buffer, at: number, size: number): void {
    if (size !== 2 * LENGTH_BYTES) throw new TypeError('a time that is none');
    const [high, low] = [messages.readInt32BE(at), messages.readUInt32BE(at + LENGTH_BYTES)];
    const from = this.#to;
    if (isOrdinary(high)) {
      spellTime(this.#out, from, high, low);
      this.#to = from + SPELT_LENGTH;
    } else this.#to += this.#out.write(shown(messages.readBigInt64BE(at)), from, 'latin1');
    this.#mark(from, this.#to);
  }

  #text(messages: Buffer, from: number, to: number): void {
    const out = this.#out;
    const begun = this.#to;
    let at = begun;
    let plain = true;
    for (let i = from; i < to; i++) {
      const byte = messages[i] ?? 0;
      if (byte > LAST_ASCII || byte <= LAST_RESERVED) plain = false;
      out[at++] = byte;
    }
    this.#to = at;
    this.#mark(begun, plain ? at : ~at);
  }
}
