/**
 * A table that keeps what it has, by a trigger. Made once, by the owner of the table; later starts only look, so that they need no right
 * to make anything and take no lock.
 */
export function appendOnly(table: string): readonly string[] {
  return [
    `do $make$
     begin
       if not exists (
         select from pg_trigger where tgrelid = '${table}'::regclass and tgname = '${table}_append_only'
       ) then
         create or replace function ${table}_append_only() returns trigger language plpgsql as $refuse$
           begin raise exception '${table} is append-only'; end
         $refuse$;
         create trigger ${table}_append_only before update or delete or truncate on ${table}
           for each statement execute function ${table}_append_only();
       end if;
     end $make$`,
  ];
}
