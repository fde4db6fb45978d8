/** The activity as clients see it: over HTTP, with real stores, in the states where it looks different. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openCatalogue, type Catalogue, type CatalogueTables } from '../../../src/activity/catalogue.ts';
import { participationDataset, type NewParticipation, type OldParticipation } from '../../../src/activity/dataset.ts';
import { SAMPLE_EVENTS } from '../../../src/activity/events.ts';
import { createAuthenticator } from '../../../src/auth.ts';
import { loadConfig } from '../../../src/config.ts';
import { silent } from '../../../src/migration/log.ts';
import { openSqliteFile } from '../../../src/migration/stores/sqlite/database.ts';
import type { Store } from '../../../src/migration/stores/store.ts';
import { buildSubgraph } from '../../../src/resolvers/index.ts';
import { createServer, type Server } from '../../../src/server.ts';
import { Deployment, soon, type Instance } from '../../support/deployment.ts';
import { noAudit } from '../../support/fake-engine.ts';
import { temporaryDirectory } from '../../support/tmp.ts';
import { answerOf } from '../../support/answer.ts';
import { COMPILE_AFTER } from '../../support/executor.ts';

const TOKEN = 'test-token';
const EVENT = 'send-1g-traffic';

let deployment: Deployment<OldParticipation, NewParticipation>;
let instance: Instance<OldParticipation, NewParticipation>;
let server: Server;
let storeReads = 0;
const closing: (() => Promise<void>)[] = [];

/** Counts what is asked of the store's reader. */
function counting(store: Store): Store {
  const { reader } = store;
  return {
    ...store,
    ping: () => store.ping(),
    checkpoint: () => store.checkpoint(),
    close: () => store.close(),
    role: store.role,
    writer: store.writer,
    fence: store.fence,
    quarantine: store.quarantine,
    reader: {
      load: (keys) => (storeReads++, reader.load(keys)),
      page: (range, limit, filter) => (storeReads++, reader.page(range, limit, filter)),
      count: (range, filter, except) => (storeReads++, reader.count(range, filter, except)),
      keyAt: (range, before) => (storeReads++, reader.keyAt(range, before)),
      digest: (range) => reader.digest(range),
      guards: (keys) => reader.guards(keys),
    },
  };
}

beforeAll(async () => {
  const directory = await temporaryDirectory();
  const database = openSqliteFile<CatalogueTables>(join(directory, 'control.sqlite'));
  const catalogue: Catalogue = await openCatalogue(database);
  await catalogue.seed(SAMPLE_EVENTS);
  const dataset = participationDataset(catalogue);
  deployment = new Deployment(directory, dataset);
  instance = await deployment.instance({
    leaseMs: 2000,
    wrap: (devices) => ({
      ...devices,
      stores: { OLD: counting(devices.stores.OLD), NEW: counting(devices.stores.NEW) },
    }),
  });
  const { engine } = instance;
  server = await createServer({
    config: {
      requestTimeoutMs: 5000,
      switchTimeoutMs: 5000,
      leaseMs: 2000,
      bodyLimitBytes: 1_000_000,
      maxConnections: 100,
      keepAliveTimeoutMs: 5000,
      limits: loadConfig({}).limits,
      compileQueriesAfter: COMPILE_AFTER,
      introspection: true,
    },
    schema: buildSubgraph([dataset]).schema,
    engine,
    catalogue,
    audit: noAudit,
    authenticator: createAuthenticator({ token: TOKEN, jwt: null, log: silent }),
    log: silent,
  });
  closing.push(
    () => server.close(),
    () => deployment.close(),
    () => database.close(),
  );
});
afterAll(async () => {
  for (const close of closing) await close();
});

interface Answer<T> {
  readonly data: T | null;
  readonly errors?: readonly { readonly message: string; readonly path?: unknown; readonly extensions: object }[];
}

async function ask<T = unknown>(query: string, variables: object = {}, token?: string): Promise<Answer<T>> {
  const response = await server.http.inject({
    method: 'POST',
    url: '/graphql',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    payload: { query, variables },
  });
  return answerOf<Answer<T>>(response);
}

