/** A small dataset for tests of the engine: who sits where; the new table numbers the seats. */
import { Dataset, integer, text, Unmappable, type RowOf } from '../../src/migration/dataset.ts';

const old = {
  holder: text('holder'),
  show: text('show'),
  seat: text('seat'),
  updated: integer('updated'),
};
const renewed = {
  holder: text('holder'),
  show: text('show'),
  place: text('place'),
  updated: integer('updated'),
};
export type OldTicket = RowOf<typeof old>;
export type NewTicket = RowOf<typeof renewed>;

/** A seat `x` becomes the place `seat x`; the seat `nowhere` has no counterpart. */
export function ticketDataset(): Dataset<OldTicket, NewTicket> {
  return new Dataset<OldTicket, NewTicket>({
    name: 'tickets',
    key: ['holder', 'show'],
    partitionBy: 'holder',
    listBy: ['holder', 'show'],
    old: { name: 'tickets_old', columns: old },
    new: { name: 'tickets_new', columns: renewed },
    mapper: async () => ({
      toNew: ({ seat, ...rest }) => {
        if (seat === 'nowhere') throw new Unmappable('there is no such place');
        return { ...rest, place: `seat ${seat}` };
      },
      toOld: ({ place, ...rest }) => {
        if (!place.startsWith('seat ')) throw new Unmappable('a place is a seat');
        return { ...rest, seat: place.slice('seat '.length) };
      },
    }),
  });
}
