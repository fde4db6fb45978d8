/** Redis servers of a test's own: processes on free ports of this machine, in temporary directories, stopped when the test file is done. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import { freePort } from './own/port.ts';
import { temporaryDirectory } from './tmp.ts';

const START_MS = 10_000;
const RETRY_MS = 20;

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** What it was started with last. */
  readonly settings: readonly string[];
  /** Stops the process as a crash does, or with a signal that freezes it (SIGSTOP) or lets it go on (SIGCONT). */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Starts it again where it lay, with other settings if they are given; resolves when it answers. */
  start(settings?: readonly string[]): Promise<void>;
  /** A client for the test itself; `RedisServers` closes it. */
  client(): Redis;
}

const servers: { stop(): Promise<void> }[] = [];

afterAll(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** A server with these settings (`--name value` words); without any it keeps nothing on disk. */
export async function redisServer(settings: readonly string[] = []): Promise<RedisServer> {
  const directory = await temporaryDirectory();
  const port = await freePort();
  const clients: Redis[] = [];
  let process: ChildProcess | null = null;
  let current = settings;
  const end = async (signal: 'SIGKILL'): Promise<void> => {
    const running = process;
    process = null;
    if (!running || running.exitCode !== null) return;
    running.kill(signal);
    await once(running, 'exit');
  };
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    get settings() {
      return current;
    },
    async signal(signal) {
      if (signal === 'SIGKILL') await end(signal);
      else process?.kill(signal);
    },
    async start(changed = current) {
      current = changed;
      const place = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--logfile', 'server.log'];
      process = spawn('redis-server', [...place, '--save', '', ...current], { stdio: 'ignore' });
      await answers(port);
    },
    client() {
      const client = new Redis(port, '127.0.0.1');
      // What its commands say is enough.
      client.on('error', () => {});
      clients.push(client);
      return client;
    },
  };
  servers.push({
    stop: async () => {
      for (const client of clients) client.disconnect();
      process?.kill('SIGCONT');
      await end('SIGKILL');
    },
  });
  await server.start();
  return server;
}

/** A cluster of three servers without replicas; resolves when it takes keys. */
export async function redisCluster(): Promise<{ readonly url: string; readonly nodes: readonly RedisServer[] }> {
  const settings = [
    '--cluster-enabled',
    'yes',
    '--cluster-config-file',
    'nodes.conf',
    '--cluster-node-timeout',
    '2000',
  ];
  const nodes = await Promise.all([redisServer(settings), redisServer(settings), redisServer(settings)]);
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const create = spawn('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'], { stdio: 'ignore' });
  const [code] = await once(create, 'exit');
  if (code !== 0) throw new Error(`redis-cli --cluster create ended with ${code}`);
  for (const node of nodes) {
    await until(async () => (await node.client().cluster('INFO')).includes('cluster_state:ok'), 'the cluster is up');
  }
  return { url: `redis+cluster://${addresses.join(',')}`, nodes };
}

async function answers(port: number): Promise<void> {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null });
  client.on('error', () => {});
  try {
    await until(async () => {
      await client.connect();
      return (await client.ping()) === 'PONG';
    }, `a server answers on port ${port}`);
  } finally {
    client.disconnect();
  }
}

/** Asks again until it is so; a question that fails counts as not yet. */
async function until(ask: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    try {
      if (await ask()) return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
    await delay(RETRY_MS);
  }
}
