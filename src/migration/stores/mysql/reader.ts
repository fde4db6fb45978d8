/** The reading device of a store in MySQL or MariaDB. */
import type { Dataset, StoreRole } from '../../dataset.ts';
import { addDigests, digestOf, NO_ROWS } from '../../digest.ts';
import { encodeParts } from '../../key.ts';
import type { Seq } from '../../seq.ts';
import type { Form } from '../piece.ts';
import { loadTogether } from '../load-together.ts';
import { RowReader } from '../row-reader.ts';
import { type Digest, type Filter, type KeyRange, type Stored, type StoreReader } from '../store.ts';
import type { Cell, Connection } from './connection.ts';
import type { Session } from './session.ts';
import { isProper, keyId } from './keys.ts';
import { and, padded, type Part, type Statements } from './statements.ts';
import { cellAt, decodedWhole, eachPiece, mayBeBroken } from './text-rows.ts';
import { speltTime, storedOf, valueOf } from './types.ts';

const FORM: Form = { eachPiece, cellAt, valueOf, storedOf, timeInPage: speltTime };

/** Rows that are read at once while a digest is made. */
const DIGEST_CHUNK = 1000;
/** A statement has room for 65,535 values. */
const MOST_KEYS = 8192;

export class MysqlReader implements StoreReader {
  readonly #session: Session;
  readonly #dataset: Dataset;
  readonly #here: readonly [dataset: string, role: StoreRole];
  readonly #sql: Statements;
  /** Where the key fields are among the columns. */
  readonly #keyAt: readonly number[];
  readonly #together = loadTogether(async (keys) => {
    const found = await this.#session.read((c) => this.loadOn(c, keys));
    return new Map(found.map((stored) => [stored.key, stored]));
  });

  constructor(session: Session, dataset: Dataset, role: StoreRole, sql: Statements) {
    this.#session = session;
    this.#dataset = dataset;
    this.#here = [dataset.name, role];
    this.#sql = sql;
    const fields = Object.keys(sql.table.columns);
    this.#keyAt = dataset.keyFields.map(({ field }) => fields.indexOf(field));
  }

  async load(keys: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    return keys.length === 0 ? new Map() : this.#together.ask(keys);
  }

  /** `load` for a transaction of the writer. */
  async loadOn(c: Connection, keys: readonly string[]): Promise<readonly Stored[]> {
    const found: Stored[] = [];
    for (const part of this.#inParts(keys)) found.push(...(await this.#select(c, this.#where(this.#sql.among(part)))));
    return found;
  }

  /** Those of the keys that have a row. */
  async present(c: Connection, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const part of this.#inParts(keys)) {
      const { sql, cells } = this.#where(this.#sql.among(part));
      for (const key of await c.all(`select ${this.#sql.key} from ${sql}`, cells)) found.add(this.#encode(key));
    }
    return found;
  }

  async page(range: KeyRange, limit: number, filter?: Filter): Promise<readonly Stored[]> {
    const from = this.#inOrder(range, limit, filter);
    return this.#session.read((c) => this.#select(c, from));
  }

  async stream(range: KeyRange, limit: number): Promise<AsyncIterable<readonly Stored[]>> {
    const { sql, cells } = this.#inOrder(range, limit);
    const statement = `select ${this.#sql.columns} from ${sql}`;
    return this.#session.stream((c) => this.#streamOn(c, statement, cells));
  }

  async *#streamOn(c: Connection, sql: string, cells: readonly Cell[]): AsyncGenerator<readonly Stored[]> {
    const rows = new RowReader(FORM, this.#dataset, this.#here[1]);
    for await (const packets of c.stream(sql, cells)) yield* rows.take(packets);
    const rest = rows.rest();
    if (rest.length > 0) yield rest;
  }

  async count(range: KeyRange, filter?: Filter, except: readonly string[] = []): Promise<number> {
    const all = this.#sql.within(range, filter);
    // Counting the exceptions that are there costs as much as there are exceptions, leaving them out as much as there are rows.
    const parts = [all, ...this.#inParts(except).map((keys) => and([this.#sql.among(keys), all]))].map((part) =>
      this.#where(part),
    );
    const counts = parts.map(({ sql }) => `(select count(*) from ${sql})`).join(' - ');
    const cells = parts.flatMap((part) => part.cells);
    const [counted] = (await this.#session.read((c) => c.get(`select ${counts}`, cells))) ?? [];
    return Number(counted);
  }

  async keyAt(range: KeyRange, before: number): Promise<string | null> {
    const { sql, cells } = this.#inOrder(range, 1);
    const found = await this.#session.read((c) =>
      c.get(`select ${this.#sql.key} from ${sql} offset ?`, [...cells, BigInt(before)]),
    );
    return found ? this.#encode(found) : null;
  }

  digest(range: KeyRange): Promise<Digest> {
    return this.#session.snapshot(async (c) => {
      let digest = NO_ROWS;
      for (let { after } = range; ;) {
        const chunk: readonly Stored[] = await this.#select(
          c,
          this.#inOrder({ after, upTo: range.upTo }, DIGEST_CHUNK),
        );
        digest = addDigests(digest, digestOf(chunk));
        after = chunk.at(-1)?.key ?? after;
        if (chunk.length < DIGEST_CHUNK) return digest;
      }
    });
  }

  async guards(keys: readonly string[]): Promise<ReadonlyMap<string, Seq>> {
    if (keys.length === 0) return new Map();
    return this.#session.read((c) => this.guardsOn(c, keys));
  }

  /** `guards` for a transaction of the writer, which may lock those that there are, in their order. */
  async guardsOn(
    c: Connection,
    keys: readonly string[],
    lock: '' | 'for update' = '',
  ): Promise<ReadonlyMap<string, Seq>> {
    const ids = new Map(keys.map((key) => [keyId(key).toString('latin1'), key]));
    const bound = padded([...ids.keys()]).map((id) => Buffer.from(id, 'latin1'));
    const sql = `select key_id, seq from crossfade_guard
      where dataset = ? and role = ? and key_id in (${bound.map(() => '?').join(', ')}) order by key_id ${lock}`;
    const guards = new Map<string, Seq>();
    for (const [id, seq] of await c.all(sql, [...this.#here, ...bound])) {
      const key = Buffer.isBuffer(id) ? ids.get(id.toString('latin1')) : undefined;
      if (key !== undefined) guards.set(key, Number(seq));
    }
    return guards;
  }

  /** Without keys that no row here can have. */
  #inParts(keys: readonly string[]): readonly (readonly string[])[] {
    const proper = [...new Set(keys)].filter((key) => isProper(this.#dataset.keyFields, key));
    return Array.from({ length: Math.ceil(proper.length / MOST_KEYS) }, (_, i) =>
      proper.slice(i * MOST_KEYS, (i + 1) * MOST_KEYS),
    );
  }

  #inOrder(range: KeyRange, limit: number, filter?: Filter): Part {
    const { sql, cells } = this.#where(this.#sql.within(range, filter));
    return { sql: `${sql} order by ${this.#sql.key} limit ?`, cells: [...cells, BigInt(limit)] };
  }

  #where({ sql, cells }: Part): Part {
    return { sql: `${this.#sql.name} where ${sql}`, cells };
  }

  async #select(c: Connection, from: Part): Promise<readonly Stored[]> {
    const found = await c.all(`select ${this.#sql.spelt} from ${from.sql}`, from.cells);
    if (!found.some((row) => row.some((cell) => typeof cell === 'string' && mayBeBroken(cell)))) {
      return found.map((row) => this.#stored(row));
    }
    // What the driver has decoded does not tell. All rows again: those of two statements may be of two times.
    const sent = await c.all(`select ${this.#sql.inBytes} from ${from.sql}`, from.cells);
    return sent.map((row) => this.#stored(row.map((cell) => (Buffer.isBuffer(cell) ? decodedWhole(cell) : cell))));
  }

  #stored(cells: readonly Cell[]): Stored {
    const key = this.#encode(this.#keyAt.map((i) => cells[i] ?? null));
    return storedOf(key, this.#sql.table, cells);
  }

  #encode(cells: readonly Cell[]): string {
    return encodeParts(this.#dataset.keyFields, cells.map(String));
  }
}
