/**
 * Rows in the text form of the protocol (https://mariadb.com/kb/en/resultset-row/), past the driver: a packet a row, each cell with its
 * length before it, as the server shows its value.
 */
import { isUtf8 } from 'node:buffer';
import { Duplex } from 'node:stream';
import type { Connection as Driver } from 'mysql2';
import { Intercepted, type Framing } from '../intercepted.ts';
import { END, grown, PIECE_BYTES, type Kinds, type Piece, type SentCell } from '../piece.ts';

/** Of a packet: its length in three bytes, and its number. */
const HEADER_BYTES = 4;
/** A packet of this length goes on in the next one. */
const LONGEST = 0xff_ff_ff;

/** What packets that are no rows begin with. */
const [OK, FILE_WANTED, EOF, ERROR] = [0x00, 0xfb, 0xfe, 0xff];
/** A row that begins so is longer. */
const EOF_BYTES = 8;

function lengthAt(bytes: Buffer, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}

/** Of the answer to one query: a packet that says how many columns there are, one for each and an EOF, rows, an EOF. */
export class ResultFraming implements Framing {
  #next: 'ANSWER' | 'COLUMNS' | 'ROWS' = 'ANSWER';
  /** The number of the last packet that the driver has seen: it counts them. */
  #number = 0;

  endOf(bytes: Buffer, at: number): number {
    for (let end = at; ;) {
      if (end + HEADER_BYTES > bytes.length) return end + HEADER_BYTES;
      const length = lengthAt(bytes, end);
      end += HEADER_BYTES + length;
      if (length < LONGEST) return end;
    }
  }

  ownerOf(bytes: Buffer, at: number, end: number): 'READER' | 'DRIVER' | 'LAST' {
    const kind = bytes[at + HEADER_BYTES];
    const ends = kind === EOF && end - at - HEADER_BYTES <= EOF_BYTES;
    if (this.#next === 'ROWS') {
      if (kind !== ERROR && !ends) return 'READER';
      bytes[at + HEADER_BYTES - 1] = this.#number + 1;
      return 'LAST';
    }
    this.#number = bytes[at + HEADER_BYTES - 1] ?? 0;
    const none = this.#next === 'ANSWER' && (kind === OK || kind === FILE_WANTED);
    if (kind === ERROR || none) return 'LAST';
    this.#next = ends ? 'ROWS' : 'COLUMNS';
    return 'DRIVER';
  }
}

/** The connection under the driver's promises, which have no way to stream; their types do not tell what it is. */
function isDriver(connection: object): connection is Pick<Driver, 'query'> & { readonly stream: Duplex } {
  return (
    'query' in connection && 'stream' in connection && connection.stream instanceof Duplex && !('then' in connection)
  );
}

/** What the query finds: packets of rows, whole, one or more at a time. `answered` bounds each wait. */
export async function* textRows(
  connection: object,
  sql: string,
  answered: <T>(answer: Promise<T>) => Promise<T>,
): AsyncGenerator<Buffer> {
  if (!isDriver(connection)) throw new TypeError('this is no connection of the driver');
  const rows = new Intercepted(new ResultFraming());
  const { promise: over, resolve, reject } = Promise.withResolvers<void>();
  over.catch(() => rows.giveBack());
  rows.begin(connection.stream);
  connection.query(sql, (error) => (error ? reject(error) : resolve()));
  for (;;) {
    const packets = await answered(rows.next());
    if (packets === null) break;
    yield packets;
  }
  await answered(over);
}

const FRAMING = new ResultFraming();
/** Used again with each piece. */
let marks = new Int32Array(1 << 13);

/** See `Form`. */
export function eachPiece(packets: Buffer, kinds: Kinds, visit: (piece: Piece) => void): void {
  for (let from = 0, to; from < packets.length; from = to) {
    to = pieceEnd(packets, from);
    const bytes = lengthAt(packets, from) < LONGEST ? packets.subarray(from, to) : joined(packets, from, to);
    const count = scan(bytes, kinds);
    visit({ bytes, text: bytes.toString('latin1'), marks, count });
  }
}

/** Where a NULL ends. */
const NULL = -(2 ** 31);

/** The cell whose marks are there. */
export function cellAt({ bytes, text, marks: at }: Piece, i: number): SentCell {
  const from = at[i] ?? 0;
  const to = at[i + 1] ?? 0;
  if (to >= 0) return text.substring(from, to);
  if (to === NULL) return null;
  const decoded = bytes.toString('utf8', from, ~to);
  return mayBeBroken(decoded) ? decodedWhole(bytes.subarray(from, ~to)) : decoded;
}