const PARTICIPATION = `participation {
  phone { number } event { name } answer recommendationCode rewarded createdAt updatedAt
}`;
const RESULT = `__typename
  ... on Participated { ${PARTICIPATION} } ... on AlreadyParticipated { message ${PARTICIPATION} }
  ... on EntryNotAccepted { message accepts } ... on UnknownRecommendationCode { message }
  ... on EventNotFound { message } ... on EventNotOpen { message }`;
const PARTICIPATE = `mutation ($input: ParticipateInput!) { result: participate(input: $input) { ${RESULT} } }`;
const CHANGE = `mutation ($input: ParticipateInput!) { result: changeParticipation(input: $input) {
  __typename ... on ParticipationChanged { ${PARTICIPATION} } ... on NotParticipating { message } } }`;
const WITHDRAW = `mutation ($phone: PhoneNumber!) { result: withdrawParticipation(phone: $phone, event: "${EVENT}") {
  __typename ... on ParticipationWithdrawn { ${PARTICIPATION} } ... on NotParticipating { message } } }`;

let next = 0;
let phone: string;
beforeEach(() => {
  phone = `+86139${String(next++).padStart(8, '0')}`;
});
const input = (entry: object, change: object = {}) => ({ input: { phone, event: EVENT, ...entry, ...change } });
const key = () => ({ phone, event: EVENT });

describe('taking part', () => {
  test('once, however the number is written; changed; withdrawn', async () => {
    const local = phone.slice(3);
    const taken = await ask<{ result: { participation: { createdAt: string } } }>(
      PARTICIPATE,
      input({ answer: 'B' }, { phone: `(${local.slice(0, 3)}) ${local.slice(3)}` }),
    );
    const createdAt = taken.data?.result.participation.createdAt;
    const shown = {
      phone: { number: phone },
      event: { name: EVENT },
      answer: 'B',
      recommendationCode: 'G1-B',
      rewarded: true,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updatedAt: createdAt,
    };
    expect(taken).toEqual({ data: { result: { __typename: 'Participated', participation: shown } } });

    expect(await ask(PARTICIPATE, input({ answer: 'C' }))).toMatchObject({
      data: { result: { __typename: 'AlreadyParticipated', participation: { answer: 'B' } } },
    });

    expect(await ask(CHANGE, input({ answer: '~ 👍' }))).toMatchObject({
      data: {
        result: {
          __typename: 'ParticipationChanged',
          participation: { answer: '~ 👍', recommendationCode: '~fiDwn5GN', rewarded: false, createdAt },
        },
      },
    });

    expect(await ask(WITHDRAW, { phone })).toMatchObject({
      data: { result: { __typename: 'ParticipationWithdrawn', participation: { answer: '~ 👍', createdAt } } },
    });
    for (const again of [await ask(WITHDRAW, { phone }), await ask(CHANGE, input({ answer: 'A' }))]) {
      expect(again).toMatchObject({ data: { result: { __typename: 'NotParticipating' } } });
    }
    expect(await instance.stores.OLD.reader.load([deployment.dataset.keyOf(key())])).toEqual(new Map());
  });

  test.each([
    [{ recommendationCode: 'G1-B' }, {}, { __typename: 'EntryNotAccepted', accepts: ['ANSWER'] }],
    [{ answer: 'B' }, { event: 'nowhere' }, { __typename: 'EventNotFound' }],
    [{ answer: 'B' }, { event: '\ud83d' }, { __typename: 'EventNotFound' }],
    [{ answer: 'plum' }, { event: 'spring-2020' }, { __typename: 'EventNotOpen' }],
  ])('is refused: %j %j', async (entry, change, refusal) => {
    const { data, errors } = await ask(PARTICIPATE, input(entry, change));
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ result: { message: expect.any(String), ...refusal } });
  });

  test.each([
    [{}, {}, 'answer'],
    [{ answer: 'B', recommendationCode: 'G1-B' }, {}, 'recommendationCode'],
    [{ answer: '' }, {}, 'answer'],
    [{ answer: 'B' }, { phone: 'landline' }, 'phone'],
    // What is wrong with the input is told before anything about the event.
    [{ answer: '' }, { event: 'nowhere' }, 'answer'],
  ])('is an error: %j %j', async (entry, change, field) => {
    const { data, errors } = await ask(PARTICIPATE, input(entry, change));
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field } }]);
  });
});

