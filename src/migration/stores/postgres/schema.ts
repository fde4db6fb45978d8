/**
 * The tables of a store: the dataset's own, made by the setup alone, and those beside it.
 *
 * The tables beside it hold one row, or one set of rows, for each (dataset, role), so that old and new store may share a database.
 * A dataset's table that somebody else made is checked, not changed: it must list rows in key order and keep values as they are.
 */
import type { Column, ColumnType, Dataset, StoreRole } from '../../dataset.ts';
import { Unusable, type Connection } from './connection.ts';
import { makeTablesOn } from './database.ts';
import { BOUND, type Limits } from './types.ts';

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A table without rows, one for each store: its locks are the lock of the fence (see fence.ts). The server cuts long names. */
export function latchName(dataset: Dataset, role: StoreRole): string {
  return `crossfade_latch_${role.toLowerCase()}_${dataset.name}`;
}

const BESIDE = {
  crossfade_fence: `(dataset text not null, role text not null, epoch bigint not null, step bigint not null, mode text not null,
    run bigint, deployment text not null, primary key (dataset, role))`,
  crossfade_guard: `(dataset text not null, role text not null, "key" text collate "C" not null, seq bigint not null,
    primary key (dataset, role, "key"))`,
  crossfade_checkpoint: `(dataset text not null, role text not null, epoch bigint not null, after text, total bigint not null,
    copied bigint not null, quarantined bigint not null, complete boolean not null, digest_rows bigint not null,
    digest_hash text not null, primary key (dataset, role))`,
  crossfade_quarantine: `(dataset text not null, role text not null, "key" text collate "C" not null, reason text not null,
    "row" text not null, waive_reason text, primary key (dataset, role, "key"))`,
} as const;

/** Statements that make the dataset's table, and an index for each listed field with the key behind it. */
export function tableDdl(dataset: Dataset, role: StoreRole): readonly string[] {
  const { name, columns } = dataset.table(role);
  const key = keyColumns(dataset, role).map((column) => column.name);
  const definitions = Object.values(columns).map((column) => {
    const type = column.type === 'text' ? 'text collate "C"' : BOUND[column.type];
    return `${quote(column.name)} ${type}${column.nullable ? '' : ' not null'}`;
  });
  const table = `create table if not exists ${quote(name)} (${definitions.join(', ')}, primary key (${key.map(quote).join(', ')}))`;
  const indexes = dataset.definition.listBy
    .flatMap((field) => columns[field]?.name ?? [])
    .filter((column) => column !== key[0])
    .map((column) => {
      const indexed = [column, ...key.filter((k) => k !== column)].map(quote).join(', ');
      return `create index if not exists ${quote(`${name}_by_${column}`)} on ${quote(name)} (${indexed})`;
    });
  return [table, ...indexes];
}

export function keyColumns(dataset: Dataset, role: StoreRole): readonly Column[] {
  const { columns } = dataset.table(role);
  return dataset.keyFields.flatMap(({ field }) => columns[field] ?? []);
}

/**
 * Checks the dataset's table, then makes what may be made and is missing. Throws `Unusable` in words for operators; what is wrong with
 * the dataset's table is found before anything is made.
 */
export async function setUpTables(
  c: Connection,
  dataset: Dataset,
  role: StoreRole,
  options: { readonly create: boolean },
): Promise<Limits> {
  const table = dataset.table(role).name;
  const latch = latchName(dataset, role);
  const beside: readonly (readonly [name: string, statement: string])[] = [
    ...Object.entries(BESIDE).map(([name, body]) => [name, `create table if not exists ${name} ${body}`] as const),
    [latch, `create table if not exists ${quote(latch)} ()`] as const,
  ];
  const missing = await missingOf(c, [...beside.map(([name]) => name), table]);
  if (missing.has(table) && !options.create) {
    throw new Unusable(`there is no table ${table} in it; make it with the setup (npm run setup)`);
  }
  const before = missing.has(table) ? null : await checkTable(c, dataset, role);
  const making = beside.filter(([name]) => missing.has(name)).map(([, statement]) => statement);
  if (missing.has(table)) making.push(...tableDdl(dataset, role));
  if (making.length > 0) await makeTablesOn(c, making);
  await checkRights(c, [...beside.map(([name]) => name), table]);
  return before ?? checkTable(c, dataset, role);
}

/** Whoever made the tables may be another user. */
async function checkRights(c: Connection, tables: readonly string[]): Promise<void> {
  const lacking = await c.get(
    `select name, string_agg(right_, ', ' order by right_), current_user
      from unnest($1::text[]) as t(name), unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) as r(right_)
      where not has_table_privilege(quote_ident(name), right_) group by name order by name limit 1`,
    [arrayOf(tables)],
  );
  if (!lacking) return;
  const [table, rights, user] = lacking;
  throw new Unusable(`user ${user} lacks ${rights} on table ${table}`);
}

async function missingOf(c: Connection, tables: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await c.all(
    'select name from unnest($1::text[]) as t(name) where to_regclass(quote_ident(name)) is null',
    [arrayOf(tables)],
  );
  return new Set(found.map(([name]) => String(name)));
}

interface Declared {
  readonly type: string;
  readonly modifier: number;
  readonly notNull: boolean;
  readonly deterministic: boolean;
  readonly generated: boolean;
}

