/**
 * The tables of a store: the dataset's own, made only for embedded use, and the four beside it.
 *
 * The tables beside it hold one row, or one set of rows, for each (dataset, role), so that old and new store may share a file.
 * A dataset's table that somebody else made is checked, not changed: it must list rows in key order and keep values as they are.
 */
import type { Column, ColumnType, Dataset, StoreRole } from '../../dataset.ts';
import type { Connection } from './connection.ts';

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const BESIDE = {
  crossfade_fence: `(dataset text not null, role text not null, epoch integer not null, step integer not null, mode text not null,
    run integer, deployment text not null, primary key (dataset, role))`,
  crossfade_guard: `(dataset text not null, role text not null, "key" text not null, seq integer not null,
    primary key (dataset, role, "key"))`,
  crossfade_checkpoint: `(dataset text not null, role text not null, epoch integer not null, after text, total integer not null,
    copied integer not null, quarantined integer not null, complete integer not null, digest_rows integer not null,
    digest_hash text not null, primary key (dataset, role))`,
  crossfade_quarantine: `(dataset text not null, role text not null, "key" text not null, reason text not null, "row" text not null,
    waive_reason text, primary key (dataset, role, "key"))`,
} as const;

const DECLARED: Record<ColumnType, 'text' | 'integer'> = {
  text: 'text',
  json: 'text',
  decimal: 'text',
  timestamp: 'text',
  integer: 'integer',
  bigint: 'integer',
  boolean: 'integer',
};

/** Statements that make the dataset's table, and an index for each listed field with the key behind it. */
export function tableDdl(dataset: Dataset, role: StoreRole): readonly string[] {
  const { name, columns } = dataset.table(role);
  const key = keyColumns(dataset, role).map((column) => column.name);
  const definitions = Object.values(columns).map(columnDdl);
  const table = `create table if not exists ${quote(name)}
    (${definitions.join(', ')}, primary key (${key.map(quote).join(', ')})) strict, without rowid`;
  const listed = dataset.definition.listBy.flatMap((field) => columns[field]?.name ?? []);
  const indexes = listed
    .filter((column) => column !== key[0])
    .map((column) => {
      const indexed = [column, ...key.filter((k) => k !== column)].map(quote).join(', ');
      return `create index if not exists ${quote(`${name}_by_${column}`)} on ${quote(name)} (${indexed})`;
    });
  return [table, ...indexes];
}

function columnDdl(column: Column): string {
  const check = column.type === 'boolean' ? ` check (${quote(column.name)} in (0, 1))` : '';
  return `${quote(column.name)} ${DECLARED[column.type]}${column.nullable ? '' : ' not null'}${check}`;
}

export function keyColumns(dataset: Dataset, role: StoreRole): readonly Column[] {
  const { columns } = dataset.table(role);
  return dataset.keyFields.flatMap(({ field }) => columns[field] ?? []);
}

/** Makes what may be made and is missing, then checks the dataset's table. */
export function setUpTables(c: Connection, dataset: Dataset, role: StoreRole, options: { create: boolean }): void {
  const table = dataset.table(role).name;
  const there = new Set(c.all(`select name from sqlite_schema where type = 'table'`).map(([name]) => name));
  const beside = Object.entries(BESIDE).filter(([name]) => !there.has(name));
  const own = options.create && !there.has(table) ? tableDdl(dataset, role) : [];
  // Only a file that lacks something is locked for writing.
  if (beside.length + own.length > 0) {
    c.transaction(() => {
      for (const [name, body] of beside) c.run(`create table if not exists ${name} ${body} strict, without rowid`);
      for (const statement of own) c.run(statement);
    });
  }
  const fault = tableFault(c, dataset, role);
  if (fault) throw new Error(fault);
}

/** Why the table can't be used, in words; null: it can. */
function tableFault(c: Connection, dataset: Dataset, role: StoreRole): string | null {
  const table = dataset.table(role);
  const [encoding] = c.get('pragma encoding') ?? [];
  if (encoding !== 'UTF-8') return `the file's encoding is ${String(encoding)}, and keys are in order only in UTF-8`;
  const found = new Map(
    c
      .all('select name, type, "notnull", pk from pragma_table_info(?)', [table.name])
      .map(([name, type, notNull, pk]) => [name, { type: String(type), notNull: notNull === 1n, pk: Number(pk) }]),
  );
  if (found.size === 0) return `there is no table ${table.name}; run the setup first`;
  for (const { name, type } of Object.values(table.columns)) {
    const column = found.get(name);
    if (!column) return `table ${table.name} has no column ${name}`;
    if (!keeps(type, affinity(column.type))) {
      return `column ${name} of ${table.name} is declared ${column.type}, and SQLite would change ${type} values in it`;
    }
  }
  const key = keyColumns(dataset, role).map((column) => column.name);
  const [first] = key;
  const only = first === undefined ? undefined : found.get(first);
  const isRowid = key.length === 1 && only?.pk === 1 && only.type.toUpperCase() === 'INTEGER';
  if (isRowid) return null;
  const loose = key.find((name) => !found.get(name)?.notNull);
  if (loose !== undefined) return `key column ${loose} of ${table.name} must be declared NOT NULL`;
  return hasKeyIndex(c, table.name, key)
    ? null
    : `table ${table.name} needs a primary key or unique index over (${key.join(', ')}), ascending, collation BINARY`;
}

function hasKeyIndex(c: Connection, table: string, key: readonly string[]): boolean {
  const unique = c.all('select name from pragma_index_list(?) where "unique" = 1 and partial = 0', [table]);
  const wanted = JSON.stringify(key.map((name) => [name, 'BINARY']));
  return unique.some(([index = null]) => {
    const sql = `select name, iif("desc", 'DESC', coll) from pragma_index_xinfo(?) where "key" = 1 order by seqno`;
    return JSON.stringify(c.all(sql, [index])) === wanted;
  });
}

type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC';

/** How SQLite converts what is put into a column of this declared type (https://sqlite.org/datatype3.html, 3.1). */
function affinity(declared: string): Affinity {
  const type = declared.toUpperCase();
  if (type.includes('INT')) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'TEXT';
  if (type === '' || type === 'ANY' || type.includes('BLOB')) return 'BLOB';
  return /REAL|FLOA|DOUB/.test(type) ? 'REAL' : 'NUMERIC';
}

/** Does a value of this type come out of such a column as it went in? `'007'` in a column declared STRING comes out as 7. */
function keeps(type: ColumnType, by: Affinity): boolean {
  if (by === 'BLOB') return true;
  return DECLARED[type] === 'text' ? by === 'TEXT' : by === 'INTEGER' || by === 'NUMERIC';
}
