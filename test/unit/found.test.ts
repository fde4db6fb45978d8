import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/migration/clock.ts';
import type { ControlStore } from '../../src/migration/control/control.ts';
import { findOrFound, type Founding } from '../../src/migration/control/found.ts';
import { sqlControl } from '../../src/migration/control/sql/index.ts';
import type { StoreRole } from '../../src/migration/dataset.ts';
import { openSqliteFile } from '../../src/migration/stores/sqlite/database.ts';
import { sqliteStore } from '../../src/migration/stores/sqlite/index.ts';
import type { Store } from '../../src/migration/stores/store.ts';
import { notes } from '../support/dataset.ts';
import { temporaryDirectory } from '../support/tmp.ts';

describe('founding a dataset', () => {
  let dir: string;
  let closing: (() => Promise<void>)[];
  let founding: Founding;

  beforeEach(async () => {
    dir = await temporaryDirectory();
    closing = [];
    founding = await devices('control.sqlite', 'OLD');
  });
  afterEach(async () => {
    for (const close of closing) await close();
  });

  const openControl = (file: string): ControlStore => {
    const control = sqlControl({ database: openSqliteFile(join(dir, file)), clock: systemClock });
    closing.push(() => control.close());
    return control;
  };
  const openStore = (role: StoreRole): Store => {
    const store = sqliteStore({ file: join(dir, 'store.sqlite'), role, dataset: notes(), create: true });
    closing.push(() => store.close());
    return store;
  };
  const devices = async (file: string, role: StoreRole): Promise<Founding> => {
    const control = openControl(file);
    const deployment = await control.open();
    return { control, dataset: notes().name, store: openStore(role), deployment, lockTimeoutMs: 1000 };
  };

  test.each(['OLD', 'NEW'] as const)('makes the record and lets writes through in %s, once for all', async (role) => {
    const by = { ...founding, store: openStore(role) };
    const record = await findOrFound(by);
    expect(record).toMatchObject({ epoch: 1, place: { state: role, percent: role === 'NEW' ? 100 : 0 }, run: null });
    expect(await by.store.fence.read()).toMatchObject({ epoch: 1, mode: 'DIRECT', deployment: by.deployment });

    const later = { ...record, revision: 2, epoch: 7 };
    await by.control.compareAndSet(1, later);
    expect(await findOrFound({ ...founding, store: openStore(role === 'OLD' ? 'NEW' : 'OLD') })).toEqual(later);
  });

  test('of several at once all get one record', async () => {
    const others = await Promise.all([devices('control.sqlite', 'OLD'), devices('control.sqlite', 'OLD')]);
    const records = await Promise.all([founding, ...others].map(findOrFound));
    expect(new Set(records.map((record) => JSON.stringify(record))).size).toBe(1);
  });

  test('goes on where somebody died between fence and record', async () => {
    const dying: ControlStore = { ...founding.control, create: () => Promise.reject(new Error('killed')) };
    await expect(findOrFound({ ...founding, control: dying })).rejects.toThrow('killed');
    expect(await founding.control.read(founding.dataset)).toBeNull();
    const { epoch } = await findOrFound(founding);
    expect(await founding.store.fence.read()).toMatchObject({ epoch, mode: 'DIRECT' });
  });

  test('does not take a store that belongs to another control store', async () => {
    await findOrFound(founding);
    const other = await devices('other.sqlite', 'OLD');
    await expect(findOrFound(other)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('belongs to another control store'),
    });
    expect(await other.control.read(other.dataset)).toBeNull();
  });
});
