/**
 * The text format of COPY (https://www.postgresql.org/docs/current/sql-copy.html): a line a row, cells apart by tabs, `\N` for NULL,
 * a backslash before what would be taken for something else. A cell is the server's text form of a value, as everywhere here.
 */
import type { Cell } from './connection.ts';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const PLUS = 0x2b;
const ZERO = 0x30;
const UPPER_T = 0x54;
const UPPER_Z = 0x5a;
const BACKSLASH = 0x5c;
const LAST_ASCII = 0x7f;
const EACH_SPECIAL = /[\\\n\r\t]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const ESCAPED = /\\([\s\S])/g;
const LETTERS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

export function toLine(cells: readonly Cell[]): string {
  return `${cells.map(spell).join('\t')}\n`;
}

/** A cell as it stands in a line. */
export function spell(cell: Cell): string {
  return cell === null ? '\\N' : cell.replace(EACH_SPECIAL, (c) => ESCAPES[c] ?? c);
}

/** Starts and ends of cells, used again with each call. */
let marks = new Int32Array(1 << 13);

/**
 * The cells of whole lines. `timesAt`: which of them are times; those are spelt as values are (`2026-01-31T23:59:59.123456Z`) where
 * that is easy, by changing the bytes in place: that takes far less than putting a string together for each.
 */
export function fromLines(lines: Buffer, timesAt: readonly boolean[] = []): Cell[][] {
  const count = scan(lines, timesAt);
  const text = lines.toString('latin1');
  const rows: Cell[][] = [];
  let cells: Cell[] = [];
  for (let i = 0; i < count; i += 2) {
    const from = marks[i] ?? 0;
    const to = marks[i + 1] ?? 0;
    cells.push(to >= 0 ? text.substring(from, to) : unescape(lines.toString('utf8', from, ~to)));
    const next = i + 2 < count ? (marks[i + 2] ?? 0) : lines.length;
    if (lines[next - 1] !== LINE_FEED) continue;
    rows.push(cells);
    cells = [];
  }
  return rows;
}

/** Marks where cells begin and end (as `~end`, if one must be looked at more closely); how many marks. */
function scan(lines: Buffer, timesAt: readonly boolean[]): number {
  let [count, column, from] = [0, 0, 0];
  let plain = true;
  for (let at = 0; at < lines.length; at++) {
    const byte = lines[at] ?? 0;
    if (byte > BACKSLASH && byte <= LAST_ASCII) continue;
    if (byte === TAB || byte === LINE_FEED) {
      if (count + 2 > marks.length) marks = grown(marks);
      const spelt = timesAt[column] === true && spellTime(lines, from, at);
      const to = spelt ? from + SPELT_LENGTH : at;
      marks[count++] = from;
      marks[count++] = plain ? to : ~to;
      column = byte === TAB ? column + 1 : 0;
      from = at + 1;
      plain = true;
    } else if (byte === BACKSLASH || byte > LAST_ASCII) plain = false;
  }
  return count;
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
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

function unescape(cell: string): Cell {
  if (cell === '\\N') return null;
  return cell.replace(ESCAPED, (_, c: string) => LETTERS[c] ?? c);
}

/** As text, more than this is no young object any more: memory that is fetched and given back each time. */
const PIECE_BYTES = 1 << 15;

/** Whole lines of a stream of bytes, as they come; a line feed inside a cell is escaped. They may be written to. */
export async function* wholeLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end === 0) {
      begun.push(chunk);
      continue;
    }
    // Only the line that lies across two chunks is copied.
    const first = begun.length === 0 ? 0 : chunk.indexOf(LINE_FEED) + 1;
    if (first > 0) yield Buffer.concat([...begun, chunk.subarray(0, first)]);
    for (let from = first, to; from < end; from = to) {
      to = end - from <= PIECE_BYTES ? end : chunk.lastIndexOf(LINE_FEED, from + PIECE_BYTES - 1) + 1;
      if (to <= from) to = chunk.indexOf(LINE_FEED, from) + 1;
      yield chunk.subarray(from, to);
    }
    begun = end < chunk.length ? [chunk.subarray(end)] : [];
  }
}
