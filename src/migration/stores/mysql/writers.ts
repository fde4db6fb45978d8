/** Who else may write a table. */
import type { Connection } from './connection.ts';

/** Users with a right to write the table, its database or the whole server; a user without rights on the server's own tables sees himself alone. */
export async function otherWriters(c: Connection, table: string): Promise<readonly string[]> {
  const writes = `privilege_type in ('INSERT', 'UPDATE', 'DELETE')`;
  const found = await c.all(
    `select distinct replace(grantee, char(39), '') as user from (
        select grantee from information_schema.user_privileges where ${writes}
        union all select grantee from information_schema.schema_privileges where ${writes} and table_schema = database()
        union all select grantee from information_schema.table_privileges
          where ${writes} and table_schema = database() and table_name = ?) as granted
      having user <> current_user() order by user`,
    [table],
  );
  return found.map(([user]) => String(user));
}
