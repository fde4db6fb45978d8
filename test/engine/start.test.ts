/**
 * What a person has to mend stops the start, in one line that names the variable and the reason and shows no password; and it changes
 * nothing. What may be back later does not, if the state can do without it.
 */
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { localFindings } from '../../src/cli/crossfade/local.ts';
import { participationDataset } from '../../src/activity/dataset.ts';
import { createApp, type App } from '../../src/app.ts';
import { setupCommand } from '../../src/cli/setup-command.ts';
import { loadConfig } from '../../src/config.ts';
import type { Logger } from '../../src/migration/log.ts';
import { mysqlStore } from '../../src/migration/stores/mysql/index.ts';
import { versionFault } from '../../src/migration/stores/mysql/database.ts';
import { serverFault } from '../../src/migration/stores/postgres/connection.ts';
import { scratchDatabase } from '../support/mysql.ts';
import { redisServer } from '../support/redis-server.ts';
import { describeWith, randomName, scratchSchema, servers } from '../support/servers.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const PASSWORD = 'hush-hush';

let dir: string;
const logged: string[] = [];
const apps: App[] = [];
const log: Logger = {
  debug: () => {},
  info: () => {},
  warn: (facts, message) => void logged.push(`${message} ${String(Object.values(facts).at(-1))}`),
  error: () => {},
};
beforeEach(async () => {
  dir = await temporaryDirectory();
  logged.length = 0;
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop();
});

async function start(env: Readonly<Record<string, string>>): Promise<App> {
  const config = loadConfig({ DATA_DIR: dir, SAMPLE_DATA: '0', LOG_LEVEL: 'silent', ADMIN_TOKEN: 'token', ...env });
  const app = await createApp({ config, adminToken: 'token', log });
  apps.push(app);
  return app;
}

