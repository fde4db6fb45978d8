/**
 * LISTEN and NOTIFY: word of changes between processes that share a database.
 *
 * One connection of its own listens, from the first listener to the last, and is made again when it is lost. It counts as hearing once a
 * message of its own has come back, which a pooler in between may swallow, and for as long as the server answers it.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql, type RawBuilder } from 'kysely';
import { Client } from 'pg';
import type { Channel } from '../../sql/database.ts';

const CONNECT_MS = 5000;
/** How often the listening connection is asked whether it lives, and how long it may take to answer, milliseconds. */
const BEAT_MS = 2000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;

/** One channel for each schema: deployments that share a database do not wake each other. */
const NAME = "'crossfade_' || md5(current_schema())";
/** Begins messages that are no one's but the sender's: whether they come back is all that counts. */
const ECHO = 'echo ';

type Heard = (message: string | null) => void;

export class NotifyChannel implements Channel {
  readonly #url: string;
  readonly #listeners = new Set<Heard>();
  #stop = new AbortController();
  #listening: Promise<void> = Promise.resolve();
  #hears = false;

  constructor(url: string) {
    this.#url = url;
  }

  telling(message: string): RawBuilder<unknown> {
    return sql`pg_notify(${sql.raw(NAME)}, ${message})`;
  }

  listen(heard: Heard): () => void {
    const listener: Heard = (message) => heard(message);
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#stop = new AbortController();
      const { signal } = this.#stop;
      this.#listening = this.#listening.then(() => this.#keep(signal));
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop.abort();
    };
  }

  hears(): boolean {
    return this.#hears;
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#stop.abort();
    await this.#listening;
  }

  async #keep(signal: AbortSignal): Promise<void> {
    let pause = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const began = performance.now();
      await this.#connected(signal);
      if (performance.now() - began > LONGEST_RETRY_MS) pause = FIRST_RETRY_MS;
      await until(delay(pause, undefined, { signal }));
      pause = Math.min(pause * 2, LONGEST_RETRY_MS);
    }
  }

  /** One life of the connection; returns when it is over, and says nothing of why: whoever needs the server hears it from others. */
  async #connected(signal: AbortSignal): Promise<void> {
    const client = new Client({
      connectionString: this.#url,
      fallback_application_name: 'crossfade listens',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: BEAT_MS,
      keepAlive: true,
    });
    const lost = new AbortController();
    const over = AbortSignal.any([signal, lost.signal]);
    const echo = ECHO + randomUUID();
    client.on('error', () => lost.abort());
    client.on('end', () => lost.abort());
    client.on('notification', ({ payload = '' }) => {
      if (payload === echo) this.#found();
      else if (!payload.startsWith(ECHO)) this.#hear(payload);
    });
    try {
      await client.connect();
      const { rows } = await client.query<{ name: string }>(`select ${NAME} as name`);
      await client.query(`listen ${client.escapeIdentifier(rows[0]?.name ?? '')}`);
      await client.query(`select pg_notify(${NAME}, $1)`, [echo]);
      for (;;) {
        await until(delay(BEAT_MS, undefined, { signal: over }));
        if (over.aborted) break;
        await client.query('select 1');
      }
    } catch {
      // The server does not answer, or not in time: another connection is tried, and until then nothing is heard.
    } finally {
      this.#hears = false;
      await until(client.end());
    }
  }

  #found(): void {
    this.#hears = true;
    this.#hear(null);
  }

  #hear(message: string | null): void {
    for (const listener of this.#listeners) listener(message);
  }
}

/** For waits that may be ended, and ends that may fail. */
async function until(wait: Promise<unknown>): Promise<void> {
  await Promise.allSettled([wait]);
}
