/**
 * What a Redis server says of itself, and what follows from it for the writes that it keeps.
 */
import type { Redis } from 'ioredis';

export interface Server {
  /** Another one each time the server process starts. */
  readonly run: string;
  readonly version: string;
  readonly role: string;
  /** It is one of a cluster, if only the only one: a script may touch the keys of one hash tag. */
  readonly clustered: boolean;
  /** It was a replica once since it started. */
  readonly promoted: boolean;
  readonly replicas: number;
  readonly appendOnly: boolean;
  /** It writes its file anew, or for the first time after it was switched on: until that is done there may be no whole one. */
  readonly rewriting: boolean;
  readonly snapshots: boolean;
  /** null: it does not tell. */
  readonly fsync: { readonly policy: string; readonly pausedByRewrite: boolean } | null;
  readonly evictionPolicy: string;
  readonly memory: Memory;
}

/** Bytes. */
export interface Memory {
  readonly used: number;
  /** 0: no limit. */
  readonly limit: number;
}

const NOBODY = /^0*$/;

export async function inspect(client: Redis): Promise<Server> {
  const facts = parseInfo(await client.info());
  const settings = await readSettings(client);
  const appendfsync = settings?.get('appendfsync');
  return {
    run: required(facts, 'run_id'),
    version: required(facts, 'redis_version'),
    role: required(facts, 'role'),
    clustered: facts.get('redis_mode') === 'cluster',
    promoted: !NOBODY.test(facts.get('master_replid2') ?? ''),
    replicas: Number(facts.get('connected_slaves') ?? 0),
    appendOnly: facts.get('aof_enabled') === '1',
    rewriting: facts.get('aof_rewrite_in_progress') === '1' || facts.get('aof_rewrite_scheduled') === '1',
    snapshots: settings === null || settings.get('save') !== '',
    fsync:
      appendfsync === undefined
        ? null
        : { policy: appendfsync, pausedByRewrite: settings?.get('no-appendfsync-on-rewrite') !== 'no' },
    evictionPolicy: facts.get('maxmemory_policy') ?? 'unknown',
    memory: memoryOf(facts),
  };
}

export async function inspectMemory(client: Redis): Promise<Memory> {
  return memoryOf(parseInfo(await client.info('memory')));
}

function memoryOf(facts: ReadonlyMap<string, string>): Memory {
  const apart = Number(facts.get('mem_not_counted_for_evict') ?? 0);
  return { used: Number(required(facts, 'used_memory')) - apart, limit: Number(facts.get('maxmemory') ?? 0) };
}

/** null: the server, or what the user is allowed, does not let clients read settings. */
async function readSettings(client: Redis): Promise<ReadonlyMap<string, string> | null> {
  try {
    const pairs = await client.config('GET', 'appendfsync', 'no-appendfsync-on-rewrite', 'save');
    const words = Array.isArray(pairs) ? pairs.map(String) : [];
    return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? '']] : [])));
  } catch (error) {
    if (error instanceof Error && /^(NOPERM|ERR unknown)/.test(error.message)) return null;
    throw error;
  }
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  const pairs = text.split('\r\n').map((line) => line.split(/:(.*)/s));
  return new Map(pairs.map(([name = '', value = '']) => [name, value]));
}

function required(facts: ReadonlyMap<string, string>, name: string): string {
  const value = facts.get(name);
  if (value === undefined) throw new Error(`The server does not tell its ${name}.`);
  return value;
}

/** A restart loses nothing that was acknowledged: the file is synced before each answer, and no entry is evicted. */
export function isDurable(server: Server): boolean {
  const { appendOnly, fsync, promoted, evictionPolicy } = server;
  const synced = appendOnly && fsync?.policy === 'always' && !fsync.pausedByRewrite;
  return synced && !promoted && !evictionPolicy.startsWith('allkeys');
}

/** Less free memory than this is little room for the writes of a copy, bytes. */
const LITTLE_ROOM = 64 * 2 ** 20;
/** Beyond this part of the limit, appends are refused: what drains the journal needs some memory as well. */
const HIGH_WATER = 0.9;

/** Beyond this part of the limit, memory is looked at often. */
const FILLING = 0.7;

export function isFull({ used, limit }: Memory): boolean {
  return limit > 0 && used >= limit * HIGH_WATER;
}

export function isFilling({ used, limit }: Memory): boolean {
  return limit > 0 && used >= limit * FILLING;
}

/** What could lose or refuse writes, each with the setting to change. */
export function risksOf(server: Server): readonly string[] {
  const { appendOnly, rewriting, snapshots, fsync, evictionPolicy, memory, replicas } = server;
  const risks: string[] = [];
  if (!appendOnly) {
    const kept = snapshots ? 'keeps snapshots only' : 'keeps nothing on disk';
    risks.push(`The journal's server ${kept}, so a restart loses acknowledged writes: set appendonly yes.`);
  }
  if (appendOnly && rewriting) {
    risks.push(
      "The journal's server is writing its file, perhaps the first one: wait until it has (INFO persistence).",
    );
  }
  if (!fsync) {
    risks.push("The journal's server does not tell how often it syncs: allow CONFIG GET, and set appendfsync always.");
  } else if (fsync.policy !== 'always') {
    risks.push(`The journal's server syncs its file ${fsync.policy}, after it has answered: set appendfsync always.`);
  }
  if (appendOnly && fsync?.pausedByRewrite) {
    risks.push("The journal's server does not sync while it rewrites its file: set no-appendfsync-on-rewrite no.");
  }
  if (evictionPolicy !== 'noeviction') {
    risks.push(`The journal's server may evict keys (${evictionPolicy}): set maxmemory-policy noeviction.`);
  }
  const room = memory.limit * HIGH_WATER - memory.used;
  if (memory.limit > 0 && room < LITTLE_ROOM) {
    const megabytes = Math.max(0, Math.floor(room / 2 ** 20));
    risks.push(`The journal's server has room for ${megabytes} MB only, then writes are refused: raise maxmemory.`);
  }
  if (replicas > 0) {
    risks.push(
      "The journal's server has replicas, and a failover to one may lose acknowledged writes: set cluster-replica-no-failover yes, or detach them.",
    );
  }
  return risks;
}
