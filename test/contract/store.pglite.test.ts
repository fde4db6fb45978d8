/** One instance for all of it: each takes seconds to start. Waiting for locks, kills and times are tested with servers. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { escapeLiteral } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectionsTo } from '../../src/migration/stores/pglite/directory.ts';
import { pgliteStore } from '../../src/migration/stores/pglite/index.ts';
import type { Connections } from '../../src/migration/stores/postgres/pool.ts';
import { quote } from '../../src/migration/stores/postgres/schema.ts';
import { notes } from '../support/dataset.ts';
import { temporaryDirectory } from '../support/tmp.ts';
import { storeContract } from './store.contract.ts';

const dataset = notes();
let directory: string;
/** Keeps the instance running between tests. */
let beside: Connections;

beforeAll(async () => {
  directory = join(await temporaryDirectory(), 'database');
  beside = connectionsTo(directory, { create: true });
  beside.release(await beside.acquire());
}, 60_000);
afterAll(() => beside.end());

storeContract('PGlite', async () => ({
  open: async (role, of) => pgliteStore({ directory, role, dataset: of, create: true }),
  forbid: async (role, of, field, value) => {
    const { name, columns } = of.table(role);
    const column = quote(columns[field]?.name ?? field);
    const connection = await beside.acquire();
    await connection.control(`alter table ${quote(name)} add check (${column} <> ${escapeLiteral(value)})`);
    beside.release(connection);
  },
  cannotKeep: (text) => text.includes('\0'),
  dispose: async () => {},
}));

describe('the directory', () => {
  const module = new URL('../../src/migration/stores/pglite/directory.ts', import.meta.url).href;
  const open = (path: string) =>
    promisify(execFile)(process.execPath, [
      '--input-type=module',
      '-e',
      `(await import(${JSON.stringify(module)})).connectionsTo(process.argv[1], { create: true }); process.stdout.write('open');`,
      path,
    ]);

  test('is refused to another process as long as somebody here uses it', async () => {
    await expect(open(directory)).rejects.toMatchObject({
      stderr: expect.stringContaining('another process is using'),
    });
    const free = join(await temporaryDirectory(), 'free');
    const mine = connectionsTo(free, { create: true });
    await expect(open(free)).rejects.toMatchObject({ code: 1 });
    await mine.end();
    await expect(open(free)).resolves.toMatchObject({ stdout: 'open' });
    expect(existsSync(free)).toBe(false);
  });

  test('is not made where a database has to be, and leaves none behind', async () => {
    const missing = join(await temporaryDirectory(), 'missing');
    const store = pgliteStore({ directory: missing, role: 'OLD', dataset, create: false });
    await expect(store.ping()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: `The old store of notes can't be used: there is no database in ${missing}.`,
    });
    await store.close();
    expect(existsSync(missing)).toBe(false);
  });

  test('may hold the old and the new store, closed and opened again', async () => {
    for (const role of ['OLD', 'NEW', 'OLD'] as const) {
      const store = pgliteStore({ directory, role, dataset, create: true });
      await store.ping();
      await store.close();
    }
  });
});
