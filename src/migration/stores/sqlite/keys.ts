/**
 * Encoded keys (key.ts) to and from the cells of the key columns.
 *
 * A table may hold keys that no dataset can: bytes that are no UTF-8, a blob, a number where text belongs. Lists have to go past such
 * a row, neither skipping its neighbours nor coming back to it, and its key is all that a reader carries from page to page. So an odd
 * cell is encoded too, in a form that no proper key has: what sorts where the cell does, then what it is, then its bytes. The order
 * is exact in the store that made the key, and right elsewhere but for contrived neighbours.
 *
 *   text field     something that sorts right, U+0002, class, hex         numeric field    16 hex digits, class, hex
 */
import { isUtf8 } from 'node:buffer';
import type { Value } from '../../dataset.ts';
import { decodeKey, encodeKey, type KeyField, type KeyType } from '../../key.ts';
import type { Cell } from './connection.ts';
import { InvalidText, type Found } from './types.ts';

/**
 * Classes of odd cells, in the order in which SQLite sorts them. Hex digits, so that an odd numeric key still parses as a number
 * where it is shown.
 */
const REAL = 'a';
const INTEGER = 'b';
const TEXT = 'c';
const BLOB = 'd';

export const SEPARATOR = '\u0001';
// oxlint-disable-next-line no-control-regex
const ODD_TEXT = /^(?:[^\u0002]|\u0002[\u0002-\u0004])*\u0002([a-d])([0-9a-f]*)$/;
const ODD_NUMBER = /^[0-9a-f]{16}([a-d])([0-9a-f]*)$/;
const LAST = '\u{10FFFF}';
const BIAS = 1n << 63n;
const SURROGATES = 0x800;

export function keyOfCells(fields: readonly KeyField[], cells: readonly Found[]): string {
  return fields.map((field, i) => encodePart(field, cells[i] ?? null)).join(SEPARATOR);
}

/** The cells of a key, in the order of its fields; text as bytes, which SQL must cast. RangeError: no key of this dataset. */
export function cellsOfKey(fields: readonly KeyField[], key: string): readonly KeyCell[] {
  const parts = key.split(SEPARATOR);
  if (parts.length !== fields.length) throw new RangeError(`a key of ${fields.length} fields, got ${parts.length}`);
  return fields.map(({ type }, i) => decodePart(type, parts[i] ?? ''));
}

/** `text`: the cell is TEXT with these bytes. */
export type KeyCell = { readonly text: Buffer } | { readonly cell: Cell };

function encodePart(field: KeyField, found: Found): string {
  if (field.type === 'text') {
    if (typeof found === 'string') return proper(field, found);
    if (found instanceof InvalidText) return `${proper(field, justBelow(found.bytes))}${LAST}\u0002${odd(found)}`;
    return `${Buffer.isBuffer(found) ? LAST.repeat(3) : ''}\u0002${odd(found)}`;
  }
  // Also an integer that a double would round: its encoding is exact.
  if (typeof found === 'bigint') return proper(field, found.toString());
  if (typeof found === 'number') return proper(field, floor(found)) + odd(found);
  return 'f'.repeat(16) + odd(found);
}

function proper({ field, type }: KeyField, value: Value): string {
  return encodeKey([{ field, type }], { [field]: value });
}

function odd(found: Found): string {
  if (found instanceof InvalidText) return TEXT + found.bytes.toString('hex');
  if (Buffer.isBuffer(found)) return BLOB + found.toString('hex');
  const form = typeof found === 'string' ? TEXT : typeof found === 'bigint' ? INTEGER : REAL;
  return form + Buffer.from(String(found)).toString('hex');
}

function decodePart(type: KeyType, part: string): KeyCell {
  const [, form, hex = ''] = (type === 'text' ? ODD_TEXT : ODD_NUMBER).exec(part) ?? [];
  if (form === undefined) return decodeProper(type, part);
  const bytes = Buffer.from(hex, 'hex');
  if (form === TEXT) return { text: bytes };
  if (form === BLOB) return { cell: bytes };
  return { cell: form === REAL ? Number(bytes.toString()) : BigInt(bytes.toString()) };
}

function decodeProper(type: KeyType, part: string): KeyCell {
  if (type === 'text') return { text: Buffer.from(String(decodeKey([{ field: 'part', type }], part)['part'])) };
  if (!/^[0-9a-f]{16}$/.test(part)) throw new RangeError('a numeric key field of 16 hex digits');
  return { cell: BigInt(`0x${part}`) - BIAS };
}

function floor(real: number): string {
  if (real >= 2 ** 63) return (BIAS - 1n).toString();
  return real < -(2 ** 63) ? (-BIAS).toString() : BigInt(Math.floor(real)).toString();
}

/** Valid text that sorts below these invalid bytes, and with `LAST` behind it above whatever text sorts below them. */
function justBelow(bytes: Buffer): string {
  let valid = bytes.length;
  while (!isUtf8(bytes.subarray(0, valid))) valid--;
  const bad = bytes.subarray(valid);
  // The highest character whose bytes are below the bad ones; there is one, because those start above ASCII.
  let low = 0;
  let high = 0x10ffff - SURROGATES;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (Buffer.compare(Buffer.from(character(middle)), bad) < 0) low = middle;
    else high = middle - 1;
  }
  return bytes.toString('utf8', 0, valid) + character(low);
}

/** The nth of all characters in the order of their bytes. */
function character(n: number): string {
  return String.fromCodePoint(n < 0xd800 ? n : n + SURROGATES);
}
