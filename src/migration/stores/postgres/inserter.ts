/** New rows into the table of a store, many in a statement; those that the table refuses are told. */
import type { Dataset, Row } from '../../dataset.ts';
import type { Connection } from './connection.ts';
import { Params } from './params.ts';
import { attempt, settle } from './refusal.ts';
import type { Session } from './session.ts';
import type { Line, Statements } from './statements.ts';
import { toCells } from './types.ts';

export interface Keyed {
  readonly key: string;
  readonly row: Row;
}

export interface Refusal<T> {
  readonly item: T;
  readonly reason: string;
}

export class Inserter {
  readonly #session: Session;
  readonly #dataset: Dataset;
  readonly #sql: Statements;

  constructor(session: Session, dataset: Dataset, sql: Statements) {
    this.#session = session;
    this.#dataset = dataset;
    this.#sql = sql;
  }

  keyed(row: Row): Keyed {
    return { key: this.#dataset.keyOf(row), row };
  }

  /** As lines, apart from those with a value that is none of its column. Any other failure of a row is thrown. */
  lines<T extends Keyed>(
    items: readonly T[],
  ): { readonly lines: readonly (Line & { readonly item: T })[]; readonly refused: readonly Refusal<T>[] } {
    const lines: (Line & { readonly item: T })[] = [];
    const refused: Refusal<T>[] = [];
    for (const item of items) {
      const cells = attempt(() => toCells(this.#sql.table, item.row, this.#session.limits));
      if ('made' in cells) lines.push({ key: item.key, cells: cells.made, item });
      else refused.push({ item, reason: cells.reason });
    }
    return { lines, refused };
  }

  /** Inserts rows whose keys are new, inside a transaction; those that are refused leave nothing behind. */
  async insert<T extends Keyed>(c: Connection, items: readonly T[]): Promise<readonly Refusal<T>[]> {
    const { lines, refused } = this.lines(items);
    const more = await settle(
      lines,
      async (some) => {
        const params = new Params();
        const from = this.#sql.lines(params, some);
        await c.run(
          `insert into ${this.#sql.name} (${this.#sql.columns}) select ${this.#sql.given} from ${from}`,
          params.cells,
        );
      },
      (work) => c.savepoint(work),
    );
    return [...refused, ...more.map(({ item: { item }, reason }) => ({ item, reason }))];
  }
}
