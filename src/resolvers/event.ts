/** Events: the catalogue, and what the state of the migration makes of it. */
import { checkEvent } from '../activity/define.ts';
import { ACCEPTED } from '../activity/participate.ts';
import { isNameable } from '../activity/text.ts';
import type { Resolvers } from '../generated/schema.ts';
import { participationPage, referenceText } from './activity.ts';
import { connection, cursorForm, pageSize } from './connection.ts';

const EVENTS = cursorForm('e1:', (name) => name.length > 0 && isNameable(name));

export const eventResolvers = {
  Query: {
    event: (_, { name }, { catalogue }) => catalogue.get(name),
    events: async (_, args, context) => {
      const { catalogue } = context;
      const first = pageSize(args, context);
      const after = typeof args.after === 'string' ? EVENTS.decode(args.after) : null;
      const { events, hasNextPage } = await catalogue.page(after, first);
      const edges = events.map((node) => ({ node, cursor: EVENTS.encode(node.name) }));
      return connection({ edges, hasNextPage, totalCount: () => catalogue.count() }, after);
    },
  },

  Mutation: {
    defineEvent: async (_, { input }, context, info) => {
      const actor = await context.authorize('migration:admin');
      const event = checkEvent(input);
      const { audit, catalogue, requestId } = context;
      const command = { actor, command: info.fieldName, dataset: null, input, reason: null, requestId };
      return context.once(info, async () => {
        // While this operation lasts no switch gets past its announce, so the answer holds until the event is written.
        const { place } = await context.operation(info);
        const settledInOneStore = async (): Promise<boolean> =>
          (place.state === 'OLD' || place.state === 'NEW') && (await context.engine.operator.status()).settled;
        return audit.record({ ...command, look: async () => catalogue.get(event.name) }, () =>
          catalogue.define(event, settledInOneStore),
        );
      });
    },
  },

  Event: {
    __resolveReference: async (reference, { catalogue }) => catalogue.get(referenceText(reference.name, 'name')),
    choices: ({ choices }) => choices.map(({ answer }) => answer),
    accepts: async (_, __, context, info) => ACCEPTED[(await context.operation(info)).logic],
    participationCount: async ({ name }, _, context, info) =>
      (await context.operation(info)).count({ field: 'event', value: name }),
    participations: ({ name }, args, context, info) =>
      participationPage({ field: 'event', value: name }, args, context, info),
  },
} satisfies Resolvers;
