import { setTimeout as delay } from 'node:timers/promises';
import {
  buildSchema,
  GraphQLError,
  GraphQLScalarType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { afterEach, describe, expect, test } from 'vitest';
import { OperationExpired } from '../../src/migration/api.ts';
import { createAuthenticator } from '../../src/auth.ts';
import { loadConfig } from '../../src/config.ts';
import { badInput, CrossfadeError } from '../../src/migration/errors.ts';
import { silent } from '../../src/migration/log.ts';
import type { RequestContext } from '../../src/resolvers/context.ts';
import { createServer, type Server, type ServerConfig } from '../../src/server.ts';
import { fakeCatalogue, fakeEngine, noAudit, type FakeEngine } from '../support/fake-engine.ts';
import { answerOf } from '../support/answer.ts';
import { COMPILE_AFTER } from '../support/executor.ts';

const TOKEN = 'a-token-for-tests';
const CONFIG: ServerConfig = {
  requestTimeoutMs: 400,
  switchTimeoutMs: 2000,
  leaseMs: 100,
  bodyLimitBytes: 10_000,
  maxConnections: 100,
  keepAliveTimeoutMs: 5000,
  limits: { ...loadConfig({}).limits, tokens: 200 },
  compileQueriesAfter: COMPILE_AFTER,
  introspection: true,
};

type Resolve = (args: Record<string, unknown>, context: RequestContext, info: GraphQLResolveInfo) => unknown;

const SDL = `
  scalar Even
  type Query { read(n: Int): String  hang: String  fail: String!  even(of: Even!): String  secret: String }
  type Mutation { write(n: Int): String  slow: String  operate: String }
`;

function schemaWith(resolvers: Readonly<Record<string, Resolve>>): GraphQLSchema {
  const schema = buildSchema(SDL);
  for (const type of [schema.getQueryType(), schema.getMutationType()] as GraphQLObjectType<
    unknown,
    RequestContext
  >[]) {
    for (const [name, field] of Object.entries(type.getFields())) {
      const resolve = resolvers[name];
      if (resolve) field.resolve = (_, args, context, info) => resolve(args, context, info);
    }
  }
  const even = schema.getType('Even');
  if (even instanceof GraphQLScalarType) {
    even.parseValue = (value) => {
      if (Number(value) % 2 !== 0) throw badInput('of', `${String(value)} is odd.`);
      return value;
    };
    even.parseLiteral = (node) => even.parseValue('value' in node ? node.value : null);
  }
  return schema;
}

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: {
    data?: Record<string, unknown> | null;
    errors?: { message: string; extensions: Record<string, unknown> }[];
  };
}

interface Bench {
  readonly server: Server;
  ask(query: string, extra?: { variables?: object; headers?: Record<string, string> }): Promise<Reply>;
}

async function bench(
  resolvers: Readonly<Record<string, Resolve>>,
  engine: FakeEngine = fakeEngine(),
  config: Partial<ServerConfig> = {},
): Promise<Bench> {
  const server = await createServer({
    config: { ...CONFIG, ...config },
    schema: schemaWith(resolvers),
    engine,
    catalogue: fakeCatalogue(),
    audit: noAudit,
    authenticator: createAuthenticator({ token: TOKEN, jwt: null, log: silent }),
    log: silent,
  });
  servers.push(server);
  return {
    server,
    ask: async (query, { variables, headers } = {}) => {
      const response = await server.http.inject({
        method: 'POST',
        url: '/graphql',
        headers: { 'content-type': 'application/json', ...headers },
        payload: JSON.stringify({ query, variables }),
      });
      const type = String(response.headers['content-type']);
      return { status: response.statusCode, type, body: answerOf<Reply['body']>(response) };
    },
  };
}

