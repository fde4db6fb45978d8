/**
 * Stores on servers that take encrypted connections alone: rows are copied out of either and into the other, which reads and writes bytes
 * of the connection past the driver, and the certificate is looked at.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { EVERYTHING } from '../../src/migration/stores/store.ts';
import { soon } from '../support/deployment.ts';
import { hasMariadb, ownMariadb } from '../support/own/mariadb.ts';
import { ownPostgres, postgresBinaries } from '../support/own/postgres.ts';
import { Reaper } from '../support/own/reaper.ts';
import { accountOf } from '../support/own/server.ts';
import { instanceOn, type Urls } from '../support/pairing.ts';
import { describeWith } from '../support/servers.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const OPENSSL = '/usr/bin/openssl';
const there = postgresBinaries() !== null && hasMariadb() && existsSync(OPENSSL);
const PLACES = ['one', 'one_control', 'two', 'two_control'] as const;
const ROWS = 1000;

interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

function databaseOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

/** Signed by itself; a copy that the server's account may read. */
function certificateFor(user: string, directory: string): Certificate {
  const [certificate, key] = [join(directory, `${user}.crt`), join(directory, `${user}.key`)];
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync(OPENSSL, ['req', ...form, ...name, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  const { uid, gid } = accountOf(user);
  if (uid !== undefined) for (const file of [certificate, key]) chownSync(file, uid, gid ?? uid);
  chmodSync(key, 0o600);
  return { certificate, key };
}

describeWith('PostgreSQL and MariaDB of its own, and openssl', there ? 'here' : null, () => {
  const trusted = getCACertificates('default');
  const reaper = new Reaper();
  let [postgres, mariadb] = ['', ''];

  beforeAll(async () => {
    const directory = await temporaryDirectory();
    chmodSync(directory, 0o755);
    const [forPostgres, forMariadb] = [certificateFor('postgres', directory), certificateFor('mysql', directory)];
    setDefaultCACertificates([
      ...trusted,
      ...[forPostgres, forMariadb].map(({ certificate }) => readFileSync(certificate, 'utf8')),
    ]);
    postgres = await encryptedPostgres(forPostgres);
    mariadb = await encryptedMariadb(forMariadb);
  }, 60_000);
  afterAll(async () => {
    setDefaultCACertificates(trusted);
    await reaper.close();
  });
  const ending: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end();
  });

  async function encryptedPostgres({ certificate, key }: Certificate): Promise<string> {
    const server = await ownPostgres(reaper);
    await server.stop();
    await server.start(['-c', 'ssl=on', '-c', `ssl_cert_file=${certificate}`, '-c', `ssl_key_file=${key}`]);
    const client = new Client({ connectionString: server.url });
    await client.connect();
    for (const name of PLACES) await client.query(`create database ${name}`);
    const { rows } = await client.query<{ hba_file: string }>('show hba_file');
    writeFileSync(rows[0]?.hba_file ?? '', 'hostssl all all 127.0.0.1/32 trust\n');
    await client.query('select pg_reload_conf()');
    await client.end();
    return server.url;
  }

  async function encryptedMariadb({ certificate, key }: Certificate): Promise<string> {
    const server = await ownMariadb(reaper);
    await server.stop();
    await server.start([`--ssl-cert=${certificate}`, `--ssl-key=${key}`]);
    const connection = await createConnection(server.url);
    for (const name of PLACES) await connection.query(`create database ${name} character set utf8mb4`);
    await connection.query('set global require_secure_transport = on');
    await connection.end();
    return server.url;
  }

  const at = (server: string, place: (typeof PLACES)[number]): string =>
    `${databaseOf(server, place)}?${server.startsWith('mysql') ? 'ssl=true' : 'sslmode=verify-full'}`;

  async function copied(urls: Urls): Promise<void> {
    const { engine, stores, close } = await instanceOn(urls, 'encrypted');
    ending.push(close);
    for (let from = 0; from < ROWS; from += 100) {
      const rows = Array.from({ length: 100 }, (_, i) => ({
        holder: `h${from + i}`,
        show: 's',
        seat: 'é',
        updated: i,
      }));
      await Promise.all(rows.map((old) => engine.mutate(old, () => ({ write: { old } }), soon(10_000))));
    }
    const terms = { expectedEpoch: null, reason: 'test', dryRun: false, acceptRisk: [], actor: 'test' };
    await engine.operator.switchTo({ to: 'MIGRATING', readNewPercent: null, ...terms });
    await expect.poll(async () => (await engine.operator.copyProgress())?.complete, { timeout: 20_000 }).toBe(true);
    expect(await stores.NEW.reader.count(EVERYTHING)).toBe(ROWS);
  }

  test('from PostgreSQL to MariaDB', { timeout: 60_000 }, () =>
    copied({ old: at(postgres, 'one'), new: at(mariadb, 'one'), control: at(postgres, 'one_control') }),
  );
  test('from MariaDB to PostgreSQL', { timeout: 60_000 }, () =>
    copied({ old: at(mariadb, 'two'), new: at(postgres, 'two'), control: at(postgres, 'two_control') }),
  );
  test('a certificate that nobody vouches for is refused', async () => {
    setDefaultCACertificates(trusted);
    const opened = instanceOn(
      { old: at(postgres, 'one'), new: at(mariadb, 'one'), control: at(postgres, 'one_control') },
      'wary',
    );
    await expect(opened).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
