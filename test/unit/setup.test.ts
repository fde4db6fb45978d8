import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setupCommand } from '../../src/cli/setup-command.ts';
import { participationDataset } from '../../src/activity/dataset.ts';
import { engineOf } from '../../src/migration/stores/open.ts';
import { describeWith, scratchSchema, servers, type Scratch } from '../support/servers.ts';
import { temporaryDirectory } from '../support/tmp.ts';

async function run(env: Readonly<Record<string, string>>) {
  let [out, err] = ['', ''];
  const code = await setupCommand(
    { DATA_DIR: await temporaryDirectory(), ...env },
    { stdout: { write: (text) => (out += text) }, stderr: { write: (text) => (err += text) } },
  );
  return { code, out, err };
}

test('embedded stores need none', async () => {
  const { code, out, err } = await run({});
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out.match(/needs no setup/g)).toHaveLength(2);
});

test('a server that is not there, and a bad variable, are told in one line without the password', async () => {
  const gone = await run({ NEW_STORE_URL: 'postgres://me:hush@127.0.0.1:1/db' });
  expect(gone.code).toBe(1);
  expect(gone.out).toContain('old store');
  expect(gone.err).toMatch(/^The new store of participation does not answer\..*ECONNREFUSED.*\n$/);
  const bad = await run({ OLD_STORE_URL: 'oracle://me:hush@there' });
  expect(bad.err).toMatch(/^OLD_STORE_URL is .*\n$/);
  for (const text of [gone.out, gone.err, bad.err]) expect(text).not.toContain('hush');
});

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  let scratch: Scratch;
  beforeAll(async () => {
    scratch = await scratchSchema(server);
  });
  afterAll(() => scratch.drop());

  test('makes the tables that a store misses without it, and leaves them alone afterwards', async () => {
    const dataset = participationDataset({ getMany: async () => new Map() });
    const store = engineOf(scratch.url).openStore(scratch.url, 'OLD', dataset);
    await expect(store.ping()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/no table participation_old.*npm run setup/),
    });
    const env = { OLD_STORE_URL: scratch.url, NEW_STORE_URL: scratch.url };
    expect(await run(env)).toMatchObject({ code: 0, err: '' });
    await store.ping();
    const client = new Client({ connectionString: scratch.url });
    await client.connect();
    await client.query(`insert into participation_old values ('+8613800000000', 'e', 'A', now(), now())`);
    expect(await run(env)).toMatchObject({ code: 0, err: '' });
    const { rows } = await client.query(
      `select table_name as name from information_schema.tables where table_schema = current_schema() order by 1`,
    );
    await client.end();
    const own = rows.map(({ name }) => String(name)).filter((name) => !name.startsWith('crossfade_'));
    expect(own).toEqual(['participation_new', 'participation_old']);
    expect(await store.reader.count({ after: null, upTo: null })).toBe(1);
    await store.close();
  });
});
