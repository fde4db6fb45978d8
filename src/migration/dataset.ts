/**
 * A dataset: the rows that are moved, as one definition. Everything else in the engine is generic over it.
 *
 *   field    a name in the code; the same field may have different columns in the two tables
 *   key      fields that identify a row; both tables have them, with the same values, and their order is the order of every list
 *   face     the row as one of the two tables has it; `Faces` are both faces of one row
 *   address  a key with the journal slot it lives in and its place on the percentage scale
 */
import { CrossfadeError } from './errors.ts';
import { hash32 } from './hash.ts';
import { encodeKey, formatKey, KEY_TYPES, type KeyField, type KeyType } from './key.ts';

/**
 * A value as the engine passes it between stores: plain JSON, one spelling a value, so that equality is `===`.
 *
 *   text, json   string                      integer    number, a safe integer
 *   bigint       string of decimal digits    decimal    string, no exponent, no superfluous zeros
 *   boolean      boolean                     timestamp  string, UTC, `2026-01-31T23:59:59.123456Z`, always six decimals
 */
export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;
export type StoreRole = 'OLD' | 'NEW';
export const STORE_ROLES = ['OLD', 'NEW'] as const satisfies readonly StoreRole[];

export type ColumnType = 'text' | 'integer' | 'bigint' | 'decimal' | 'timestamp' | 'boolean' | 'json';

/** `V` is the type of the values; it exists for the compiler only. */
export interface Column<V extends Value = Value> {
  readonly type: ColumnType;
  readonly name: string;
  readonly nullable: boolean;
  readonly __value?: V;
}
export type Columns = Readonly<Record<string, Column>>;
export type RowOf<C extends Columns> = { readonly [F in keyof C]: C[F] extends Column<infer V> ? V : never };

export interface Table<C extends Columns = Columns> {
  readonly name: string;
  readonly columns: C;
}

const column =
  <V extends Value>(type: ColumnType) =>
  (name: string): Column<V> => ({ type, name, nullable: false });

export const text = column<string>('text');
export const integer = column<number>('integer');
export const bigint = column<string>('bigint');
export const decimal = column<string>('decimal');
export const timestamp = column<string>('timestamp');
export const boolean = column<boolean>('boolean');
export const json = column<string>('json');
export const nullable = <V extends Value>(inner: Column<V>): Column<V | null> => ({
  type: inner.type,
  name: inner.name,
  nullable: true,
});

/** Thrown by a mapping for a row that has no counterpart; the message is the reason that operators read in quarantine. */
export class Unmappable extends Error {
  override readonly name = 'Unmappable';
}

/** Pure and synchronous; each throws `Unmappable` for a row that has no counterpart. `toOld(toNew(row))` must equal `row`. */
export interface Mapper<O extends Row = Row, N extends Row = Row> {
  toNew(row: O): N;
  toOld(row: N): O;
}

export interface DatasetDefinition<O extends Row = Row, N extends Row = Row> {
  readonly name: string;
  readonly key: readonly string[];
  /** The key field by which the journal is split: a list by it touches one slot. */
  readonly partitionBy: string;
  /** Fields that lists can be filtered by; both tables have them, and the mapping keeps their values. */
  readonly listBy: readonly string[];
  readonly old: Table;
  readonly new: Table;
  /** Called once a batch with its rows; loads what their mapping needs (a catalogue, say) in one go. */
  mapper(rows: readonly Row[]): Promise<Mapper<O, N>>;
}

export interface Address {
  readonly key: string;
  readonly slot: number;
  /** 0 to 99: in DUAL(p) the key's authority is the new store if this is below p. */
  readonly bucket: number;
}

export interface Faces<O extends Row = Row, N extends Row = Row> {
  readonly key: string;
  /** null: the row has no such face (it cannot be mapped). At least one face is there. */
  readonly old: O | null;
  readonly new: N | null;
}

/** Part of the stored format: a journal made with another number is refused. */
export const JOURNAL_SLOTS = 64;

export class Dataset<O extends Row = Row, N extends Row = Row> {
  readonly name: string;
  readonly definition: DatasetDefinition<O, N>;
  readonly keyFields: readonly KeyField[];
  /** Fields that the mapping must keep. */
  readonly #kept: readonly string[];

  constructor(definition: DatasetDefinition<O, N>) {
    this.name = definition.name;
    this.definition = definition;
    this.keyFields = definition.key.map((field) => keyField(definition, field));
    this.#kept = [...new Set([...definition.key, ...definition.listBy])];
    checkDefinition(definition);
  }

  table(role: StoreRole): Table {
    return role === 'OLD' ? this.definition.old : this.definition.new;
  }

  keyOf(row: Row): string {
    return encodeKey(this.keyFields, row);
  }

  showKey(key: string): string {
    return formatKey(this.keyFields, key);
  }

  address(row: Row): Address {
    return new Placed(this.keyOf(row), String(row[this.definition.partitionBy]));
  }

  slotOf(partition: Value): number {
    return hash32(String(partition)) % JOURNAL_SLOTS;
  }

  /** The mapping of this batch, held to its promise: the key and the listed fields stay what they are. */
  async mapper(rows: readonly Row[]): Promise<Mapper<O, N>> {
    const inner = await this.definition.mapper(rows);
    const kept = this.#kept;
    const hold = <A extends Row, B extends Row>(from: A, to: B): B => {
      for (const field of kept) {
        if (from[field] !== to[field]) {
          throw new Unmappable(`${field} ${JSON.stringify(from[field])} would become ${JSON.stringify(to[field])}`);
        }
      }
      return to;
    };
    return { toNew: (row) => hold(row, inner.toNew(row)), toOld: (row) => hold(row, inner.toOld(row)) };
  }
}

/** In OLD and NEW nobody asks where a key is placed, so its hashes are made when they are asked for. */
class Placed implements Address {
  readonly key: string;
  readonly #partition: string;
  #slot = -1;
  #bucket = -1;

  constructor(key: string, partition: string) {
    this.key = key;
    this.#partition = partition;
  }

  get slot(): number {
    if (this.#slot < 0) this.#slot = hash32(this.#partition) % JOURNAL_SLOTS;
    return this.#slot;
  }

  get bucket(): number {
    if (this.#bucket < 0) this.#bucket = hash32(this.key) % 100;
    return this.#bucket;
  }
}

function keyField(definition: DatasetDefinition, field: string): KeyField {
  const old = definition.old.columns[field];
  const type = KEY_TYPES.find((t): t is KeyType => t === old?.type);
  if (!type) throw refused(definition, `key field ${field} must be text, integer or bigint in the old table`);
  return { field, type };
}

function checkDefinition(definition: DatasetDefinition): void {
  if (definition.key.length === 0) throw refused(definition, 'it has no key');
  for (const field of [...definition.key, ...definition.listBy]) {
    const [a, b] = [definition.old.columns[field], definition.new.columns[field]];
    if (!a || !b || a.type !== b.type) throw refused(definition, `both tables need the field ${field}, of one type`);
    if (a.nullable && definition.key.includes(field)) throw refused(definition, `key field ${field} is nullable`);
  }
  if (!definition.key.includes(definition.partitionBy)) {
    throw refused(definition, `it is partitioned by ${definition.partitionBy}, which is no key field`);
  }
}

function refused(definition: DatasetDefinition, why: string): CrossfadeError {
  return new CrossfadeError('INTERNAL', { message: `Dataset ${definition.name} is refused: ${why}.` });
}
