/**
 * Requests beside a copy: as many as half of what the machine can do, sent at set times whether earlier ones were answered or not, with the
 * copy going on and with it paused, in turns.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Goal } from '../lib/report.ts';
import { print, spread, table } from '../lib/report.ts';
import { percentile, ratioOf, runRounds, summaryOf, type Measured } from '../lib/rounds.ts';
import { serve, type Served } from '../serve/child.ts';
import { askOne, phoneOf } from '../serve/facts.ts';
import { Operator, TOKEN } from '../serve/operate.ts';

const SECONDS = 5;
const WARM_UP_SECONDS = 2;
/** After the copy was paused, or went on: so that nothing of the other is measured. */
const BETWEEN_MS = 500;
const SCRIPTED = 2000;
const CLIENTS = 32;

interface Run extends Measured {
  /** The 99th percentile, milliseconds. */
  readonly value: number;
  readonly p50Ms: number;
  readonly copied: number;
}

export interface BesideOptions {
  /** Of the server: its old store holds `rows` rows of the benchmark, the new one none. */
  readonly env: NodeJS.ProcessEnv;
  readonly rows: number;
  readonly rounds: number;
}

export async function beside({ env, rows, rounds }: BesideOptions): Promise<{ goals: readonly Goal[]; runs: object }> {
  const directory = await mkdtemp(join(tmpdir(), 'crossfade-bench-'));
  const own = { ...env, ADMIN_TOKEN: TOKEN, DATA_DIR: join(directory, 'served'), PORT: '0', LOG_LEVEL: 'error' };
  const served = await serve('../../src/main.ts', { ...own, NODE_ENV: 'production' });
  try {
    await new Operator(served).defineEvent();
    const bodies = Array.from({ length: SCRIPTED }, (_, i) => askOne(phoneOf((i * 7919) % rows)));
    await switchToCopying(served);
    // In the state in which it is measured, with the copy paused: before, requests cost less.
    await capacity(served.url, bodies);
    const perSecond = (await capacity(served.url, bodies)) / 2;
    const run = async (what: 'pauseCopy' | 'resumeCopy'): Promise<Run> => {
      await admin(served, `mutation { ${what}(dataset: "participation") { state } }`);
      await delay(BETWEEN_MS);
      const before = await copied(served);
      const waits = await load(served.url, bodies, perSecond);
      const after = await copied(served);
      if (after >= rows) throw new Error('the copy was over too soon: more rows are needed');
      return { value: percentile(waits, 0.99), p50Ms: percentile(waits, 0.5), copied: after - before };
    };
    const results = await runRounds(
      [
        { name: 'copying', run: () => run('resumeCopy') },
        { name: 'idle', run: () => run('pauseCopy') },
      ],
      rounds,
    );
    const [copying, idle] = results;
    if (!copying || !idle) throw new Error('unreachable');
    print();
    print(`beside: ${perSecond.toFixed(0)} requests a second, one participation each, in MIGRATING`);
    print(
      table(
        ['', 'p99 ms', 'p50 ms', 'thousand rows/s'],
        results.map(({ name, value, runs }) => [
          name,
          spread(value),
          spread(summaryOf(runs.map(({ p50Ms }) => p50Ms))),
          spread(summaryOf(runs.map((each) => each.copied / SECONDS / 1000)), 1),
        ]),
      ),
    );
    const name = 'beside: 99th percentile of requests, times idle';
    return { goals: [{ name, measured: ratioOf(copying, idle), goal: 2, atLeast: false }], runs: results };
  } finally {
    await served.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Requests a second when each is followed by the next, sent as `load` sends them: what that takes is the machine's, too. */
async function capacity(url: string, bodies: readonly string[]): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const until = performance.now() + WARM_UP_SECONDS * 1000;
  let answered = 0;
  const ask = async (first: number): Promise<void> => {
    for (let i = first; performance.now() < until; i += CLIENTS) {
      await send(url, bodies[i % bodies.length] ?? '', agent);
      answered++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => ask(i)));
  agent.destroy();
  return answered / WARM_UP_SECONDS;
}

/** How long each request took from when it was due, milliseconds. */
async function load(url: string, bodies: readonly string[], perSecond: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const waits: number[] = [];
  const pending = new Set<Promise<void>>();
  const began = performance.now();
  for (let i = 0; i < perSecond * SECONDS; i++) {
    const due = began + (i * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) await delay(early);
    const sent = send(url, bodies[i % bodies.length] ?? '', agent).then(() => {
      waits.push(performance.now() - due);
      pending.delete(sent);
    });
    pending.add(sent);
  }
  await Promise.all(pending);
  agent.destroy();
  return waits;
}

async function send(url: string, body: string, agent: Agent): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const asked = request(url, { method: 'POST', agent, headers });
  asked.end(body);
  const [answer] = await once(asked, 'response');
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  if (answer.statusCode !== 200 || text.includes('"errors"')) throw new Error(`a request failed: ${text}`);
}

async function switchToCopying(served: Served): Promise<void> {
  await admin(served, 'mutation { pauseCopy(dataset: "participation") { state } }');
  const input = { dataset: 'participation', to: 'MIGRATING', reason: 'benchmark' };
  const answer = await admin<{ readonly switchMigration: { readonly __typename: string } }>(
    served,
    'mutation ($input: SwitchMigrationInput!) { switchMigration(input: $input) { __typename } }',
    { input },
  );
  if (answer.switchMigration.__typename !== 'MigrationSwitched') throw new Error(JSON.stringify(answer));
}

async function copied(served: Served): Promise<number> {
  const { migration } = await admin<{ readonly migration: { readonly copy: { readonly copied: number } | null } }>(
    served,
    '{ migration(dataset: "participation") { copy { copied } } }',
  );
  return migration.copy?.copied ?? 0;
}

function admin<T>(served: Served, query: string, variables: object = {}): Promise<T> {
  return served.ask<T>(JSON.stringify({ query, variables }), TOKEN);
}
