/** pgloader, where it is installed: it has no mapping of its own, so it reads a view. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchDatabase } from '../lib/databases.ts';
import { attempt } from '../lib/shell.ts';
import { MAPPED } from './participations.ts';

/** The command that copies the mapped rows; null: it is not here. */
export async function pgloader(old: BenchDatabase, next: BenchDatabase): Promise<string | null> {
  if ((await attempt('command -v pgloader')) === null) return null;
  const [database] = (await old.sql('select database()'))[0] ?? [];
  // It knows no collation of later years.
  const columns = ['phone', 'event', 'recommendation_code'].map(
    (name) => `convert(${name} using utf8mb4) collate utf8mb4_bin as ${name}`,
  );
  await old.sql(
    `create view participation_new_rows as select ${columns.join(', ')}, created_at, updated_at from (${MAPPED.mysql}) as mapped`,
  );
  const file = join(await mkdtemp(join(tmpdir(), 'crossfade-pgloader-')), 'copy.load');
  await writeFile(
    file,
    `LOAD DATABASE FROM ${old.url} INTO ${next.url.replace('postgres://', 'postgresql://')}
      WITH data only, create no tables, create no indexes, no foreign keys, reset no sequences
      CAST type datetime to timestamptz
      MATERIALIZE VIEWS participation_new_rows
      ALTER TABLE NAMES MATCHING 'participation_new_rows' RENAME TO 'participation_new'
      ALTER SCHEMA '${String(database)}' RENAME TO 'public';\n`,
  );
  return `TZ=UTC pgloader --quiet --on-error-stop ${file}`;
}
