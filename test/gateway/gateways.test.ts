/**
 * Two gateways in front of Crossfade and a second subgraph, all over HTTP: Crossfade is a process of its own, and its operator works
 * through the gateways too. The tests follow one deployment from OLD to NEW.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeServices } from '@apollo/composition';
import { composeSchemaContract } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ServerProcess, TOKEN } from '../support/kill/server.ts';
import { until } from '../support/operate.ts';
import { freePort } from '../support/own/port.ts';
import { startApolloGateway } from './support/apollo.ts';
import { startHiveGateway } from './support/hive.ts';
import { CUSTOMERS_SDL, sdlOf, startCustomers, type Running } from './support/subgraphs.ts';

const EVENT = 'send-1g-traffic';
const OWNERS = new Map([
  ['+8613900000001', 'Ada'],
  ['+8613900000002', 'Ben'],
]);
const [ADA, BEN] = [...OWNERS.keys()] as [string, string];

const GATEWAYS = [
  { name: 'Apollo Gateway', start: startApolloGateway },
  { name: 'Hive Gateway', start: startHiveGateway },
] as const;
const names: readonly string[] = GATEWAYS.map(({ name }) => name);
const gateways = new Map<string, Running>();

let directory: string;
let crossfade: ServerProcess;
let customers: Running;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crossfade-gateway-'));
  crossfade = new ServerProcess(directory, { PORT: String(await freePort()), SAMPLE_DATA: '200', LOG_LEVEL: 'warn' });
  expect(await crossfade.start()).toBeNull();
  customers = await startCustomers(OWNERS);
  const url = await crossfade.url;
  const { errors, supergraphSdl = '' } = composeServices([
    { name: 'activity', typeDefs: parse(await sdlOf(url)), url },
    { name: 'customers', typeDefs: parse(CUSTOMERS_SDL), url: customers.url },
  ]);
  expect(errors).toBeUndefined();
  for (const { name, start } of GATEWAYS) gateways.set(name, await start(supergraphSdl));
  for (const number of OWNERS.keys()) {
    expect(await enter('Apollo Gateway', number, { answer: 'B' })).toBe('Participated');
  }
});
afterAll(async () => {
  for (const gateway of gateways.values()) await gateway.stop();
  await customers.stop();
  crossfade.dispose();
  await rm(directory, { recursive: true, force: true });
});

interface Fault {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: { readonly code?: string; readonly field?: string };
}
interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly Fault[];
}

async function ask<T>(gateway: string, query: string, variables: object = {}, token?: string): Promise<Answer<T>> {
  const response = await fetch(gateways.get(gateway)?.url ?? '', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer<T>;
}

/** The data of an answer that must have no errors. */
async function data<T>(gateway: string, query: string, variables: object = {}, token?: string): Promise<T> {
  const answer = await ask<T>(gateway, query, variables, token);
  if (answer.errors || !answer.data) throw new Error(`${gateway}: ${JSON.stringify(answer)}`);
  return answer.data;
}

type Entry = { readonly answer: string } | { readonly recommendationCode: string };

async function enter(gateway: string, phone: string, entry: Entry, operation = 'participate'): Promise<string> {
  const { outcome } = await data<{ outcome: { __typename: string } }>(
    gateway,
    `mutation ($input: ParticipateInput!) { outcome: ${operation}(input: $input) { __typename } }`,
    { input: { phone, event: EVENT, ...entry } },
  );
  return outcome.__typename;
}

/** What the event takes now, for this choice. */
async function entryNow(gateway: string, choice: string): Promise<Entry> {
  const { event } = await data<{ event: { accepts: string[] } }>(gateway, `{ event(name: "${EVENT}") { accepts } }`);
  return event.accepts.includes('ANSWER') ? { answer: choice } : { recommendationCode: `G1-${choice}` };
}

const ENTRY = 'phone { number owner } event { name } answer recommendationCode rewarded letter';
const participation = (number: string, owner: string | null, choice: string) => ({
  phone: { number, owner },
  event: { name: EVENT },
  answer: choice,
  recommendationCode: `G1-${choice}`,
  rewarded: choice === 'B',
  letter: `${choice === 'B' ? 'Congratulations' : 'Thank you'}, ${owner ?? 'stranger'}: G1-${choice}`,
});

/** From the activity to the customers and back, for fields that need the other side's. */
async function outward(gateway: string): Promise<void> {
  const found = await data<{ phone: { participations: object }; participation: object }>(
    gateway,
    `query ($ada: PhoneNumber!) {
      participation(phone: "139 0000 0002", event: "${EVENT}") { ${ENTRY} }
      phone(number: $ada) { owner participations { totalCount edges { node { ${ENTRY} } } } } }`,
    { ada: ADA },
  );
  expect(found).toEqual({
    participation: participation(BEN, 'Ben', 'B'),
    phone: { owner: 'Ada', participations: { totalCount: 1, edges: [{ node: participation(ADA, 'Ada', 'B') }] } },
  });
}

