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

/**
 * For statements that take no parameters (COPY): values are settings of the transaction, which the statement reads. They are bound
 * where they are set.
 */
export class Settings extends Params {
  override add(cell: Cell | number, type: string): string {
    super.add(cell, type);
    return `current_setting('crossfade.bound_${this.cells.length}')::${type}`;
  }

  /** Sets what was added until the transaction ends; to be run with the cells. */
  get statement(): string {
    return `select ${['null', ...this.cells.map((_, i) => `set_config('crossfade.bound_${i + 1}', $${i + 1}, true)`)].join(', ')}`;
  }
}
