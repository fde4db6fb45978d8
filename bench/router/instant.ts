/** A store that answers at once, so that what is left is the work of whoever asks it. Fence and quarantine are those of a real one. */
import type { Row } from '../../src/migration/dataset.ts';
import type { Store, Stored } from '../../src/migration/stores/store.ts';

/** Every key has this row. */
export function instant(store: Store, key: string, row: Row): Store {
  const { role, reader, writer, fence, quarantine } = store;
  const found: ReadonlyMap<string, Stored> = new Map([[key, { key, row }]]);
  return {
    role,
    reader: {
      load: async () => found,
      page: (...args) => reader.page(...args),
      count: (...args) => reader.count(...args),
      keyAt: (...args) => reader.keyAt(...args),
      digest: (...args) => reader.digest(...args),
      guards: (...args) => reader.guards(...args),
    },
    writer: {
      direct: async () => 'WRITTEN',
      insertMissing: (...args) => writer.insertMissing(...args),
      apply: (...args) => writer.apply(...args),
      copy: (...args) => writer.copy(...args),
      empty: (...args) => writer.empty(...args),
      dropGuards: (...args) => writer.dropGuards(...args),
    },
    fence,
    quarantine,
    checkpoint: () => store.checkpoint(),
    ping: () => store.ping(),
    serverVersion: async () => null,
    otherWriters: (...args) => store.otherWriters(...args),
    close: () => store.close(),
  };
}
