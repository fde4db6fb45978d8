/** What a team writes first: stock Apollo Server standalone, Kysely, DataLoader. A process of its own. */
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import DataLoader from 'dataloader';
import { parse } from 'graphql';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool } from 'pg';
import { announce, participationOf, timeText, required, type Reference, type ReadRow } from './facts.ts';

interface Key {
  readonly phone: string;
  readonly event: string;
}
interface Context {
  readonly participations: DataLoader<Key, ReadRow | null, string>;
}

/** As many as a store of the product has. */
const POOL = 8;
const db = new Kysely<{ participation_old: ReadRow }>({
  dialect: new PostgresDialect({ pool: new Pool({ connectionString: required('OLD_STORE_URL'), max: POOL }) }),
});
const nameOf = ({ phone, event }: Key) => `${phone} ${event}`;

async function load(keys: readonly Key[]): Promise<(ReadRow | null)[]> {
  const rows = await db
    .selectFrom('participation_old')
    .select(['phone', 'event', 'answer'])
    .select(sql.raw<string>(timeText('created_at')).as('created_at'))
    .select(sql.raw<string>(timeText('updated_at')).as('updated_at'))
    .where((eb) =>
      eb(
        eb.refTuple('phone', 'event'),
        'in',
        keys.map(({ phone, event }) => eb.tuple(phone, event)),
      ),
    )
    .execute();
  const found = new Map(rows.map((row) => [nameOf(row), row]));
  return keys.map((key) => found.get(nameOf(key)) ?? null);
}

const typeDefs = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  scalar DateTime
  scalar PhoneNumber
  type Phone @key(fields: "number") { number: PhoneNumber! }
  type Event @key(fields: "name") { name: String! }
  type Participation @key(fields: "phone { number } event { name }") {
    phone: Phone!
    event: Event!
    answer: String
    recommendationCode: String
    createdAt: DateTime!
    updatedAt: DateTime!
  }
  type Query { participation(phone: PhoneNumber!, event: String!): Participation }
`);

async function find(key: Key, { participations }: Context) {
  const row = await participations.load(key);
  return row && participationOf(row);
}

const resolvers = {
  Query: { participation: (_: unknown, key: Key, context: Context) => find(key, context) },
  Participation: {
    __resolveReference: async ({ phone, event }: Reference, context: Context) =>
      find({ phone: phone.number, event: event.name }, context),
  },
};

const server = new ApolloServer<Context>({ schema: buildSubgraphSchema([{ typeDefs, resolvers }]) });
const { url } = await startStandaloneServer(server, {
  listen: { port: 0, host: '127.0.0.1' },
  context: async () => ({ participations: new DataLoader(load, { cacheKeyFn: nameOf }) }),
});
announce(new URL('graphql', url).href);
