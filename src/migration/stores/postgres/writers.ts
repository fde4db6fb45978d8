/** Who else may write a table. */
import type { Connection } from './connection.ts';
import { quote } from './schema.ts';

/** Roles that can log in and may write the table; those that may do anything come last, and are told as such. */
export async function otherWriters(c: Connection, table: string): Promise<readonly string[]> {
  const found = await c.all(
    `select rolname || case when rolsuper then ' (superuser)' else '' end from pg_roles
      where rolcanlogin and rolname <> current_user and has_table_privilege(oid, to_regclass($1), 'INSERT, UPDATE, DELETE')
      order by rolsuper, rolname`,
    [quote(table)],
  );
  return found.map(([role]) => String(role));
}