describe('an operation whose lease runs out', () => {
  const load: Resolve = async ({ n }, context, info) => {
    const operation = await context.operation(info);
    await operation.load({ n: Number(n) });
    return `read ${String(n)}`;
  };

  test('is executed again from the start with a new engine operation until one holds', async () => {
    const engine = fakeEngine({ expiries: 2 });
    const { ask } = await bench({ read: load }, engine);
    const { body } = await ask('{ a: read(n: 1) b: read(n: 2) }');
    expect(body).toEqual({ data: { a: 'read 1', b: 'read 2' } });
    expect(engine.begun).toBe(3);
    expect(engine.running).toBe(0);
  });

  test('has its effects once, also when a later field expires', async () => {
    const engine = fakeEngine({ expiries: 2 });
    const effects: number[] = [];
    const write: Resolve = async ({ n }, context, info) => {
      const effect = await context.once(info, async () => effects.push(Number(n)));
      const operation = await context.operation(info);
      await operation.load({ n: Number(n) });
      return `effect ${effect}`;
    };
    const { ask } = await bench({ write }, engine);
    const { body } = await ask('mutation { a: write(n: 7) b: write(n: 8) }');
    expect(body).toEqual({ data: { a: 'effect 1', b: 'effect 2' } });
    expect(effects).toEqual([7, 8]);
    expect(engine.running).toBe(0);
  });

  test('is noticed when a resolver swallows the expiry', async () => {
    const engine = fakeEngine({ expiries: 1 });
    const { ask } = await bench(
      { read: (args, context, info) => Promise.resolve(load(args, context, info)).catch(() => 'swallowed') },
      engine,
    );
    expect((await ask('{ read(n: 1) }')).body).toEqual({ data: { read: 'read 1' } });
  });

  test('gives up at the deadline, and says so', async () => {
    const { ask } = await bench({ read: load }, fakeEngine({ expiries: Infinity }));
    const { body } = await ask('{ read(n: 1) }');
    expect(body.errors?.map((e) => e.extensions['code'])).toEqual(['DEADLINE_EXCEEDED']);
    expect(JSON.stringify(body)).not.toContain('Expired');
  });

  test('after an effect it gives up with an unknown outcome', async () => {
    const write: Resolve = async (args, context, info) => {
      await context.once(info, async () => 'done');
      return load(args, context, info);
    };
    const { ask } = await bench({ write }, fakeEngine({ expiries: Infinity }));
    const { body } = await ask('mutation { write(n: 1) }');
    expect(body.errors?.map((e) => e.extensions['code'])).toEqual(['OUTCOME_UNKNOWN']);
  });

  test('an effect that expired before it happened is tried again', async () => {
    let tries = 0;
    const write: Resolve = (_, context, info) =>
      context.once(info, async () => {
        tries += 1;
        if (tries === 1) throw new OperationExpired();
        return `try ${tries}`;
      });
    const { ask } = await bench({ write });
    expect((await ask('mutation { write }')).body).toEqual({ data: { write: 'try 2' } });
  });
});

describe('engine operations', () => {
  test('one serves a whole query and is ended when a field fails', async () => {
    const engine = fakeEngine();
    const { ask } = await bench(
      {
        read: async (_, context, info) => (await context.operation(info)).place.state,
        fail: async (_, context, info) => {
          await context.operation(info);
          throw new Error('boom');
        },
      },
      engine,
    );
    await ask('{ a: read b: read fail }');
    expect(engine.begun).toBe(1);
    expect(engine.running).toBe(0);
  });

  test('that of a mutation field is over when the next field starts', async () => {
    const engine = fakeEngine();
    const running: number[] = [];
    const write: Resolve = async (_, context, info) => {
      await context.once(info, async () => running.push(engine.running));
      await context.operation(info);
      return 'ok';
    };
    const { ask } = await bench({ write }, engine);
    await ask('mutation { a: write b: write c: write }');
    expect(running).toEqual([0, 0, 0]);
    expect(engine.begun).toBe(3);
    expect(engine.running).toBe(0);
  });
});

