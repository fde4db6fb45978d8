/**
 * Keys as strings whose byte order is the order of the key's fields.
 *
 * The journal and both stores list rows in the same order only if everybody compares keys alike. So a key is encoded,
 * field after field, into one string without NUL whose UTF-8 byte order equals the field-wise order:
 *
 *   separator  U+0001                      lower than everything that can follow
 *   text       itself, with U+0000, U+0001 and U+0002 written as U+0002 and U+0002, U+0003, U+0004
 *   integer    16 hex digits of the value plus 2^63
 *
 * `compareKeys` compares two such strings by bytes; JavaScript's own `<` compares UTF-16 units and is wrong
 * for characters beyond U+FFFF.
 */
import type { ColumnType, Row, Value } from './dataset.ts';

export const SEPARATOR = '\u0001';
const ESCAPE = '\u0002';
// oxlint-disable-next-line no-control-regex
const RESERVED = /[\u0000-\u0002]/g;
// oxlint-disable-next-line no-control-regex
const ESCAPED = /\u0002([\u0002-\u0004])/g;
const LAST_RESERVED = 2;
/** Keeps the separator out of what is escaped. */
const SHIFT = 2;
const BIAS = 1n << 63n;
const NUMBER = /^[0-9a-f]{16}$/;

export const KEY_TYPES = ['text', 'integer', 'bigint'] as const satisfies readonly ColumnType[];
export type KeyType = (typeof KEY_TYPES)[number];

export interface KeyField {
  readonly field: string;
  readonly type: KeyType;
}

export function encodeKey(fields: readonly KeyField[], row: Row): string {
  return encodeParts(
    fields,
    fields.map(({ field }) => row[field] ?? null),
  );
}

/** As `encodeKey`, of the values of the fields, in their order. */
export function encodeParts(fields: readonly KeyField[], values: readonly Value[]): string {
  let key = '';
  let i = 0;
  for (const { field, type } of fields) {
    const part = encodePart(type, values[i] ?? null, field);
    key = i++ === 0 ? part : `${key}${SEPARATOR}${part}`;
  }
  return key;
}

export function decodeKey(fields: readonly KeyField[], key: string): Row {
  const parts = key.split(SEPARATOR);
  if (parts.length !== fields.length) throw new RangeError(`a key of ${fields.length} fields, got ${parts.length}`);
  return Object.fromEntries(fields.map(({ field, type }, i) => [field, decodePart(type, parts[i] ?? '')]));
}

/** Could a row of every store have this key? Stores encode what no dataset can hold as keys that no row elsewhere has. */
export function isProperKey(fields: readonly KeyField[], key: string): boolean {
  const parts = key.split(SEPARATOR);
  if (!key.isWellFormed() || parts.length !== fields.length) return false;
  if (!fields.every(({ type }, i) => type === 'text' || NUMBER.test(parts[i] ?? ''))) return false;
  return encodeKey(fields, decodeKey(fields, key)) === key;
}

/** For people: the fields joined by `/`, with `/` and `\` inside a field escaped. */
export function formatKey(fields: readonly KeyField[], key: string): string {
  return Object.values(decodeKey(fields, key))
    .map((value) => String(value).replaceAll('\\', '\\\\').replaceAll('/', '\\/'))
    .join('/');
}

function encodePart(type: KeyType, value: Value, field: string): string {
  if (type === 'text') {
    if (typeof value !== 'string') throw new TypeError(`key field ${field} must be text`);
    if (!hasReserved(value)) return value;
    return value.replace(RESERVED, (c) => ESCAPE + String.fromCharCode(c.charCodeAt(0) + SHIFT));
  }
  if (typeof value !== 'number' && typeof value !== 'string')
    throw new TypeError(`key field ${field} must be a number`);
  return (BigInt(value) + BIAS).toString(16).padStart(16, '0');
}

/** Looking is much cheaper than an expression that finds nothing. */
function hasReserved(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) <= LAST_RESERVED) return true;
  return false;
}

/** One field of `decodeKey`. */
export function decodePart(type: KeyType, part: string): Value {
  if (type === 'text' && !hasReserved(part)) return part;
  if (type === 'text') return part.replace(ESCAPED, (_, c: string) => String.fromCharCode(c.charCodeAt(0) - SHIFT));
  const value = BigInt(`0x${part}`) - BIAS;
  return type === 'integer' ? Number(value) : value.toString();
}

/** Byte order of the UTF-8 form of two well-formed strings: negative, zero or positive. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** UTF-16 puts surrogates below U+E000 to U+FFFF, UTF-8 puts the characters they stand for above. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
