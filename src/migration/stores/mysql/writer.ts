/** The writing device of a store in MySQL or MariaDB: every method is one transaction that locks the fence, reads it, then writes. */
import type { Dataset, Row, StoreRole } from '../../dataset.ts';
import { CrossfadeError } from '../../errors.ts';
import { packSeq } from '../../seq.ts';
import type {
  Apply,
  ApplyResult,
  CopyBatch,
  CopyPart,
  DirectChange,
  Fence,
  InsertResult,
  StoreWriter,
} from '../store.ts';
import type { StreamOutcome } from '../streamed.ts';
import { applyRound, inRounds, type Refused } from './apply.ts';
import type { Cell, Connection } from './connection.ts';
import { Copier } from './copier.ts';
import type { Session } from './session.ts';
import type { MysqlFence } from './fence.ts';
import type { MysqlQuarantine } from './quarantine.ts';
import type { MysqlReader } from './reader.ts';
import { badRow, refusalOf } from './refusal.ts';
import { insertRows, type Candidate } from './rows.ts';
import type { Statements } from './statements.ts';
import { toCells, type TableFacts } from './types.ts';

/** Where the fence stood, and whether nothing was in quarantine then: in mode DIRECT it does not grow. */
interface Found {
  readonly step: number;
  readonly empty: boolean;
}

type Change = DirectChange & { readonly releases?: boolean };

/** The parts of a store that write together. */
export interface Parts {
  readonly dataset: Dataset;
  readonly role: StoreRole;
  readonly sql: Statements;
  readonly reader: MysqlReader;
  readonly quarantine: MysqlQuarantine;
}

export class MysqlWriter implements StoreWriter {
  readonly #session: Session;
  readonly #fence: MysqlFence;
  readonly #parts: Parts;
  readonly #copier: Copier;
  /** What was found of quarantine at the epoch asked for last. */
  #quarantine: { readonly epoch: number; readonly found: Promise<Found | 'FENCED'> } | null = null;

  constructor(session: Session, fence: MysqlFence, parts: Parts) {
    this.#session = session;
    this.#fence = fence;
    this.#parts = parts;
    this.#copier = new Copier(session, fence, parts);
  }

