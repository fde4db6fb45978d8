/**
 * Two datasets for tests. A suffix makes another one of the same kind, with tables of its own, so that many can share a database.
 *
 *   notes      text keys; the old table has an answer, the new one a code
 *   readings   numeric keys, every type of column, nullable fields, three listed fields
 */
import {
  bigint,
  boolean,
  Dataset,
  decimal,
  integer,
  json,
  nullable,
  text,
  timestamp,
  Unmappable,
  type RowOf,
} from '../../src/migration/dataset.ts';

const noteOld = {
  owner: text('owner'),
  topic: text('topic'),
  answer: text('answer'),
  createdAt: timestamp('created_at'),
};
const noteNew = { owner: text('owner'), topic: text('topic'), code: text('code'), createdAt: timestamp('created_at') };
export type OldNote = RowOf<typeof noteOld>;
export type NewNote = RowOf<typeof noteNew>;

/** A code is `#` and the answer. Answers that begin with `?` have none. */
export function notes(suffix = ''): Dataset<OldNote, NewNote> {
  return new Dataset<OldNote, NewNote>({
    name: `notes${suffix}`,
    key: ['owner', 'topic'],
    partitionBy: 'owner',
    listBy: ['owner', 'topic'],
    old: { name: `note_old${suffix}`, columns: noteOld },
    new: { name: `note_new${suffix}`, columns: noteNew },
    mapper: async () => ({
      toNew: ({ answer, ...kept }) => {
        if (answer.startsWith('?')) throw new Unmappable(`the answer ${answer} has no code`);
        return { ...kept, code: `#${answer}` };
      },
      toOld: ({ code, ...kept }) => {
        if (!code.startsWith('#')) throw new Unmappable(`the code ${code} stands for no answer`);
        return { ...kept, answer: code.slice(1) };
      },
    }),
  });
}

export function oldNote(owner: string, topic: string, answer = 'A'): OldNote {
  return { owner, topic, answer, createdAt: '2026-01-31T23:59:59.123456Z' };
}

export function newNote(owner: string, topic: string, code = '#A'): NewNote {
  return { owner, topic, code, createdAt: '2026-01-31T23:59:59.123456Z' };
}

const readingShared = {
  meter: integer('meter_no'),
  sequence: bigint('seq'),
  region: text('region'),
  tariff: nullable(integer('tariff')),
  price: decimal('price'),
  detail: nullable(json('detail')),
  takenAt: timestamp('taken_at'),
  checkedAt: nullable(timestamp('checked_at')),
};
const readingOld = { ...readingShared, kwh: decimal('kwh'), estimated: boolean('estimated') };
const readingNew = { ...readingShared, wattHours: bigint('watt_hours'), certain: nullable(boolean('certain')) };
export type OldReading = RowOf<typeof readingOld>;
export type NewReading = RowOf<typeof readingNew>;

/** Energy goes from kWh with decimals to whole Wh; finer ones have no counterpart. */
export function readings(suffix = ''): Dataset<OldReading, NewReading> {
  return new Dataset<OldReading, NewReading>({
    name: `readings${suffix}`,
    key: ['meter', 'sequence'],
    partitionBy: 'meter',
    listBy: ['meter', 'region', 'tariff'],
    old: { name: `reading_old${suffix}`, columns: readingOld },
    new: { name: `reading_new${suffix}`, columns: readingNew },
    mapper: async () => ({
      toNew: ({ kwh, estimated, ...kept }) => ({ ...kept, wattHours: wattHours(kwh), certain: !estimated }),
      toOld: ({ wattHours: wh, certain, ...kept }) => {
        if (certain === null) throw new Unmappable('it is not known whether the reading is certain');
        return { ...kept, kwh: kilowattHours(wh), estimated: !certain };
      },
    }),
  });
}

const shared = {
  region: 'north',
  tariff: 7,
  price: '0.1',
  detail: '{"by":"Zoë"}',
  takenAt: '2026-02-28T00:00:00.000000Z',
  checkedAt: null,
};

export function oldReading(meter: number, sequence: string, change: Partial<OldReading> = {}): OldReading {
  return { meter, sequence, ...shared, kwh: '12.345', estimated: false, ...change };
}

export function newReading(meter: number, sequence: string, change: Partial<NewReading> = {}): NewReading {
  return { meter, sequence, ...shared, wattHours: '12345', certain: true, ...change };
}

function wattHours(kwh: string): string {
  const [, sign = '', whole = '', part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(kwh) ?? [];
  if (part.length > 3) throw new Unmappable(`${kwh} kWh is no whole number of watt hours`);
  return BigInt(`${sign}1`) * BigInt(whole + part.padEnd(3, '0')) + '';
}

function kilowattHours(wh: string): string {
  const digits = wh.replace('-', '').padStart(4, '0');
  const kwh = `${digits.slice(0, -3)}.${digits.slice(-3)}`.replace(/\.?0+$/, '');
  return wh.startsWith('-') ? `-${kwh}` : kwh;
}