/** From the customers to the activity: references that gateways look up as entities. */
async function inward(gateway: string): Promise<void> {
  const found = await data(
    gateway,
    `query ($phones: [String!]!) {
      customers { number owner participations { edges { node { answer recommendationCode } } } }
      entries(phones: $phones, event: "${EVENT}") { ${ENTRY} } }`,
    { phones: [BEN, ADA] },
  );
  const edges = [{ node: { answer: 'B', recommendationCode: 'G1-B' } }];
  expect(found).toEqual({
    customers: [
      { number: ADA, owner: 'Ada', participations: { edges } },
      { number: BEN, owner: 'Ben', participations: { edges } },
    ],
    entries: [participation(BEN, 'Ben', 'B'), participation(ADA, 'Ada', 'B')],
  });
}

let phones = 0;
async function mutations(gateway: string): Promise<void> {
  const phone = `+86139${String(++phones).padStart(7, '1')}0`;
  expect(await enter(gateway, phone, await entryNow(gateway, 'A'))).toBe('Participated');
  expect(await enter(gateway, phone, await entryNow(gateway, 'B'))).toBe('AlreadyParticipated');
  expect(await enter(gateway, phone, await entryNow(gateway, 'C'), 'changeParticipation')).toBe('ParticipationChanged');
  const { withdrawn } = await data<{ withdrawn: object }>(
    gateway,
    `mutation ($phone: PhoneNumber!) { withdrawn: withdrawParticipation(phone: $phone, event: "${EVENT}") {
      __typename ... on ParticipationWithdrawn { participation { ${ENTRY} } } } }`,
    { phone },
  );
  expect(withdrawn).toEqual({ __typename: 'ParticipationWithdrawn', participation: participation(phone, null, 'C') });
}

const SWITCH = `mutation ($input: SwitchMigrationInput!) { result: switchMigration(input: $input) { __typename
  ... on MigrationSwitched { migration { state readNewPercent } } ... on SwitchBlocked { blockers { code message } } } }`;
const STATUS = `{ migration(dataset: "participation") { state readNewPercent verification { clean } } }`;

/** Switches by a gateway, again while something that passes bars the way. */
async function switchTo(gateway: string, to: string, readNewPercent?: number): Promise<void> {
  const input = { dataset: 'participation', to, readNewPercent, reason: 'gateway test' };
  await until(`${to} is reached`, async () => {
    const { result } = await data<{ result: { __typename: string } }>(gateway, SWITCH, { input }, TOKEN);
    return result.__typename === 'MigrationSwitched';
  });
}

/** Clients go on through both gateways while `work` is done; each of their requests must be answered as ever. */
async function underTraffic(work: () => Promise<void>): Promise<void> {
  const over = new AbortController();
  const rounds = new Map(names.map((name) => [name, 0]));
  const client = async (name: string): Promise<void> => {
    do {
      await outward(name);
      await inward(name);
      const phone = `+86138${String(++phones).padStart(8, '0')}`;
      // Between the question and the participation the switch may have come: refused, but never failed.
      expect(['Participated', 'EntryNotAccepted']).toContain(await enter(name, phone, await entryNow(name, 'D')));
      rounds.set(name, (rounds.get(name) ?? 0) + 1);
    } while (!over.signal.aborted);
  };
  const clients = Promise.all(names.map(client));
  try {
    await work();
  } finally {
    over.abort();
    await clients;
  }
  expect(Math.min(...rounds.values())).toBeGreaterThan(0);
}

const dual = (percent: number) => () => switchTo('Hive Gateway', 'DUAL', percent);

describe.each<{ readonly state: string; readonly percent?: number; readonly go: () => Promise<void> }>([
  { state: 'OLD', go: async () => {} },
  { state: 'MIGRATING', go: () => switchTo('Apollo Gateway', 'MIGRATING') },
  { state: 'RETREATING', go: () => switchTo('Hive Gateway', 'RETREATING') },
  { state: 'OLD', go: () => switchTo('Apollo Gateway', 'OLD') },
  { state: 'MIGRATING', go: () => switchTo('Hive Gateway', 'MIGRATING') },
  { state: 'CATCHING_UP', go: () => switchTo('Apollo Gateway', 'CATCHING_UP') },
  { state: 'DUAL', percent: 0, go: dual(0) },
  { state: 'DUAL', percent: 50, go: dual(50) },
  { state: 'DUAL', percent: 100, go: dual(100) },
  { state: 'NEW', percent: 100, go: () => verifiedToNew('Apollo Gateway') },
])('in $state', ({ state, percent = 0, go }) => {
  test('during the switch', async () => {
    await underTraffic(go);
    const { migration } = await data<{ migration: object }>('Hive Gateway', STATUS, {}, TOKEN);
    expect(migration).toMatchObject({ state, readNewPercent: percent });
  });

  test.each(names)('%s: queries across both subgraphs, and mutations', async (name) => {
    await outward(name);
    await inward(name);
    await mutations(name);
  });
});

