/** What one operation may ask for: each limit at its last allowed value and one beyond; what gateways and operators ask passes the defaults. */
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, type App } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { silent } from '../../src/migration/log.ts';
import { fillWithSamples } from '../../src/server/samples.ts';
import { temporaryDirectory } from '../support/tmp.ts';
import { EXECUTOR } from '../support/executor.ts';

const TOKEN = 'a-token-for-tests';

interface Reply {
  readonly status: number;
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: { code: string; field?: string } }[];
}

async function ask(app: App, query: string, variables: object = {}): Promise<Reply> {
  const response = await app.server.http.inject({
    method: 'POST',
    url: '/graphql',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      authorization: `Bearer ${TOKEN}`,
    },
    payload: JSON.stringify({ query, variables }),
  });
  return { status: response.statusCode, ...response.json<object>() };
}

async function start(env: Record<string, string>): Promise<App> {
  const config = loadConfig({ DATA_DIR: await temporaryDirectory(), SAMPLE_DATA: '100', ...EXECUTOR, ...env });
  const app = await createApp({ config, adminToken: TOKEN, log: silent });
  await fillWithSamples(app, config, silent);
  return app;
}

describe('each limit', () => {
  let app: App;
  beforeAll(async () => {
    app = await start({
      MAX_QUERY_TOKENS: '200',
      MAX_QUERY_DEPTH: '8',
      MAX_QUERY_ALIASES: '3',
      MAX_QUERY_DIRECTIVES: '2',
      MAX_QUERY_COST: '1000',
      MAX_PAGE_SIZE: '30',
      MAX_BATCH_SIZE: '5',
    });
  });
  afterAll(() => app.stop());

  /** Fields nested so deep: `phone { participations { edges { node { event { participations … __typename`. */
  const nested = (depth: number): string => {
    const way = ['participations(first: 1)', 'edges', 'node', 'event'];
    const fields = Array.from({ length: depth - 2 }, (_, i) => way[i % way.length]);
    return `{ phone(number: "+8613800138000") { ${fields.join(' { ')} { __typename ${'} '.repeat(depth)}`;
  };
  const aliases = (n: number): string => `{ ${Array.from({ length: n }, (_, i) => `a${i}: __typename`).join(' ')} }`;
  const directives = (n: number): string => `{ __typename ${'... @include(if: true) { __typename } '.repeat(n)} }`;
  const tokens = (n: number): string => `{ ${'__typename '.repeat(n - 2)}}`;
  const references = (n: number): object => ({
    of: Array.from({ length: n }, (_, i) => ({ __typename: 'Event', name: `e${i}` })),
  });
  const entities = 'query ($of: [_Any!]!) { _entities(representations: $of) { __typename } }';
  const page = 'query ($first: Int) { events(first: $first) { edges { cursor } } }';
  // An event costs 40: itself, seven fields, a count (10), and a page of 20 cursors in a list in a field; the page of them 2.
  const cost = `query ($n: Int!) { events(first: $n) { edges { node { name question reward opensAt closesAt choices accepts participationCount
    participations { edges { cursor } } } } } }`;

  test.each([
    { what: 'tokens', last: tokens(200), beyond: tokens(201), code: 'GRAPHQL_PARSE_FAILED' },
    { what: 'depth', last: nested(8), beyond: nested(9), code: 'GRAPHQL_VALIDATION_FAILED' },
    { what: 'aliases', last: aliases(3), beyond: aliases(4), code: 'GRAPHQL_VALIDATION_FAILED' },
    { what: 'directives', last: directives(2), beyond: directives(3), code: 'GRAPHQL_VALIDATION_FAILED' },
    { what: 'cost', last: cost, beyond: cost, code: 'GRAPHQL_VALIDATION_FAILED', variables: [{ n: 24 }, { n: 25 }] },
    {
      what: 'page size',
      last: page,
      beyond: page,
      code: 'BAD_USER_INPUT',
      field: 'first',
      variables: [{ first: 30 }, { first: 31 }],
    },
    {
      what: 'batch size',
      last: entities,
      beyond: entities,
      code: 'BAD_USER_INPUT',
      field: 'representations',
      variables: [references(5), references(6)],
    },
  ])('$what', async ({ last, beyond, code, field, variables: [few, many] = [{}, {}] }) => {
    const within = await ask(app, last, few);
    expect(within).toMatchObject({ status: 200 });
    expect(within.errors).toBeUndefined();
    const { data, errors } = await ask(app, beyond, many);
    expect(data ?? null).toBeNull();
    expect(errors).toHaveLength(1);
    expect(errors?.[0]?.extensions).toMatchObject({ code, ...(field !== undefined && { field }) });
  });

  test('fragments hide nothing', async () => {
    const deep = `{ phone(number: "+8613800138000") { ...A } }
      fragment A on Phone { participations(first: 1) { edges { node { ...B } } } }
      fragment B on Participation { event { participations(first: 1) { edges { node { phone { number } } } } } }`;
    expect((await ask(app, deep)).errors?.[0]?.message).toContain('8 levels');
    const wide =
      '{ ...A } fragment A on Query { a: __typename b: __typename ...B } fragment B on Query { c: __typename d: __typename }';
    expect((await ask(app, wide)).errors?.[0]?.message).toContain('3 aliases');
  });

  test('what grows with each spread of a fragment is counted in no time', async () => {
    const chain = Array.from({ length: 14 }, (_, i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`);
    const query = `{ ...F0 } ${chain.join(' ')} fragment F14 on Query { events { totalCount } }`;
    const began = performance.now();
    expect((await ask(app, query)).errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('a page that nobody gave a length has the default one, also through a variable', async () => {
    const twice = (argument: string): string =>
      `query ${argument.includes('$n') ? '($n: Int = 30)' : ''} { events(first: 30) { edges { node { name question participationCount participations${argument} { edges { cursor } } } } } }`;
    for (const argument of ['', '(first: null)', '(first: $n)', '(first: 30)']) {
      expect((await ask(app, twice(argument))).errors?.[0]?.message, argument).toContain('may cost 1000');
    }
    expect((await ask(app, twice('(first: 10)'))).errors).toBeUndefined();
  });
});

describe('the defaults', () => {
  let app: App;
  beforeAll(async () => {
    app = await start({ NODE_ENV: 'development' });
  });
  afterAll(() => app.stop());

  const status = `migration(dataset: "participation") {
    dataset state readNewPercent epoch settled businessLogic businessLogicPinned
    switching { to readNewPercent phase since waitingFor }
    copy { total copied quarantined rowsPerSecond etaSeconds running paused complete rateLimit }
    journal { entries oldestAgeSeconds pendingOld pendingNew }
    verification { running checked total differing repaired coverage clean startedAt finishedAt }
    instances { id label epoch lastSeenAt leaseExpiresAt } moves { to readNewPercent allowed blockers { code message count } }
    differences(first: 100) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { key field kind old new firstSeenAt lastSeenAt } } }
    quarantine(first: 100) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { key reason row waived } } }
    history(first: 100) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { from fromPercent to toPercent epoch actor reason at pauseMs acceptedRisks } } } }`;
  const rows = `edges { cursor node { phone { number } event { name question choices } answer recommendationCode rewarded createdAt updatedAt } }`;

  test.each([
    { what: 'introspection', query: getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true }) },
    { what: 'the SDL for a gateway', query: '{ _service { sdl } }' },
    { what: 'all that an operator can see', query: `{ ${status} }` },
    {
      what: 'a switch and what it answers',
      query: `mutation { switchMigration(input: { dataset: "participation", to: MIGRATING, reason: "r", dryRun: true }) { __typename
        ... on MigrationSwitched { migration { history(first: 100) { edges { node { reason } } } moves { blockers { code } } } }
        ... on SwitchBlocked { blockers { code } migration { state } } } }`,
    },
    {
      what: 'the longest page of everything',
      query: `{ event(name: "send-1g-traffic") { participations(first: 100) { totalCount ${rows} } } }`,
    },
    {
      what: 'pages in a page',
      query: `{ events { edges { node { name participationCount participations { totalCount ${rows} } } } } }`,
    },
  ])('let $what pass', async ({ query }) => {
    const { errors, data } = await ask(app, query);
    expect(errors).toBeUndefined();
    expect(data).toBeTruthy();
  });

  test('let the longest batch of a gateway pass', async () => {
    const of = Array.from({ length: 1000 }, (_, i) => ({
      __typename: 'Participation',
      phone: { number: `+861380013${String(i).padStart(4, '0')}` },
      event: { name: 'send-1g-traffic' },
    }));
    const query = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on Participation { phone { number } answer recommendationCode rewarded createdAt updatedAt event { name question } } } }`;
    expect((await ask(app, query, { of })).errors).toBeUndefined();
  });

  test('array batching is off', async () => {
    const response = await app.server.http.inject({
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify([{ query: '{ __typename }' }, { query: '{ __typename }' }]),
    });
    expect(response.statusCode).toBe(400);
    expect(response.json<Reply>().errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
  });
});

describe('in production', () => {
  let app: App;
  beforeAll(async () => {
    app = await start({ NODE_ENV: 'production' });
  });
  afterAll(() => app.stop());

  test('the schema is not told, nor guessed by its suggestions; gateways still get the SDL', async () => {
    for (const query of ['{ __schema { queryType { name } } }', '{ __type(name: "Event") { name } }']) {
      expect((await ask(app, query)).errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    }
    expect(JSON.stringify((await ask(app, '{ evens { nam } }')).errors)).not.toMatch(/Did you mean|events/);
    expect((await ask(app, '{ _service { sdl } }')).data).toMatchObject({
      _service: { sdl: expect.stringContaining('type Event') },
    });
  });
});
