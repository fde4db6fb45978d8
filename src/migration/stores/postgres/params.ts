/** What is bound in a statement, gathered while its text is put together. */
import type { Cell } from './connection.ts';

export class Params {
  readonly cells: Cell[] = [];

  /** A place holder of this type. */
  add(cell: Cell | number, type: string): string {
    this.cells.push(typeof cell === 'number' ? String(cell) : cell);
    return `$${this.cells.length}::${type}`;
  }
}
