/** Quarantine of a store in MySQL or MariaDB: the keys whose rows are not in the table, and why. */
import type { Dataset, Row, StoreRole } from '../../dataset.ts';
import type { Quarantined, QuarantinedRow, StoreQuarantine } from '../store.ts';
import type { Cell, Connection } from './connection.ts';
import type { Session } from './session.ts';
import { textOrNull, type MysqlFence } from './fence.ts';
import { keyId } from './keys.ts';
import { insertRows, type Candidate } from './rows.ts';
import { batches, padded, type Statements } from './statements.ts';
import { bytesOf, toCells, type TableFacts } from './types.ts';
import { refusalOf } from './refusal.ts';

const COLUMNS = '`key`, reason, `row`, waive_reason';
const HERE = 'dataset = ? and role = ?';
const TABLE = 'crossfade_quarantine';

export class MysqlQuarantine implements StoreQuarantine {
  readonly #session: Session;
  readonly #fence: MysqlFence;
  readonly #sql: Statements;
  readonly #here: readonly [dataset: string, role: StoreRole];

  constructor(session: Session, dataset: Dataset, role: StoreRole, sql: Statements, fence: MysqlFence) {
    this.#session = session;
    this.#fence = fence;
    this.#sql = sql;
    this.#here = [dataset.name, role];
  }

  async counts(): Promise<{ readonly open: number; readonly waived: number }> {
    const sql = `select count(*) - count(waive_reason), count(waive_reason) from ${TABLE} where ${HERE}`;
    const [open, waived] = (await this.#session.read((c) => c.get(sql, this.#here))) ?? [];
    return { open: Number(open), waived: Number(waived) };
  }

  async page(after: string | null, limit: number): Promise<readonly QuarantinedRow[]> {
    // The empty string is a key: a row of one empty text field.
    const above = after === null ? '' : 'and key_id > ?';
    const sql = `select ${COLUMNS} from ${TABLE} where ${HERE} ${above} order by key_id limit ?`;
    const cells = [...this.#here, ...(after === null ? [] : [keyId(after)]), BigInt(limit)];
    return (await this.#session.read((c) => c.all(sql, cells))).map(fromCells);
  }

  async find(keys: readonly string[]): Promise<ReadonlyMap<string, QuarantinedRow>> {
    if (keys.length === 0) return new Map();
    const { sql, cells } = this.#among(keys);
    const found = await this.#session.read((c) => c.all(`select ${COLUMNS} from ${TABLE} where ${sql}`, cells));
    return new Map(found.map(fromCells).map((row) => [row.key, row]));
  }

  waive(reason: string): Promise<number> {
    const sql = `update ${TABLE} set waive_reason = ? where ${HERE} and waive_reason is null`;
    return this.#session.write((c) => c.run(sql, [reason.toWellFormed(), ...this.#here]), { repeatable: true });
  }

  async retry(
    epoch: number,
    mapped: readonly { key: string; row: Row }[],
    still: readonly Quarantined[],
  ): Promise<'RETRIED' | 'FENCED'> {
    const facts = await this.#session.facts();
    return this.#fence.guard<'RETRIED'>({ mode: 'COPY', epoch }, async (c) => {
      const held = await this.among(
        c,
        [...mapped, ...still].map(({ key }) => key),
        'for update',
      );
      const candidates: Candidate[] = [];
      for (const { key, row } of mapped.filter((one) => held.has(one.key))) {
        try {
          candidates.push({ key, cells: toCells(this.#sql.table, row, facts) });
        } catch (error) {
          const reason = refusalOf(error);
          if (reason === null) throw error;
          await this.#note(c, key, reason);
        }
      }
      const refused = await insertRows(c, this.#sql, candidates, facts);
      const released = candidates.filter(({ key }) => !refused.has(key)).map(({ key }) => key);
      await this.removeMany(c, released);
      for (const [key, reason] of refused) await this.#note(c, key, reason);
      for (const { key, reason, row } of still.filter((one) => held.has(one.key)))
        await this.#note(c, key, reason, row);
      await this.#fence.release(c, released.length);
      return 'RETRIED';
    });
  }

  /** Those of the keys that are here. */
  async among(c: Connection, keys: readonly string[], lock: '' | 'for update' = ''): Promise<ReadonlySet<string>> {
    if (keys.length === 0) return new Set();
    const { sql, cells } = this.#among(keys);
    const found = await c.all(`select \`key\` from ${TABLE} where ${sql} order by key_id ${lock}`, cells);
    return new Set(found.map(([key]) => String(key)));
  }

  async isEmpty(c: Connection): Promise<boolean> {
    return (await c.get(`select 1 from ${TABLE} where ${HERE} limit 1`, this.#here)) === undefined;
  }

  async putMany(c: Connection, rows: readonly Quarantined[], facts: TableFacts): Promise<void> {
    const all = rows.map(({ key, reason, row }) => {
      const kept = row.toWellFormed();
      const tooLarge = Buffer.byteLength(kept) > facts.statementBytes / 2;
      const cells = [key.toWellFormed(), reason.toWellFormed(), tooLarge ? TOO_LARGE : kept, null];
      return [...this.#here, keyId(key), ...cells];
    });
    for (const batch of batches(all, bytesOf, facts.statementBytes)) {
      const values = batch.map(() => '(?, ?, ?, ?, ?, ?, ?)').join(', ');
      await c.run(`replace into ${TABLE} (dataset, role, key_id, ${COLUMNS}) values ${values}`, batch.flat());
    }
  }

  /** How many of them were here. */
  async removeMany(c: Connection, keys: readonly string[]): Promise<number> {
    if (keys.length === 0) return 0;
    const { sql, cells } = this.#among(keys);
    return c.run(`delete from ${TABLE} where ${sql}`, cells);
  }

  removeSome(c: Connection, limit: number): Promise<number> {
    return c.run(`delete from ${TABLE} where ${HERE} order by key_id limit ?`, [...this.#here, BigInt(limit)]);
  }

  #among(keys: readonly string[]) {
    const ids = padded(keys).map(keyId);
    return { sql: `${HERE} and key_id in (${ids.map(() => '?').join(', ')})`, cells: [...this.#here, ...ids] };
  }

  /** Of a key that is still here: the new reason, and the row as it was read now; a waiver stays. */
  async #note(c: Connection, key: string, reason: string, row: string | null = null): Promise<void> {
    await c.run(`update ${TABLE} set reason = ?, \`row\` = coalesce(?, \`row\`) where ${HERE} and key_id = ?`, [
      reason.toWellFormed(),
      row?.toWellFormed() ?? null,
      ...this.#here,
      keyId(key),
    ]);
  }
}

/** Kept in place of a row that does not fit into one statement. */
const TOO_LARGE = JSON.stringify({ crossfade: 'the row is larger than the server takes at once' });

function fromCells([key, reason, row, waiveReason = null]: readonly Cell[]): QuarantinedRow {
  return {
    key: String(key),
    reason: String(reason),
    row: String(row),
    waived: waiveReason !== null,
    waiveReason: textOrNull(waiveReason),
  };
}