const KEEPING: Readonly<Record<ColumnType, readonly string[]>> = {
  text: ['text', 'varchar'],
  integer: ['int2', 'int4', 'int8'],
  bigint: ['int2', 'int4', 'int8'],
  decimal: ['numeric'],
  timestamp: ['timestamptz', 'timestamp'],
  boolean: ['bool'],
  json: ['json'],
};

async function checkTable(c: Connection, dataset: Dataset, role: StoreRole): Promise<Limits> {
  const table = dataset.table(role);
  const relation = await c.get('select relkind, relpersistence from pg_class where oid = to_regclass($1)', [
    quote(table.name),
  ]);
  if (relation?.[0] !== 'r' && relation?.[0] !== 'p') throw new Unusable(`${table.name} is no table`);
  if (relation[1] !== 'p')
    throw new Unusable(`table ${table.name} is unlogged or temporary: it would not outlive a crash`);
  const found = await declaredColumns(c, table.name);
  for (const column of Object.values(table.columns)) {
    const fault = columnFault(column, found.get(column.name));
    if (fault) throw new Unusable(`column ${column.name} of table ${table.name} ${fault}`);
  }
  const keys = keyColumns(dataset, role);
  const loose = keys.find(({ name }) => !found.get(name)?.notNull);
  if (loose) throw new Unusable(`key column ${loose.name} of table ${table.name} must be declared NOT NULL`);
  if (!(await hasKeyIndex(c, table.name, keys))) {
    const wanted = keys.map(({ name, type }) => `${quote(name)}${type === 'text' ? ' collate "C"' : ''}`).join(', ');
    throw new Unusable(
      `table ${table.name} can't list rows in byte order of the key: it needs a primary key or unique index over (${wanted})`,
    );
  }
  return new Map(
    Object.values(table.columns).flatMap(({ name }) => {
      const limit = limitOf(found.get(name));
      return limit === null ? [] : [[name, limit]];
    }),
  );
}

/** The server's names of the types of the table's columns, by the columns' names. */
export async function typesOf(c: Connection, quoted: string): Promise<ReadonlyMap<string, string>> {
  const rows = await c.all(
    `select attname, typname from pg_attribute join pg_type on pg_type.oid = atttypid
      where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [quoted],
  );
  return new Map(rows.map(([name, type]) => [String(name), String(type)]));
}

async function declaredColumns(c: Connection, table: string): Promise<ReadonlyMap<string, Declared>> {
  const rows = await c.all(
    `select attname, typname, atttypmod, attnotnull, coalesce(collisdeterministic, true), attgenerated <> '' or attidentity = 'a'
      from pg_attribute join pg_type on pg_type.oid = atttypid left join pg_collation on pg_collation.oid = attcollation
      where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [quote(table)],
  );
  return new Map(
    rows.map(([name, type, modifier, notNull, deterministic, generated]) => [
      String(name),
      {
        type: String(type),
        modifier: Number(modifier),
        notNull: notNull === 't',
        deterministic: deterministic === 't',
        generated: generated === 't',
      },
    ]),
  );
}

function columnFault(column: Column, declared: Declared | undefined): string | null {
  if (!declared) return 'is missing';
  if (!KEEPING[column.type].includes(declared.type)) {
    const kept = KEEPING[column.type].join(' or ');
    return `is declared ${declared.type}, which does not keep ${column.type} values as they are; it must be ${kept}`;
  }
  if (!declared.deterministic) return 'has a collation that takes different texts for the same';
  return declared.generated ? 'is generated by the server' : null;
}

/** The server's `typmod` (its `pg_attribute.atttypmod`): text and numbers carry four bytes of header in it. */
function limitOf(declared: Declared | undefined): number | null {
  if (!declared || declared.modifier < 0) return null;
  const { type, modifier } = declared;
  if (type === 'varchar') return modifier - 4;
  // Eleven bits with a sign.
  if (type === 'numeric') return (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400;
  return type.startsWith('timestamp') ? modifier : null;
}

/** Complete, checked at once, over these columns alone, ascending, text by its bytes. */
async function hasKeyIndex(c: Connection, table: string, keys: readonly Column[]): Promise<boolean> {
  const indexes = await c.all(
    `select json_agg(json_build_array(attname, coalesce(collname, '-'), indoption[n - 1]) order by n)
      from pg_index join lateral generate_series(1, indnkeyatts) as n on true
        left join pg_attribute on attrelid = indrelid and attnum = indkey[n - 1]
        left join pg_collation on pg_collation.oid = indcollation[n - 1]
      where indrelid = to_regclass($1) and indisunique and indisvalid and indimmediate and indpred is null
      group by indexrelid`,
    [quote(table)],
  );
  const wanted = JSON.stringify(keys.map(({ name, type }) => [name, type === 'text' ? 'C' : '-', 0]));
  return indexes.some(([columns]) => JSON.stringify(JSON.parse(String(columns))) === wanted);
}

const SPECIAL = /["\\]/;

/** A list in the server's text form of an array. */
export function arrayOf(cells: readonly (string | null)[]): string {
  return `{${cells.map((cell) => (cell === null ? 'NULL' : `"${SPECIAL.test(cell) ? cell.replaceAll(/["\\]/g, String.raw`\$&`) : cell}"`)).join(',')}}`;
}
