/**
 * Encoded keys (key.ts) as cells of the key columns, and as the bytes under which the tables beside the dataset's keep them.
 *
 * A key may come from another store, which has rows that no dataset can: an encoding that is no proper one. No row here has such a
 * key, but lists begin and end at it.
 */
import { createHash } from 'node:crypto';
import { decodeKey, encodeKey, type KeyField, type KeyType } from '../../key.ts';
import type { Cell } from './connection.ts';

export const SEPARATOR = '\u0001';
const BIAS = 1n << 63n;
const HEX_DIGITS = 16;
/** InnoDB has room for 3072 bytes in an index, and dataset and role are in it too. */
export const KEY_ID_BYTES = 2500;
const HASH_BYTES = 32;

/** The cells of a key, in the order of its fields. RangeError: no key of this dataset. */
export function cellsOfKey(fields: readonly KeyField[], key: string): readonly Cell[] {
  const parts = key.split(SEPARATOR);
  if (parts.length !== fields.length) throw new RangeError(`a key of ${fields.length} fields, got ${parts.length}`);
  return fields.map(({ type }, i) => cellOf(type, parts[i] ?? ''));
}

/** Is it the key of a row that there could be? */
export function isProper(fields: readonly KeyField[], key: string): boolean {
  if (!key.isWellFormed()) return false;
  const row = Object.fromEntries(cellsOfKey(fields, key).map((cell, i) => [fields[i]?.field, String(cell)]));
  return encodeKey(fields, row) === key;
}

/**
 * A long key's place is taken by its beginning and a hash, so that every key has one place in the order of bytes. It is exact for
 * keys below 2500 bytes; longer ones may change places only among those that begin alike. No short key is as long as that.
 */
export function keyId(key: string): Buffer {
  const bytes = Buffer.from(key);
  if (bytes.length < KEY_ID_BYTES) return bytes;
  const hash = createHash('sha256').update(bytes).digest();
  return Buffer.concat([bytes.subarray(0, KEY_ID_BYTES - HASH_BYTES), hash]);
}

function cellOf(type: KeyType, part: string): Cell {
  if (type === 'text') return String(decodeKey([{ field: 'part', type }], part)['part']).toWellFormed();
  // What another store puts behind the digits lies between this number and the next.
  const digits = part.slice(0, HEX_DIGITS);
  if (!/^[0-9a-f]{16}$/.test(digits)) throw new RangeError('a numeric key field begins with 16 hex digits');
  return BigInt(`0x${digits}`) - BIAS;
}
