/** Phones: every valid number is one, whether it takes part in anything or not. */
import type { PhoneParser } from '../activity/phone.ts';
import type { Resolvers } from '../generated/schema.ts';
import { participationPage, phoneNumber, referenceText } from './activity.ts';

export function phoneResolvers(phones: PhoneParser) {
  return {
    Query: {
      phone: (_, { number }) => ({ number: phoneNumber(phones, number, 'number') }),
    },

    Phone: {
      __resolveReference: async (reference) => ({
        number: phoneNumber(phones, referenceText(reference.number, 'number'), 'number'),
      }),
      participations: ({ number }, args, context, info) =>
        participationPage({ field: 'phone', value: number }, args, context, info),
    },
  } satisfies Resolvers;
}
