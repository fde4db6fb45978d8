/** The writing device of a store in SQLite: every method is one transaction that takes the lock, then reads the fence, then writes. */
import type { Dataset, Row, StoreRole } from '../../dataset.ts';
import { CrossfadeError } from '../../errors.ts';
import { packSeq } from '../../seq.ts';
import type { Apply, ApplyResult, CopyBatch, DirectChange, InsertResult, StoreWriter } from '../store.ts';
import type { Cell, Connection, Session } from './connection.ts';
import type { SqliteFence } from './fence.ts';
import type { SqliteQuarantine } from './quarantine.ts';
import type { SqliteReader } from './reader.ts';
import { orBadInput, refused } from './refusal.ts';
import type { Statements } from './statements.ts';
import { toCells } from './types.ts';

type Refused = ApplyResult['refused'][number];

const HERE = 'dataset = ? and role = ?';
const SET_GUARD = `insert into crossfade_guard (dataset, role, "key", seq) values (?, ?, ?, ?)
  on conflict (dataset, role, "key") do update set seq = excluded.seq where excluded.seq > seq`;

export class SqliteWriter implements StoreWriter {
  readonly #session: Session;
  readonly #dataset: Dataset;
  readonly #here: readonly [dataset: string, role: StoreRole];
  readonly #sql: Statements;
  readonly #reader: SqliteReader;
  readonly #fence: SqliteFence;
  readonly #quarantine: SqliteQuarantine;

  constructor(
    session: Session,
    dataset: Dataset,
    role: StoreRole,
    parts: {
      readonly sql: Statements;
      readonly reader: SqliteReader;
      readonly fence: SqliteFence;
      readonly quarantine: SqliteQuarantine;
    },
  ) {
    this.#session = session;
    this.#dataset = dataset;
    this.#here = [dataset.name, role];
    this.#sql = parts.sql;
    this.#reader = parts.reader;
    this.#fence = parts.fence;
    this.#quarantine = parts.quarantine;
  }

