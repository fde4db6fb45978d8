/** Rows as the bytes that a server has sent, with where their cells are: what engines find in their protocols, for `RowReader`. */
import type { Column, Table, Value } from '../dataset.ts';
import type { Stored } from './store.ts';

/** Some whole messages, each of which is a row. */
export interface Piece {
  readonly bytes: Buffer;
  /** The same, as if each byte were a character. */
  readonly text: string;
  /** In pairs, where a cell begins and where it ends: below 0, if its bytes are not just its characters. `END` twice behind each row. */
  readonly marks: Int32Array;
  readonly count: number;
}

/** Instead of where a cell begins: the row has no more. */
export const END = -1;

/** As text, more than this is no young object any more: memory that is fetched and given back each time. */
export const PIECE_BYTES = 1 << 15;

/** A cell as the server shows it. */
export type ShownCell = string | null;

/** As it was sent: bytes, if they are no text of whole characters, as some servers keep and show it. */
export type SentCell = ShownCell | Buffer;

/** Which of a row's cells are of a kind that a look at their bytes is for. */
export interface Kinds {
  /**
   * Those are spelt as values are (`2026-01-31T23:59:59.123456Z`) where that is easy, by changing the bytes in place: that takes far less
   * than putting a string together for each.
   */
  readonly timesAt: readonly boolean[];
  /** Whole numbers, and what is kept as such. */
  readonly wholesAt: readonly boolean[];
}

/** How an engine sends rows, and what their cells say. */
export interface Form {
  eachPiece(messages: Buffer, kinds: Kinds, visit: (piece: Piece) => void): void;
  /** The cell whose marks are there. */
  cellAt(piece: Piece, i: number): SentCell;
  /** What the cell says, or why that is no value of the column. */
  valueOf(column: Column, cell: ShownCell): Value | { readonly fault: string };
  /** The cell of a time as it is when a page is read. */
  timeInPage(cell: ShownCell): ShownCell;
  /** As a page has a row of these cells. */
  storedOf(key: string, table: Table, cells: readonly SentCell[]): Stored;
}

const UPPER_T = 0x54;

/** A time that is spelt as values are already. */
export function isSpelt(time: string): boolean {
  return time.charCodeAt(10) === UPPER_T;
}

export function grown(marks: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(marks.length * 2);
  larger.set(marks);
  return larger;
}
