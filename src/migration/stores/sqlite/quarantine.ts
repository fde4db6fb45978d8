/** Quarantine of a store in SQLite: the keys whose rows are not in the table, and why. */
import type { Dataset, Row, StoreRole } from '../../dataset.ts';
import { NO_ROWS } from '../../digest.ts';
import type { Quarantined, QuarantinedRow, StoreQuarantine } from '../store.ts';
import type { Cell, Connection, Session } from './connection.ts';
import { textOrNull, type SqliteFence } from './fence.ts';
import { refused } from './refusal.ts';
import type { Statements } from './statements.ts';
import { toCells } from './types.ts';

const COLUMNS = '"key", reason, "row", waive_reason';
const HERE = 'dataset = ? and role = ?';

export class SqliteQuarantine implements StoreQuarantine {
  readonly #session: Session;
  readonly #fence: SqliteFence;
  readonly #sql: Statements;
  readonly #here: readonly [dataset: string, role: StoreRole];

  constructor(session: Session, dataset: Dataset, role: StoreRole, sql: Statements, fence: SqliteFence) {
    this.#session = session;
    this.#fence = fence;
    this.#sql = sql;
    this.#here = [dataset.name, role];
  }

  async counts(): Promise<{ readonly open: number; readonly waived: number }> {
    const sql = `select count(*) - count(waive_reason), count(waive_reason) from crossfade_quarantine where ${HERE}`;
    const [open, waived] = (await this.#session.read((c) => c.get(sql, this.#here))) ?? [];
    return { open: Number(open), waived: Number(waived) };
  }

  async page(after: string | null, limit: number): Promise<readonly QuarantinedRow[]> {
    // The empty string is a key: a row of one empty text field.
    const above = after === null ? '' : 'and "key" > ?';
    const sql = `select ${COLUMNS} from crossfade_quarantine where ${HERE} ${above} order by "key" limit ?`;
    const cells = [...this.#here, ...(after === null ? [] : [after]), BigInt(limit)];
    return (await this.#session.read((c) => c.all(sql, cells))).map(fromCells);
  }

  async find(keys: readonly string[]): Promise<ReadonlyMap<string, QuarantinedRow>> {
    if (keys.length === 0) return new Map();
    const sql = `select ${COLUMNS} from (select value as wanted from json_each(?)) cross join crossfade_quarantine
      on ${HERE} and "key" = wanted`;
    const found = await this.#session.read((c) => c.all(sql, [JSON.stringify(keys), ...this.#here]));
    return new Map(found.map(fromCells).map((row) => [row.key, row]));
  }

  waive(reason: string): Promise<number> {
    const sql = `update crossfade_quarantine set waive_reason = ? where ${HERE} and waive_reason is null`;
    return this.#session.write((c) => c.run(sql, [reason.toWellFormed(), ...this.#here]));
  }

  async retry(
    epoch: number,
    mapped: readonly { key: string; row: Row }[],
    still: readonly Quarantined[],
  ): Promise<'RETRIED' | 'FENCED'> {
    return this.#fence.guard({ mode: 'COPY', epoch }, (c) => {
      let released = 0;
      for (const { key, row } of mapped) {
        if (!this.has(c, key)) continue;
        const reason = refused(() => c.run(this.#sql.insert, toCells(this.#sql.table, row)));
        if (reason === null) released += this.remove(c, key);
        else this.#note(c, key, reason);
      }
      for (const { key, reason, row } of still) this.#note(c, key, reason, row);
      this.#fence.tally(c, { copied: released, quarantined: -released, digest: NO_ROWS });
      return 'RETRIED';
    });
  }

  has(c: Connection, key: string): boolean {
    return c.get(`select 1 from crossfade_quarantine where ${HERE} and "key" = ?`, [...this.#here, key]) !== undefined;
  }

  put(c: Connection, { key, reason, row }: Quarantined): void {
    c.run(`insert or replace into crossfade_quarantine (dataset, role, ${COLUMNS}) values (?, ?, ?, ?, ?, null)`, [
      ...this.#here,
      key,
      reason.toWellFormed(),
      row.toWellFormed(),
    ]);
  }

  /** How many rows that were: one or none. */
  remove(c: Connection, key: string): number {
    return c.run(`delete from crossfade_quarantine where ${HERE} and "key" = ?`, [...this.#here, key]);
  }

  removeSome(c: Connection, limit: number): number {
    const some = `select "key" from crossfade_quarantine where ${HERE} limit ?`;
    const sql = `delete from crossfade_quarantine where ${HERE} and "key" in (${some})`;
    return c.run(sql, [...this.#here, ...this.#here, BigInt(limit)]);
  }

  /** Of a key that is still here: the new reason, and the row as it was read now; a waiver stays. */
  #note(c: Connection, key: string, reason: string, row: string | null = null): void {
    c.run(`update crossfade_quarantine set reason = ?, "row" = coalesce(?, "row") where ${HERE} and "key" = ?`, [
      reason.toWellFormed(),
      row?.toWellFormed() ?? null,
      ...this.#here,
      key,
    ]);
  }
}

function fromCells([key, reason, row, waiveReason]: readonly Cell[]): QuarantinedRow {
  return {
    key: String(key),
    reason: String(reason),
    row: String(row),
    waived: waiveReason !== null,
    waiveReason: textOrNull(waiveReason),
  };
}
