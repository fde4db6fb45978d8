/** The subgraph: the schema of schema/*.graphql with its resolvers, and what its directives say about migration. */
import { readFileSync } from 'node:fs';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse, type DocumentNode, type GraphQLSchema } from 'graphql';
import type { Resolvers } from '../generated/schema.ts';
import { migratedTypes, resolveStoredFields, type DatasetTables, type MigratedTypes } from '../migration/directive.ts';
import { phoneParser, type PhoneParser } from '../activity/phone.ts';
import { connectionResolvers } from './connection.ts';
import { eventResolvers } from './event.ts';
import { migrationResolvers } from './migration.ts';
import { participationResolvers } from './participation.ts';
import { phoneResolvers } from './phone.ts';
import { DateTime, PhoneNumber } from './scalars.ts';

const documentOf = (file: string): DocumentNode =>
  parse(readFileSync(new URL(`../../schema/${file}`, import.meta.url), 'utf8'));

export const typeDefs: readonly DocumentNode[] = ['activity.graphql', 'migration.graphql'].map(documentOf);

/** All resolvers but those of `@storedIn` fields, which follow from the schema. */
export function resolvers(phones: PhoneParser) {
  const events = eventResolvers;
  const numbers = phoneResolvers(phones);
  const participations = participationResolvers(phones);
  return {
    ...events,
    ...numbers,
    ...participations,
    ...migrationResolvers,
    EventConnection: connectionResolvers,
    ParticipationConnection: connectionResolvers,
    DifferenceConnection: connectionResolvers,
    QuarantineConnection: connectionResolvers,
    TransitionConnection: connectionResolvers,
    DateTime,
    PhoneNumber,
    Query: { ...events.Query, ...numbers.Query, ...participations.Query, ...migrationResolvers.Query },
    Mutation: { ...events.Mutation, ...participations.Mutation, ...migrationResolvers.Mutation },
  } satisfies Resolvers;
}

export interface Subgraph<D extends DatasetTables> {
  readonly schema: GraphQLSchema;
  readonly types: MigratedTypes<D>;
}

/** Throws `CrossfadeError` with a sentence if the schema's directives do not fit the datasets. */
export function buildSubgraph<D extends DatasetTables>(
  datasets: readonly D[],
  phones: PhoneParser = phoneParser(),
): Subgraph<D> {
  const [first, ...others] = typeDefs;
  if (!first) throw new TypeError('no schema');
  const schema = buildSubgraphSchema([
    { typeDefs: first, resolvers: resolvers(phones) },
    ...others.map((document) => ({ typeDefs: document })),
  ]);
  const types = migratedTypes(schema, datasets);
  resolveStoredFields(schema, types);
  return { schema, types };
}
