/**
 * The text format of COPY (https://www.postgresql.org/docs/current/sql-copy.html): a line a row, cells apart by tabs, `\N` for NULL,
 * a backslash before what would be taken for something else. A cell is the server's text form of a value, as everywhere here.
 */
import type { Cell } from './connection.ts';

const LINE_FEED = 0x0a;
const SPECIAL = /[\\\n\r\t]/;
const EACH_SPECIAL = /[\\\n\r\t]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const ESCAPED = /\\([\s\S])/g;
const LETTERS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

export function toLine(cells: readonly Cell[]): string {
  let line = '';
  for (let i = 0; i < cells.length; i++) {
    if (i > 0) line += '\t';
    const cell = cells[i] ?? null;
    if (cell === null) line += '\\N';
    else line += SPECIAL.test(cell) ? cell.replace(EACH_SPECIAL, (c) => ESCAPES[c] ?? c) : cell;
  }
  return `${line}\n`;
}

/** The cells of all lines of a text that ends with a line. */
export function fromLines(text: string): Cell[][] {
  const lines = text.split('\n');
  // Behind the last line feed there is nothing.
  lines.pop();
  const escapes = text.includes('\\');
  return lines.map((line) => {
    const cells: Cell[] = line.split('\t');
    if (!escapes || !line.includes('\\')) return cells;
    return cells.map((cell) => (cell === null || !cell.includes('\\') ? cell : unescape(cell)));
  });
}

function unescape(cell: string): Cell {
  if (cell === '\\N') return null;
  return cell.replace(ESCAPED, (_, c: string) => LETTERS[c] ?? c);
}

/** Whole lines of a stream of bytes, as they come; a line feed inside a cell is escaped. */
export async function* wholeLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end === 0) {
      begun.push(chunk);
      continue;
    }
    // Only the line that lies across two chunks is copied.
    const first = begun.length === 0 ? 0 : chunk.indexOf(LINE_FEED) + 1;
    const across = Buffer.concat([...begun, chunk.subarray(0, first)]).toString('utf8');
    yield across + chunk.toString('utf8', first, end);
    begun = end < chunk.length ? [Buffer.from(chunk.subarray(end))] : [];
  }
}
