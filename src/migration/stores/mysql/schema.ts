/**
 * The tables of a store: the dataset's own, made only when it is asked for, and the four beside it.
 *
 * Keys are compared by the bytes of their UTF-8 form and trailing spaces count, so key columns have the binary collation without
 * padding: utf8mb4_nopad_bin in MariaDB, utf8mb4_0900_bin in MySQL. VARBINARY would be ordered alike, but reads as bytes in every
 * other program. A dataset's table that somebody else made is checked, not changed: it must list rows in key order, keep values as
 * they are and take part in transactions.
 */
import type { Column, ColumnType, Dataset, StoreRole } from '../../dataset.ts';
import type { Cell, Connection } from './connection.ts';
import { versionFault } from './database.ts';
import { KEY_ID_BYTES } from './keys.ts';
import { statementBytes, type Room, type TableFacts } from './types.ts';

/** In the order of preference. */
const COLLATIONS = ['utf8mb4_nopad_bin', 'utf8mb4_0900_bin'] as const;
const KEY_COLLATIONS = new Set(['utf8mb4_nopad_bin', 'utf8mb4_0900_bin', 'utf8mb3_nopad_bin', 'ascii_nopad_bin']);
const INDEX_BYTES = 3072;
const CHARACTER_BYTES = 4;
const NUMBER_BYTES = 8;
/** Of a listed text that is no key, as many characters as an index takes beside the key. */
const PREFIX = 191;
const LONGEST_NAME = 128;
const LONGEST_IDENTIFIER = 64;

export function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

const HERE = `dataset varchar(${LONGEST_NAME}) not null, role enum('OLD', 'NEW') not null`;
const BESIDE = {
  crossfade_fence: `(${HERE}, epoch bigint not null, step bigint not null, mode varchar(8) not null, run bigint,
    deployment varchar(255) not null, primary key (dataset, role))`,
  crossfade_guard: `(${HERE}, key_id varbinary(${KEY_ID_BYTES}) not null, seq bigint not null, primary key (dataset, role, key_id))`,
  crossfade_checkpoint: `(${HERE}, epoch bigint not null, after longtext, total bigint not null, copied bigint not null,
    quarantined bigint not null, complete bigint not null, digest_rows bigint not null, digest_hash varchar(32) not null,
    primary key (dataset, role))`,
  crossfade_quarantine: `(${HERE}, key_id varbinary(${KEY_ID_BYTES}) not null, \`key\` longtext not null, reason longtext not null,
    \`row\` longtext not null, waive_reason longtext, primary key (dataset, role, key_id))`,
} as const;

const DECLARED: Record<ColumnType, string> = {
  text: 'longtext',
  json: 'longtext',
  decimal: 'decimal(65, 30)',
  timestamp: 'datetime(6)',
  integer: 'bigint',
  bigint: 'bigint',
  boolean: 'tinyint(1)',
};

const TEXTS = ['varchar', 'tinytext', 'text', 'mediumtext', 'longtext'];
const NUMBERS = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint'];
/** Types of columns that keep values as they are. CHAR loses trailing spaces, MySQL's JSON spaces and order. */
const KEEPS: Record<ColumnType, readonly string[]> = {
  text: TEXTS,
  json: TEXTS,
  decimal: ['decimal'],
  timestamp: ['datetime', 'timestamp'],
  integer: NUMBERS,
  bigint: NUMBERS,
  boolean: NUMBERS,
};

export function keyColumns(dataset: Dataset, role: StoreRole): readonly Column[] {
  const { columns } = dataset.table(role);
  return dataset.keyFields.flatMap(({ field }) => columns[field] ?? []);
}

