/** The scalars of the schema. */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { parseTimestamp } from '../activity/time.ts';

/** Inside: a timestamp with six decimals. Outside: as many as it takes, three at least. */
export const DateTime = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  serialize: (value) => moment(value).replace('000Z', 'Z'),
  parseValue: moment,
  parseLiteral: (node) => moment(stringOf(node)),
});

/**
 * Passed on as it is written: what a number is depends on how the service is set up, and what is wrong with one is told as
 * BAD_USER_INPUT with the field, by whoever needs it.
 */
export const PhoneNumber = new GraphQLScalarType<string, string>({
  name: 'PhoneNumber',
  serialize: text,
  parseValue: text,
  parseLiteral: (node) => text(stringOf(node)),
});

function text(value: unknown): string {
  if (typeof value !== 'string') throw new GraphQLError('PhoneNumber must be a string.');
  return value;
}

function moment(value: unknown): string {
  const timestamp = typeof value === 'string' ? parseTimestamp(value) : null;
  if (timestamp === null)
    throw new GraphQLError('DateTime must be an RFC 3339 date and time, like 2026-01-31T20:00:00Z.');
  return timestamp;
}

function stringOf(node: ValueNode): string | null {
  return node.kind === Kind.STRING ? node.value : null;
}
