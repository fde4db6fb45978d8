/** Crossfade's way to a store that answers at once, and the same way without any state to decide on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import DataLoader from 'dataloader';
import type { Faces, Row, StoreRole } from '../../src/migration/dataset.ts';
import { Dataset, text } from '../../src/migration/dataset.ts';
import { createEngine } from '../../src/migration/engine.ts';
import { facesOf, mapStored } from '../../src/migration/faces.ts';
import type { Store } from '../../src/migration/stores/store.ts';
import { Deployment } from '../../test/support/deployment.ts';
import { instant } from './instant.ts';

const KEY: Row = { owner: 'o' };
const ROW: Row = { owner: 'o', value: 'v' };
const EPOCH = 1;
const columns = { owner: text('owner'), value: text('value') };
const mapper = { toNew: (row: Row) => ({ ...row }), toOld: (row: Row) => ({ ...row }) };

export const dataset = new Dataset({
  name: 'bench',
  key: ['owner'],
  partitionBy: 'owner',
  listBy: [],
  old: { name: 'bench_old', columns },
  new: { name: 'bench_new', columns },
  mapper: async () => mapper,
});

/** One operation of each kind. */
export interface Way {
  read(): Promise<unknown>;
  write(): Promise<unknown>;
}

export interface Ways {
  /** A store is called, and nothing else done. */
  readonly call: Way;
  /** Two stores are called at the same time. */
  readonly both: Way;
  /** Everything that a request needs without a migration too: loader, mapping, read before write. */
  readonly plain: Way;
  readonly OLD: Way;
  readonly NEW: Way;
  close(): Promise<void>;
}

export async function openWays(): Promise<Ways> {
  const [old, next] = [await settled('OLD'), await settled('NEW')];
  const { store } = old;
  const write = () =>
    store.writer.direct({ epoch: EPOCH, key: dataset.keyOf(KEY), expect: ROW, next: { ...ROW, value: 'w' } });
  const read = () => store.reader.load([dataset.keyOf(KEY)]);
  return {
    call: { read, write },
    both: { read: () => Promise.all([read(), read()]), write: () => Promise.all([write(), write()]) },
    plain: plain(store),
    OLD: old.way,
    NEW: next.way,
    close: async () => {
      await old.close();
      await next.close();
    },
  };
}

function plain(store: Store): Way {
  const load = async (keys: readonly string[]): Promise<readonly (Faces | null)[]> => {
    const rows = await store.reader.load(keys);
    const found = new Map((await mapStored(dataset, 'OLD', [...rows.values()])).map((faces) => [faces.key, faces]));
    return keys.map((key) => found.get(key) ?? null);
  };
  return {
    read: () => new DataLoader(load).load(dataset.keyOf(KEY)),
    write: async () => {
      const key = dataset.keyOf(KEY);
      const stored = (await store.reader.load([key])).get(key);
      const [before] = stored ? await mapStored(dataset, 'OLD', [stored]) : [];
      const row = decided();
      const after = facesOf(await dataset.mapper([row]), 'OLD', key, row);
      await store.writer.direct({ epoch: EPOCH, key, expect: before?.old ?? null, next: after.old });
      return after;
    },
  };
}

function decided(): Row {
  return { ...ROW, value: 'w' };
}

/** An engine in a settled state, on embedded devices of its own. */
async function settled(role: StoreRole) {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-bench-'));
  const devices = new Deployment(directory, dataset).devices();
  const store = instant(devices.stores[role], dataset.keyOf(KEY), ROW);
  const stores = { ...devices.stores, [role]: store };
  const { control, journal } = devices;
  const engine = createEngine({ dataset, stores, control, journal, initial: role });
  await engine.start();
  const deadline = Number.MAX_SAFE_INTEGER;
  const decide = () => ({ write: role === 'OLD' ? { old: decided() } : { new: decided() } });
  const way: Way = {
    read: async () => {
      const operation = await engine.begin(deadline);
      const faces = await operation.load(KEY);
      operation.end();
      return faces;
    },
    write: () => engine.mutate(KEY, decide, deadline),
  };
  const close = async () => {
    await engine.stop();
    await devices.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { store, way, close };
}