/** The statement that makes the dataset's table, with an index for each listed field; the key is behind it in every index. */
export function tableDdl(dataset: Dataset, role: StoreRole, collation: string): string {
  const { name, columns } = dataset.table(role);
  const key = keyColumns(dataset, role);
  const texts = key.filter(({ type }) => type === 'text').length;
  const room = INDEX_BYTES - NUMBER_BYTES * (key.length - texts);
  const longest = Math.floor(room / CHARACTER_BYTES / Math.max(texts, 1));
  const declared = (column: Column) =>
    key.includes(column) && column.type === 'text' ? `varchar(${longest})` : DECLARED[column.type];
  const definitions = Object.values(columns).map((column) => {
    const check = column.type === 'boolean' ? ` check (${quote(column.name)} in (0, 1))` : '';
    return `${quote(column.name)} ${declared(column)}${column.nullable ? '' : ' not null'}${check}`;
  });
  const listed = dataset.definition.listBy.flatMap((field) => columns[field] ?? []);
  const indexes = listed
    .filter((column) => column !== key[0])
    .map((column) => {
      const prefix = declared(column) === DECLARED.text ? `(${PREFIX})` : '';
      return `index ${quote(`by_${column.name}`.slice(0, LONGEST_IDENTIFIER))} (${quote(column.name)}${prefix})`;
    });
  const primary = `primary key (${key.map((column) => quote(column.name)).join(', ')})`;
  return `create table if not exists ${quote(name)} (${[...definitions, primary, ...indexes].join(', ')}) ${options(collation)}`;
}

/**
 * Checks the server and the dataset's table, then makes what may be made and is missing; says in words what is wrong. What is wrong with
 * the dataset's table is found before anything is made.
 */
export async function setUpTables(
  c: Connection,
  dataset: Dataset,
  role: StoreRole,
  { create }: { readonly create: boolean },
): Promise<TableFacts | string> {
  if (dataset.name.length > LONGEST_NAME) return `the dataset's name has more than ${LONGEST_NAME} characters`;
  const [version] = (await c.get('select version()')) ?? [];
  const old = versionFault(String(version));
  if (old !== null) return old;
  const collation = await binaryCollation(c);
  if (collation === null) return `the server has none of the collations ${COLLATIONS.join(', ')}`;
  const { name } = dataset.table(role);
  const names = [...Object.keys(BESIDE), name];
  const found = await c.all(
    `select table_name from information_schema.tables where table_schema = database() and table_name in (${names.map(() => '?').join(', ')})`,
    names,
  );
  const there = new Set(found.map(([table]) => String(table)));
  if (there.has(name) || !create) {
    const before = await inspect(c, dataset, role);
    if (typeof before === 'string') return before;
  }
  for (const [beside, body] of Object.entries(BESIDE)) {
    if (!there.has(beside)) await c.command(`create table if not exists ${beside} ${body} ${options(collation)}`);
  }
  if (create && !there.has(name)) await c.command(tableDdl(dataset, role, collation));
  for (const table of names) await tryRights(c, table);
  return inspect(c, dataset, role);
}

/** Statements that change no row fail all the same where a right is lacking; the server has no question for it. */
async function tryRights(c: Connection, table: string): Promise<void> {
  const name = quote(table);
  const columns = await c.all(
    `select column_name from information_schema.columns
      where table_schema = database() and table_name = ? and coalesce(generation_expression, '') = ''`,
    [table],
  );
  const names = columns.map(([column]) => quote(String(column)));
  await c.command(`insert into ${name} (${names.join(', ')}) select ${names.join(', ')} from ${name} where false`);
  await c.command(`update ${name} set ${names.map((column) => `${column} = ${column}`).join(', ')} where false`);
  await c.command(`delete from ${name} where false`);
}

function options(collation: string): string {
  return `engine = InnoDB row_format = dynamic default character set utf8mb4 collate ${collation}`;
}

async function binaryCollation(c: Connection): Promise<string | null> {
  const found = await c.all(
    `select collation_name from information_schema.collations where collation_name in (${COLLATIONS.map(() => '?').join(', ')})`,
    COLLATIONS,
  );
  const known = new Set(found.map(([collation]) => collation));
  return COLLATIONS.find((collation) => known.has(collation)) ?? null;
}

