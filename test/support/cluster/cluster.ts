/**
 * Several server processes on one PostgreSQL database: stores, journal and control store in a schema of their own, as they would be started
 * by hand behind a gateway. Each process has a trap of its own kind (see ../kill/trap.ts), in which it dies or stands still.
 */
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { SAMPLE_EVENTS } from '../../../src/activity/events.ts';
import { setupCommand } from '../../../src/cli/setup-command.ts';
import { ask } from '../kill/load.ts';
import { ServerProcess, TOKEN } from '../kill/server.ts';
import type { Sprung, Trap } from '../kill/trap.ts';
import { until } from '../operate.ts';
import { scratchSchema, type Scratch } from '../servers.ts';
import { temporaryDirectory } from '../tmp.ts';

export interface ClusterOptions {
  readonly processes: number;
  /** Participations in the old store at the start. */
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Status {
  readonly state: string;
  readonly readNewPercent: number;
  readonly epoch: number;
  readonly settled: boolean;
  readonly journal: { readonly entries: number };
  readonly copy: { readonly complete: boolean; readonly copied: number } | null;
  readonly verification: { readonly running: boolean; readonly clean: boolean; readonly checked: number } | null;
  readonly instances: readonly { readonly label: string; readonly epoch: number }[];
  readonly history: { readonly totalCount: number };
}

const STATUS = `{ migration(dataset: "participation") {
  state readNewPercent epoch settled journal { entries } copy { complete copied } verification { running clean checked }
  instances { label epoch } history(first: 1) { totalCount } } }`;
const SWITCH = `mutation ($input: SwitchMigrationInput!) { switchMigration(input: $input) {
  __typename ... on MigrationSwitched { pauseMs } ... on SwitchBlocked { blockers { code message } } } }`;
const PASSING: readonly string[] = ['COPY_INCOMPLETE', 'BACKLOG_NOT_EMPTY', 'SWITCH_IN_PROGRESS', 'NOT_VERIFIED'];
const PATIENCE_MS = 30_000;

interface Switched {
  readonly switchMigration: {
    readonly __typename: string;
    readonly blockers?: readonly { readonly code: string; readonly message: string }[];
  };
}

export class Cluster {
  readonly processes: readonly ServerProcess[];
  readonly #scratch: Scratch;
  readonly #directory: string;
  readonly #sql: Client;
  #traps = 0;
  readonly #still = new Set<ServerProcess>();

  private constructor(processes: readonly ServerProcess[], scratch: Scratch, directory: string, sql: Client) {
    this.processes = processes;
    this.#scratch = scratch;
    this.#directory = directory;
    this.#sql = sql;
  }

  static async open(server: string, { processes, rows, env = {} }: ClusterOptions): Promise<Cluster> {
    const scratch = await scratchSchema(server);
    const directory = await temporaryDirectory();
    const places = { OLD_STORE_URL: scratch.url, NEW_STORE_URL: scratch.url, CONTROL_URL: scratch.url };
    const quiet = { write: () => {} };
    let complaints = '';
    const output = { stdout: quiet, stderr: { write: (text: string) => (complaints += text) } };
    const code = await setupCommand({ DATA_DIR: directory, ADMIN_TOKEN: TOKEN, ...places }, output);
    if (code !== 0) throw new Error(complaints);
    const sql = new Client({ connectionString: scratch.url });
    await sql.connect();
    await sql.query(
      `insert into participation_old (phone, event, answer, created_at, updated_at)
       select '+86138' || lpad(n::text, 8, '0'), 'send-1g-traffic', substr('ABCD', n % 4 + 1, 1), '2026-01-01', '2026-01-01'
       from generate_series(1, $1::int) as n`,
      [rows],
    );
    const servers = Array.from({ length: processes }, (_, i) => {
      const own = { ...places, INSTANCE_ID: `instance-${i + 1}`, ...env };
      return new ServerProcess(join(directory, String(i)), own);
    });
    const cluster = new Cluster(servers, scratch, directory, sql);
    const [first, ...others] = servers;
    if (first) await start(first);
    for (const event of SAMPLE_EVENTS) await cluster.#define(event);
    await Promise.all(others.map(start));
    return cluster;
  }

  async close(): Promise<void> {
    for (const server of this.processes) {
      if (server.pid === undefined) continue;
      // One that stands still takes SIGKILL all the same.
      await server.kill('SIGKILL');
    }
    await this.#sql.end();
    await this.#scratch.drop();
  }

