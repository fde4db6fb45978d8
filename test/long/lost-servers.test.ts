/**
 * A server that is stopped, frozen, or out of reach while two processes serve, in every state: what needs it fails with the documented code
 * within its deadline, all else goes on, and when it is back everything does so by itself, with all that was acknowledged.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, AnswerLost, Refused } from '../chaos/ask.ts';
import type { Instance } from '../chaos/instance.ts';
import { DEVICES, System, TOKEN, type Device } from '../chaos/system.ts';
import { hasMariadb } from '../support/own/mariadb.ts';
import { postgresBinaries } from '../support/own/postgres.ts';
import { describeWith, servers } from '../support/servers.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const LEASE_MS = 600;
const REQUEST_MS = 2000;
/** The engine's margin, and what a busy machine needs. */
const LATE_MS = 2000;
const EVENT = 'send-1g-traffic';
const PHONE = '+8619900000001';

const MANNERS = ['stopped', 'killed', 'frozen', 'silent'] as const;
type Manner = (typeof MANNERS)[number];

const STATES = ['OLD', 'MIGRATING', 'CATCHING_UP', 'DUAL(0)', 'DUAL(100)', 'NEW'] as const;
type State = (typeof STATES)[number];

type Kind = 'read' | 'list' | 'write';
/** What a request of each kind cannot do without. The control store is needed once the lease is over; NEW has no way out, so never. */
const NEEDS: Readonly<Record<State, Readonly<Record<Kind, readonly Device[]>>>> = {
  OLD: { read: ['OLD', 'control'], list: ['OLD', 'control'], write: ['OLD', 'control'] },
  // Every key that is asked for has an entry in the journal, which stays there until the copy is done.
  MIGRATING: { read: ['journal', 'control'], list: ['journal', 'OLD', 'control'], write: ['journal', 'control'] },
  CATCHING_UP: {
    read: ['journal', 'OLD', 'control'],
    list: ['journal', 'OLD', 'control'],
    write: ['journal', 'OLD', 'control'],
  },
  'DUAL(0)': { read: ['OLD', 'control'], list: ['journal', 'control'], write: ['journal', 'OLD', 'control'] },
  'DUAL(100)': { read: ['NEW', 'control'], list: ['journal', 'control'], write: ['journal', 'NEW', 'control'] },
  NEW: { read: ['NEW'], list: ['NEW'], write: ['NEW'] },
};
/** A write whose entry or statement is on its way when its server goes may have been made; a read may run out of time. */
const CODES: Readonly<Record<Device, readonly string[]>> = {
  OLD: ['STORE_UNAVAILABLE', 'OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED'],
  NEW: ['STORE_UNAVAILABLE', 'OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED'],
  journal: ['JOURNAL_UNAVAILABLE', 'OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED'],
  control: ['CONTROL_UNAVAILABLE', 'OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED'],
};

const READ = `query ($phone: PhoneNumber!, $event: String!) { participation(phone: $phone, event: $event) { answer } }`;
const LIST = `query ($event: String!) { event(name: $event) { participations(first: 5) { edges { node { phone { number } } } } } }`;
const WRITE = `mutation ($phone: PhoneNumber!, $event: String!, $answer: String) { changeParticipation(input: { phone: $phone, event: $event, answer: $answer }) { __typename } }`;
const CREATE = WRITE.replace('changeParticipation', 'participate');
const PIN = `mutation { setBusinessLogic(dataset: "participation", logic: BOTH) { state } }`;
const VERIFY = `mutation { verifyMigration(dataset: "participation") { state } }`;
const STATUS = `{ migration(dataset: "participation") { state settled verification { finishedAt clean } } }`;
const SWITCH = `mutation ($input: SwitchMigrationInput!) { switchMigration(input: $input) { __typename ... on SwitchBlocked { blockers { code message } } } }`;

const there = postgresBinaries() !== null && hasMariadb() && (await servers.redis()) !== null;

