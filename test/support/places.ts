/** Where a store or a control store of a test may be: a database of its own, in any engine that is there. */
import { join } from 'node:path';
import { scratchDatabase } from './mysql.ts';
import { randomName, scratchSchema, servers } from './servers.ts';
import { temporaryDirectory } from './tmp.ts';

export interface Place {
  readonly url: string;
  remove(): Promise<void>;
}

interface Kind {
  /** What has to answer; null: it does not. */
  reach(): Promise<string | null>;
  make(server: string): Promise<Place>;
}

export type Engine = 'SQLite' | 'PGlite' | 'PostgreSQL' | 'MariaDB';

const KINDS: Readonly<Record<Engine, Kind>> = {
  SQLite: {
    reach: async () => '',
    make: async () => {
      const url = `sqlite:${join(await temporaryDirectory(), `${randomName()}.sqlite`)}`;
      return { url, remove: async () => {} };
    },
  },
  PGlite: {
    reach: async () => '',
    make: async () => ({ url: `pglite:${join(await temporaryDirectory(), randomName())}`, remove: async () => {} }),
  },
  PostgreSQL: {
    reach: servers.postgres,
    make: async (server) => {
      const { url, drop } = await scratchSchema(server);
      return { url, remove: drop };
    },
  },
  MariaDB: {
    reach: servers.mysql,
    make: async (server) => {
      const database = await scratchDatabase(server);
      return { url: database.url, remove: () => database.drop() };
    },
  },
};

/** Those of these engines that do not answer. */
export async function missingOf(engines: readonly Engine[]): Promise<readonly Engine[]> {
  const found = await Promise.all(engines.map((engine) => KINDS[engine].reach()));
  return engines.filter((_, i) => found[i] === null);
}

/** An empty database. Its engine must answer. */
export async function placeIn(engine: Engine): Promise<Place> {
  const server = await KINDS[engine].reach();
  if (server === null) throw new Error(`${engine} does not answer`);
  return KINDS[engine].make(server);
}
