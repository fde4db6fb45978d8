/**
 * Clients by URL.
 *
 * No command waits for a server that is not there: nothing is queued while a client is not connected, nothing is sent again after it was
 * cut off, and a server that says nothing is given up with its connection.
 */
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { loadDriver } from './driver.ts';
import { loadScripts, methodOf } from './scripts.ts';

export type Client = Redis | Cluster;

const CLUSTER = /^redis\+cluster:\/\/(?:([^@/]*)@)?([^@/]+)\/?$/;
const DEFAULT_PORT = 6379;

/** How URLs look, for messages. */
export const REDIS_URL_FORMS: readonly string[] = [
  'redis://HOST:PORT',
  'rediss://HOST:PORT',
  'redis+cluster://HOST:PORT,HOST:PORT',
];

export function isRedisUrl(url: string): boolean {
  if (url.startsWith('redis+cluster:')) return clusterNodes(url) !== null;
  return /^rediss?:\/\/./.test(url) && URL.canParse(url);
}

/** Connects in the background, again and again. `timeoutMs`: how long a server may say nothing. */
export function connect(url: string, timeoutMs: number): Client {
  const scripts = loadScripts();
  const shared = {
    commandTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    maxLoadingRetryTime: 500,
    connectionName: 'crossfade-journal',
  } satisfies RedisOptions;
  const gathered = {
    enableAutoPipelining: true,
    // The driver keeps answers of commands that it gathers until it has all of them; appends are gathered before it sees them.
    autoPipeliningIgnoredCommands: [methodOf('append')],
  };
  const retry = (times: number): number => Math.min(50 * times, 1000);
  const nodes = clusterNodes(url);
  if (!nodes) {
    return new (loadDriver().Redis)(url, {
      ...shared,
      scripts,
      ...gathered,
      enableOfflineQueue: false,
      retryStrategy: retry,
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    });
  }
  return new (loadDriver().Cluster)([...nodes.startup], {
    scripts,
    ...gathered,
    enableOfflineQueue: false,
    clusterRetryStrategy: retry,
    // A server that was cut off stays one that is asked who it is.
    clusterNodeRetryStrategy: retry,
    slotsRefreshTimeout: timeoutMs,
    slotsRefreshInterval: 5000,
    redisOptions: { ...shared, ...nodes.login },
  });
}

interface Nodes {
  readonly startup: readonly { readonly host: string; readonly port: number }[];
  readonly login: { readonly username?: string; readonly password?: string };
}

/** null: not the URL of a cluster. */
function clusterNodes(url: string): Nodes | null {
  const [, user, hosts] = CLUSTER.exec(url) ?? [];
  if (hosts === undefined) return null;
  const parts = hosts.split(',').map((host) => `redis://${host}`);
  if (!parts.every((part) => URL.canParse(part))) return null;
  const startup = parts.map((part) => {
    const { hostname, port } = new URL(part);
    return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? DEFAULT_PORT : Number(port) };
  });
  const [username = '', password = ''] = (user ?? '').split(/:(.*)/s).map(decodeURIComponent);
  return { startup, login: { ...(username && { username }), ...(password && { password }) } };
}