describe('lists', () => {
  const COUNT = 55;
  const LIST = `query ($first: Int, $after: String) { event(name: "send-2g-traffic") {
    participationCount
    participations(first: $first, after: $after) {
      edges { cursor node { phone { number } event { name question accepts } answer recommendationCode rewarded createdAt } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
    } } }`;
  const numbers = Array.from({ length: COUNT }, (_, i) => `+86187${String(i).padStart(8, '0')}`);
  interface Listed {
    readonly event: {
      readonly participations: {
        readonly edges: readonly { readonly node: { readonly phone: { readonly number: string } } }[];
        readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
      };
    };
  }

  beforeAll(async () => {
    const now = '2026-02-01T00:00:00.000000Z';
    for (const number of numbers) {
      const row = { phone: number, event: 'send-2g-traffic', createdAt: now, updatedAt: now, answer: 'yes' };
      await instance.engine.mutate({ phone: number, event: row.event }, () => ({ write: { old: row } }), soon());
    }
  });

  test('page by page, in order, each row once, with the total', async () => {
    const seen: string[] = [];
    for (let after: string | null = null; ;) {
      const answer: Answer<Listed> = await ask<Listed>(LIST, { first: 20, after });
      const { data, errors } = answer;
      expect(errors).toBeUndefined();
      expect(data).toMatchObject({
        event: {
          participationCount: COUNT,
          participations: { totalCount: COUNT, pageInfo: { hasPreviousPage: after !== null } },
        },
      });
      if (!data) throw new Error('no page');
      const { edges, pageInfo } = data.event.participations;
      seen.push(...edges.map(({ node }) => node.phone.number));
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) break;
    }
    expect(seen).toEqual(numbers);
  });

  test('a page of 50 costs as many store queries as a page of 1', async () => {
    const cost = async (first: number): Promise<number> => {
      const before = storeReads;
      expect((await ask(LIST, { first })).errors).toBeUndefined();
      return storeReads - before;
    };
    expect(await cost(50)).toBe(await cost(1));
    expect(await cost(50)).toBeLessThanOrEqual(2);
    const before = storeReads;
    await ask(
      '{ event(name: "send-2g-traffic") { participations(first: 50) { edges { node { answer rewarded } } } } }',
    );
    expect(storeReads - before).toBe(1);
  });

  test('of one phone', async () => {
    const { data } = await ask(
      '{ phone(number: "187 0000 0003") { number participations { totalCount edges { node { answer event { name } } } } } }',
    );
    expect(data).toEqual({
      phone: {
        number: numbers[3],
        participations: { totalCount: 1, edges: [{ node: { answer: 'yes', event: { name: 'send-2g-traffic' } } }] },
      },
    });
  });

  test('of events', async () => {
    const page = '{ edges { node { name choices accepts } cursor } pageInfo { hasNextPage } totalCount }';
    const { data } = await ask<{ events: { edges: { cursor: string }[] } }>(`{ events(first: 2) ${page} }`);
    expect(data).toMatchObject({
      events: {
        edges: [
          { node: { name: EVENT, choices: ['A', 'B', 'C', 'D'], accepts: ['ANSWER'] } },
          { node: { name: 'send-2g-traffic', choices: ['yes', 'no'] } },
        ],
        pageInfo: { hasNextPage: true },
      },
    });
    const cursor = data?.events.edges[1]?.cursor;
    const rest = await ask(`query ($after: String) { events(first: 2, after: $after) ${page} }`, { after: cursor });
    expect(rest.data).toMatchObject({ events: { edges: [{ node: { name: 'spring-2020' } }] } });
    expect(await ask(LIST, { after: cursor })).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'after' } }],
    });
  });

  test.each([
    [{ first: 0 }, 'first'],
    [{ first: 101 }, 'first'],
    [{ after: 'x' }, 'after'],
    [{ after: '' }, 'after'],
  ])('%j is refused', async (variables, field) => {
    const { errors } = await ask(LIST, variables);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field } }]);
  });
});

