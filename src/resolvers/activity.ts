/** What the resolvers of the activity share: numbers and names from outside, and pages of participations. */
import type { GraphQLResolveInfo } from 'graphql';
import type { PageQuery } from '../migration/api.ts';
import { badInput } from '../migration/errors.ts';
import { isParticipationKey, type ParticipationFaces } from '../activity/dataset.ts';
import type { PhoneParser } from '../activity/phone.ts';
import { isNameable, quote } from '../activity/text.ts';
import { connection, cursorForm, pageSize, type Connection, type PageArguments } from './connection.ts';
import type { RequestContext } from './context.ts';

const PARTICIPATIONS = cursorForm('p1:', isParticipationKey);

/** The number in E.164; BAD_USER_INPUT with this field if it is none. */
export function phoneNumber(phones: PhoneParser, text: string, field: string): string {
  const parsed = phones(text);
  if ('reason' in parsed) throw badInput(field, `${quote(text)} cannot be used as a phone: ${parsed.reason}.`);
  return parsed.number;
}

/** Values of a reference come from other subgraphs, unchecked; BAD_USER_INPUT if it is no text. */
export function referenceText(value: unknown, field: string): string {
  if (typeof value !== 'string') throw badInput(field, `The reference needs ${field} as a string.`);
  return value;
}

export async function findParticipation(
  key: { readonly phone: string; readonly event: string },
  context: RequestContext,
  info: GraphQLResolveInfo,
): Promise<ParticipationFaces | null> {
  // No event can have such a name, and not every store could be asked for it.
  if (!isNameable(key.event)) return null;
  return (await context.operation(info)).load(key);
}

/** One page; its children use what it brought. */
export async function participationPage(
  filter: NonNullable<PageQuery['filter']>,
  args: PageArguments,
  context: RequestContext,
  info: GraphQLResolveInfo,
): Promise<Connection<ParticipationFaces>> {
  const first = pageSize(args, context);
  const after = typeof args.after === 'string' ? PARTICIPATIONS.decode(args.after) : null;
  const operation = await context.operation(info);
  const { rows, hasNextPage } = await operation.page({ filter, after, first });
  const edges = rows.map((node) => ({ node, cursor: PARTICIPATIONS.encode(node.key) }));
  return connection({ edges, hasNextPage, totalCount: () => operation.count(filter) }, after);
}
