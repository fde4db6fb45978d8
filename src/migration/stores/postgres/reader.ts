/** The reading device of a store in PostgreSQL. */
import type { Dataset } from '../../dataset.ts';
import { addDigests, digestOf, NO_ROWS } from '../../digest.ts';
import type { Seq } from '../../seq.ts';
import { loadTogether } from '../load-together.ts';
import { RowReader } from '../row-reader.ts';
import { type Digest, type Filter, type KeyRange, type Stored, type StoreReader } from '../store.ts';
import { LONG_MS, type Cell, type Connection } from './connection.ts';
import type { PostgresFence } from './fence.ts';
import { CopiedRows, microsAt, sentColumns } from './copy-rows.ts';
import { keyOfCells } from './keys.ts';
import { Params, Settings } from './params.ts';
import { arrayOf, typesOf } from './schema.ts';
import type { Session } from './session.ts';
import type { Statements } from './statements.ts';
import { storedOf } from './types.ts';

/** Rows that are in memory at a time while a digest is made. */
const DIGEST_CHUNK = 1000;

export class PostgresReader implements StoreReader {
  readonly #session: Session;
  readonly #dataset: Dataset;
  readonly #sql: Statements;
  readonly #fence: PostgresFence;
  /** Where the key fields are among the columns. */
  readonly #keyAt: readonly number[];
  readonly #together = loadTogether((keys) => this.#session.read((c) => this.loadOn(c, keys)));

  constructor(session: Session, dataset: Dataset, sql: Statements, fence: PostgresFence) {
    this.#session = session;
    this.#dataset = dataset;
    this.#sql = sql;
    this.#fence = fence;
    const fields = Object.keys(sql.table.columns);
    this.#keyAt = dataset.keyFields.map(({ field }) => fields.indexOf(field));
  }

  async load(keys: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    return keys.length === 0 ? new Map() : this.#together.ask(keys);
  }

  /** `load` for a transaction of the writer. */
  async loadOn(c: Connection, keys: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    const { sql, cells } = this.#sql.load(keys);
    const found = new Map<string, Stored>();
    for (const row of await c.all(sql, cells)) {
      const stored = this.#stored(row);
      found.set(stored.key, stored);
    }
    return found;
  }

  page(range: KeyRange, limit: number, filter?: Filter): Promise<readonly Stored[]> {
    return this.#session.read((c) => this.#page(c, range, limit, filter));
  }

  async stream(range: KeyRange, limit: number): Promise<AsyncIterable<readonly Stored[]>> {
    return this.#session.stream((c) => this.#stream(c, range, limit));
  }

  async count(range: KeyRange, filter?: Filter, except: readonly string[] = []): Promise<number> {
    const params = new Params();
    const all = `(select count(*) from ${this.#sql.name} t where ${this.#sql.within(params, range, filter)})`;
    // Counting the exceptions that are there costs as much as there are exceptions, leaving them out as much as there are rows.
    const excepted =
      except.length === 0
        ? ''
        : ` - (select count(*) from ${this.#sql.amongKeys(params, except)} where ${this.#sql.within(params, range, filter)})`;
    const sql = `select ${all}${excepted}`;
    // What is counted for a request ends with it; the count of a whole table is awaited.
    const [row] = filter
      ? await this.#session.read((c) => c.all(sql, params.cells))
      : await this.#session.survey((c) => c.all(sql, params.cells, LONG_MS));
    return Number(row?.[0]);
  }

  async keyAt(range: KeyRange, before: number): Promise<string | null> {
    const params = new Params();
    const where = this.#sql.within(params, range);
    const keys = this.#sql.keys.map((key) => `t.${key}`).join(', ');
    // Of the index alone, where it is known which of its rows are visible.
    const sql = `select ${keys} from ${this.#sql.name} t where ${where}
      order by ${this.#sql.order} limit 1 offset ${params.add(before, 'bigint')}`;
    const [found] = await this.#session.survey((c) => c.all(sql, params.cells, LONG_MS));
    return found ? keyOfCells(this.#dataset.keyFields, found) : null;
  }

  digest(range: KeyRange): Promise<Digest> {
    return this.#session.survey(async (c) => {
      let digest = NO_ROWS;
      for (let { after } = range; ;) {
        const chunk = await this.#page(c, { after, upTo: range.upTo }, DIGEST_CHUNK);
        digest = addDigests(digest, digestOf(chunk));
        after = chunk.at(-1)?.key ?? after;
        if (chunk.length < DIGEST_CHUNK) return digest;
      }
    });
  }

  async guards(keys: readonly string[]): Promise<ReadonlyMap<string, Seq>> {
    if (keys.length === 0) return new Map();
    const params = this.#fence.params();
    const sql = `select "key", seq from crossfade_guard
      where dataset = $1 and role = $2 and "key" = any(${params.add(arrayOf(keys), 'text[]')})`;
    const found = await this.#session.read((c) => c.all(sql, params.cells));
    return new Map(found.map(([key, seq]) => [String(key), Number(seq)]));
  }

  #page(c: Connection, range: KeyRange, limit: number, filter?: Filter): Promise<readonly Stored[]> {
    const params = new Params();
    const where = this.#sql.within(params, range, filter);
    const from = `${this.#sql.name} t where ${where} order by ${this.#sql.order} limit ${params.add(limit, 'bigint')}`;
    return this.#select(c, params, from);
  }

  /** Rows in the order of the index, which begin to come at once; a sort would go over the whole table first. */
  async *#stream(c: Connection, range: KeyRange, limit: number): AsyncGenerator<readonly Stored[]> {
    const bounds = new Settings();
    const where = this.#sql.within(bounds, range);
    const from = `from ${this.#sql.name} t where ${where} order by ${this.#sql.order} limit ${Math.trunc(limit)}`;
    const columns = Object.values(this.#sql.table.columns);
    let ended = false;
    try {
      await c.control(
        'begin isolation level read committed read only',
        `set local statement_timeout = '${LONG_MS}ms'`,
        'set local enable_sort = off',
        // Until the transaction ends columns have the types that they are asked for.
        `lock table ${this.#sql.name} in access share mode`,
      );
      await c.run(bounds.statement, bounds.cells);
      const types = await typesOf(c, this.#sql.name);
      const copied = new CopiedRows(microsAt(columns, types));
      const rows = new RowReader(copied, this.#dataset, this.#fence.here[1]);
      const query = `select ${sentColumns(columns, types)} ${from}`;
      for await (const messages of c.copyOut(`copy (${query}) to stdout (format binary)`)) {
        yield* rows.take(messages);
      }
      const rest = rows.rest();
      if (rest.length > 0) yield rest;
      await c.commit();
      ended = true;
    } finally {
      if (!ended) await c.rollback();
    }
  }

  #stored(cells: readonly Cell[]): Stored {
    return storedOf(this.keyOf(cells), this.#sql.table, cells);
  }

  async #select(c: Connection, params: Params, from: string): Promise<readonly Stored[]> {
    const found = await c.all(`select ${this.#sql.columns} from ${from}`, params.cells);
    return found.map((cells) => this.#stored(cells));
  }

  /** The key of a row from its cells. */
  keyOf(cells: readonly Cell[]): string {
    return keyOfCells(
      this.#dataset.keyFields,
      this.#keyAt.map((i) => cells[i] ?? null),
    );
  }
}
