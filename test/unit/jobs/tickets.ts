/** A dataset for these tests: a ticket's seat, `A-12`, becomes a row and a number. */
import {
  Dataset,
  integer,
  nullable,
  text,
  timestamp,
  Unmappable,
  type Mapper,
  type RowOf,
  type Table,
} from '../../../src/migration/dataset.ts';

const old = {
  name: 'ticket_old',
  columns: {
    holder: text('holder'),
    show: integer('show'),
    seat: text('seat'),
    note: nullable(text('note')),
    soldAt: timestamp('sold_at'),
  },
} satisfies Table;
const now = {
  name: 'ticket_new',
  columns: {
    holder: text('holder'),
    show: integer('show'),
    row: text('seat_row'),
    number: integer('seat_number'),
    note: nullable(text('note')),
    soldAt: timestamp('sold_at'),
  },
} satisfies Table;

export type OldTicket = RowOf<typeof old.columns>;
export type NewTicket = RowOf<typeof now.columns>;

/** Rows that the hall knows; a retry succeeds once its row is here. */
export class Hall {
  readonly rows = new Set(['A', 'B', 'C']);
}

export function tickets(hall = new Hall()): Dataset {
  const mapper: Mapper<OldTicket, NewTicket> = {
    toNew: ({ seat, ...rest }) => {
      const [, row = '', number = ''] = /^(\w+)-(\d+)$/.exec(seat) ?? [];
      if (!hall.rows.has(row)) throw new Unmappable(`no row for seat ${seat}`);
      return { ...rest, row, number: Number(number) };
    },
    toOld: ({ row, number, ...rest }) => {
      if (number < 1) throw new Unmappable(`no seat number ${number}`);
      return { ...rest, seat: `${row}-${number}` };
    },
  };
  const definition = {
    name: 'tickets',
    key: ['holder', 'show'],
    partitionBy: 'holder',
    listBy: ['show'],
    old,
    new: now,
  };
  return new Dataset<OldTicket, NewTicket>({ ...definition, mapper: async () => mapper });
}

export function ticket(holder: string, changes: Partial<OldTicket> = {}): OldTicket {
  return { holder, show: 1, seat: 'A-1', note: null, soldAt: '2026-03-01T12:00:00.000000Z', ...changes };
}

/** Holders `h00000`, `h00001`, … in key order. */
export function ticketRows(count: number): OldTicket[] {
  return Array.from({ length: count }, (_, i) => ticket(`h${String(i).padStart(5, '0')}`, { seat: `B-${i + 1}` }));
}
