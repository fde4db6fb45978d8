/**
 * Encoded keys (key.ts) to and from cells.
 *
 * A key that comes from elsewhere may be one that no row here can have: text with U+0000, or what another engine encodes of cells that
 * hold no value of their column. Such a key is looked for in vain, and as a bound of a list it is cut where the trouble begins: what
 * stays has the same rows above and below it.
 */
import { decodePart, encodeParts, type KeyField } from '../../key.ts';
import type { Cell } from './connection.ts';

export const SEPARATOR = '\u0001';
/** U+0002 that escapes neither U+0001 nor itself: U+0000, or no text at all. */
// oxlint-disable-next-line no-control-regex
const FOREIGN_TEXT = /\u0002(?![\u0003\u0004])/;
const FOREIGN_NUMBER = /^[0-9a-f]{16}(?=.)/;

export function keyOfCells(fields: readonly KeyField[], cells: readonly Cell[]): string {
  return encodeParts(fields, cells);
}

/** The cells of a key, in the order of its fields; null: no row here has this key. */
export function cellsOfKey(fields: readonly KeyField[], key: string): readonly string[] | null {
  const cells = boundOfKey(fields, key);
  return cells.exact ? cells.cells : null;
}

/** The cells of the first key fields, as far as they can be compared with; `exact`: of all of them. RangeError: no key of this dataset. */
export function boundOfKey(
  fields: readonly KeyField[],
  key: string,
): { readonly cells: readonly string[]; readonly exact: boolean } {
  const parts = key.split(SEPARATOR);
  if (parts.length !== fields.length) throw new RangeError(`a key of ${fields.length} fields, got ${parts.length}`);
  const cells: string[] = [];
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (!field) break;
    const part = parts[i] ?? '';
    const proper = properPart(field, part);
    cells.push(String(decodePart(field.type, proper)));
    if (proper !== part) return { cells, exact: false };
  }
  return { cells, exact: cells.every((cell) => cell.isWellFormed()) };
}

/** As much of the part as can be compared with: all of it, or what stands before the foreign. */
function properPart({ type }: KeyField, part: string): string {
  if (type !== 'text') return FOREIGN_NUMBER.exec(part)?.[0] ?? part;
  const { index = part.length } = FOREIGN_TEXT.exec(part) ?? {};
  return part.slice(0, index);
}
