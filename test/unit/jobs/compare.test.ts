import { describe, expect, test } from 'vitest';
import { compare, type Pair } from '../../../src/migration/jobs/compare.ts';
import { mapBatch } from '../../../src/migration/jobs/mapping.ts';
import type { Row } from '../../../src/migration/dataset.ts';
import { ticket, tickets, type NewTicket } from './tickets.ts';

const dataset = tickets();
const key = dataset.keyOf(ticket('ann'));
const old = ticket('ann', { seat: 'A-12', note: 'aisle' });
const now: NewTicket = { holder: 'ann', show: 1, row: 'A', number: 12, note: 'aisle', soldAt: old.soldAt };

async function differences(a: Row | string | null, b: Row | string | null) {
  const side = (value: Row | string | null): Pair['old'] => {
    if (value === null) return undefined;
    return typeof value === 'string' ? { key, unreadable: value, raw: '' } : { key, row: value };
  };
  const found = compare(dataset, await dataset.mapper([]), { key, old: side(a), new: side(b) });
  return found.map((difference) => ({ ...difference, key: dataset.showKey(difference.key) }));
}

describe('compare', () => {
  test('nothing to say about equal rows, and about no rows', async () => {
    expect(await differences(old, now)).toEqual([]);
    expect(await differences(null, null)).toEqual([]);
  });

  test('names each field that differs, as the new table has it', async () => {
    expect(await differences(old, { ...now, number: 13, note: null })).toEqual([
      { key: 'ann/1', field: 'number', kind: 'DIFFERS', old: '12', new: '13' },
      { key: 'ann/1', field: 'note', kind: 'DIFFERS', old: 'aisle', new: null },
    ]);
  });

  test('a field of the old table alone is compared as the new row maps back', async () => {
    expect(await differences({ ...old, seat: 'A-012' }, now)).toEqual([
      { key: 'ann/1', field: 'seat', kind: 'DIFFERS', old: 'A-012', new: 'A-12' },
    ]);
  });

  test('a row that one store lacks', async () => {
    expect(await differences(old, null)).toEqual([
      { key: 'ann/1', field: null, kind: 'ONLY_IN_OLD', old: JSON.stringify(old), new: null },
    ]);
    expect(await differences(null, now)).toEqual([
      { key: 'ann/1', field: null, kind: 'ONLY_IN_NEW', old: null, new: JSON.stringify(now) },
    ]);
  });

  test('a row that cannot be read or mapped, on either side', async () => {
    const unreadable = { key: 'ann/1', field: null, kind: 'UNREADABLE' };
    expect(await differences('invalid bytes', now)).toEqual([
      { ...unreadable, old: 'invalid bytes', new: JSON.stringify(now) },
    ]);
    expect(await differences(old, 'invalid bytes')).toEqual([
      { ...unreadable, old: JSON.stringify(old), new: 'invalid bytes' },
    ]);
    expect(await differences({ ...old, seat: 'floor' }, null)).toEqual([
      { ...unreadable, old: 'no row for seat floor', new: null },
    ]);
    expect(await differences(old, { ...now, number: 0 })).toEqual([
      { ...unreadable, old: JSON.stringify(old), new: 'no seat number 0' },
    ]);
  });
});

describe('mapBatch', () => {
  test('quarantines with the reason what has no new row, or would not come back from it as it was', async () => {
    const floor = ticket('bob', { seat: 'floor' });
    const lossy = ticket('eve', { seat: 'A-012' });
    const found = [old, floor, lossy].map((row) => ({ key: dataset.keyOf(row), row }));
    const broken = { key: 'k', unreadable: 'invalid bytes', raw: '{"seat":"ff"}' };
    expect(await mapBatch(dataset, [...found, broken])).toEqual({
      rows: [now],
      keys: [key],
      olds: [old],
      quarantine: [
        { key: dataset.keyOf(floor), reason: 'no row for seat floor', row: JSON.stringify(floor) },
        { key: dataset.keyOf(lossy), reason: 'seat "A-012" would come back as "A-12"', row: JSON.stringify(lossy) },
        { key: 'k', reason: 'invalid bytes', row: '{"seat":"ff"}' },
      ],
    });
  });
});