  async direct(change: DirectChange & { readonly releases?: boolean }): Promise<'WRITTEN' | 'CHANGED' | 'FENCED'> {
    const { key, epoch, releases = false } = change;
    const seen = change.expect && this.#cells(key, change.expect);
    const wanted = change.next && this.#cells(key, change.next);
    return this.#fence.guard({ mode: 'DIRECT', epoch }, (c) => {
      const written = orBadInput(this.#sql.table, () =>
        seen ? this.#replace(c, seen, wanted) : this.#create(c, key, wanted, releases),
      );
      return written ? 'WRITTEN' : 'CHANGED';
    });
  }

  async insertMissing(epoch: number, rows: readonly Row[]): Promise<InsertResult | 'FENCED'> {
    return this.#fence.guard({ mode: 'DIRECT', epoch }, (c) => {
      const present: string[] = [];
      const refusals: { key: string; reason: string }[] = [];
      for (const row of rows) {
        const key = this.#dataset.keyOf(row);
        if (this.#exists(c, key)) {
          present.push(key);
          continue;
        }
        const reason = this.#quarantine.has(c, key)
          ? 'a row with this key is in quarantine'
          : refused(() => c.run(this.#sql.insert, toCells(this.#sql.table, row)));
        if (reason !== null) refusals.push({ key, reason });
      }
      return { present: present.length === 0 ? [] : this.#reader.loadOn(c, present), refused: refusals };
    });
  }

  async apply(run: number, entries: readonly Apply[]): Promise<ApplyResult> {
    const refusals = await this.#fence.guard({ mode: 'APPLY', run }, (c) =>
      entries.flatMap((entry) => this.#applyOne(c, entry) ?? []),
    );
    return refusals === 'FENCED' ? { outcome: 'FENCED', refused: [] } : { outcome: 'APPLIED', refused: refusals };
  }

  async copy(epoch: number, batch: CopyBatch): Promise<'COPIED' | 'MOVED' | 'FENCED'> {
    return this.#fence.guard({ mode: 'COPY', epoch }, (c) => {
      if (!this.#fence.advance(c, epoch, batch)) return 'MOVED';
      const quarantined = [...batch.quarantine];
      for (const [i, row] of batch.rows.entries()) {
        const reason = refused(() => c.run(this.#sql.insert, toCells(this.#sql.table, row)));
        if (reason === null) continue;
        quarantined.push({ key: this.#dataset.keyOf(row), reason, row: JSON.stringify(batch.olds?.[i] ?? row) });
      }
      for (const row of quarantined) this.#quarantine.put(c, row);
      const copied = batch.rows.length + batch.quarantine.length - quarantined.length;
      this.#fence.tally(c, { copied, quarantined: quarantined.length, digest: batch.digest });
      return 'COPIED';
    });
  }

  async empty(epoch: number, limit: number): Promise<'EMPTY' | 'MORE' | 'FENCED'> {
    return this.#fence.guard({ mode: 'CLOSED', epoch }, (c) => {
      let left = limit;
      left -= c.run(this.#sql.removeSome, [BigInt(left)]);
      left -= this.#removeGuards(c, '', [], left);
      left -= this.#quarantine.removeSome(c, left);
      // The limit was not reached, so nothing is left; if it was, the next call finds out.
      return left > 0 ? 'EMPTY' : 'MORE';
    });
  }

  dropGuards(beforeRun: number, limit: number): Promise<number> {
    return this.#session.write((c) => this.#removeGuards(c, 'and seq < ?', [BigInt(packSeq(beforeRun, 0))], limit));
  }

  /** False: the row there, if any, is another one. */
  #replace(c: Connection, seen: readonly Cell[], wanted: readonly Cell[] | null): boolean {
    const { replaceExact, removeExact } = this.#sql;
    return (wanted ? c.run(replaceExact, [...wanted, ...seen]) : c.run(removeExact, seen)) === 1;
  }

  /** False: the key has a row, or is (not) in quarantine. */
  #create(c: Connection, key: string, wanted: readonly Cell[] | null, releases: boolean): boolean {
    if (this.#quarantine.has(c, key) !== releases) return false;
    // Nobody else writes meanwhile, and a key that is taken counts before other constraints.
    if (this.#exists(c, key)) return false;
    if (wanted) c.run(this.#sql.insert, wanted);
    if (releases) this.#quarantine.remove(c, key);
    return true;
  }

  /** The refusal, if the table refuses the row. The savepoint lets a refused entry leave nothing behind. */
  #applyOne(c: Connection, entry: Apply): Refused | null {
    const { key, seq, row } = entry;
    const reason = refused(() =>
      c.savepoint(() => {
        if (!this.#setGuard(c, entry)) return;
        if (row) c.run(this.#sql.upsert, this.#cells(key, row));
        else this.#remove(c, key);
        this.#quarantine.remove(c, key);
      }),
    );
    if (reason === null) return null;
    if (this.#here[1] === 'NEW') {
      this.#setGuard(c, entry);
      this.#remove(c, key);
      this.#quarantine.put(c, { key, reason, row: JSON.stringify(entry.old ?? row) });
    }
    return { key, seq, reason };
  }

  /** False: it stands as high or higher. */
  #setGuard(c: Connection, { key, seq }: Apply): boolean {
    return c.run(SET_GUARD, [...this.#here, key, BigInt(seq)]) === 1;
  }

  #remove(c: Connection, key: string): void {
    const { sql, cells } = this.#sql.keyIs(key);
    c.run(`delete from ${this.#sql.name} where ${sql}`, cells);
  }

  #exists(c: Connection, key: string): boolean {
    const { sql, cells } = this.#sql.keyIs(key);
    return c.get(`select 1 from ${this.#sql.name} where ${sql}`, cells) !== undefined;
  }

  #removeGuards(c: Connection, condition: string, cells: readonly Cell[], limit: number): number {
    const some = `select "key" from crossfade_guard where ${HERE} ${condition} limit ?`;
    const sql = `delete from crossfade_guard where ${HERE} and "key" in (${some})`;
    return c.run(sql, [...this.#here, ...this.#here, ...cells, BigInt(limit)]);
  }

  #cells(key: string, row: Row): readonly Cell[] {
    const cells = toCells(this.#sql.table, row);
    if (this.#dataset.keyOf(row) === key) return cells;
    throw new CrossfadeError('INTERNAL', { message: `A row of ${this.#dataset.name} was written under another key.` });
  }
}
