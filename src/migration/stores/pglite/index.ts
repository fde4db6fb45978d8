/**
 * A store in a PostgreSQL that runs in this process, without a server (PGlite): the store of PostgreSQL, over one connection.
 *
 * For a taste. It does not sync to the disk, so a crash of the machine may lose what was acknowledged, and everything waits for its one
 * connection.
 */
import type { Dataset, StoreRole } from '../../dataset.ts';
import { storeOn } from '../postgres/index.ts';
import type { Store, StoreReader, StoreWriter } from '../store.ts';
import { connectionsTo } from './directory.ts';

export interface PgliteStoreOptions {
  readonly directory: string;
  readonly role: StoreRole;
  readonly dataset: Dataset;
  /** Make the database and the dataset's table when they are missing. */
  readonly create: boolean;
}

/** Opens nothing yet: the first use does. Throws if another process has the directory. */
export function pgliteStore({ directory, role, dataset, create }: PgliteStoreOptions): Store {
  const store = storeOn({ connections: connectionsTo(directory, { create }), role, dataset, create });
  return {
    ...store,
    reader: inPages(store.reader),
    writer: inBatches(store.writer),
    otherWriters: async () => null,
    serverVersion: async () => null,
  };
}

/** Without streams: they would keep the one connection from everybody else, and COPY from the outside ends the program. */
function inPages(reader: StoreReader): StoreReader {
  return {
    load: (keys) => reader.load(keys),
    page: (range, limit, filter) => reader.page(range, limit, filter),
    count: (range, filter, except) => reader.count(range, filter, except),
    keyAt: (range, before) => reader.keyAt(range, before),
    digest: (range) => reader.digest(range),
    guards: (keys) => reader.guards(keys),
  };
}

function inBatches(writer: StoreWriter): StoreWriter {
  return {
    direct: (change) => writer.direct(change),
    insertMissing: (epoch, rows) => writer.insertMissing(epoch, rows),
    apply: (run, entries) => writer.apply(run, entries),
    copy: (epoch, batch) => writer.copy(epoch, batch),
    empty: (epoch, limit) => writer.empty(epoch, limit),
    dropGuards: (beforeRun, limit) => writer.dropGuards(beforeRun, limit),
  };
}
