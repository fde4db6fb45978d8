/** The reading device of a store in SQLite. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Dataset, StoreRole } from '../../dataset.ts';
import { addDigests, digestOf, NO_ROWS } from '../../digest.ts';
import type { Seq } from '../../seq.ts';
import type { Digest, Filter, KeyRange, Stored, StoreReader } from '../store.ts';
import type { Cell, Connection, Session } from './connection.ts';
import { keyOfCells } from './keys.ts';
import type { Part, Statements } from './statements.ts';
import { decodeText, fromCells, isSuspicious, type Found } from './types.ts';

/** Rows that are read between two turns of the event loop while a digest is made. */
const DIGEST_CHUNK = 500;

export class SqliteReader implements StoreReader {
  readonly #session: Session;
  readonly #dataset: Dataset;
  readonly #role: StoreRole;
  readonly #sql: Statements;
  /** Where the key fields are among the columns. */
  readonly #keyAt: readonly number[];

  constructor(session: Session, dataset: Dataset, role: StoreRole, sql: Statements) {
    this.#session = session;
    this.#dataset = dataset;
    this.#role = role;
    this.#sql = sql;
    const fields = Object.keys(sql.table.columns);
    this.#keyAt = dataset.keyFields.map(({ field }) => fields.indexOf(field));
  }

  async load(keys: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    if (keys.length === 0) return new Map();
    const found = await this.#session.read((c) => this.loadOn(c, keys));
    return new Map(found.map((stored) => [stored.key, stored]));
  }

  /** `load` for a transaction of the writer. */
  loadOn(c: Connection, keys: readonly string[]): readonly Stored[] {
    const { odd, ...among } = this.#sql.amongKeys(keys);
    const one = odd.map((key) => this.#where(this.#sql.keyIs(key)));
    return [among, ...one].flatMap((from) => this.#select(c, from));
  }

  async page(range: KeyRange, limit: number, filter?: Filter): Promise<readonly Stored[]> {
    const from = this.#inOrder(range, limit, filter);
    return this.#session.read((c) => this.#select(c, from));
  }

  async count(range: KeyRange, filter?: Filter, except: readonly string[] = []): Promise<number> {
    const all = this.#sql.within(range, filter);
    if (except.length === 0) return this.#session.read((c) => this.#count(c, this.#where(all)));
    // Counting the exceptions that are there costs as much as there are exceptions, leaving them out as much as there are rows.
    const { odd, ...among } = this.#sql.amongKeys(except);
    const excepted = { sql: `${among.sql} where ${all.sql}`, cells: [...among.cells, ...all.cells] };
    const oddly = odd.map((key) => this.#where(this.#sql.keyIs(key), all));
    const sql = [excepted, ...oddly].map((from) => ` - (select count(*) from ${from.sql})`).join('');
    const everything = this.#where(all);
    return this.#session.read((c) => {
      const cells = [everything, excepted, ...oddly].flatMap((from) => from.cells);
      const [counted] = c.get(`select (select count(*) from ${everything.sql})${sql}`, cells) ?? [];
      return Number(counted);
    });
  }

  async keyAt(range: KeyRange, before: number): Promise<string | null> {
    const { sql, cells } = this.#inOrder(range, 1);
    const [found] = await this.#session.read((c) =>
      this.#select(c, { sql: `${sql} offset ?`, cells: [...cells, BigInt(before)] }),
    );
    return found?.key ?? null;
  }

  async digest(range: KeyRange): Promise<Digest> {
    let digest = NO_ROWS;
    await this.#session.snapshot(async (c) => {
      for (let { after } = range; ; await breathe()) {
        const chunk = this.#select(c, this.#inOrder({ after, upTo: range.upTo }, DIGEST_CHUNK));
        digest = addDigests(digest, digestOf(chunk));
        after = chunk.at(-1)?.key ?? after;
        if (chunk.length < DIGEST_CHUNK) return;
      }
    });
    return digest;
  }

  async guards(keys: readonly string[]): Promise<ReadonlyMap<string, Seq>> {
    if (keys.length === 0) return new Map();
    const sql = `select "key", seq from (select value as wanted from json_each(?)) cross join crossfade_guard
      on dataset = ? and role = ? and "key" = wanted`;
    const cells = [JSON.stringify(keys), this.#dataset.name, this.#role];
    const found = await this.#session.read((c) => c.all(sql, cells));
    return new Map(found.map(([key, seq]) => [String(key), Number(seq)]));
  }

  #inOrder(range: KeyRange, limit: number, filter?: Filter): Part {
    const { sql, cells } = this.#where(this.#sql.within(range, filter));
    return { sql: `${sql} order by ${this.#sql.key} limit ?`, cells: [...cells, BigInt(limit)] };
  }

  #where(...conditions: readonly Part[]): Part {
    const sql = `${this.#sql.name} where ${conditions.map((condition) => condition.sql).join(' and ')}`;
    return { sql, cells: conditions.flatMap(({ cells }) => cells) };
  }

  #count(c: Connection, from: Part): number {
    return Number(c.get(`select count(*) from ${from.sql}`, from.cells)?.[0]);
  }

  /** Rows as the driver decodes them; all of them once more from their bytes if it may have replaced some. */
  #select(c: Connection, from: Part): readonly Stored[] {
    const found = c.all(`select ${this.#sql.columns} from ${from.sql}`, from.cells);
    if (!found.some((cells) => cells.some(isSuspicious))) return found.map((cells) => this.#stored(cells));
    const exact = c.all(`select ${this.#sql.exactColumns} from ${from.sql}`, from.cells);
    return exact.map((cells) => this.#stored(fromExact(cells)));
  }

  #stored(cells: readonly Found[]): Stored {
    const key = keyOfCells(
      this.#dataset.keyFields,
      this.#keyAt.map((i) => cells[i] ?? null),
    );
    return { key, ...fromCells(this.#sql.table, cells) };
  }
}

/** Cells of `exactColumns`: each with its storage class behind it. */
function fromExact(cells: readonly Cell[]): readonly Found[] {
  const found: Found[] = [];
  for (let i = 0; i < cells.length; i += 2) {
    const cell = cells[i] ?? null;
    found.push(cells[i + 1] === 'text' && Buffer.isBuffer(cell) ? decodeText(cell) : cell);
  }
  return found;
}
