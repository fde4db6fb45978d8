import { ownPostgres, postgresBinaries } from '../../test/support/own/postgres.ts';
import type { Reaper } from '../../test/support/own/reaper.ts';

/**
 * A PostgreSQL of the benchmark's own, where it is installed and TEST_POSTGRES_URL names no other: many a server takes fewer
 * connections than a benchmark wants, and others use them too. It syncs what it commits, as servers do.
 */
export async function ownServer(reaper: Reaper): Promise<string | undefined> {
  if (process.env['TEST_POSTGRES_URL'] || postgresBinaries() === null) return undefined;
  const server = await ownPostgres(reaper);
  await server.stop();
  await server.start(['-c', 'fsync=on', '-c', 'full_page_writes=on']);
  return server.url;
}
