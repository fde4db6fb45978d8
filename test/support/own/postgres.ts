/** PostgreSQL of a test's own, from the newest version that is installed. */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { freePort } from './port.ts';
import type { Reaper } from './reaper.ts';
import { accountOf, OwnServer } from './server.ts';

const VERSIONS = '/usr/lib/postgresql';
const PING_MS = 2000;

/** Settings that nothing but a crash of the machine could tell. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum_naptime: '10s',
};

/** Where its programs are; null: it is not installed. */
export function postgresBinaries(): string | null {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
  const [newest] = versions
    .map(Number)
    .filter(Number.isFinite)
    .toSorted((a, b) => b - a);
  const bin = join(VERSIONS, `${newest}`, 'bin');
  return existsSync(join(bin, 'initdb')) ? bin : null;
}

/** Started, with an empty database `postgres`. */
export async function ownPostgres(reaper: Reaper): Promise<OwnServer> {
  const bin = postgresBinaries();
  if (bin === null) throw new Error(`there is no PostgreSQL in ${VERSIONS}`);
  const [account, directory, port] = [accountOf('postgres'), reaper.directory('postgres'), await freePort()];
  if (account.uid !== undefined) chownSync(directory, account.uid, account.gid ?? account.uid);
  const data = join(directory, 'data');
  const flags = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(bin, 'initdb'), ['-D', data, ...flags], { ...account, cwd: directory, stdio: 'pipe' });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = new OwnServer(
    url,
    {
      name: 'PostgreSQL',
      command: join(bin, 'postgres'),
      args: ['-D', data, '-p', `${port}`, ...settings],
      account,
      stopSignal: 'SIGINT',
      ping: () => ping(url),
    },
    directory,
    reaper,
  );
  await server.start();
  return server;
}

async function ping(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: PING_MS, query_timeout: PING_MS });
  client.on('error', () => {
    // What the question says is enough.
  });
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await client.end();
  }
}