describe('single things', () => {
  test('that are not there', async () => {
    const source = `query ($p: PhoneNumber!, $e: String!) {
      event(name: $e) { name } participation(phone: $p, event: $e) { answer } phone(number: $p) { number participations { totalCount } } }`;
    for (const e of ['nowhere', '', '\0', '\ud83d']) {
      expect(await ask(source, { p: phone, e })).toEqual({
        data: { event: null, participation: null, phone: { number: phone, participations: { totalCount: 0 } } },
      });
    }
  });

  test('a row that cannot be mapped is shown as far as it goes', async () => {
    const lost = {
      phone,
      event: 'lost',
      answer: 'B',
      createdAt: '2026-02-01T00:00:00.000000Z',
      updatedAt: '2026-02-01T00:00:00.000000Z',
    };
    const raw = openSqliteFile(deployment.file('old'));
    raw.raw
      .prepare('insert into participation_old (phone, event, answer, created_at, updated_at) values (?, ?, ?, ?, ?)')
      .run(lost.phone, lost.event, lost.answer, lost.createdAt, lost.updatedAt);
    await raw.close();
    const { data, errors } = await ask(
      `query ($p: PhoneNumber!) {
        participation(phone: $p, event: "lost") { answer recommendationCode rewarded createdAt }
        phone(number: $p) { participations { edges { cursor node { answer event { name } } } } } }`,
      { p: phone },
    );
    expect(data).toEqual({
      participation: { answer: 'B', recommendationCode: null, rewarded: false, createdAt: '2026-02-01T00:00:00.000Z' },
      phone: { participations: { edges: [{ cursor: expect.any(String), node: null }] } },
    });
    expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL' } }]);
  });
});

test('references of other subgraphs: one that is wrong fails alone', async () => {
  await ask(PARTICIPATE, input({ answer: 'B' }));
  const spelled = `0086 ${phone.slice(3)}`;
  const { data, errors } = await ask(
    `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      __typename ... on Event { question } ... on Phone { number } ... on Participation { answer } } }`,
    {
      representations: [
        { __typename: 'Event', name: 'send-2g-traffic' },
        { __typename: 'Event', name: 'nowhere' },
        { __typename: 'Event' },
        { __typename: 'Phone', number: spelled },
        { __typename: 'Phone', number: 'landline' },
        { __typename: 'Participation', phone: { number: spelled }, event: { name: EVENT } },
        { __typename: 'Participation', phone: { number: spelled }, event: { name: 'nowhere' } },
        { __typename: 'Participation', phone: null },
      ],
    },
  );
  expect(data).toEqual({
    _entities: [
      { __typename: 'Event', question: 'Would you recommend us to a friend?' },
      null,
      null,
      { __typename: 'Phone', number: phone },
      null,
      { __typename: 'Participation', answer: 'B' },
      null,
      null,
    ],
  });
  expect(errors?.map(({ path, extensions }) => ({ path, extensions }))).toEqual([
    { path: ['_entities', 2], extensions: { code: 'BAD_USER_INPUT', field: 'name' } },
    { path: ['_entities', 4], extensions: { code: 'BAD_USER_INPUT', field: 'number' } },
    { path: ['_entities', 7], extensions: { code: 'BAD_USER_INPUT', field: 'phone.number' } },
  ]);
});