interface FoundColumn {
  readonly type: string;
  readonly declared: string;
  readonly nullable: boolean;
  readonly collation: string;
  readonly timeDecimals: number;
  readonly room: Room;
}

async function inspect(c: Connection, dataset: Dataset, role: StoreRole): Promise<TableFacts | string> {
  const table = dataset.table(role);
  const here = `table_schema = database() and table_name = ?`;
  const [engine] = (await c.get(`select engine from information_schema.tables where ${here}`, [table.name])) ?? [];
  if (engine === undefined) return `there is no table ${table.name} in it; make it with the setup (npm run setup)`;
  if (engine !== 'InnoDB') return `${table.name} must be a table of InnoDB, for its transactions`;
  const columns = await c.all(
    `select column_name, data_type, column_type, is_nullable, collation_name, datetime_precision, character_maximum_length,
      character_octet_length, numeric_precision, numeric_scale from information_schema.columns where ${here}`,
    [table.name],
  );
  const found = new Map(columns.map(([name, ...rest]) => [String(name), foundColumn(rest)]));
  for (const { name, type } of Object.values(table.columns)) {
    const column = found.get(name);
    if (!column) return `table ${table.name} has no column ${name}`;
    const whole = type !== 'timestamp' || column.timeDecimals === 6;
    if (!KEEPS[type].includes(column.type) || !whole) {
      return `column ${name} of ${table.name} is declared ${column.declared}, which would change ${type} values in it`;
    }
  }
  for (const { name, type } of keyColumns(dataset, role)) {
    const column = found.get(name);
    if (column?.nullable) return `key column ${name} of ${table.name} must be declared NOT NULL`;
    if (type === 'text' && !KEY_COLLATIONS.has(column?.collation ?? '')) {
      return `key column ${name} of ${table.name} has the collation ${column?.collation}; it must be ${COLLATIONS.join(' or ')}`;
    }
  }
  const key = keyColumns(dataset, role).map(({ name }) => name);
  const unique = await uniqueIndexes(c, table.name);
  const keys = unique.filter(({ columns: indexed }) => JSON.stringify(indexed) === JSON.stringify(key));
  if (keys.length === 0) {
    return `table ${table.name} needs a primary key or unique index over (${key.join(', ')}), ascending, of whole columns`;
  }
  const [packet] = (await c.get('select @@max_allowed_packet')) ?? [];
  return {
    room: new Map([...found].map(([name, { room }]) => [name, room])),
    onlyKeyIsUnique: unique.length === 1 && keys[0]?.name === 'PRIMARY',
    statementBytes: statementBytes(Number(packet)),
  };
}

function foundColumn(cells: readonly Cell[]): FoundColumn {
  const [type, declared, nullable, collation, timeDecimals, characters, bytes, precision, scale] = cells;
  const name = String(type).toLowerCase();
  const isText = TEXTS.includes(name);
  return {
    type: name,
    declared: String(declared),
    nullable: nullable === 'YES',
    collation: String(collation),
    timeDecimals: Number(timeDecimals ?? 0),
    room: {
      characters: isText ? Number(characters) : null,
      // VARCHAR is measured in characters, the others in bytes.
      bytes: isText && name !== 'varchar' ? Number(bytes) : null,
      digits: name === 'decimal' ? [Number(precision) - Number(scale), Number(scale)] : null,
    },
  };
}

/** With the columns that are indexed ascending and as a whole; another column is there as ''. */
async function uniqueIndexes(
  c: Connection,
  table: string,
): Promise<readonly { readonly name: string; readonly columns: readonly string[] }[]> {
  const found = await c.all(
    `select index_name, if(sub_part is null and collation = 'A', column_name, '') from information_schema.statistics
      where table_schema = database() and table_name = ? and non_unique = 0 order by index_name, seq_in_index`,
    [table],
  );
  const columns = new Map<string, string[]>();
  for (const [name, column] of found) {
    columns.set(String(name), [...(columns.get(String(name)) ?? []), String(column)]);
  }
  return [...columns].map(([name, indexed]) => ({ name, columns: indexed }));
}
