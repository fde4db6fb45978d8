/** Redis of a test's own that loses nothing that it has answered; what becomes of others is tested with `../redis-server.ts`. */
import { Redis } from 'ioredis';
import { freePort } from './port.ts';
import type { Reaper } from './reaper.ts';
import { OwnServer } from './server.ts';

const PING_MS = 2000;

export async function ownRedis(reaper: Reaper): Promise<OwnServer> {
  const [directory, port] = [reaper.directory('redis'), await freePort()];
  const server = new OwnServer(
    `redis://127.0.0.1:${port}`,
    {
      name: 'Redis',
      command: 'redis-server',
      args: [
        '--port',
        `${port}`,
        '--bind',
        '127.0.0.1',
        '--dir',
        directory,
        '--save',
        '',
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--maxmemory-policy',
        'noeviction',
      ],
      account: {},
      stopSignal: 'SIGTERM',
      ping: () => ping(port),
    },
    directory,
    reaper,
  );
  await server.start();
  return server;
}

async function ping(port: number): Promise<void> {
  const client = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: PING_MS,
    commandTimeout: PING_MS,
  });
  client.on('error', () => {
    // What the question says is enough.
  });
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}