describe('defining events', () => {
  const DEFINE = `mutation ($input: DefineEventInput!) { result: defineEvent(input: $input) { name choices reward opensAt closesAt accepts } }`;
  const summer = {
    name: 'summer',
    question: 'Is it warm?',
    reward: 'ice cream',
    opensAt: '2026-06-01T08:00:00+08:00',
    choices: [
      { answer: 'yes', code: 'S-Y', correct: true },
      { answer: 'no', code: 'S-N' },
    ],
  };
  const shown = {
    name: 'summer',
    choices: ['yes', 'no'],
    reward: 'ice cream',
    opensAt: '2026-06-01T00:00:00.000Z',
    closesAt: null,
    accepts: ['ANSWER'],
  };

  test('wants the token', async () => {
    expect(await ask(DEFINE, { input: summer })).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    expect(await ask(DEFINE, { input: summer }, 'wrong')).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    expect(await ask('{ event(name: "summer") { name } }')).toEqual({ data: { event: null } });
  });

  test('adds one, says the same again, and adds to it', async () => {
    for (let i = 0; i < 2; i++)
      expect(await ask(DEFINE, { input: summer }, TOKEN)).toEqual({ data: { result: shown } });
    const more = { ...summer, choices: [...summer.choices, { answer: 'maybe', code: 'S-M' }] };
    expect(await ask(DEFINE, { input: more }, TOKEN)).toEqual({
      data: { result: { ...shown, choices: ['yes', 'no', 'maybe'] } },
    });
    expect(await ask(DEFINE, { input: summer }, TOKEN)).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'choices' } }],
    });
  });

  test('says which field is wrong', async () => {
    const wrong = { ...summer, choices: [{ answer: 'yes', code: '~Y', correct: true }] };
    expect(await ask(DEFINE, { input: wrong }, TOKEN)).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'choices.0.code' } }],
    });
  });
});

describe('while the dataset moves', () => {
  const to = (state: 'MIGRATING' | 'CATCHING_UP' | 'DUAL', readNewPercent: number | null = null) =>
    instance.engine.operator.switchTo({
      to: state,
      readNewPercent,
      expectedEpoch: null,
      reason: 'test',
      dryRun: false,
      acceptRisk: [],
      actor: 'test',
    });

  test('MIGRATING takes answers and lets no pairs be added', async () => {
    expect(await to('MIGRATING')).toMatchObject({ outcome: 'SWITCHED' });
    const taken = await ask(PARTICIPATE, input({ answer: 'B' }));
    expect(taken).toMatchObject({
      data: { result: { __typename: 'Participated', participation: { answer: 'B', recommendationCode: 'G1-B' } } },
    });
    expect(await ask(PARTICIPATE, input({ recommendationCode: 'G1-B' }))).toMatchObject({
      data: { result: { __typename: 'EntryNotAccepted', accepts: ['ANSWER'] } },
    });
    const more = {
      name: 'autumn',
      question: 'Is it windy?',
      reward: 'a kite',
      opensAt: '2026-09-01T00:00:00Z',
      choices: [{ answer: 'yes', code: 'A-Y', correct: true }],
    };
    const DEFINE = 'mutation ($input: DefineEventInput!) { defineEvent(input: $input) { choices } }';
    expect(await ask(DEFINE, { input: more }, TOKEN)).toEqual({ data: { defineEvent: { choices: ['yes'] } } });
    const added = { ...more, choices: [...more.choices, { answer: 'no', code: 'A-N' }] };
    expect(await ask(DEFINE, { input: added }, TOKEN)).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'choices' } }],
    });
  });

  test('with both logics either is taken, and codes that are not in the catalogue are refused', async () => {
    await instance.engine.operator.setBusinessLogic('BOTH');
    expect(await ask('{ event(name: "send-1g-traffic") { accepts } }')).toEqual({
      data: { event: { accepts: ['ANSWER', 'RECOMMENDATION_CODE'] } },
    });
    for (const recommendationCode of ['G1-Z', '~Yg', '']) {
      expect(await ask(PARTICIPATE, input({ recommendationCode }))).toMatchObject({
        data: { result: { __typename: 'UnknownRecommendationCode' } },
      });
    }
    expect(await ask(PARTICIPATE, input({ recommendationCode: 'G1-B' }))).toMatchObject({
      data: {
        result: {
          __typename: 'Participated',
          participation: { answer: 'B', recommendationCode: 'G1-B', rewarded: true },
        },
      },
    });
  });
});
