/**
 * The text format of COPY (https://www.postgresql.org/docs/current/sql-copy.html): a line a row, cells apart by tabs, `\N` for NULL,
 * a backslash before what would be taken for something else. A cell is the server's text form of a value, as everywhere here.
 */
import { END, grown, PIECE_BYTES, type Piece, type ShownCell } from '../piece.ts';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const PLUS = 0x2b;
const ZERO = 0x30;
const UPPER_T = 0x54;
const UPPER_Z = 0x5a;
const BACKSLASH = 0x5c;
const LAST_ASCII = 0x7f;
/** Up to this, characters are written otherwise in keys (key.ts). */
const LAST_RESERVED = 0x02;
const ESCAPED = /\\([\s\S])/g;
const LETTERS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Used again with each piece. */
let marks = new Int32Array(1 << 13);

/** See `Form`. */
export function eachPiece(messages: Buffer, timesAt: readonly boolean[], visit: (piece: Piece) => void): void {
  for (let from = 0, to; from < messages.length; from = to) {
    to = pieceEnd(messages, from);
    const bytes = messages.subarray(from, to);
    const count = scan(bytes, timesAt);
    visit({ bytes, text: bytes.toString('latin1'), marks, count });
  }
}

/** The cell whose marks are there. */
export function cellAt({ bytes, text, marks: at }: Piece, i: number): ShownCell {
  const from = at[i] ?? 0;
  const to = at[i + 1] ?? 0;
  return to >= 0 ? text.substring(from, to) : unescape(bytes.toString('utf8', from, ~to));
}

/** Of a message: its kind and its length, which counts itself. */
const HEADER_BYTES = 5;

/** As many whole messages as a piece has room for, and one at least. */
function pieceEnd(messages: Buffer, from: number): number {
  if (messages.length - from <= PIECE_BYTES) return messages.length;
  let end = from;
  do end += 1 + messages.readInt32BE(end + 1);
  while (end < messages.length && end - from < PIECE_BYTES / 2);
  return end;
}

/** How many marks. */
function scan(messages: Buffer, timesAt: readonly boolean[]): number {
  let count = 0;
  for (let at = 0; at < messages.length;) {
    const end = at + 1 + messages.readInt32BE(at + 1);
    let from = at + HEADER_BYTES;
    let column = 0;
    let plain = true;
    for (at = from; at < end; at++) {
      const byte = messages[at] ?? 0;
      if (byte > BACKSLASH && byte <= LAST_ASCII) continue;
      if (byte === TAB || byte === LINE_FEED) {
        // Room for the end of the row too.
        if (count + 4 > marks.length) marks = grown(marks);
        const spelt = timesAt[column] === true && spellTime(messages, from, at);
        const to = spelt ? from + SPELT_LENGTH : at;
        marks[count++] = from;
        marks[count++] = plain ? to : ~to;
        column++;
        from = at + 1;
        plain = true;
      } else if (byte === BACKSLASH || byte > LAST_ASCII || byte <= LAST_RESERVED) plain = false;
    }
    // The server sends a row in a message; a line feed inside a cell is escaped.
    if (from !== end || messages[end - 1] !== LINE_FEED) throw new TypeError('a message that is no line');
    marks[count++] = END;
    marks[count++] = END;
  }
  return count;
}

const SHOWN_LENGTH = '2026-01-31 23:59:59.123456+00'.length;
const SPELT_LENGTH = '2026-01-31T23:59:59.123456Z'.length;

/** A time with all six digits of a second, in UTC. What it is then is checked like any time. */
function spellTime(lines: Buffer, from: number, to: number): boolean {
  if (to - from !== SHOWN_LENGTH || lines[from + 10] !== SPACE) return false;
  if (lines[from + 26] !== PLUS || lines[from + 27] !== ZERO || lines[from + 28] !== ZERO) return false;
  lines[from + 10] = UPPER_T;
  lines[from + 26] = UPPER_Z;
  return true;
}

function unescape(cell: string): ShownCell {
  if (cell === '\\N') return null;
  return cell.replace(ESCAPED, (_, c: string) => LETTERS[c] ?? c);
}
