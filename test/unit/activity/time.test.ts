import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTimestamp, timestampOf } from '../../../src/activity/time.ts';

test.each([
  ['2026-01-31T23:59:59Z', '2026-01-31T23:59:59.000000Z'],
  ['2026-01-31t23:59:59.5z', '2026-01-31T23:59:59.500000Z'],
  ['2026-01-31T23:59:59.123456789Z', '2026-01-31T23:59:59.123456Z'],
  ['2026-02-01T07:59:59.000001+08:00', '2026-01-31T23:59:59.000001Z'],
  ['2026-01-31T18:29:59-05:30', '2026-01-31T23:59:59.000000Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000Z'],
])('%s is %s', (text, timestamp) => {
  expect(parseTimestamp(text)).toBe(timestamp);
});

test.each([
  '',
  'now',
  '2026-01-31',
  '2026-01-31T23:59:59',
  '2026-01-31 23:59:59Z',
  '2026-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-01-31T24:00:00Z',
  '2026-01-31T23:60:00Z',
  '2026-01-31T23:59:60Z',
  '2026-01-31T23:59:59+24:00',
  '0000-01-01T00:00:00+00:01',
  '9999-12-31T23:59:59-00:01',
])('%j is no moment', (text) => {
  expect(parseTimestamp(text)).toBeNull();
});

test('milliseconds as a timestamp are the same moment', () => {
  const range = { min: Date.parse('0001-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59Z') };
  fc.assert(
    fc.property(fc.integer(range), (milliseconds) => {
      const timestamp = timestampOf(milliseconds);
      expect(Date.parse(timestamp)).toBe(milliseconds);
      expect(parseTimestamp(timestamp)).toBe(timestamp);
    }),
  );
});
