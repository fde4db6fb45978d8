/**
 * A bounded pool of connections to a PostgreSQL server.
 *
 * A request takes a connection several times, so one that is free is handed out without a timer, a callback or an object made for it:
 * the driver's own pool took longer for that than a statement takes to put together.
 */
import { Client, type ClientConfig } from 'pg';
import { ANSWER_MS, Connection, CONNECT_MS, identityOf, setUpSession } from './connection.ts';

declare module 'pg' {
  // The driver has them, its types do not: whether a connection keeps the process alive.
  interface Client {
    ref(): void;
    unref(): void;
  }
}

/** A connection that nobody has used for so long is closed, milliseconds. */
const IDLE_MS = 10_000;

/** Where connections to one database come from. */
export interface Connections {
  /** Waits for one that is free. */
  acquire(): Promise<Connection>;
  release(connection: Connection): void;
  /** Waits for those that are in use. */
  end(): Promise<void>;
}

export interface PoolOptions extends ClientConfig {
  /** Connections at most. */
  readonly max: number;
  /** Of each session, beside those that all have. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long a connection is kept that nobody uses, milliseconds; 0: for ever. */
  readonly idleMs?: number;
}

interface Waiting {
  readonly resolve: (member: Member) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/** A connection of a pool. */
class Member extends Connection {
  readonly client: Client;
  inUse = true;
  /** Since when it is free, monotonic. */
  freeSince = 0;

  constructor(client: Client) {
    super(client);
    this.client = client;
  }
}

/** At most `max` connections to the database of a URL; opens none yet. Throws what the driver throws if this is no URL of a server. */
export function openPool(url: string, max: number, settings: Readonly<Record<string, string>> = {}): Pool {
  identityOf(url);
  return new Pool({ connectionString: url, max, settings });
}

export class Pool implements Connections {
  readonly #options: ClientConfig & { readonly connectionTimeoutMillis: number };
  readonly #max: number;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #idleMs: number;
  /** The one used last is at the end, and is used next. */
  readonly #free: Member[] = [];
  readonly #waiting = new Set<Waiting>();
  /** Connections that are there or on their way. */
  #open = 0;
  #sweep: NodeJS.Timeout | null = null;
  #ended: PromiseWithResolvers<void> | null = null;

  /** Opens nothing yet. */
  constructor({ max, settings = {}, idleMs = IDLE_MS, ...options }: PoolOptions) {
    this.#max = max;
    this.#settings = settings;
    this.#idleMs = idleMs;
    this.#options = {
      fallback_application_name: 'crossfade',
      query_timeout: ANSWER_MS,
      keepAlive: true,
      ...options,
      connectionTimeoutMillis: options.connectionTimeoutMillis ?? CONNECT_MS,
    };
  }

  async acquire(): Promise<Connection> {
    if (this.#ended) throw new Error('the connections were ended');
    const free = this.#free.pop();
    if (free) {
      free.inUse = true;
      free.client.ref();
      return free;
    }
    return this.#open < this.#max ? this.#connect() : this.#wait();
  }

  release(connection: Connection): void {
    if (!(connection instanceof Member) || !connection.inUse) return;
    if (connection.lost) return this.#discard(connection);
    const [next] = this.#waiting;
    if (next) {
      this.#serve(next).resolve(connection);
    } else if (this.#ended) {
      this.#discard(connection);
    } else {
      connection.inUse = false;
      connection.freeSince = performance.now();
      connection.client.unref();
      this.#free.push(connection);
      this.#sweepLater();
    }
  }

  end(): Promise<void> {
    if (!this.#ended) {
      this.#ended = Promise.withResolvers<void>();
      if (this.#sweep) clearTimeout(this.#sweep);
      for (const member of this.#free.splice(0)) this.#discard(member);
      this.#endedIfEmpty();
    }
    return this.#ended.promise;
  }

  /** Throws what the driver throws, or `Unusable`. */
  async #connect(): Promise<Member> {
    this.#open++;
    const client = new Client(this.#options);
    const member = new Member(client);
    client.on('error', () => this.#broke(member));
    try {
      await client.connect();
      await setUpSession(client, this.#settings);
      return member;
    } catch (error) {
      this.#discard(member);
      throw error;
    }
  }

  #wait(): Promise<Member> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new Error('no connection became free in time'));
      }, this.#options.connectionTimeoutMillis);
      const waiting = { resolve, reject, timer };
      this.#waiting.add(waiting);
    });
  }

  #serve(waiting: Waiting): Waiting {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting);
    return waiting;
  }

  /** One in use is told so by its next statement and given back; one that is free leaves, and whoever needs one next opens another. */
  #broke(member: Member): void {
    member.breaks();
    const at = this.#free.indexOf(member);
    if (at < 0) return;
    this.#free.splice(at, 1);
    this.#discard(member);
  }

  #discard(member: Member): void {
    member.inUse = false;
    this.#open--;
    // It is of no use any more, whatever becomes of its end; a server that hangs is not waited for.
    member.client.end().catch(() => {});
    const [next] = this.#waiting;
    if (next && this.#open < this.#max) {
      const { resolve, reject } = this.#serve(next);
      this.#connect().then(resolve, reject);
    }
    this.#endedIfEmpty();
  }

  #endedIfEmpty(): void {
    if (this.#open === 0) this.#ended?.resolve();
  }

  #sweepLater(): void {
    if (this.#idleMs === 0 || this.#sweep) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = null;
      const before = performance.now() - this.#idleMs;
      while (this.#free[0] && this.#free[0].freeSince <= before) {
        const member = this.#free.shift();
        if (member) this.#discard(member);
      }
      if (this.#free.length > 0) this.#sweepLater();
    }, this.#idleMs).unref();
  }
}
