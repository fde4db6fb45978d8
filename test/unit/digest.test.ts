import { expect, test } from 'vitest';
import { array, assert, integer, nat, option, property, record, string } from 'fast-check';
import { addDigests, digestOf, know, NO_ROWS, RowHasher } from '../../src/migration/digest.ts';

const row = record({ key: string(), row: record({ a: string(), b: option(integer()) }) });

test('digests of parts add up to that of the whole, in any order', () => {
  assert(
    property(array(row), nat(), (rows, cut) => {
      const at = rows.length === 0 ? 0 : cut % rows.length;
      const parts = addDigests(digestOf(rows.slice(at)), digestOf(rows.slice(0, at)));
      expect(parts).toEqual(digestOf(rows));
      expect(digestOf(rows.toReversed())).toEqual(digestOf(rows));
    }),
  );
});

test('a changed value, a missing row and a row twice each change the digest', () => {
  const rows = ['a', 'b', 'c'].map((key) => ({ key, row: { a: key, b: null } }));
  const [first, ...rest] = rows;
  if (!first) throw new Error('unreachable');
  const others = [[{ ...first, row: { a: 'x', b: null } }, ...rest], rest, [...rows, first], []];
  const hashes = [rows, ...others].map((found) => digestOf(found).hash);
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(digestOf([])).toEqual(NO_ROWS);
});

test('of bytes it is the same as of the text, however long', () => {
  assert(
    property(array(array(string({ unit: 'grapheme' }), { maxLength: 4 })), (rows) => {
      const stored = () =>
        rows.map((texts) => ({ key: 'k', row: Object.fromEntries(texts.map((t, i) => [`f${i}`, t])) }));
      const hasher = new RowHasher();
      for (const texts of rows) {
        hasher.begin();
        hasher.value('begun and not ended');
        hasher.begin();
        for (const text of texts) {
          const bytes = Buffer.from(`x${text}x`);
          hasher.bytes(bytes, 1, bytes.length - 1);
        }
        hasher.end();
      }
      const found = stored();
      know(found, hasher);
      expect(digestOf(found)).toEqual(digestOf(stored()));
    }),
  );
});
