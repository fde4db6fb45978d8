/**
 * One client, and the certainty about whom it talks to.
 *
 * A connection reaches one server process. So servers are asked who they are once a connection, before anything is made of their answers,
 * and again whenever a connection was lost or a server came up; an answer that arrived across a loss counts for nothing. That costs
 * a request nothing as long as connections stand.
 */
import type { Cluster, Redis } from 'ioredis';
import { connect, type Client } from './connect.ts';
import { loadDriver } from './driver.ts';
import { inspect, inspectMemory, isFilling, isFull, type Server } from './servers.ts';

/** How long what was seen of the servers' memory counts, milliseconds: with plenty of room, and where appends could soon use up what is left. */
const MEMORY_MS = 100;
const FILLING_MEMORY_MS = 5;
const OLDEST_MAJOR = 7;

interface Seen {
  readonly losses: number;
  readonly servers: readonly Server[];
}

export class Connection {
  readonly #client: Client;
  #single = false;
  readonly #timeoutMs: number;
  #up = false;
  #lostAt = performance.now();
  #losses = 0;
  #lastError: Error | undefined;
  #seen: Promise<Seen> | null = null;
  #memory: { readonly until: number; readonly full: boolean } | null = null;
  #looking: Promise<boolean> | null = null;

  constructor(url: string, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#client = connect(url, timeoutMs);
    this.#client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    this.#client.on('ready', () => {
      this.#up = true;
    });
    this.#client.on('close', () => {
      // Each try to connect that fails ends here as well.
      if (this.#up) this.#lostAt = performance.now();
      this.#up = false;
      this.#losses++;
    });
    if (this.#client instanceof loadDriver().Cluster) this.#watchNodes(this.#client);
  }

  /**
   * Sends, if the servers pass `check`, and hands out the answer if it is from servers that passed. Rejects with what `check` throws, with
   * what the driver says, or because a connection was lost meanwhile.
   */
  async run<T>(
    check: (servers: readonly Server[]) => void,
    send: (client: Client, servers: readonly Server[]) => Promise<T>,
  ): Promise<T> {
    const seen = await this.#inspected();
    check(seen.servers);
    const answer = await send(this.#client, seen.servers);
    if (this.#losses !== seen.losses) throw this.#lost('The connection was lost before the answer could be trusted.');
    const now = await this.#inspected();
    if (now !== seen) check(now.servers);
    return answer;
  }

  /** Does one script reach all slots? Not in a cluster; nor, as far as is known, before the servers were asked. */
  get isSingle(): boolean {
    return this.#single;
  }

  /** Servers are asked again who they are and how they are set up. */
  forget(): void {
    this.#seen = null;
  }

  /** Is one of the servers about to have no memory left? As of a moment ago; null: nobody has looked since. */
  seenFull(): boolean | null {
    const seen = this.#memory;
    return seen && performance.now() < seen.until ? seen.full : null;
  }

  async looksFull(): Promise<boolean> {
    this.#looking ??= this.#lookFull().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  close(): void {
    this.#client.disconnect();
  }

  #masters(): readonly Redis[] {
    return this.#client instanceof loadDriver().Cluster ? this.#client.nodes('master') : [this.#client];
  }

  async #lookFull(): Promise<boolean> {
    const seen = await Promise.all(this.#masters().map(inspectMemory));
    const full = seen.some(isFull);
    const counts = seen.some(isFilling) ? FILLING_MEMORY_MS : MEMORY_MS;
    this.#memory = { until: performance.now() + counts, full };
    return full;
  }

  async #inspected(): Promise<Seen> {
    for (;;) {
      this.#seen ??= this.#inspect();
      const asked = this.#seen;
      try {
        const seen = await asked;
        if (seen.losses === this.#losses) return seen;
      } catch (error) {
        if (this.#seen === asked) this.#seen = null;
        throw error;
      }
      if (this.#seen === asked) this.#seen = null;
    }
  }

  async #inspect(): Promise<Seen> {
    await this.#ready();
    const losses = this.#losses;
    const servers = await Promise.all(this.#masters().map(inspect));
    if (servers.length === 0) throw this.#lost('There is no server.');
    const old = servers.find(({ version }) => Number.parseInt(version, 10) < OLDEST_MAJOR);
    if (old) throw new Error(`The server is of version ${old.version}; the journal needs ${OLDEST_MAJOR} or later.`);
    this.#single = !(this.#client instanceof loadDriver().Cluster) && servers.every(({ clustered }) => !clustered);
    return { losses, servers };
  }

  /** Resolves when there is a connection; rejects when there has been none for as long as an answer may take. */
  async #ready(): Promise<void> {
    const client = this.#client;
    if (client.status === 'ready') return;
    const left = this.#lostAt + this.#timeoutMs - performance.now();
    if (left <= 0 || client.status === 'end') throw this.#lost('There is no connection.');
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, left);
    client.once('ready', resolve).once('end', resolve);
    await promise;
    clearTimeout(timer);
    client.off('ready', resolve).off('end', resolve);
    if (this.#client.status !== 'ready') throw this.#lost('There is no connection.');
  }

  #lost(message: string): Error {
    return new Error(message, { cause: this.#lastError });
  }

  #watchNodes(cluster: Cluster): void {
    cluster.on('node error', (error: Error) => {
      this.#lastError = error;
    });
    cluster.on('+node', (node: Redis) => {
      this.#seen = null;
      node.on('close', () => {
        this.#losses++;
      });
    });
  }
}