  /** Those that run and do not stand still. */
  get awake(): readonly ServerProcess[] {
    return this.processes.filter((each) => each.pid !== undefined && !this.#still.has(each));
  }

  /** The first of those. */
  get one(): ServerProcess {
    const [server] = this.awake;
    if (!server) throw new Error('no process runs');
    return server;
  }

  /** Those that stood still go on. */
  wake(): void {
    for (const server of this.#still) server.signal('SIGCONT');
    this.#still.clear();
  }

  /** Starts those that are dead. */
  async restart(): Promise<void> {
    await Promise.all(this.processes.filter(({ pid }) => pid === undefined).map(start));
  }

  async ask<T>(query: string, variables: object = {}, server = this.one): Promise<T> {
    return ask<T>(await server.url, query, variables, TOKEN);
  }

  async status(server = this.one): Promise<Status> {
    return (await this.ask<{ migration: Status }>(STATUS, {}, server)).migration;
  }

  /** Tries again while what bars the way passes by itself; how long the switch took that went through, milliseconds. */
  async switchTo(to: string, readNewPercent: number | null = null, server = this.one): Promise<number> {
    const input = { dataset: 'participation', to, readNewPercent, reason: 'test' };
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const began = performance.now();
      const { switchMigration } = await this.ask<Switched>(SWITCH, { input }, server);
      const took = performance.now() - began;
      if (switchMigration.__typename === 'MigrationSwitched') return took;
      const passes = switchMigration.blockers?.every(({ code }) => PASSING.includes(code)) ?? true;
      if (!passes || performance.now() > end) throw new Error(`${to} is barred: ${JSON.stringify(switchMigration)}`);
    }
  }

  /** Resolves when the status, as a process tells that runs, is like that. */
  async until(what: string, holds: (status: Status) => boolean, server = this.one): Promise<Status> {
    let last: Status | null = null;
    await until(what, async () => holds((last = await this.status(server))), PATIENCE_MS).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(last)}`);
    });
    return last ?? this.status(server);
  }

  copying(what: 'pause' | 'resume'): Promise<unknown> {
    return this.ask(`mutation { ${what}Copy(dataset: "participation") { state } }`);
  }

  verify(server = this.one): Promise<unknown> {
    return this.ask('mutation { verifyMigration(dataset: "participation") { state } }', {}, server);
  }

  /** Sets the trap in all processes that are awake; the first that gets there is the one, and is dead or stands still when this resolves. */
  async trap(trap: Pick<Trap, 'call' | 'when' | 'nth' | 'signal'>): Promise<Trapped> {
    // A new one for each trap: a process that still has the last trap must not be the first to get to this one.
    const marker = join(this.#directory, `marker-${++this.#traps}.json`);
    await Promise.all(this.awake.map((server) => server.set({ hold: [], marker, ...trap })));
    return {
      sprung: async () => {
        await until(
          `${trap.when} ${trap.call}`,
          () => (statSync(marker, { throwIfNoEntry: false })?.size ?? 0) > 0,
          PATIENCE_MS,
        );
        const { pid } = JSON.parse(await readFile(marker, 'utf8')) as Sprung;
        const server = this.processes.find((each) => each.pid === pid);
        if (trap.signal === 'SIGSTOP' && server) this.#still.add(server);
        else await until('it is dead', () => this.processes.every((each) => each.pid !== pid));
      },
    };
  }

  /** One digest for each table: the same rows, the same digest. */
  async digests(): Promise<readonly object[]> {
    const digest = (table: string) =>
      this.query(
        `select count(*)::int as rows, md5(string_agg(t::text, '|' order by phone, event)) as digest from ${table} as t`,
      );
    return [...(await digest('participation_old')), ...(await digest('participation_new'))];
  }

  async query<R extends object>(statement: string): Promise<readonly R[]> {
    return (await this.#sql.query<R>(statement)).rows;
  }

  async #define({ name, question, reward, opensAt, closesAt, choices }: (typeof SAMPLE_EVENTS)[number]): Promise<void> {
    const pairs = choices.map(({ answer, code, correct }) => ({ answer, code, correct }));
    const input = { name, question, reward, opensAt, closesAt, choices: pairs };
    await this.ask('mutation ($input: DefineEventInput!) { defineEvent(input: $input) { name } }', { input });
  }
}

export interface Trapped {
  /** Resolves when a process got there. */
  sprung(): Promise<void>;
}

async function start(server: ServerProcess): Promise<void> {
  const ended = await server.start();
  if (ended !== null) throw new Error(`a process did not start: ${ended} ${server.complaints}`);
}
