/** Participations: taking part, changing, withdrawing, and what one looks like. `answer` and `recommendationCode` come from `@storedIn`. */
import { commonOf, type ParticipationFaces } from '../activity/dataset.ts';
import { isCorrect, type Event } from '../activity/events.ts';
import { admit, change, checkEntry, participate, withdraw, type EventRefusal } from '../activity/participate.ts';
import type { PhoneParser } from '../activity/phone.ts';
import { quote } from '../activity/text.ts';
import { timestampOf } from '../activity/time.ts';
import type { Resolvers } from '../generated/schema.ts';
import { CrossfadeError } from '../migration/errors.ts';
import { findParticipation, phoneNumber, referenceText } from './activity.ts';
import type { RequestContext } from './context.ts';

export function participationResolvers(phones: PhoneParser) {
  return {
    Query: {
      participation: (_, { phone, event }, context, info) =>
        findParticipation({ phone: phoneNumber(phones, phone, 'phone'), event }, context, info),
    },

    Mutation: {
      participate: (_, { input }, context, info) =>
        context.once(info, async () => {
          const phone = phoneNumber(phones, input.phone, 'phone');
          const entry = checkEntry(input);
          const now = timestampOf(Date.now());
          const event = await openEvent(input.event, now, context);
          if ('__typename' in event) return event;
          const decide = participate({ phone, event, entry, now });
          const result = await context.engine.mutate({ phone, event: event.name }, decide, context.deadline);
          if (result.outcome === 'REFUSED') return result.refusal;
          return { __typename: 'Participated', participation: written(result.after) };
        }),

      changeParticipation: (_, { input }, context, info) =>
        context.once(info, async () => {
          const phone = phoneNumber(phones, input.phone, 'phone');
          const entry = checkEntry(input);
          const now = timestampOf(Date.now());
          const event = await openEvent(input.event, now, context);
          if ('__typename' in event) return event;
          const decide = change({ phone, event, entry, now });
          const result = await context.engine.mutate({ phone, event: event.name }, decide, context.deadline);
          if (result.outcome === 'REFUSED') return result.refusal;
          return { __typename: 'ParticipationChanged', participation: written(result.after) };
        }),

      withdrawParticipation: (_, args, context, info) =>
        context.once(info, async () => {
          const phone = phoneNumber(phones, args.phone, 'phone');
          const event = await openEvent(args.event, timestampOf(Date.now()), context);
          if ('__typename' in event) return event;
          const result = await context.engine.mutate({ phone, event: event.name }, withdraw, context.deadline);
          if (result.outcome === 'REFUSED') return result.refusal;
          return { __typename: 'ParticipationWithdrawn', participation: written(result.before) };
        }),
    },

    Participation: {
      __resolveReference: async (reference, context, info) => {
        const phone = phoneNumber(phones, referenceText(reference.phone?.number, 'phone.number'), 'phone.number');
        return findParticipation({ phone, event: referenceText(reference.event?.name, 'event.name') }, context, info);
      },
      phone: (faces) => ({ number: commonOf(faces).phone }),
      // Without a promise where there is none: a list has this field with each of its rows.
      event: (faces, _, { catalogue }) => {
        const name = commonOf(faces).event;
        const event = catalogue.get(name);
        return event instanceof Promise ? event.then((found) => found ?? unlisted(name)) : (event ?? unlisted(name));
      },
      rewarded: async (faces, _, { catalogue }) => {
        const event = await catalogue.get(commonOf(faces).event);
        return event !== null && isRewarded(event, faces);
      },
      createdAt: (faces) => commonOf(faces).createdAt,
      updatedAt: (faces) => commonOf(faces).updatedAt,
    },
  } satisfies Resolvers;
}

function unlisted(name: string): never {
  const message = `A participation is in the event ${quote(name)}, which is not in the catalogue.`;
  throw new CrossfadeError('INTERNAL', { message });
}

async function openEvent(name: string, now: string, { catalogue }: RequestContext): Promise<Event | EventRefusal> {
  return admit(await catalogue.get(name), name, now);
}

function isRewarded(event: Event, { old, new: recent }: ParticipationFaces): boolean {
  return isCorrect(event, { answer: old?.answer ?? null, code: recent?.recommendationCode ?? null });
}

/** The engine hands out the row that it wrote or removed. */
function written(faces: ParticipationFaces | null): ParticipationFaces {
  if (!faces) throw new TypeError('a write without a row');
  return faces;
}