describe('deadlines', () => {
  test('a query that hangs is answered soon after REQUEST_TIMEOUT_MS, and its engine operation ends', async () => {
    const engine = fakeEngine();
    const { ask } = await bench(
      {
        hang: async (_, context, info) => {
          await context.operation(info);
          return new Promise<never>(() => {});
        },
      },
      engine,
    );
    const start = performance.now();
    const { status, body } = await ask('{ hang }');
    expect(performance.now() - start).toBeLessThan(2000);
    expect(status).toBe(200);
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'DEADLINE_EXCEEDED' });
    expect(engine.running).toBe(0);
  });

  test('a write that hangs has an unknown outcome', async () => {
    const { ask } = await bench({ slow: (_, context, info) => context.once(info, () => new Promise<never>(() => {})) });
    const { body } = await ask('mutation { slow }');
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'OUTCOME_UNKNOWN' });
  });

  test("an operator's command may take SWITCH_TIMEOUT_MS", async () => {
    const { ask } = await bench({
      operate: (_, context, info) => {
        context.extendDeadline();
        return context.once(info, () => delay(1000, 'switched'));
      },
    });
    expect((await ask('mutation { operate }')).body).toEqual({ data: { operate: 'switched' } });
  });
});

describe('errors', () => {
  const thrown = async (error: unknown): Promise<Reply['body']> => {
    const { ask } = await bench({
      read: async () => {
        throw error;
      },
    });
    const { status, body } = await ask('{ read }');
    expect(status).toBe(200);
    return body;
  };

  test.each([
    [new Error('select * from participation_old at /data/x')],
    [new GraphQLError('near line 3 of secret.sqlite')],
    ['not even an error: postgres://u:p@h/db'],
    [new CrossfadeError('INTERNAL', { message: 'a detail: /data/old.sqlite' })],
  ])('%s is masked', async (error) => {
    const { errors } = await thrown(error);
    expect(errors).toMatchObject([
      { message: 'Something went wrong here; it has been logged.', extensions: { code: 'INTERNAL' } },
    ]);
    expect(JSON.stringify(errors)).not.toMatch(/select|sqlite|postgres|stack/);
  });

  test('codes of the catalogue keep their code, and their own words only where the catalogue says so', async () => {
    const unavailable = new CrossfadeError('STORE_UNAVAILABLE', { message: 'connect ECONNREFUSED 10.0.0.1:5432' });
    expect((await thrown(unavailable)).errors).toMatchObject([
      { message: 'A store that this request needs does not answer.', extensions: { code: 'STORE_UNAVAILABLE' } },
    ]);
    expect((await thrown(badInput('phone', 'That is no phone.'))).errors).toMatchObject([
      { message: 'That is no phone.', extensions: { code: 'BAD_USER_INPUT', field: 'phone' } },
    ]);
  });

  test('a variable or a literal that a scalar refuses is BAD_USER_INPUT with its field', async () => {
    const { ask } = await bench({});
    const variable = await ask('query ($x: Even!) { even(of: $x) }', { variables: { x: 3 } });
    const literal = await ask('{ even(of: 5) }');
    for (const [{ status, body }, value] of [
      [variable, 3],
      [literal, 5],
    ] as const) {
      expect(status).toBe(200);
      expect(body.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'of' });
      expect(body.errors?.[0]?.message).toContain(`${value} is odd.`);
    }
  });

  test('a variable of the wrong type names the variable', async () => {
    const { ask } = await bench({});
    const { body } = await ask('query ($count: Int) { read(n: $count) }', { variables: { count: 'x' } });
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'count' });
  });

  test('an unauthenticated caller learns nothing else', async () => {
    const { ask } = await bench({ secret: (_, context) => context.authorize('migration:read') });
    const refused = await ask('{ secret }', { headers: { authorization: 'Bearer wrong' } });
    expect(refused.body.errors?.[0]).toMatchObject({
      message: 'A valid admin token is required.',
      extensions: { code: 'UNAUTHENTICATED' },
    });
    const allowed = await ask('{ secret }', { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(allowed.body).toEqual({ data: { secret: 'admin' } });
  });
});

