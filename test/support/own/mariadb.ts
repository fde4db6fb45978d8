/** MariaDB of a test's own. */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { freePort } from './port.ts';
import type { Reaper } from './reaper.ts';
import { accountOf, OwnServer } from './server.ts';

const [DAEMON, INSTALL] = ['/usr/sbin/mariadbd', '/usr/bin/mariadb-install-db'] as const;
const PING_MS = 2000;

export const hasMariadb = (): boolean => existsSync(DAEMON) && existsSync(INSTALL);

/** Started, with an empty database `crossfade`. */
export async function ownMariadb(reaper: Reaper): Promise<OwnServer> {
  const [account, directory, port] = [accountOf('mysql'), reaper.directory('mariadb'), await freePort()];
  if (account.uid !== undefined) chownSync(directory, account.uid, account.gid ?? account.uid);
  const data = join(directory, 'data');
  const install = [
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ];
  execFileSync(INSTALL, ['--no-defaults', ...install], { ...account, cwd: directory, stdio: 'pipe' });
  const url = `mysql://root@127.0.0.1:${port}/crossfade`;
  const server = new OwnServer(
    url,
    {
      name: 'MariaDB',
      command: DAEMON,
      args: [
        '--no-defaults',
        `--datadir=${data}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--socket=${join(directory, 'socket')}`,
        `--pid-file=${join(directory, 'pid')}`,
        '--skip-name-resolve',
        '--max-connections=300',
        '--innodb-buffer-pool-size=64M',
        '--innodb-log-file-size=32M',
        // Written at each commit, synced once a second: the machine does not crash here.
        '--innodb-flush-log-at-trx-commit=2',
      ],
      account,
      stopSignal: 'SIGTERM',
      ping: () => run(url.replace(/crossfade$/, ''), 'select 1'),
    },
    directory,
    reaper,
  );
  await server.start();
  await run(url.replace(/crossfade$/, ''), 'create database crossfade character set utf8mb4');
  return server;
}

async function run(url: string, statement: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: PING_MS });
  connection.on('error', () => {
    // What the statement says is enough.
  });
  try {
    await connection.query({ sql: statement, timeout: PING_MS });
  } finally {
    connection.destroy();
  }
}
