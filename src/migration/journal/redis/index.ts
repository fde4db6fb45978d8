/**
 * The journal in Redis 7 or later, or in a Redis Cluster: for write rates at which every append in a database would cost too much.
 *
 * What it promises depends on how the server is set up. With `appendonly yes`, `appendfsync always` and without eviction an append is on disk
 * when it returns, and the server may restart. Otherwise the server's memory has the only copy until the stores have it: whether it was
 * restarted, replaced or emptied is noticed at the first touch, and from then on this journal answers nothing until a new run is begun.
 * `risks` says in words what to set.
 */
import type { Clock } from '../../clock.ts';
import type { Journal } from '../journal.ts';
import { Access, type Kept } from './access.ts';
import { appends } from './append.ts';
import { Connection } from './connection.ts';
import { reads } from './read.ts';
import { risksOf } from './servers.ts';
import { slots } from './slots.ts';

export interface RedisJournalOptions {
  /** `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…`, `redis+cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT`. */
  readonly url: string;
  readonly dataset: Kept;
  /** What `ControlStore.open` returns: deployments that share a server have nothing in common there, also one after the other. */
  readonly deployment: string;
  readonly clock: Clock;
  /** How long a server may take to answer, milliseconds. */
  readonly timeoutMs?: number;
  /** For how long a repeated write gets its first answer, milliseconds: longer than any request runs. */
  readonly answersMs?: number;
}

const TIMEOUT_MS = 1000;
const ANSWERS_MS = 60_000;

/** The journal of one dataset. Connects in the background; `stop` closes the connection. */
export function redisJournal({
  url,
  dataset,
  deployment,
  clock,
  timeoutMs = TIMEOUT_MS,
  answersMs = ANSWERS_MS,
}: RedisJournalOptions): Journal {
  const connection = new Connection(url, timeoutMs);
  const access = new Access(connection, { deployment, dataset }, clock);
  return {
    expect: (incarnation) => {
      access.trusted = incarnation;
    },
    ...slots(access),
    ...reads(access),
    ...appends(access, answersMs),
    async risks() {
      connection.forget();
      const servers = await access.guard(null, async (_, found) => found);
      return [...new Set(servers.flatMap(risksOf))];
    },
    stop: async () => connection.close(),
  };
}
