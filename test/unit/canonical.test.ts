import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { timestamp } from '../../src/migration/dataset.ts';
import { canonicalFault } from '../../src/migration/stores/canonical.ts';

const column = timestamp('at');
const isTime = (text: string) => canonicalFault(column, text) === null;

/** `Date` takes 30 February for 2 March and 24:00 for the next day: only what comes back as it went in is a time. */
function byDate(text: string): boolean {
  const time = Date.parse(`${text.slice(0, 19)}Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text.slice(0, 19));
}

test('a time is what the calendar has', () => {
  const two = (most: number) => fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(2, '0'));
  const year = fc.oneof(
    fc.constantFrom('0000', '1900', '2000', '2023', '2024', '2100', '9999'),
    fc.integer({ min: 0, max: 9999 }).map((n) => String(n).padStart(4, '0')),
  );
  const text = fc
    .tuple(year, two(14), two(33), two(25), two(62), two(62))
    .map(([y, mo, d, h, mi, s]) => `${y}-${mo}-${d}T${h}:${mi}:${s}.000001Z`);
  fc.assert(
    fc.property(text, (at) => {
      expect(isTime(at), at).toBe(byDate(at));
    }),
    { numRuns: 2000 },
  );
});

test('a time has one spelling', () => {
  expect(isTime('2026-01-31T23:59:59.123456Z')).toBe(true);
  const others = [
    '2026-01-31T23:59:59Z',
    '2026-01-31T23:59:59.123Z',
    '2026-01-31 23:59:59.123456Z',
    '2026-01-31T23:59:59.123456+00',
    '+26-01-31T23:59:59.123456Z',
    '2026-01-31T23:59:59.123456Z\n',
    'infinity',
    '',
  ];
  for (const other of others) expect(isTime(other), other).toBe(false);
});
