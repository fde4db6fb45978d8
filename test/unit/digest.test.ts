import { expect, test } from 'vitest';
import { array, assert, integer, nat, option, property, record, string } from 'fast-check';
import { addDigests, digestOf, NO_ROWS } from '../../src/migration/digest.ts';

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
