/** The writing device of a store in PostgreSQL: a statement or a transaction that has the fence's lock, reads the fence, then writes. */
import type { Dataset, Row, StoreRole } from '../../dataset.ts';
import { CrossfadeError } from '../../errors.ts';
import { compareKeys } from '../../key.ts';
import { packSeq } from '../../seq.ts';
import type { Apply, ApplyResult, CopyBatch, CopyPart, DirectChange, InsertResult, StoreWriter } from '../store.ts';
import type { StreamOutcome } from '../streamed.ts';
import { Applier, type ApplierParts } from './applier.ts';
import { DriverFailure } from './codes.ts';
import { Copier } from './copier.ts';
import type { Cell, Connection } from './connection.ts';
import { DirectStatements, type Written } from './direct.ts';
import type { Inserter, Keyed } from './inserter.ts';
import { Params } from './params.ts';
import type { PostgresReader } from './reader.ts';
import { badRow, settle } from './refusal.ts';
import type { Session } from './session.ts';
import type { Line } from './statements.ts';
import { toCells } from './types.ts';

const HERE = 'dataset = $1 and role = $2';

export interface WriterParts extends ApplierParts {
  readonly reader: PostgresReader;
  readonly inserter: Inserter;
}

type Change = DirectChange & { readonly releases?: boolean };
type Outcome = 'WRITTEN' | 'CHANGED' | 'FENCED';

export class PostgresWriter implements StoreWriter {
  readonly #session: Session;
  readonly #dataset: Dataset;
  readonly #parts: WriterParts;
  readonly #direct: DirectStatements;
  readonly #applier: Applier;
  readonly #copier: Copier;

  constructor(session: Session, dataset: Dataset, role: StoreRole, parts: WriterParts) {
    this.#session = session;
    this.#dataset = dataset;
    this.#parts = parts;
    this.#direct = new DirectStatements(session, parts.fence, parts.sql);
    this.#applier = new Applier(session, role, parts);
    this.#copier = new Copier({ ...parts, session, dataset });
  }

