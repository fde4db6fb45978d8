/**
 * The one dataset this product ships: who takes part in what.
 *
 * The old table keeps the answer, the new one the recommendation code; `mapping.ts` says how one becomes the other.
 */
import { Dataset, text, timestamp, type Faces, type RowOf } from '../migration/dataset.ts';
import { decodeKey, encodeKey, type KeyField } from '../migration/key.ts';
import type { Catalogue } from './catalogue.ts';
import { participationMapper } from './mapping.ts';
import { phoneParser, type PhoneParser } from './phone.ts';
import { isNameable } from './text.ts';

export const PARTICIPATION = 'participation';

const identity = { phone: text('phone'), event: text('event') };
const times = { createdAt: timestamp('created_at'), updatedAt: timestamp('updated_at') };
const oldColumns = { ...identity, answer: text('answer'), ...times };
const newColumns = { ...identity, recommendationCode: text('recommendation_code'), ...times };

export type OldParticipation = RowOf<typeof oldColumns>;
export type NewParticipation = RowOf<typeof newColumns>;
/** A participation as it was read: as the old table has it, as the new one has it. */
export type ParticipationFaces = Faces<OldParticipation, NewParticipation>;
export type ParticipationKey = { readonly phone: string; readonly event: string };

export type ParticipationDataset = Dataset<OldParticipation, NewParticipation>;

const KEY = ['phone', 'event'] as const satisfies readonly (keyof ParticipationKey)[];
const KEY_FIELDS: readonly KeyField[] = KEY.map((field) => ({ field, type: 'text' }));

/** Is this the encoded key of a participation that there could be? */
export function isParticipationKey(key: string): boolean {
  try {
    const row = decodeKey(KEY_FIELDS, key);
    return encodeKey(KEY_FIELDS, row) === key && Object.values(row).every((part) => isNameable(String(part)));
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The definition; `catalogue` is asked once a batch for the events of its rows. */
export function participationDataset(
  catalogue: Pick<Catalogue, 'getMany'>,
  phones: PhoneParser = phoneParser(),
): ParticipationDataset {
  return new Dataset({
    name: PARTICIPATION,
    key: KEY,
    partitionBy: 'phone',
    listBy: ['phone', 'event'],
    old: { name: 'participation_old', columns: oldColumns },
    new: { name: 'participation_new', columns: newColumns },
    mapper: async (rows) => {
      const names = new Set(rows.map((row) => String(row['event'])));
      return participationMapper(await catalogue.getMany([...names]), phones);
    },
  });
}

/** What both faces agree on; a row has at least one of them. */
export function commonOf(faces: ParticipationFaces): Omit<OldParticipation, 'answer'> {
  const row = faces.old ?? faces.new;
  if (!row) throw new TypeError(`the row ${JSON.stringify(faces.key)} has no face`);
  return row;
}
