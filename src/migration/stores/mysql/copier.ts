/**
 * A batch of the copy as one stream: rows go into the table while those behind them are still being made.
 *
 * LOAD DATA LOCAL reads them like a file. What it does not like it bends or skips, and counts as a warning: with a single one of them
 * nothing of the batch stays, and the caller writes it the slow way, which finds the row. Where the server has `local_infile` off, the
 * parts are inserted as they come.
 */
import type { CopyPart, Quarantined } from '../store.ts';
import { StreamedBatch, streamedOnce, Undone, type StreamOutcome } from '../streamed.ts';
import type { Cell, Connection } from './connection.ts';
import { Failure } from './database.ts';
import type { MysqlFence } from './fence.ts';
import { refusalOf } from './refusal.ts';
import { insertRows } from './rows.ts';
import type { Session } from './session.ts';
import { toCells, type TableFacts } from './types.ts';
import type { Parts } from './writer.ts';

/** `local_infile` is off, as MySQL and MariaDB put it. */
const LOADING_IS_OFF: ReadonlySet<number> = new Set([1148, 3948, 4166]);

export class Copier {
  readonly #session: Session;
  readonly #fence: MysqlFence;
  readonly #parts: Parts;

  constructor(session: Session, fence: MysqlFence, parts: Parts) {
    this.#session = session;
    this.#fence = fence;
    this.#parts = parts;
  }

  async copy(epoch: number, from: string | null, parts: AsyncIterable<CopyPart>): Promise<StreamOutcome> {
    const facts = await this.#session.facts();
    const work = async (c: Connection): Promise<StreamOutcome> => {
      const checkpoint = await this.#fence.position(c, epoch, { from });
      if (!checkpoint) return 'MOVED';
      const batch = new StreamedBatch(from);
      if (!(await this.#load(c, batch, parts, facts))) await this.#insert(c, batch, parts, facts);
      const { copied, digest, quarantine } = batch;
      await this.#parts.quarantine.putMany(c, quarantine, facts);
      await this.#fence.advance(c, checkpoint, batch, { copied, quarantined: quarantine.length, digest });
      return 'COPIED';
    };
    return streamedOnce((begin) =>
      this.#fence.guard(
        { mode: 'COPY', epoch },
        (c) => {
          begin();
          return work(c);
        },
        { purpose: 'copying' },
      ),
    );
  }

  /** False: the server does not take files, and has asked for none of the parts. */
  async #load(
    c: Connection,
    batch: StreamedBatch,
    parts: AsyncIterable<CopyPart>,
    facts: TableFacts,
  ): Promise<boolean> {
    const lines = async function* (linesOf: (part: CopyPart) => string): AsyncGenerator<string> {
      for await (const part of parts) yield linesOf(part);
    };
    try {
      const { rows, warnings } = await c.load(
        this.#parts.sql.load,
        lines((part) => {
          const { candidates, refused } = this.#candidates(part, facts);
          batch.add(part, refused);
          let some = '';
          for (const { cells } of candidates) some += toLine(cells);
          return some;
        }),
      );
      if (warnings > 0 || rows !== batch.copied) throw new Undone('the server would have changed or left out rows');
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (LOADING_IS_OFF.has(error.errno)) return false;
      // Whatever the server says, if it says anything.
      throw error.kind === 'LOST' || error.kind === 'TIMED_OUT' ? error : new Undone(error.message);
    }
  }

  async #insert(c: Connection, batch: StreamedBatch, parts: AsyncIterable<CopyPart>, facts: TableFacts): Promise<void> {
    for await (const part of parts) {
      const { candidates, refused } = this.#candidates(part, facts);
      const keyed = candidates.map(({ at, cells }) => ({ at, cells, key: this.#keyOf(part, at) }));
      const reasons = await insertRows(c, this.#parts.sql, keyed, facts);
      const more = keyed.flatMap(({ key, at }) => {
        const reason = reasons.get(key);
        return reason === undefined ? [] : [{ key, reason, row: oldOf(part, at) }];
      });
      batch.add(part, [...refused, ...more]);
    }
  }

  /** The part's rows as the columns take them, with where they are in it, and those that they cannot take. */
  #candidates(part: CopyPart, facts: TableFacts) {
    const { table } = this.#parts.sql;
    const candidates: { readonly at: number; readonly cells: readonly Cell[] }[] = [];
    const refused: Quarantined[] = [];
    for (const [at, row] of part.rows.entries()) {
      try {
        candidates.push({ at, cells: toCells(table, row, facts) });
      } catch (error) {
        const reason = refusalOf(error);
        if (reason === null) throw error;
        refused.push({ key: this.#keyOf(part, at), reason, row: oldOf(part, at) });
      }
    }
    return { candidates, refused };
  }

  #keyOf(part: CopyPart, at: number): string {
    return this.#parts.dataset.keyOf(part.rows[at] ?? {});
  }
}

/** As quarantine keeps it. */
function oldOf(part: CopyPart, at: number): string {
  return JSON.stringify(part.olds?.[at] ?? part.rows[at]);
}

const SPECIAL = /[\\\n\r\t\0]/;
const EACH_SPECIAL = /[\\\n\r\t\0]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
};

/** As `load data` reads rows by default: cells apart by tabs, `\N` for NULL. */
function toLine(cells: readonly Cell[]): string {
  let line = '';
  for (let i = 0; i < cells.length; i++) {
    if (i > 0) line += '\t';
    const cell = cells[i] ?? null;
    const text = cell === null ? '\\N' : String(cell);
    line += cell !== null && SPECIAL.test(text) ? text.replace(EACH_SPECIAL, (c) => ESCAPES[c] ?? c) : text;
  }
  return `${line}\n`;
}
