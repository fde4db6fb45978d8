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