/** Decoding puts it where bytes are no character; but it may have been there. */
const NO_CHARACTER = 0xfffd;
/** Up to this length, to look at each takes less than to call what looks at them faster. */
const SHORT = 64;

export function mayBeBroken(decoded: string): boolean {
  if (decoded.length > SHORT) return decoded.includes(String.fromCharCode(NO_CHARACTER));
  for (let i = 0; i < decoded.length; i++) if (decoded.charCodeAt(i) === NO_CHARACTER) return true;
  return false;
}

/** As text; the bytes, if they are none: MariaDB keeps halves of UTF-16 pairs, which no other reader takes for characters. */
export function decodedWhole(bytes: Buffer): string | Buffer {
  return isUtf8(bytes) ? bytes.toString('utf8') : Buffer.from(bytes);
}

/** As many rows as a piece has room for, and one at least; a row of several packets is alone. */
function pieceEnd(packets: Buffer, from: number): number {
  if (packets.length - from <= PIECE_BYTES) return packets.length;
  let end = from;
  do {
    const next = FRAMING.endOf(packets, end);
    if (lengthAt(packets, end) === LONGEST) return end === from ? next : end;
    end = next;
  } while (end < packets.length && end - from < PIECE_BYTES / 2);
  return end;
}

/** One row, without the headers of the packets in which it goes on. */
function joined(packets: Buffer, from: number, to: number): Buffer {
  const parts = [packets.subarray(from, from + HEADER_BYTES)];
  for (let at = from; at < to;) {
    const end = at + HEADER_BYTES + lengthAt(packets, at);
    parts.push(packets.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  return Buffer.concat(parts);
}

const SHOWN_LENGTH = '2026-01-31 23:59:59.123456'.length;
const SPACE_AT = 10;
const [SPACE, ZERO, UPPER_T, UPPER_Z] = [0x20, 0x30, 0x54, 0x5a];
const LAST_ASCII = 0x7f;
/** Up to this, characters are written otherwise in keys (key.ts). */
const LAST_RESERVED = 0x02;
/** Longer ones have their length behind one of the bytes that follow. */
const LONGEST_SHORT = 250;
const NULL_CELL = 0xfb;
const LENGTH_BYTES = [2, 3, 8] as const;

/** How many marks. */
function scan(bytes: Buffer, { timesAt, wholesAt }: Kinds): number {
  let count = 0;
  // Where a Z is to be written behind a time, once what is there was read: the next length.
  let open = -1;
  for (let at = 0; at < bytes.length;) {
    const length = lengthAt(bytes, at);
    const end = length < LONGEST ? at + HEADER_BYTES + length : bytes.length;
    if (open >= 0) bytes[open] = UPPER_Z;
    open = -1;
    at += HEADER_BYTES;
    for (let column = 0; at < end; column++) {
      // Room for the end of the row too.
      if (count + 4 > marks.length) marks = grown(marks);
      let size = bytes[at++] ?? 0;
      if (open >= 0) bytes[open] = UPPER_Z;
      open = -1;
      if (size === NULL_CELL) {
        marks[count++] = at;
        marks[count++] = NULL;
        continue;
      }
      if (size > LONGEST_SHORT) {
        const more = LENGTH_BYTES[size - NULL_CELL - 1] ?? 0;
        size = more === 8 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUIntLE(at, more);
        at += more;
      }
      let from = at;
      at += size;
      if (at > end) throw new TypeError('a cell that is longer than its row');
      if (bytes[from] === ZERO && size > 1 && wholesAt[column] === true) from = pastZeros(bytes, from, at);
      const time = timesAt[column] === true && size === SHOWN_LENGTH && bytes[from + SPACE_AT] === SPACE;
      marks[count++] = from;
      if (time && at < bytes.length) {
        bytes[from + SPACE_AT] = UPPER_T;
        open = at;
        marks[count++] = at + 1;
      } else marks[count++] = isPlain(bytes, from, at) ? at : ~at;
    }
    marks[count++] = END;
    marks[count++] = END;
  }
  return count;
}

/** Where the number begins that a column declared ZEROFILL shows with zeros before it. */
function pastZeros(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to - 1 && bytes[at] === ZERO) at++;
  return at;
}

/** Is each byte a character, and none one that keys write otherwise? */
function isPlain(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (byte > LAST_ASCII || byte <= LAST_RESERVED) return false;
  }
  return true;
}
