/**
 * What counts as a value: the rules of `Value`, column by column, the same for every engine.
 *
 * A value that breaks them is refused when it is written and reported as unreadable when it is read: two spellings of one value
 * would make compare-and-set fail and the verification find differences where there are none.
 */
import type { Column, ColumnType, Value } from '../dataset.ts';

const INT64 = 2n ** 63n;
const DIGITS = /^(?:0|-?[1-9]\d*)$/;
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/;
const TIME = '0000-00-00T00:00:00.000000Z';
const ZERO = 0x30;

const RULES: Record<ColumnType, { readonly must: string; holds(value: Value): boolean }> = {
  text: { must: 'be text of whole Unicode characters', holds: isText },
  integer: { must: 'be an integer between -(2^53 - 1) and 2^53 - 1', holds: (v) => Number.isSafeInteger(v) },
  bigint: { must: 'be an integer of 64 bits, in decimal digits', holds: isBigint },
  decimal: {
    must: 'be a decimal number without exponent and superfluous zeros',
    holds: (v) => typeof v === 'string' && DECIMAL.test(v) && v !== '-0',
  },
  timestamp: { must: 'be a UTC time like 2026-01-31T23:59:59.123456Z', holds: isTimestamp },
  boolean: { must: 'be true or false', holds: (v) => typeof v === 'boolean' },
  json: { must: 'be JSON text', holds: isJson },
};

/** Why this is no value of the column, in words that follow the column's name ("must be …"); null: it is one. */
export function canonicalFault(column: Column, value: Value): string | null {
  if (value === null) return column.nullable ? null : 'must not be null';
  const rule = RULES[column.type];
  return rule.holds(value) ? null : `must ${rule.must}`;
}

function isText(value: Value): boolean {
  return typeof value === 'string' && value.isWellFormed();
}

function isBigint(value: Value): boolean {
  if (typeof value !== 'string' || value.length > 20 || !DIGITS.test(value)) return false;
  const n = BigInt(value);
  return n >= -INT64 && n < INT64;
}

/** Not by `Date` or an expression, which take far longer: a copy asks for every time of every row. */
function isTimestamp(value: Value): boolean {
  if (typeof value !== 'string' || value.length !== TIME.length) return false;
  for (let i = 0; i < TIME.length; i++) {
    const wanted = TIME.charCodeAt(i);
    const off = value.charCodeAt(i) - wanted;
    if (wanted === ZERO ? off < 0 || off > 9 : off !== 0) return false;
  }
  const [month, day] = [twoDigits(value, 5), twoDigits(value, 8)];
  if (month < 1 || month > 12 || day < 1) return false;
  if (twoDigits(value, 11) > 23 || twoDigits(value, 14) > 59 || twoDigits(value, 17) > 59) return false;
  return day <= 28 || day <= daysOf(twoDigits(value, 0) * 100 + twoDigits(value, 2), month);
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function isJson(value: Value): boolean {
  if (typeof value !== 'string' || !value.isWellFormed()) return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
