import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Row } from '../../src/migration/dataset.ts';
import { compareKeys, decodeKey, encodeKey, formatKey, isProperKey, type KeyField } from '../../src/migration/key.ts';

const FIELDS: readonly KeyField[] = [
  { field: 'a', type: 'text' },
  { field: 'n', type: 'integer' },
  { field: 'b', type: 'text' },
  { field: 'l', type: 'bigint' },
];

/** Text of characters that are easily put in the wrong order: reserved ones, the ends of UTF-8 lengths, both sides of the surrogates. */
const AWKWARD =
  '\0 \u0001 \u0002 \u0003 \u0004 a b \u007f \u0080 \u07ff \u0800 \ud7ff \ue000 \ufffd \uffff \u{10000} 😀 \u{10ffff}';
const awkward = fc.constantFrom(' ', ...AWKWARD.split(' '));
const anyText = fc.oneof(
  fc.array(awkward, { maxLength: 4 }).map((chars) => chars.join('')),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const anyRow: fc.Arbitrary<Row> = fc.record({
  a: anyText,
  n: fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -2, max: 2 })),
  b: anyText,
  l: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -2n, max: 2n })).map(String),
});

const bytes = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));

/** The order that every store has to list in, said without keys. */
function fieldwise(x: Row, y: Row): number {
  for (const { field, type } of FIELDS) {
    const [a, b] = [x[field] ?? '', y[field] ?? ''];
    const order =
      type === 'text' ? bytes(String(a), String(b)) : BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
    if (order !== 0) return order;
  }
  return 0;
}

describe('keys', () => {
  test('byte order of encoded keys is the order of their fields', () => {
    fc.assert(
      fc.property(anyRow, anyRow, (x, y) => {
        expect(bytes(encodeKey(FIELDS, x), encodeKey(FIELDS, y))).toBe(fieldwise(x, y));
      }),
      { numRuns: 2000 },
    );
  });

  test('rows that differ late are in order too', () => {
    fc.assert(
      fc.property(anyRow, anyRow, fc.integer({ min: 1, max: 3 }), (x, y, same) => {
        const kept = Object.fromEntries(FIELDS.slice(0, same).map(({ field }) => [field, x[field] ?? null]));
        const z = { ...y, ...kept };
        expect(bytes(encodeKey(FIELDS, x), encodeKey(FIELDS, z))).toBe(fieldwise(x, z));
      }),
      { numRuns: 2000 },
    );
  });

  test('compareKeys compares by bytes', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(bytes(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  test('an encoded key comes back as its fields and holds no NUL', () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        const key = encodeKey(FIELDS, row);
        expect(key).not.toContain('\0');
        expect(decodeKey(FIELDS, key)).toEqual(row);
      }),
      { numRuns: 2000 },
    );
  });

  test("JavaScript's own order would be wrong: the character beyond U+FFFF is the higher one", () => {
    expect(['\uffff', '😀'].sort()).toEqual(['😀', '\uffff']);
    expect(compareKeys('\uffff', '😀')).toBeLessThan(0);
  });

  test('a separator inside a field does not make another key', () => {
    const fields: readonly KeyField[] = [
      { field: 'a', type: 'text' },
      { field: 'b', type: 'text' },
    ];
    const one = encodeKey(fields, { a: 'x\u0001', b: 'y' });
    const other = encodeKey(fields, { a: 'x', b: '\u0001y' });
    expect(one).not.toBe(other);
  });

  test('people see the fields, with slashes told from separators', () => {
    const fields: readonly KeyField[] = [
      { field: 'a', type: 'text' },
      { field: 'n', type: 'integer' },
    ];
    expect(formatKey(fields, encodeKey(fields, { a: 'x/y\\', n: -3 }))).toBe('x\\/y\\\\/-3');
  });

  test('a key of other fields is refused', () => {
    expect(() => decodeKey(FIELDS, 'only one')).toThrow(RangeError);
    expect(() => encodeKey(FIELDS, { a: 1, n: 1, b: '', l: '1' })).toThrow(TypeError);
    expect(() => encodeKey(FIELDS, { a: '', n: null, b: '', l: '1' })).toThrow(TypeError);
  });
});

test('a key is proper if a row of every store could have it', () => {
  const fields = [
    { field: 'holder', type: 'text' },
    { field: 'show', type: 'bigint' },
  ] as const;
  const key = (holder: string, show: string) => encodeKey(fields, { holder, show });
  for (const proper of [key('', '0'), key('a\u0000b\u0001c\u0002', '-9223372036854775808'), key('é😀', '7')]) {
    expect(isProperKey(fields, proper)).toBe(true);
  }
  const numeric = key('a', '7');
  const odd = [
    `${numeric}a00`,
    numeric.slice(0, -1),
    'a',
    key('a\u0002', '7').replace('\u0004', 'c61ff'),
    `\ud800${numeric}`,
  ];
  for (const improper of odd) expect(isProperKey(fields, improper)).toBe(false);
});
