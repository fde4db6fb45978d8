/**
 * CSV files of any size, a chunk at a time, with every line accounted for.
 *
 * The parser gives up at a misplaced quote, and it cannot know where the trouble ends. Here that costs one line: the first line of the
 * record that could not be parsed is handed out as malformed, and parsing starts again, with a new parser, on the line below it.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { CsvError, parse, type Parser } from 'csv-parse';

export type CsvRecord =
  /** `line`: where the record begins, from 1, as an editor counts. */
  | { readonly line: number; readonly fields: readonly string[] }
  /** Why this line could not be parsed, in words. */
  | { readonly line: number; readonly malformed: string };

export interface CsvChunk {
  readonly records: readonly CsvRecord[];
  /** Bytes of the file that are behind us. */
  readonly bytes: number;
}

const CHUNK_BYTES = 16 * 1024;
/** A quote that is never closed must not make a record of the rest of the file. */
const RECORD_BYTES = 256 * 1024;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const LINE_BYTES = 4096;
const [LF, CR] = [0x0a, 0x0d];
const LINE_BREAKS = /\r\n|\n|\r/g;

/** In words of ours: the parser's name a line, counted from where it was started. */
const WHY: Readonly<Partial<Record<CsvError['code'], string>>> = {
  INVALID_OPENING_QUOTE: 'there is a quote in a field that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'there is something behind the closing quote of a field',
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and not closed',
  CSV_MAX_RECORD_SIZE: 'the line is too long, or a quote is opened and not closed',
};

/** Where the next record is looked for. */
interface Position {
  readonly offset: number;
  readonly line: number;
}

/** The file's records, header included, blank lines left out. UTF-8, with or without a byte order mark; any line ends. */
export async function* csvChunks(file: string): AsyncGenerator<CsvChunk> {
  const handle = await open(file);
  try {
    const { buffer: mark } = await handle.read(Buffer.alloc(BYTE_ORDER_MARK.length), 0, BYTE_ORDER_MARK.length, 0);
    let position: Position = { offset: mark.equals(BYTE_ORDER_MARK) ? mark.length : 0, line: 1 };
    for (;;) {
      const reader = new RecordReader(position);
      let chunk: CsvChunk | null;
      while ((chunk = await reader.next(handle)) !== null) yield chunk;
      if (reader.failure === null) return;
      const bad = await firstLine(handle, reader.position);
      yield { records: [{ line: bad.line, malformed: reader.failure }], bytes: bad.next.offset };
      position = bad.next;
    }
  } finally {
    await handle.close();
  }
}

/** Reads from a position up to the end of the file, or up to the first record that cannot be parsed. */
class RecordReader {
  /** Behind the last record that was handed out. */
  position: Position;
  /** Set when there are no more chunks: what the parser said, or null at the end of the file. */
  failure: string | null = null;
  readonly #start: Position;
  readonly #parser: Parser;
  #read: number;
  #ended = false;
  #blankLines = 0;
  #records: CsvRecord[] = [];

  constructor(start: Position) {
    this.#start = start;
    this.position = start;
    this.#read = start.offset;
    this.#parser = parse({
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: RECORD_BYTES,
      // Not through the stream: that drops the records before an error with it.
      on_record: (fields, { bytes, empty_lines: blankLines }) => {
        this.#take(fields, bytes, blankLines);
        return null;
      },
    });
    // Every error also comes back through `write` or `finished`, which is where it is dealt with.
    this.#parser.on('error', () => {});
    this.#parser.resume();
  }

  async next(handle: FileHandle): Promise<CsvChunk | null> {
    if (this.#ended) return null;
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, this.#read);
    this.#read += bytesRead;
    this.#ended = bytesRead === 0;
    try {
      await (this.#ended ? this.#finish() : this.#write(buffer.subarray(0, bytesRead)));
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      this.failure = WHY[error.code] ?? error.code;
      this.#ended = true;
    }
    const records = this.#records;
    this.#records = [];
    return { records, bytes: this.failure === null ? this.#read : this.position.offset };
  }

  #take(fields: readonly string[], bytes: number, blankLines: number): void {
    const line = this.position.line + blankLines - this.#blankLines;
    this.#blankLines = blankLines;
    this.#records.push({ line, fields });
    this.position = { offset: this.#start.offset + bytes, line: line + 1 + lineBreaks(fields) };
  }

  #write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#parser.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async #finish(): Promise<void> {
    this.#parser.end();
    await finished(this.#parser);
  }
}

function lineBreaks(fields: readonly string[]): number {
  return fields.reduce((sum, field) => sum + (field.match(LINE_BREAKS)?.length ?? 0), 0);
}

/** Where the first line begins, at or below the position, that is not blank; and where the line below it begins. */
async function firstLine(handle: FileHandle, from: Position): Promise<{ line: number; next: Position }> {
  for (let start = from; ;) {
    const end = await endOfLine(handle, start.offset);
    const next = { offset: end.next, line: start.line + 1 };
    if (end.offset > start.offset || end.next === end.offset) return { line: start.line, next };
    start = next;
  }
}

/** Where the line ends that begins or goes on at `from`, and where the next one begins: the same place at the end of the file. */
async function endOfLine(handle: FileHandle, from: number): Promise<{ offset: number; next: number }> {
  for (let offset = from; ;) {
    // One byte more than is looked at, to see both halves of a line end.
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(LINE_BYTES + 1), 0, LINE_BYTES + 1, offset);
    const at = buffer.subarray(0, Math.min(bytesRead, LINE_BYTES)).findIndex((byte) => byte === CR || byte === LF);
    if (at >= 0) {
      const both = buffer[at] === CR && at + 1 < bytesRead && buffer[at + 1] === LF;
      return { offset: offset + at, next: offset + at + (both ? 2 : 1) };
    }
    if (bytesRead <= LINE_BYTES) return { offset: offset + bytesRead, next: offset + bytesRead };
    offset += LINE_BYTES;
  }
}