  /** One statement where that can tell; a transaction where it did nothing, to find out why. */
  async direct(change: Change): Promise<'WRITTEN' | 'CHANGED' | 'FENCED'> {
    const { key, epoch, releases = false } = change;
    const facts = await this.#session.facts();
    const seen = change.expect && this.#cells(key, change.expect, facts);
    const wanted = change.next && this.#cells(key, change.next, facts);
    const done = releases ? null : await this.#atOnce(epoch, seen, wanted);
    if (done) return done;
    return this.#fence.guard({ mode: 'DIRECT', epoch }, async (c, fence) => {
      const written = seen ? await this.#replace(c, seen, wanted) : await this.#create(c, key, wanted, releases, fence);
      return written ? 'WRITTEN' : 'CHANGED';
    });
  }

  async insertMissing(epoch: number, rows: readonly Row[]): Promise<InsertResult | 'FENCED'> {
    const { dataset, sql, reader, quarantine } = this.#parts;
    const facts = await this.#session.facts();
    const keyed = rows.map((row) => ({ key: dataset.keyOf(row), row }));
    const keys = keyed.map(({ key }) => key);
    return this.#fence.guard({ mode: 'DIRECT', epoch }, async (c) => {
      const present = new Set(await reader.present(c, keys));
      const quarantined = await quarantine.among(c, keys);
      const reasons = new Map([...quarantined].map((key) => [key, 'a row with this key is in quarantine']));
      const missing = keyed.filter(({ key }) => !present.has(key) && !quarantined.has(key));
      const refused = await insertRows(c, sql, this.#candidates(missing, facts, reasons), facts);
      // Others insert too: a row that came in between is there as well.
      const since = await reader.present(c, [...refused.keys()]);
      for (const [key, reason] of refused) if (!since.has(key)) reasons.set(key, reason);
      for (const key of since) present.add(key);
      return {
        present: await reader.loadOn(
          c,
          keys.filter((key) => present.has(key)),
        ),
        refused: keys.flatMap((key) => {
          const reason = present.has(key) ? undefined : reasons.get(key);
          return reason === undefined ? [] : [{ key, reason }];
        }),
      };
    });
  }

  async apply(run: number, entries: readonly Apply[]): Promise<ApplyResult> {
    const facts = await this.#session.facts();
    const refusals = await this.#fence.guard({ mode: 'APPLY', run }, async (c) => {
      const refused: Refused[] = [];
      for (const round of inRounds(entries)) refused.push(...(await applyRound(c, this.#parts, round, facts)));
      return refused;
    });
    return refusals === 'FENCED' ? { outcome: 'FENCED', refused: [] } : { outcome: 'APPLIED', refused: refusals };
  }

  async copy(epoch: number, batch: CopyBatch): Promise<'COPIED' | 'MOVED' | 'FENCED'> {
    const { dataset, sql, quarantine } = this.#parts;
    const facts = await this.#session.facts();
    return this.#fence.guard({ mode: 'COPY', epoch }, async (c) => {
      const from = await this.#fence.position(c, epoch, batch);
      if (!from) return 'MOVED';
      const keyed = batch.rows.map((row, i) => ({ key: dataset.keyOf(row), row, old: batch.olds?.[i] ?? row }));
      const reasons = new Map<string, string>();
      const refused = await insertRows(c, sql, this.#candidates(keyed, facts, reasons), facts);
      for (const [key, reason] of refused) reasons.set(key, reason);
      const faulty = keyed.flatMap(({ key, old }) => {
        const reason = reasons.get(key);
        return reason === undefined ? [] : [{ key, reason, row: JSON.stringify(old) }];
      });
      await quarantine.putMany(c, [...batch.quarantine, ...faulty], facts);
      await this.#fence.advance(c, from, batch, {
        copied: batch.rows.length - faulty.length,
        quarantined: batch.quarantine.length + faulty.length,
        digest: batch.digest,
      });
      return 'COPIED';
    });
  }

  copyStream(epoch: number, from: string | null, parts: AsyncIterable<CopyPart>): Promise<StreamOutcome> {
    return this.#copier.copy(epoch, from, parts);
  }

  async empty(epoch: number, limit: number): Promise<'EMPTY' | 'MORE' | 'FENCED'> {
    return this.#fence.guard({ mode: 'CLOSED', epoch }, async (c) => {
      let left = limit;
      left -= await c.run(this.#parts.sql.removeSome, [BigInt(left)]);
      left -= await this.#removeGuards(c, '', [], left);
      left -= await this.#parts.quarantine.removeSome(c, left);
      // The limit was not reached, so nothing is left; if it was, the next call finds out.
      return left > 0 ? 'EMPTY' : 'MORE';
    });
  }

  dropGuards(beforeRun: number, limit: number): Promise<number> {
    const before = [BigInt(packSeq(beforeRun, 0))];
    return this.#session.write((c) => this.#removeGuards(c, 'and seq < ?', before, limit), { repeatable: true });
  }

  /** In one statement, which checks and locks the fence too. null: it did nothing, or there is no such statement. */
  async #atOnce(
    epoch: number,
    seen: readonly Cell[] | null,
    wanted: readonly Cell[] | null,
  ): Promise<'WRITTEN' | 'FENCED' | null> {
    const { sql, role } = this.#parts;
    if (seen) {
      const open = this.#fence.direct(epoch, null);
      const [statement, cells] = wanted ? [sql.replaceExact, [...sql.rest(wanted), ...seen]] : [sql.removeExact, seen];
      const exact = `${statement} and exists (select 1 ${open.sql})`;
      return (await this.#session.once(exact, [...cells, ...open.cells])) === 1 ? 'WRITTEN' : null;
    }
    if (!wanted) return null;
    const found = role === 'NEW' ? await this.#look(epoch) : null;
    if (found === 'FENCED') return 'FENCED';
    if (found?.empty === false) return null;
    const insert = sql.insertFrom(wanted, this.#fence.direct(epoch, found?.step ?? null));
    return (await this.#session.once(insert.sql, insert.cells)) === 1 ? 'WRITTEN' : null;
  }

  /** At quarantine, once an epoch; those who ask at the same time share one look. */
  async #look(epoch: number): Promise<Found | 'FENCED'> {
    if (this.#quarantine?.epoch !== epoch) {
      const look = async (c: Connection, { step }: Fence) => ({
        step,
        empty: await this.#parts.quarantine.isEmpty(c),
      });
      this.#quarantine = { epoch, found: this.#fence.guard({ mode: 'DIRECT', epoch }, look, { repeatable: true }) };
    }
    const asked = this.#quarantine;
    let found: Found | 'FENCED' = 'FENCED';
    try {
      found = await asked.found;
    } finally {
      // The fence stands elsewhere, or the server was not reached.
      if (found === 'FENCED' && this.#quarantine === asked) this.#quarantine = null;
    }
    return found;
  }

  /** False: the row there, if any, is another one. */
  async #replace(c: Connection, seen: readonly Cell[], wanted: readonly Cell[] | null): Promise<boolean> {
    const { sql } = this.#parts;
    if (!wanted) return (await c.run(sql.removeExact, seen)) === 1;
    return (await this.#orBadRow(() => c.run(sql.replaceExact, [...sql.rest(wanted), ...seen]))) === 1;
  }

  /** False: the key has a row, or is (not) in quarantine. */
  async #create(
    c: Connection,
    key: string,
    wanted: readonly Cell[] | null,
    releases: boolean,
    { epoch, step }: Fence,
  ): Promise<boolean> {
    const { sql, reader, quarantine } = this.#parts;
    // Of two that take the key out of quarantine the second finds it gone.
    const quarantined = await quarantine.among(c, [key], releases ? 'for update' : '');
    if (quarantined.has(key) !== releases) return false;
    if (!releases && (await quarantine.isEmpty(c))) {
      this.#quarantine = { epoch, found: Promise.resolve({ step, empty: true }) };
    }
    // A key that is taken counts before other constraints.
    if ((await reader.present(c, [key])).size > 0) return false;
    if (wanted) {
      const { sql: insert, cells } = sql.insert([wanted]);
      try {
        await c.run(insert, cells);
      } catch (error) {
        if (refusalOf(error) === null) throw error;
        if ((await reader.present(c, [key])).size > 0) return false;
        throw badRow(sql.table, error);
      }
    }
    if (releases) await quarantine.removeMany(c, [key]);
    return true;
  }

  /** Those that the columns can take; why not, for the others. */
  #candidates(
    keyed: readonly { readonly key: string; readonly row: Row }[],
    facts: TableFacts,
    reasons: Map<string, string>,
  ): readonly Candidate[] {
    return keyed.flatMap(({ key, row }) => {
      try {
        return [{ key, cells: toCells(this.#parts.sql.table, row, facts) }];
      } catch (error) {
        const reason = refusalOf(error);
        if (reason === null) throw error;
        reasons.set(key, reason);
        return [];
      }
    });
  }

  async #orBadRow<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw refusalOf(error) === null ? error : badRow(this.#parts.sql.table, error);
    }
  }

  #removeGuards(c: Connection, condition: string, cells: readonly Cell[], limit: number): Promise<number> {
    const { dataset, role } = this.#parts;
    const sql = `delete from crossfade_guard where dataset = ? and role = ? ${condition} order by key_id limit ?`;
    return c.run(sql, [dataset.name, role, ...cells, BigInt(limit)]);
  }

  #cells(key: string, row: Row, facts: TableFacts): readonly Cell[] {
    const cells = toCells(this.#parts.sql.table, row, facts);
    if (this.#parts.dataset.keyOf(row) === key) return cells;
    throw new CrossfadeError('INTERNAL', {
      message: `A row of ${this.#parts.dataset.name} was written under another key.`,
    });
  }
}
