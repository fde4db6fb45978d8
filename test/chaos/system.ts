/**
 * The system under chaos: three to five instances on PostgreSQL (control and old store), MariaDB (new store) and Redis (journal), and
 * between each instance and each device a way that can be disturbed.
 *
 * Servers are started for the run, so that they can be killed as well; a run that must be quick borrows PostgreSQL and MariaDB from the
 * machine and leaves them alone.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { Client } from 'pg';
import { ownMariadb } from '../support/own/mariadb.ts';
import { ownPostgres } from '../support/own/postgres.ts';
import { freePort } from '../support/own/port.ts';
import { Reaper } from '../support/own/reaper.ts';
import { ownRedis } from '../support/own/redis.ts';
import type { OwnServer } from '../support/own/server.ts';
import { proxyTo, type Proxy } from '../support/proxy.ts';
import { Instance } from './instance.ts';
import { CATALOGUE, type Untouched } from './samples.ts';
import { PROCESS_MS, within } from './within.ts';

export const DEVICES = ['OLD', 'NEW', 'journal', 'control'] as const;
export type Device = (typeof DEVICES)[number];

export const TOKEN = 'token-of-the-chaos-runs';
export const LEASE_MS = 1000;
export const REQUEST_MS = 8000;

export interface Borrowed {
  readonly postgres: string;
  readonly mysql: string;
}

export interface SystemOptions {
  readonly instances: number;
  /** null: servers of its own, which may be killed. */
  readonly borrowed?: Borrowed | null;
  /** The control store has a PostgreSQL server of its own. */
  readonly apart?: boolean;
  /** Where instances log to. */
  readonly directory: string;
  readonly leaseMs?: number;
  readonly requestMs?: number;
}

export interface Participation {
  readonly phone: string;
  readonly event: string;
  /** The answer in the old store, the code in the new one. */
  readonly entry: string;
}

export class System {
  readonly #reaper = new Reaper('crossfade-chaos-');
  readonly instances: Instance[] = [];
  readonly proxies: Record<Device, Proxy>[] = [];
  /** Those that are this run's own. */
  readonly servers: OwnServer[] = [];
  #urls: Readonly<Record<Device, string>> | null = null;
  #drop: () => Promise<void> = async () => {};

  async open({ borrowed = null, apart = false, ...options }: SystemOptions): Promise<void> {
    const redis = await ownRedis(this.#reaper);
    this.servers.push(redis);
    if (!borrowed) this.servers.push(await ownPostgres(this.#reaper), await ownMariadb(this.#reaper));
    const urlOf = (name: string) => this.servers.find((server) => server.name === name)?.url;
    const postgres = borrowed?.postgres ?? urlOf('PostgreSQL') ?? '';
    const mysql = borrowed?.mysql ?? urlOf('MariaDB') ?? '';
    const control = apart ? await ownPostgres(this.#reaper) : null;
    if (control) this.servers.push(control);
    const name = `crossfade_chaos_${randomBytes(6).toString('hex')}`;
    const urls = {
      OLD: withDatabase(postgres, `${name}_old`),
      NEW: withDatabase(mysql, name),
      journal: redis.url,
      control: withDatabase(control?.url ?? postgres, `${name}_control`),
    };
    this.#urls = urls;
    this.#drop = async () => {
      if (!borrowed) return;
      await onPostgres(postgres, `drop database ${name}_old with (force)`);
      await onPostgres(postgres, `drop database ${name}_control with (force)`);
      await onMysql(mysql, `drop database ${name}`);
    };
    await onPostgres(postgres, `create database ${name}_old`);
    await onPostgres(control?.url ?? postgres, `create database ${name}_control`);
    await onMysql(mysql, `create database ${name} character set utf8mb4`);
    for (let number = 0; number < options.instances; number++) await this.#add(number, urls, options);
    await this.instances[0]?.setup(CATALOGUE);
  }

  async insert(rows: readonly Untouched[]): Promise<void> {
    const at = '2026-01-02T03:04:05.678901Z';
    await onPostgres(
      this.#url('OLD'),
      `insert into participation_old (phone, event, answer, created_at, updated_at)
        select phone, event, answer, $4::timestamptz, $4::timestamptz from unnest($1::text[], $2::text[], $3::text[]) as r(phone, event, answer)`,
      [rows.map(({ phone }) => phone), rows.map(({ event }) => event), rows.map(({ answer }) => answer), at],
    );
  }

  async start(): Promise<void> {
    for (const instance of this.instances) instance.start();
    await Promise.all(
      this.instances.map((one) => within(PROCESS_MS, `instance ${one.number} is ready`, one.whenReady())),
    );
  }

  /** This run's own server of a device. */
  serverOf(device: Device): OwnServer {
    const port = new URL(this.#url(device)).port;
    const server = this.servers.find(({ url }) => new URL(url).port === port);
    if (!server) throw new Error(`the server of ${device} is somebody else's`);
    return server;
  }

  /** What a table holds, read past the product. */
  async participations(role: 'OLD' | 'NEW'): Promise<readonly Participation[]> {
    if (role === 'OLD')
      return onPostgres(this.#url('OLD'), 'select phone, event, answer as entry from participation_old');
    return onMysql(this.#url('NEW'), 'select phone, event, recommendation_code as entry from participation_new');
  }

  async close(): Promise<void> {
    for (const instance of this.instances) instance.abandon();
    await this.#drop();
    for (const proxy of this.proxies.flatMap((each) => Object.values(each))) await proxy.cut();
    await this.#reaper.close();
  }

  async #add(
    number: number,
    urls: Readonly<Record<Device, string>>,
    { directory, leaseMs = LEASE_MS, requestMs = REQUEST_MS }: SystemOptions,
  ): Promise<void> {
    const proxies = {
      OLD: await proxyTo(urls.OLD),
      NEW: await proxyTo(urls.NEW),
      journal: await proxyTo(urls.journal),
      control: await proxyTo(urls.control),
    };
    this.proxies.push(proxies);
    const env = {
      OLD_STORE_URL: through(urls.OLD, proxies.OLD),
      NEW_STORE_URL: through(urls.NEW, proxies.NEW),
      JOURNAL_URL: through(urls.journal, proxies.journal),
      CONTROL_URL: through(urls.control, proxies.control),
      DATA_DIR: this.#reaper.directory('data'),
      ADMIN_TOKEN: TOKEN,
      LEASE_MS: `${leaseMs}`,
      REQUEST_TIMEOUT_MS: `${requestMs}`,
      SWITCH_TIMEOUT_MS: '8000',
      LOG_LEVEL: 'info',
    };
    const log = join(directory, `instance-${number}.log`);
    this.instances.push(new Instance(number, await freePort(), env, log, this.#reaper));
  }

  #url(device: Device): string {
    if (!this.#urls) throw new Error('the system is not open');
    return this.#urls[device];
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

function through(server: string, { port }: Proxy): string {
  const url = new URL(server);
  url.hostname = '127.0.0.1';
  url.port = `${port}`;
  return url.href;
}

async function onPostgres(url: string, statement: string, values: readonly unknown[] = []): Promise<Participation[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Participation>(statement, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function onMysql(url: string, statement: string): Promise<Participation[]> {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query<(Participation & RowDataPacket)[]>(statement);
    return rows;
  } finally {
    await connection.end();
  }
}
