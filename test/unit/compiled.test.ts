import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { buildSchema, isObjectType, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { afterAll, describe, expect, test } from 'vitest';
import { compiledQueries } from '../../src/server/compiled.ts';

const SDL = `
  enum Colour { RED }
  scalar Shout
  interface Node { id: ID! }
  type Leaf implements Node { id: ID!  colour: Colour  shout(of: String! = "hey"): Shout }
  type Tree implements Node { id: ID!  leaves(first: Int): [Leaf]!  mute: String!  late: String  called: String  only: Leaf  fails: String  refuses: String! }
  union Thing = Leaf | Tree
  input Wish { name: String  again: Wish }
  type Query { tree: Tree  leaf: Leaf  things(names: [String!]!): [Thing]!  node: Node  wish(for: Wish!): String }
  type Mutation { grow: Tree }
`;

const leaf = { __typename: 'Leaf', id: 'l', colour: 'RED' };
const tree = {
  __typename: 'Tree',
  id: 't',
  leaves: async ({ first }: { first?: number | null }) => [leaf, Promise.resolve(null), leaf].slice(0, first ?? 3),
  mute: null,
  late: () => new Promise((resolve) => setImmediate(() => resolve('late'))),
  called: Promise.resolve('called'),
  only: () => leaf,
  fails: () => {
    throw new Error('it fails');
  },
  refuses: async () => Promise.reject(new Error('it refuses')),
};
const thingOf = async (name: string): Promise<unknown> => {
  if (name === 'bad') throw new Error('a bad name');
  return name === 'none' ? null : name === 'tree' ? tree : leaf;
};
const root: Readonly<Record<string, GraphQLFieldResolver<unknown, unknown>>> = {
  tree: () => tree,
  leaf: async () => leaf,
  things: (_, { names }) => names.map(thingOf),
  node: () => leaf,
  grow: () => tree,
  wish: (_, given) => Object.keys(given.for).join(),
};

function resolveBy(
  built: GraphQLSchema,
  type: string,
  field: string,
  by: GraphQLFieldResolver<typeof tree, unknown>,
): void {
  const found = built.getType(type);
  if (isObjectType(found)) Object.assign(found.getFields()[field] ?? {}, { resolve: by });
}

function schema(): GraphQLSchema {
  const built = buildSchema(SDL);
  for (const type of [built.getQueryType(), built.getMutationType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const by = root[field.name];
      if (by) field.resolve = by;
    }
  }
  resolveBy(built, 'Leaf', 'shout', (_, { of }) => `${of}!`);
  resolveBy(built, 'Tree', 'late', ({ late }) => late());
  return built;
}

const servers: ApolloServer[] = [];
afterAll(async () => {
  for (const server of servers) await server.stop();
});

/** `ran`: how many operations something compiled has answered. */
async function serverWith(after: number) {
  const plugins: ApolloServerPlugin[] = [];
  let ran = 0;
  if (after > 0) {
    const plugin = compiledQueries(after);
    plugins.push({
      serverWillStart: async (service) => plugin.serverWillStart?.(service),
      requestDidStart: async (request) => {
        const listener = await plugin.requestDidStart?.(request);
        return {
          responseForOperation: async (of) => {
            const response = (await listener?.responseForOperation?.(of)) ?? null;
            if (response) ran++;
            return response;
          },
        };
      },
    });
  }
  const server = new ApolloServer({ schema: schema(), plugins, includeStacktraceInErrorResponses: false });
  servers.push(server);
  await server.start();
  const ask = async (query: string, variables: Record<string, unknown> = {}, operationName?: string) => {
    const request = { query, variables, ...(operationName !== undefined && { operationName }) };
    const { body } = await server.executeOperation(request);
    // As a client gets it.
    return body.kind === 'single' ? (JSON.parse(JSON.stringify(body.singleResult)) as unknown) : null;
  };
  return { ask, ran: () => ran };
}

const plain = await serverWith(0);
const compiled = await serverWith(1);

type Case = readonly [query: string, variables: Record<string, unknown>, name?: string];

const COMPILED: readonly Case[] = [
  ['{ tree { id leaves(first: 2) { id colour shout } late } leaf { again: shout(of: "you") } }', {}],
  ['query ($n: Int = 1) { tree { leaves(first: $n) { __typename id } } }', {}],
  ['query ($n: Int = 1) { tree { leaves(first: $n) { __typename id } } }', { n: null }],
  [
    'query ($yes: Boolean!) { tree { id @skip(if: $yes) ...F @include(if: $yes) } } fragment F on Tree { late }',
    { yes: true },
  ],
  [
    'query ($yes: Boolean!) { tree { id @skip(if: $yes) ...F @include(if: $yes) } } fragment F on Tree { late }',
    { yes: false },
  ],
  [
    'query ($names: [String!]!) { things(names: $names) { __typename ... on Leaf { id } ... on Tree { late } } }',
    { names: ['leaf', 'tree', 'none'] },
  ],
  ['{ tree { only { id } } }', {}],
  ['{ node { id ... on Leaf { colour } } __typename }', {}],
  ['query A { leaf { id } } query B { tree { id } }', {}, 'B'],
  ['{ __schema { queryType { name } } __type(name: "Leaf") { fields { name } } }', {}],
];

describe('what is compiled answers as graphql-js does', () => {
  for (const [query, variables, name] of COMPILED) {
    test(query, async () => {
      const before = compiled.ran();
      expect(await compiled.ask(query, variables, name)).toEqual(await plain.ask(query, variables, name));
      expect(compiled.ran()).toBe(before + 1);
    });
  }
});

const REST: readonly (readonly [what: string, ...Case])[] = [
  ['a scalar that is a promise where no resolver is', '{ tree { called } }', {}],
  ['a resolver that fails', '{ tree { id fails late } }', {}],
  ['one in a list, the last', '{ things(names: ["leaf", "none", "bad"]) { __typename } }', {}],
  ['one that may not fail', '{ tree { id refuses } leaf { id } }', {}],
  ['null where there is none', '{ tree { mute } }', {}],
  ['a variable that does not fit', 'query ($n: Int!) { tree { leaves(first: $n) { id } } }', { n: 'one' }],
  ['a variable that is missing', 'query ($n: Int!) { tree { leaves(first: $n) { id } } }', {}],
  ['a mutation', 'mutation { grow { id } }', {}],
  ['fragments that spread fragments', '{ tree { ...A } } fragment A on Tree { ...B } fragment B on Tree { id }', {}],
  ['a long document', `{ tree { ${'id '.repeat(2000)} } }`, {}],
  [
    'fragments that are spread again and again',
    `{ ${Array.from({ length: 30 }, (_, i) => `t${i}: tree { ...A }`).join(' ')} } fragment A on Tree { id }`,
    {},
  ],
  ['an input object that may contain itself', 'query ($wish: Wish!) { wish(for: $wish) }', { wish: { name: 'a' } }],
  ['a variable that is missing in an input object', 'query ($name: String) { wish(for: { name: $name }) }', {}],
  ['a null that decides', 'query ($yes: Boolean = true) { leaf { id @include(if: $yes) } }', { yes: null }],
  ['a name that objects have for something else', '{ leaf { __proto__: id } }', {}],
  ['an operation that is not there', 'query A { leaf { id } } query B { tree { id } }', {}, 'C'],
];

describe('the rest is for graphql-js', () => {
  for (const [what, query, variables, name] of REST) {
    test(what, async () => {
      const before = compiled.ran();
      expect(await compiled.ask(query, variables, name)).toEqual(await plain.ask(query, variables, name));
      expect(compiled.ran()).toBe(before);
    });
  }
});

test('a query is compiled when it has been asked often enough', async () => {
  const { ask, ran } = await serverWith(3);
  const counts: number[] = [];
  for (let i = 0; i < 4; i++) {
    await ask('{ leaf { id } }');
    await ask(`{ leaf { id } } # ${i}`);
    counts.push(ran());
  }
  expect(counts).toEqual([0, 0, 1, 2]);
});