/** The line that the start ends with. */
async function refusal(env: Readonly<Record<string, string>>): Promise<string> {
  const error: unknown = await start(env).then(
    () => new Error('it started'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) throw new Error('it threw what is no error');
  expect(error.message).not.toContain(PASSWORD);
  expect(error.message).not.toContain('\n');
  return error.message;
}

async function setUp(env: Readonly<Record<string, string>>): Promise<void> {
  const out = { write: () => true };
  expect(await setupCommand({ DATA_DIR: dir, ADMIN_TOKEN: 'token', ...env }, { stdout: out, stderr: out })).toBe(0);
}

test.each([
  ['15.20 (Debian 15.20-0+deb12u1)', null],
  ['18beta1', null],
  ['14.9', /^it is PostgreSQL 14\.9; it must be 15 or newer$/],
  ['', /must be 15/],
])('PostgreSQL %j', (version, fault) => {
  const found = serverFault({ isolation: 'read committed', encoding: 'UTF8', replica: false, version });
  if (fault === null) expect(found).toBeNull();
  else expect(found).toMatch(fault);
});

test.each([
  ['10.11.19-MariaDB-0+deb12u1', null],
  ['11.4.2-MariaDB', null],
  ['8.0.36', null],
  ['8.4.0', null],
  ['9.1.0-commercial', null],
  ['10.6.16-MariaDB', /^it is MariaDB 10\.6\.16-MariaDB; it must be 10\.11 or newer$/],
  ['5.7.44-log', /^it is MySQL 5\.7\.44-log; it must be 8\.0 or newer$/],
  ['what', /must be 8\.0/],
])('MySQL or MariaDB %j', (version, fault) => {
  if (fault === null) expect(versionFault(version)).toBeNull();
  else expect(versionFault(version)).toMatch(fault);
});

test('a server that is down stops the first start if it is to serve, and else no start', async () => {
  const down = `postgres://me:${PASSWORD}@127.0.0.1:1/db`;
  expect(await refusal({ OLD_STORE_URL: down })).toMatch(
    /^OLD_STORE_URL is "postgres:\/\/me:\*\*\*@127\.0\.0\.1:1\/db"\. The old store .* does not answer\. \(.*ECONNREFUSED/,
  );
  expect(await refusal({ CONTROL_URL: down })).toMatch(/^CONTROL_URL is "postgres:.*can't be used: .*ECONNREFUSED/);
  const app = await start({ NEW_STORE_URL: down });
  await app.engine.ready();
  await expect.poll(() => logged).toContain('a store cannot be used now NEW_STORE_URL');
});

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  const role = randomName();
  let admin: Client;
  beforeAll(async () => {
    admin = new Client({ connectionString: server });
    await admin.connect();
    await admin.query(`create role ${role} login password '${PASSWORD}'`);
  });
  afterAll(async () => {
    await admin.query(`drop owned by ${role}; drop role ${role}`);
    await admin.end();
  });

  let url: string;
  let schema: string;
  let drop: () => Promise<void>;
  beforeEach(async () => {
    ({ url, drop } = await scratchSchema(server));
    schema = /search_path=(\w+)/.exec(decodeURIComponent(url))?.[1] ?? '';
    await admin.query(`set search_path = ${schema}`);
  });
  afterEach(() => drop());
  const tables = async (): Promise<readonly string[]> => {
    const { rows } = await admin.query(`select tablename from pg_tables where schemaname = '${schema}' order by 1`);
    return rows.map((row: { tablename: string }) => row.tablename);
  };
  const as = (user: string): string => {
    const other = new URL(url);
    [other.username, other.password] = [user, PASSWORD];
    return other.href;
  };
  const COLUMNS = `phone text collate "C" not null, event text collate "C" not null, answer text not null, created_at timestamptz not null, updated_at timestamptz not null`;

  test('a user or a database that is not there', async () => {
    expect(await refusal({ OLD_STORE_URL: as('crossfade_nobody') })).toMatch(
      /^OLD_STORE_URL is "postgres:\/\/crossfade_nobody:\*\*\*@.*can't be used: role "crossfade_nobody" does not exist\.$/,
    );
    const elsewhere = new URL(url);
    elsewhere.pathname = '/crossfade_nowhere';
    const missing = elsewhere.href;
    expect(await refusal({ NEW_STORE_URL: missing })).toMatch(
      /^NEW_STORE_URL is .*can't be used: database "crossfade_nowhere" does not exist\.$/,
    );
    expect(await refusal({ CONTROL_URL: missing })).toMatch(
      /^CONTROL_URL is .*can't be used: database "crossfade_nowhere" does not exist\.$/,
    );
  });

  test('a table that the setup has not made', async () => {
    for (const variable of ['OLD_STORE_URL', 'NEW_STORE_URL']) {
      expect(await refusal({ [variable]: url })).toMatch(
        new RegExp(`^${variable} is .*there is no table participation_(old|new) in it.*npm run setup`),
      );
    }
    expect(await tables()).toEqual([]);
  });

  test.each([
    ['without a column', COLUMNS.replace('answer text not null,', ''), /column answer .* is missing/],
    ['with a column of another type', COLUMNS.replace('answer text', 'answer bytea'), /answer .* is declared bytea/],
    ['without its key', COLUMNS, /primary key or unique index over \("phone" collate "C", "event" collate "C"\)/, ''],
    [
      'with a key that is ordered otherwise',
      COLUMNS.replaceAll('collate "C"', 'collate "und-x-icu"'),
      /primary key or unique index/,
    ],
  ])('a table %s', async (_, columns, reason, key = ', primary key (phone, event)') => {
    await admin.query(`create table participation_old (${columns}${key})`);
    expect(await refusal({ OLD_STORE_URL: url })).toMatch(reason);
    expect(await refusal({ OLD_STORE_URL: url })).toMatch(/^OLD_STORE_URL is /);
    expect(await tables()).toEqual(['participation_old']);
  });

  test('too few rights', async () => {
    await admin.query(`create table participation_old (${COLUMNS}, primary key (phone, event))`);
    await admin.query(`grant usage on schema ${schema} to ${role}`);
    const limited = as(role);
    expect(await refusal({ OLD_STORE_URL: limited })).toMatch(/can't be used: permission denied for schema/);
    await admin.query(`grant create on schema ${schema} to ${role}; grant select on participation_old to ${role}`);
    expect(await refusal({ OLD_STORE_URL: limited })).toMatch(
      new RegExp(`user ${role} lacks DELETE, INSERT, UPDATE on table participation_old\\.$`),
    );
    await admin.query(`grant insert, update, delete on participation_old to ${role}`);
    await (await start({ OLD_STORE_URL: limited })).engine.ready();
  });

  test('others who may write the old table are named before MIGRATING', async () => {
    await setUp({ OLD_STORE_URL: url });
    const { engine } = await start({ OLD_STORE_URL: url });
    await admin.query(`grant usage on schema ${schema} to ${role}; grant select on participation_old to ${role}`);
    expect(await engine.operator.otherWriters()).not.toContain(role);
    await admin.query(`grant insert on participation_old to ${role}`);
    expect(await engine.operator.otherWriters()).toContain(role);
    const findings = await localFindings({ OLD_STORE_URL: url, DATA_DIR: dir });
    expect(findings.find(({ check }) => check === 'other writers')?.found).toContain(role);
    expect(findings.find(({ check }) => check === 'old store')?.found).toMatch(
      /answers \(PostgreSQL \d+.*has the table/,
    );
    const terms = {
      readNewPercent: null,
      expectedEpoch: null,
      reason: 'test',
      dryRun: true,
      acceptRisk: [],
      actor: 'me',
    };
    expect(await engine.operator.switchTo({ to: 'MIGRATING', ...terms })).toMatchObject({ outcome: 'SWITCHED' });
    const told = logged.filter((line) => line.startsWith('other users may write the old table'));
    expect(told).toEqual([expect.stringMatching(new RegExp(`\\b${role}\\b`))]);
  });

  test('later only in the store that the state needs', async () => {
    await setUp({ OLD_STORE_URL: url, NEW_STORE_URL: url });
    await (await start({ OLD_STORE_URL: url, NEW_STORE_URL: url })).stop();
    await admin.query('drop table participation_new');
    const app = await start({ OLD_STORE_URL: url, NEW_STORE_URL: url });
    await app.engine.ready();
    await expect.poll(() => logged).toContain('a store cannot be used now NEW_STORE_URL');
    await app.stop();
    await admin.query('drop table participation_old');
    expect(await refusal({ OLD_STORE_URL: url, NEW_STORE_URL: url })).toMatch(/^OLD_STORE_URL is .*npm run setup/);
  });

  test('a store that is down later does not stop the start, and is not ready', async () => {
    await setUp({ OLD_STORE_URL: url });
    await (await start({ OLD_STORE_URL: url })).stop();
    const app = await start({ OLD_STORE_URL: `postgres://postgres@127.0.0.1:1/db` });
    await expect(app.engine.ready()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect.poll(() => logged).toContain('a store cannot be used now OLD_STORE_URL');
  });
});

describeWith('MySQL or MariaDB', await servers.mysql(), (server) => {
  const user = randomName().slice(0, 30);
  let database: Awaited<ReturnType<typeof scratchDatabase>>;
  beforeAll(async () => {
    database = await scratchDatabase(server);
    await database.run(`create user '${user}'@'%' identified by '${PASSWORD}'`);
  });
  afterAll(async () => {
    await database.run(`drop user '${user}'@'%'`);
    await database.drop();
  });
  const as = (password: string, change: (url: URL) => void = () => {}): string => {
    const url = new URL(database.url);
    [url.username, url.password] = [user, password];
    change(url);
    return url.href;
  };

  test('a wrong password, a database that is not there, a missing table, too few rights', async () => {
    const name = new URL(database.url).pathname.slice(1);
    expect(await refusal({ OLD_STORE_URL: as(`${PASSWORD}!`) })).toMatch(
      new RegExp(`^OLD_STORE_URL is "mysql://${user}:\\*\\*\\*@.*can't be used .*Access denied for user '${user}'`),
    );
    expect(await refusal({ NEW_STORE_URL: as(PASSWORD) })).toMatch(/^NEW_STORE_URL is .*Access denied .* to database/);
    const nowhere = new URL(database.url);
    nowhere.pathname = '/crossfade_nowhere';
    expect(await refusal({ OLD_STORE_URL: nowhere.href })).toMatch(/Unknown database 'crossfade_nowhere'/);
    expect(await refusal({ OLD_STORE_URL: database.url })).toMatch(
      /there is no table participation_old .*npm run setup/,
    );

    await setUp({ OLD_STORE_URL: database.url });
    const writers = async () => {
      const store = mysqlStore({
        url: database.url,
        role: 'OLD',
        dataset: participationDataset({ getMany: async () => new Map() }),
        create: false,
      });
      const found = await store.otherWriters();
      expect(await store.serverVersion()).toMatch(/^(MariaDB|MySQL) \d+\.\d+/);
      await store.close();
      return found;
    };
    await database.run(`grant select on ${name}.* to '${user}'@'%'`);
    expect(await refusal({ OLD_STORE_URL: as(PASSWORD) })).toMatch(/INSERT command denied to user/);
    expect(await writers()).not.toContain(`${user}@%`);
    await database.run(`grant insert, update, delete on ${name}.* to '${user}'@'%'`);
    expect(await writers()).toContain(`${user}@%`);
    await (await start({ OLD_STORE_URL: as(PASSWORD) })).engine.ready();
  });
});

describeWith('Redis', await servers.redis(), () => {
  test('a journal that lets nobody in as its URL says stops every start, and one that is down none', async () => {
    const server = await redisServer();
    await server.client().config('SET', 'requirepass', PASSWORD);
    const as = (login: string) => `redis://${login}127.0.0.1:${server.port}`;
    const wrong = `:${PASSWORD}!@`;
    const masked = `^JOURNAL_URL is "redis://:\\*\\*\\*@127\\.0\\.0\\.1:${server.port}", which can't be used: WRONGPASS .*\\.$`;
    expect(await refusal({ JOURNAL_URL: as(wrong) })).toMatch(new RegExp(masked));
    expect(await refusal({ JOURNAL_URL: as('') })).toMatch(/^JOURNAL_URL is .*can't be used: NOAUTH /);
    const app = await start({ JOURNAL_URL: as(`:${PASSWORD}@`) });
    await app.engine.ready();
    await apps.pop()?.stop();
    // Also where something is founded already.
    expect(await refusal({ JOURNAL_URL: as(wrong) })).toMatch(/WRONGPASS/);
    expect(logged).toEqual([]);
    await server.signal('SIGKILL');
    await (await start({ JOURNAL_URL: as(`:${PASSWORD}@`) })).engine.ready();
    expect(logged).toEqual([expect.stringMatching(/^the journal does not answer; no migration can begin/)]);
  });
});

describe('an embedded store', () => {
  test('that is no database is told with its file', async () => {
    expect(await refusal({ OLD_STORE_URL: `sqlite:${join(dir, 'none', 'old.sqlite')}` })).toMatch(
      /^OLD_STORE_URL is "sqlite:.*old\.sqlite"\. The old store of participation does not answer/,
    );
  });
});