  /** One statement; only if it changes nothing is it asked why. */
  async direct(change: Change): Promise<Outcome> {
    if (change.releases) return this.#release(change);
    if (!change.expect && !change.next) return this.#confirmAbsence(change);
    const emptyAt = change.expect ? null : await this.#direct.emptyAt(change.epoch);
    const done = await this.#session.read((c) => {
      const { text, cells } = this.#direct.of(this.#written(change), emptyAt);
      return refusedOr(c.run(text, cells));
    }, 'OUTCOME_UNKNOWN');
    if (done === 1) return 'WRITTEN';
    const stands = await this.#confirmAbsence(change);
    if (stands === 'WRITTEN') this.#direct.forget();
    if (typeof done === 'number') return stands === 'FENCED' ? 'FENCED' : 'CHANGED';
    // A key that is taken counts before other constraints.
    if (stands === 'FENCED' || (stands === 'CHANGED' && !change.expect)) return stands;
    throw badRow(this.#parts.sql.table, done);
  }

  async insertMissing(epoch: number, rows: readonly Row[]): Promise<InsertResult | 'FENCED'> {
    return this.#parts.fence.guard({ mode: 'DIRECT', epoch }, async (c) => {
      const items = rows.map((row) => this.#parts.inserter.keyed(row));
      const present: InsertResult['present'][number][] = [];
      const refused: { key: string; reason: string }[] = [];
      // What is there when it is inserted, and gone when it is read, is tried again.
      for (let left: readonly Keyed[] = items; left.length > 0;) {
        const { inserted, reasons } = await this.#insertFree(c, left);
        const others = left.filter(({ key }) => !inserted.has(key));
        const keys = others.map(({ key }) => key);
        const there = await this.#parts.reader.loadOn(c, keys);
        const quarantined = new Set((await this.#parts.quarantine.findOn(c, keys)).map(({ key }) => key));
        left = [];
        for (const item of others) {
          const stored = there.get(item.key);
          const reason = quarantined.has(item.key) ? 'a row with this key is in quarantine' : reasons.get(item.key);
          if (stored) present.push(stored);
          else if (reason !== undefined) refused.push({ key: item.key, reason });
          else left = [...left, item];
        }
      }
      return { present, refused };
    });
  }

  async apply(run: number, entries: readonly Apply[]): Promise<ApplyResult> {
    for (const { key, row } of entries) if (row) this.#checkKey(key, row);
    return this.#applier.apply(run, entries);
  }

  async copy(epoch: number, batch: CopyBatch): Promise<'COPIED' | 'MOVED' | 'FENCED'> {
    const { fence, inserter, quarantine } = this.#parts;
    return fence.guard({ mode: 'COPY', epoch }, async (c) => {
      if (!(await fence.advance(c, epoch, batch))) return 'MOVED';
      const items = batch.rows.map((row, i) => ({ ...inserter.keyed(row), old: batch.olds?.[i] ?? row }));
      const refused = await inserter.insert(c, items);
      const quarantined = [
        ...batch.quarantine,
        ...refused.map(({ item, reason }) => ({ key: item.key, reason, row: JSON.stringify(item.old) })),
      ];
      await quarantine.put(c, quarantined);
      const copied = items.length - refused.length;
      await fence.tally(c, { copied, quarantined: quarantined.length, digest: batch.digest });
      return 'COPIED';
    });
  }

  copyStream(epoch: number, from: string | null, parts: AsyncIterable<CopyPart>): Promise<StreamOutcome> {
    return this.#copier.copy(epoch, from, parts);
  }

  async empty(epoch: number, limit: number): Promise<'EMPTY' | 'MORE' | 'FENCED'> {
    const { fence, sql, quarantine } = this.#parts;
    return fence.guard({ mode: 'CLOSED', epoch }, async (c) => {
      const keys = sql.keys.join(', ');
      let left = limit;
      left -= await c.run(
        `delete from ${sql.name} where (${keys}) in
          (select ${keys} from ${sql.name} order by ${sql.order} limit $1::bigint)`,
        [`${left}`],
      );
      left -= await this.#removeGuards(c, null, left);
      left -= await quarantine.removeSome(c, left);
      // The limit was not reached, so nothing is left; if it was, the next call finds out.
      return left > 0 ? 'EMPTY' : 'MORE';
    });
  }

  dropGuards(beforeRun: number, limit: number): Promise<number> {
    return this.#session.read((c) => this.#removeGuards(c, packSeq(beforeRun, 0), limit));
  }

  #written({ epoch, key, expect, next }: Change): Written {
    return { epoch, key, expect: expect && this.#cells(key, expect), next: next && this.#cells(key, next) };
  }

  /** Under the fence: the key has no row and is not in quarantine; `CHANGED`: it has, or is. */
  async #confirmAbsence(change: Change): Promise<Outcome> {
    const { text, cells } = this.#direct.presence(change);
    const row = await this.#session.read((c) => c.get(text, cells));
    if (!row) return 'FENCED';
    return row[0] === 't' ? 'CHANGED' : 'WRITTEN';
  }

  /** Takes the key out of quarantine and writes the row, if there is one to write. */
  #release({ epoch, key, expect, next }: Change): Promise<Outcome> {
    const { fence, quarantine, sql } = this.#parts;
    const pass = { mode: 'DIRECT', epoch } as const;
    return fence.guard<Outcome>(
      pass,
      async (c) => {
        if (expect || (await this.#exists(c, key)) || (await quarantine.remove(c, [key])) === 0) return 'CHANGED';
        if (!next) return 'WRITTEN';
        const params = new Params();
        const insert = `insert into ${sql.name} (${sql.columns}) select ${sql.values(params, this.#cells(key, next))}`;
        const done = await refusedOr(c.run(insert, params.cells));
        if (done instanceof DriverFailure) throw badRow(sql.table, done);
        return 'WRITTEN';
      },
      { lost: 'OUTCOME_UNKNOWN' },
    );
  }

  /** Inserts those whose key has no row and is not in quarantine; why others are refused. */
  async #insertFree(c: Connection, items: readonly Keyed[]) {
    const { inserter, sql, fence } = this.#parts;
    const { lines, refused } = inserter.lines(items);
    const inserted = new Set<string>();
    const insert = async (some: readonly Line[]) => {
      const params = fence.params();
      const rows = await c.all(
        `insert into ${sql.name} (${sql.columns}) select ${sql.given} from ${sql.lines(params, some)}
          where not exists (select 1 from crossfade_quarantine where ${HERE} and "key" = e.crossfade_key)
          ${sql.onTaken.keep} returning ${sql.columns}`,
        params.cells,
      );
      for (const cells of rows) inserted.add(this.#parts.reader.keyOf(cells));
    };
    // In one order for everybody, so that two of these do not wait for each other.
    const ordered = lines.toSorted((a, b) => compareKeys(a.key, b.key));
    const more = await settle(ordered, insert, (work) => c.savepoint(work));
    const reasons = new Map([
      ...refused.map(({ item, reason }) => [item.key, reason] as const),
      ...more.map(({ item, reason }) => [item.key, reason] as const),
    ]);
    return { inserted, reasons };
  }

  async #exists(c: Connection, key: string): Promise<boolean> {
    const { sql } = this.#parts;
    const params = new Params();
    const here = `select 1 from ${sql.name} t where ${sql.keyIs(params, key)}`;
    return (await c.run(here, params.cells)) > 0;
  }

  /** Those that somebody is about to raise are left to him. */
  #removeGuards(c: Connection, below: number | null, limit: number): Promise<number> {
    const params = this.#parts.fence.params();
    const old = below === null ? '' : `and seq < ${params.add(below, 'bigint')}`;
    const some = `select "key" from crossfade_guard where ${HERE} ${old} order by "key"
      limit ${params.add(limit, 'bigint')} for update skip locked`;
    return c.run(`delete from crossfade_guard where ${HERE} ${old} and "key" = any(array(${some}))`, params.cells);
  }

  #checkKey(key: string, row: Row): void {
    if (this.#dataset.keyOf(row) === key) return;
    throw new CrossfadeError('INTERNAL', { message: `A row of ${this.#dataset.name} was written under another key.` });
  }

  #cells(key: string, row: Row): readonly Cell[] {
    const cells = toCells(this.#parts.sql.table, row, this.#session.limits);
    this.#checkKey(key, row);
    return cells;
  }
}

/** How many rows were changed, or why the row is refused. */
async function refusedOr(work: Promise<number>): Promise<number | DriverFailure> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DriverFailure && error.meaning === 'REFUSED') return error;
    throw error;
  }
}