describe('GraphQL over HTTP', () => {
  test.each([
    ['a document that does not parse', '{', 'GRAPHQL_PARSE_FAILED'],
    ['a document that does not validate', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['too many tokens', `{ ${'read '.repeat(300)} }`, 'GRAPHQL_PARSE_FAILED'],
  ])('%s is 200 for application/json and 400 for application/graphql-response+json', async (_, query, code) => {
    const { ask } = await bench({});
    const json = await ask(query, { headers: { accept: 'application/json' } });
    expect([json.status, json.body.errors?.[0]?.extensions['code']]).toEqual([200, code]);
    const graphql = await ask(query, { headers: { accept: 'application/graphql-response+json' } });
    expect(graphql.status).toBe(400);
    expect(graphql.type).toContain('application/graphql-response+json');
  });

  test('GET serves queries and refuses mutations', async () => {
    const { server } = await bench({ read: () => 'x' });
    const get = (query: string) =>
      server.http.inject({
        method: 'GET',
        url: `/graphql?query=${encodeURIComponent(query)}`,
        headers: { 'apollo-require-preflight': '1' },
      });
    expect((await get('{ read }')).json()).toEqual({ data: { read: 'x' } });
    expect((await get('mutation { write }')).statusCode).toBe(405);
  });

  test('requests that a browser would send for another site are blocked', async () => {
    const { server } = await bench({ read: () => 'x' });
    const response = await server.http.inject({ method: 'GET', url: '/graphql?query=%7Bread%7D' });
    expect(response.statusCode).toBe(400);
  });

  test.each([
    ['broken JSON', 'application/json', '{"query":', 400],
    ['no query', 'application/json', '{}', 400],
    ['too long a body', 'application/json', JSON.stringify({ query: ' '.repeat(20_000) }), 413],
    ['another content type', 'application/xml', '<query/>', 415],
  ])('%s is refused in the shape of GraphQL', async (_, type, payload, status) => {
    const { server } = await bench({});
    const response = await server.http.inject({
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': type },
      payload,
    });
    expect(response.statusCode).toBe(status);
    expect(response.json<Reply['body']>().errors?.[0]?.extensions['code']).toBe('BAD_REQUEST');
  });

  test('every answer has an id, and introspection can be off', async () => {
    const { server, ask } = await bench({}, fakeEngine(), { introspection: false });
    const response = await server.http.inject({ method: 'GET', url: '/healthz' });
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    const { body } = await ask('{ __schema { types { name } } }');
    expect(body.errors?.[0]?.extensions['code']).toBe('GRAPHQL_VALIDATION_FAILED');
    expect((await ask('{ rea }')).body.errors?.[0]?.message).not.toContain('Did you mean');
  });
});

describe('health', () => {
  test('/readyz follows the engine, and is red while draining; /healthz is not', async () => {
    const engine = fakeEngine();
    const { server } = await bench({}, engine);
    const get = async (url: string) => (await server.http.inject({ method: 'GET', url })).statusCode;
    expect(await get('/readyz')).toBe(200);
    engine.readiness = () => Promise.reject(new CrossfadeError('STORE_UNAVAILABLE', { message: 'at /data/x' }));
    const red = await server.http.inject({ method: 'GET', url: '/readyz' });
    expect(red.statusCode).toBe(503);
    expect(red.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(red.body).not.toContain('/data');
    engine.readiness = () => Promise.resolve();
    server.drain();
    expect(await get('/readyz')).toBe(503);
    expect(await get('/healthz')).toBe(200);
  });

  test('close answers the requests that are under way', async () => {
    const { server } = await bench({ read: () => delay(200, 'late') });
    const address = await server.http.listen({ port: 0, host: '127.0.0.1' });
    const pending = fetch(`${address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ read }' }),
    });
    await delay(50);
    await server.close();
    expect(await (await pending).json()).toEqual({ data: { read: 'late' } });
  });
});