async function verifiedToNew(gateway: string): Promise<void> {
  await data(gateway, 'mutation { verifyMigration(dataset: "participation") { state } }', {}, TOKEN);
  await until('it is verified', async () => {
    const { migration } = await data<{ migration: { verification: { clean: boolean } } }>(gateway, STATUS, {}, TOKEN);
    return migration.verification.clean;
  });
  await switchTo(gateway, 'NEW');
}

describe.each(names)('%s', (name) => {
  test('passes errors on with their code and field', async () => {
    const landline = await ask<unknown>(name, `{ participation(phone: "landline", event: "${EVENT}") { answer } }`);
    expect(landline.data).toEqual({ participation: null });
    expect(landline.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'phone' } }]);
    const many = await ask<unknown>(name, `{ event(name: "${EVENT}") { participations(first: 101) { totalCount } } }`);
    expect(many.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'first' } }]);
  });

  test('a reference that is wrong fails alone', async () => {
    const { data: found, errors } = await ask<{ entries: object[] }>(
      name,
      `{ entries(phones: ["${ADA}", "landline", "${BEN}", "+8613912345678"], event: "${EVENT}") { answer } }`,
    );
    expect(found?.entries).toEqual([{ answer: 'B' }, { answer: null }, { answer: 'B' }, { answer: null }]);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'phone.number' } }]);
  });

  test.each([
    { operation: '{ migrations { state } }' },
    { operation: STATUS },
    {
      operation:
        'mutation { switchMigration(input: { dataset: "participation", to: NEW, reason: "again" }) { __typename } }',
    },
    { operation: 'mutation { setBusinessLogic(dataset: "participation", logic: BOTH) { businessLogic } }' },
  ])(
    'an operation of the operator without the header is UNAUTHENTICATED and nothing else: $operation',
    async ({ operation }) => {
      for (const token of [undefined, 'wrong']) {
        const { data: found, errors } = await ask<object>(name, operation, {}, token);
        expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
        expect(Object.values(found ?? {}).filter((value) => value !== null)).toEqual([]);
      }
      expect((await ask(name, operation, {}, TOKEN)).errors).toBeUndefined();
    },
  );
});

test('in front of the public contract the operations of the operator are unknown, whatever header there is', async () => {
  const url = await crossfade.url;
  const activity = { name: 'activity', typeDefs: parse(await sdlOf(url)), url };
  const contract = composeSchemaContract([activity], { include: new Set(), exclude: new Set(['admin']) }, true);
  for (const { name, start } of GATEWAYS) {
    const open = await start(contract.supergraphSdl ?? '');
    try {
      const post = async (query: string): Promise<Answer<object>> => {
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` };
        const response = await fetch(open.url, { method: 'POST', headers, body: JSON.stringify({ query }) });
        return (await response.json()) as Answer<object>;
      };
      expect(await post(`{ event(name: "${EVENT}") { name } }`), name).toEqual({ data: { event: { name: EVENT } } });
      const { data: found, errors } = await post(STATUS);
      expect(found ?? null, name).toBeNull();
      expect(errors?.[0], name).toMatchObject({ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } });
    } finally {
      await open.stop();
    }
  }
});

describe('when one subgraph is down', () => {
  test('customers: the activity is served, and what needs an owner is null', async () => {
    const { port } = new URL(customers.url);
    await customers.stop();
    for (const name of names) {
      const { data: found, errors } = await ask<object>(
        name,
        `{ event(name: "${EVENT}") { question } phone(number: "${ADA}") { owner participations { totalCount } } }`,
      );
      expect(found).toMatchObject({
        event: { question: expect.any(String) },
        phone: { owner: null, participations: { totalCount: 1 } },
      });
      expect(errors?.length).toBeGreaterThan(0);
    }
    customers = await startCustomers(OWNERS, Number(port));
    for (const name of names) await outward(name);
  });

  test('Crossfade: the customers are served, with it again once it is back', async () => {
    await crossfade.kill('SIGKILL');
    for (const name of names) {
      const { data: found, errors } = await ask<object>(
        name,
        `{ customers { number owner } event(name: "${EVENT}") { question } entries(phones: ["${ADA}"], event: "${EVENT}") { answer } }`,
      );
      expect(found).toEqual({
        customers: [
          { number: ADA, owner: 'Ada' },
          { number: BEN, owner: 'Ben' },
        ],
        event: null,
        entries: [{ answer: null }],
      });
      expect(errors?.length).toBeGreaterThan(0);
    }
    expect(await crossfade.start()).toBeNull();
    for (const name of names) {
      await inward(name);
      await mutations(name);
    }
  });
});
