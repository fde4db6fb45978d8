/** Quarantine of a store in PostgreSQL: the keys whose rows are not in the table, and why. */
import type { Row } from '../../dataset.ts';
import { NO_ROWS } from '../../digest.ts';
import type { Quarantined, QuarantinedRow, StoreQuarantine } from '../store.ts';
import type { Cell, Connection } from './connection.ts';
import type { PostgresFence } from './fence.ts';
import type { Inserter } from './inserter.ts';
import { arrayOf } from './schema.ts';
import type { Session } from './session.ts';

const COLUMNS = '"key", reason, "row", waive_reason';
const HERE = 'dataset = $1 and role = $2';

export class PostgresQuarantine implements StoreQuarantine {
  readonly #session: Session;
  readonly #fence: PostgresFence;
  readonly #inserter: Inserter;

  constructor(session: Session, fence: PostgresFence, inserter: Inserter) {
    this.#session = session;
    this.#fence = fence;
    this.#inserter = inserter;
  }

  async counts(): Promise<{ readonly open: number; readonly waived: number }> {
    const sql = `select count(*) - count(waive_reason), count(waive_reason) from crossfade_quarantine where ${HERE}`;
    const [open, waived] = (await this.#session.read((c) => c.get(sql, this.#fence.params().cells))) ?? [];
    return { open: Number(open), waived: Number(waived) };
  }

  async page(after: string | null, limit: number): Promise<readonly QuarantinedRow[]> {
    const params = this.#fence.params();
    // The empty string is a key: a row of one empty text field.
    const above = after === null ? '' : `and "key" > ${params.add(after, 'text')}`;
    const sql = `select ${COLUMNS} from crossfade_quarantine where ${HERE} ${above}
      order by "key" limit ${params.add(limit, 'bigint')}`;
    return (await this.#session.read((c) => c.all(sql, params.cells))).map(fromCells);
  }

  async find(keys: readonly string[]): Promise<ReadonlyMap<string, QuarantinedRow>> {
    if (keys.length === 0) return new Map();
    const found = await this.#session.read((c) => this.findOn(c, keys));
    return new Map(found.map((row) => [row.key, row]));
  }

  async findOn(c: Connection, keys: readonly string[]): Promise<readonly QuarantinedRow[]> {
    const params = this.#fence.params();
    const sql = `select ${COLUMNS} from crossfade_quarantine where ${HERE} and "key" = any(${params.add(arrayOf(keys), 'text[]')})`;
    return (await c.all(sql, params.cells)).map(fromCells);
  }

  waive(reason: string): Promise<number> {
    const params = this.#fence.params();
    const sql = `update crossfade_quarantine set waive_reason = ${params.add(toText(reason), 'text')}
      where ${HERE} and waive_reason is null`;
    return this.#session.read((c) => c.run(sql, params.cells));
  }

  async retry(
    epoch: number,
    mapped: readonly { key: string; row: Row }[],
    still: readonly Quarantined[],
  ): Promise<'RETRIED' | 'FENCED'> {
    return this.#fence.guard<'RETRIED'>({ mode: 'COPY', epoch }, async (c) => {
      const held = await this.#lock(
        c,
        [...mapped, ...still].map(({ key }) => key),
      );
      const rows = mapped.filter(({ key }) => held.has(key));
      const refused = await this.#inserter.insert(c, rows);
      const reasons = new Map(refused.map(({ item, reason }) => [item.key, reason]));
      const released = rows.map(({ key }) => key).filter((key) => !reasons.has(key));
      await this.remove(c, released);
      await this.#note(
        c,
        [...reasons].map(([key, reason]) => ({ key, reason, row: null })),
      );
      await this.#note(c, still);
      await this.#fence.tally(c, { copied: released.length, quarantined: -released.length, digest: NO_ROWS });
      return 'RETRIED';
    });
  }

  /** Replaces what is there of these keys. */
  async put(c: Connection, rows: readonly Quarantined[]): Promise<void> {
    if (rows.length === 0) return;
    const params = this.#fence.params();
    // The last of a key stands.
    const last = [...new Map(rows.map((row) => [row.key, row])).values()];
    const lists = [
      last.map(({ key }) => key),
      last.map(({ reason }) => toText(reason)),
      last.map(({ row }) => toText(row)),
    ].map((cells) => params.add(arrayOf(cells), 'text[]'));
    await c.run(
      `insert into crossfade_quarantine (dataset, role, "key", reason, "row")
        select $1, $2, e.* from unnest(${lists.join(', ')}) as e
        on conflict (dataset, role, "key") do update set reason = excluded.reason, "row" = excluded."row", waive_reason = null`,
      params.cells,
    );
  }

  /** How many of them were here. */
  async remove(c: Connection, keys: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0;
    const params = this.#fence.params();
    const sql = `delete from crossfade_quarantine where ${HERE} and "key" = any(${params.add(arrayOf(keys), 'text[]')})`;
    return c.run(sql, params.cells);
  }

  async removeSome(c: Connection, limit: number): Promise<number> {
    const params = this.#fence.params();
    const some = `select "key" from crossfade_quarantine where ${HERE} order by "key" limit ${params.add(limit, 'bigint')}`;
    return c.run(`delete from crossfade_quarantine where ${HERE} and "key" = any(array(${some}))`, params.cells);
  }

  /** Which of these keys are here; they stay as they are until the transaction ends. */
  async #lock(c: Connection, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const params = this.#fence.params();
    const sql = `select "key" from crossfade_quarantine where ${HERE} and "key" = any(${params.add(arrayOf(keys), 'text[]')})
      order by "key" for update`;
    return new Set((await c.all(sql, params.cells)).map(([key]) => String(key)));
  }

  /** Of the keys that are here: the new reason, and the row as it was read now, if it was; a waiver stays. */
  async #note(
    c: Connection,
    rows: readonly (Omit<Quarantined, 'row'> & { readonly row: string | null })[],
  ): Promise<void> {
    if (rows.length === 0) return;
    const params = this.#fence.params();
    const lists = [
      rows.map(({ key }) => key),
      rows.map(({ reason }) => toText(reason)),
      rows.map(({ row }) => row && toText(row)),
    ].map((cells) => params.add(arrayOf(cells), 'text[]'));
    await c.run(
      `update crossfade_quarantine q set reason = e.reason, "row" = coalesce(e."row", q."row")
        from unnest(${lists.join(', ')}) as e("key", reason, "row") where q.dataset = $1 and q.role = $2 and q."key" = e."key"`,
      params.cells,
    );
  }
}

/** What people wrote, without what PostgreSQL has no text for. */
function toText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

function fromCells([key, reason, row, waiveReason = null]: readonly Cell[]): QuarantinedRow {
  return {
    key: String(key),
    reason: String(reason),
    row: String(row),
    waived: waiveReason !== null,
    waiveReason,
  };
}
