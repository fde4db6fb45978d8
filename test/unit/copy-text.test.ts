import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromLines, toLine, wholeLines } from '../../src/migration/stores/postgres/copy-text.ts';

const cell = fc.oneof(
  fc.constant(null),
  fc.constantFrom('', '\\N', '\\', '\t', '\n', '\r\n', '\\\t', '\\.', 'N'),
  fc.string({ unit: 'grapheme' }),
);
const row = fc.array(cell, { minLength: 1, maxLength: 5 });

test('what goes into a line comes out of it', () => {
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      expect(fromLines(Buffer.from(rows.map(toLine).join('')))).toEqual(rows);
    }),
  );
});

test('lines are whole, however the bytes come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row), fc.integer({ min: 1, max: 7 }), async (rows, size) => {
      const bytes = Buffer.from(rows.map(toLine).join(''));
      const chunks = async function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      };
      const found: unknown[] = [];
      for await (const text of wholeLines(chunks())) found.push(...fromLines(text));
      expect(found).toEqual(rows);
    }),
  );
});

test('the escapes that only the server makes', () => {
  expect(fromLines(Buffer.from('a\\bb\\fc\\vd\\\\\n'))).toEqual([['a\bb\fc\vd\\']]);
});

test('much that comes at once is given out in pieces, a long line whole', async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => [`row ${i}`, i === 2500 ? 'x'.repeat(100_000) : 'é\t']);
  const chunks = async function* () {
    yield Buffer.from(rows.map(toLine).join(''));
  };
  const found: unknown[] = [];
  let pieces = 0;
  for await (const lines of wholeLines(chunks())) {
    pieces++;
    found.push(...fromLines(lines));
  }
  expect(found).toEqual(rows);
  expect(pieces).toBeGreaterThan(3);
});

test('times with six digits come out as values are spelt, others as the server shows them', () => {
  const line = '2026-01-31 23:59:59.123456+00\t2026-01-31 23:59:59.5+00\t2026-01-31 23:59:59.123456+00\n';
  expect(fromLines(Buffer.from(line), [true, true, false])).toEqual([
    ['2026-01-31T23:59:59.123456Z', '2026-01-31 23:59:59.5+00', '2026-01-31 23:59:59.123456+00'],
  ]);
});