describeWith('PostgreSQL, MariaDB and Redis of the test', there ? 'all three' : null, () => {
  const system = new System();
  const answers: string[] = [];
  /** What was asked and how it went, for whoever has to find out why a test fails. */
  const story: string[] = [];
  let written = 0;
  /** What the row may hold: what was acknowledged last, or what may have been written since. */
  let possible: Set<string>;

  beforeAll(async () => {
    const directory = await temporaryDirectory();
    await system.open({
      instances: 2,
      apart: true,
      directory,
      leaseMs: LEASE_MS,
      requestMs: REQUEST_MS,
    });
    await system.start();
    await admin(PIN);
    await request(instance(0), CREATE, { phone: PHONE, event: EVENT, answer: 'first' });
    possible = new Set(['first']);
  }, 180_000);
  afterAll(async () => {
    for (const each of system.instances) answers.push(await each.stop());
    await system.close();
    expect(answers, 'how the processes ended').toEqual(['0', '0']);
  }, 60_000);

  const instance = (number: number): Instance => {
    const found = system.instances[number % system.instances.length];
    if (!found) throw new Error('there is no such instance');
    return found;
  };
  const request = <T>(to: Instance, query: string, variables: object) =>
    ask<T>(to, query, variables, { timeoutMs: REQUEST_MS + LATE_MS });
  const admin = <T>(query: string, variables: object = {}) =>
    ask<T>(instance(0), query, variables, { timeoutMs: 30_000, token: TOKEN });

  async function switchTo(state: State): Promise<void> {
    const [, to = state, percent] = /^(\w+)(?:\((\d+)\))?$/.exec(state) ?? [];
    const input = {
      dataset: 'participation',
      to,
      readNewPercent: percent === undefined ? null : Number(percent),
      reason: 'test',
    };
    await expect
      .poll(async () => (await admin<{ switchMigration: object }>(SWITCH, { input })).switchMigration, {
        timeout: 30_000,
      })
      .toEqual({ __typename: 'MigrationSwitched' });
  }

  interface Tried {
    readonly outcome: string;
    /** What a write may have left. */
    readonly left?: string;
  }

  async function tryOnce(kind: Kind, to: Instance): Promise<Tried> {
    const began = performance.now();
    const key = { phone: PHONE, event: EVENT };
    const answer = `w${++written}`;
    try {
      if (kind === 'list') await request(to, LIST, { event: EVENT });
      if (kind === 'write') await request(to, WRITE, { ...key, answer });
      if (kind === 'read') {
        const { participation } = await request<{ participation: { answer: string } | null }>(to, READ, key);
        const found = participation?.answer ?? 'nothing';
        expect([...possible], `a read sees what was acknowledged\n${story.slice(-40).join('\n')}\n`).toContain(found);
      }
      return { outcome: 'OK', ...(kind === 'write' && { left: answer }) };
    } catch (error) {
      if (error instanceof AnswerLost) return { outcome: 'LOST', left: answer };
      if (!(error instanceof Refused)) throw error;
      return { outcome: error.code, ...(error.code === 'OUTCOME_UNKNOWN' && { left: answer }) };
    } finally {
      expect(performance.now() - began, `${kind} within its deadline`).toBeLessThan(REQUEST_MS + LATE_MS);
    }
  }

  /** Through each of these at once; how it went. */
  async function tryOut(kind: Kind, ...through: readonly Instance[]): Promise<readonly string[]> {
    const from = Math.round(performance.now());
    const tried = await Promise.all(through.map((to) => tryOnce(kind, to)));
    const until = Math.round(performance.now());
    for (const [i, { outcome, left = '' }] of tried.entries())
      story.push(`${from} to ${until}: ${kind} through ${through[i]?.number}: ${outcome} ${left}`);
    const left = tried.flatMap((each) => each.left ?? []);
    const acknowledged = kind === 'write' && tried.some(({ outcome }) => outcome === 'OK');
    possible = new Set(acknowledged ? left : [...possible, ...left]);
    return tried.map(({ outcome }) => outcome);
  }

  async function disturb(device: Device, manner: Manner): Promise<() => Promise<void>> {
    if (manner === 'silent') {
      for (const proxies of system.proxies) proxies[device].silence();
      return async () => {
        for (const proxies of system.proxies) proxies[device].mend();
      };
    }
    const server = system.serverOf(device);
    if (manner === 'frozen') {
      server.freeze();
      return async () => server.thaw();
    }
    await (manner === 'killed' ? server.kill() : server.stop());
    return () => server.start();
  }

  async function expectLoss(state: State, device: Device): Promise<void> {
    for (const kind of ['read', 'list', 'write', 'write', 'read'] as const) {
      const found = await tryOut(kind, ...system.instances);
      const needed = NEEDS[state][kind].includes(device);
      for (const outcome of found) {
        expect(needed ? CODES[device] : ['OK'], `${kind} in ${state} without ${device}`).toContain(outcome);
      }
    }
  }

  for (const [step, state] of STATES.entries()) {
    describe(`in ${state}`, () => {
      test('everything is there', { timeout: 120_000 }, async () => {
        if (state === 'NEW') {
          await admin(VERIFY);
          const verified = async () =>
            (await admin<{ migration: { verification: object } }>(STATUS)).migration.verification;
          await expect
            .poll(verified, { timeout: 30_000 })
            .toMatchObject({ clean: true, finishedAt: expect.any(String) });
        }
        if (state !== 'OLD') await switchTo(state);
        for (const kind of ['read', 'list', 'write'] as const) {
          await expect.poll(() => tryOut(kind, instance(0)), { timeout: 10_000 }).toEqual(['OK']);
        }
      });

      for (const [i, device] of DEVICES.entries()) {
        for (const manner of MANNERS.filter((_, m) => (m + i + step) % 2 === 0)) {
          test(`the server of ${device} is ${manner}`, { timeout: 120_000 }, async () => {
            story.push(`in ${state}: the server of ${device} is ${manner}`);
            const mend = await disturb(device, manner);
            try {
              // The lease is over, and connections that were cut have been noticed.
              await delay(2 * LEASE_MS);
              await expectLoss(state, device);
            } finally {
              await mend();
            }
            story.push(`${Math.round(performance.now())}: mended`);
            for (const each of system.instances) {
              for (const kind of ['write', 'read', 'list'] as const) {
                await expect.poll(() => tryOut(kind, each), { timeout: 30_000 }).toEqual(['OK']);
              }
            }
          });
        }
      }
    });
  }
});
