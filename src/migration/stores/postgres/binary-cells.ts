/**
 * Cells of COPY's binary format (https://www.postgresql.org/docs/current/sql-copy.html): the server takes them as they are, where it would
 * have to read text letter by letter; that is a third of its work. Numbers are big-endian.
 *
 * What the text form of a value says and the binary form cannot, or the other way round, is `Undone`: the batch goes the slow way, in which
 * the server reads text and refuses what it does not like.
 */
import { Undone } from '../streamed.ts';

/** A piece of memory that is written from the front. */
export interface Target {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** Writes a value, spelt as cells are (types.ts), at this place; how many bytes. There is room for `roomOf(text)`. */
type Encode = (target: Target, at: number, text: string) => number;

const MOST_BYTES = 3;
const LEAST_ROOM = 64;

/** Bytes that a value needs at most. */
export function roomOf(text: string): number {
  return text.length * MOST_BYTES + LEAST_ROOM;
}

/** By the server's name of the column's type: all that a dataset's table may have (schema.ts). */
export const ENCODERS: ReadonlyMap<string, Encode> = new Map<string, Encode>([
  ['text', encodeText],
  ['varchar', encodeText],
  ['json', encodeText],
  ['bool', (target, at, text) => target.bytes.writeUInt8(text === 'true' ? 1 : 0, at) - at],
  ['int2', (target, at, text) => target.bytes.writeInt16BE(whole(text, 15), at) - at],
  ['int4', (target, at, text) => target.bytes.writeInt32BE(whole(text, 31), at) - at],
  ['int8', encodeInt8],
  ['timestamp', encodeTime],
  ['timestamptz', encodeTime],
  ['numeric', encodeNumeric],
]);

function encodeText({ bytes }: Target, at: number, text: string): number {
  return bytes.write(text, at, 'utf8');
}

function whole(text: string, bits: number): number {
  const value = Number(text);
  if (value < -(2 ** bits) || value >= 2 ** bits) throw new Undone(`${text} is out of its column's range`);
  return value;
}

const TWO_32 = 2 ** 32;
/** Of a number that a double holds exactly. */
const EXACT_DIGITS = 15;

function encodeInt8({ bytes, view }: Target, at: number, text: string): number {
  if (text.length > EXACT_DIGITS) return bytes.writeBigInt64BE(BigInt(text), at) - at;
  const value = Number(text);
  const high = Math.floor(value / TWO_32);
  view.setInt32(at, high);
  view.setUint32(at + 4, value - high * TWO_32);
  return 8;
}

const ZERO = 0x30;
/** Microseconds of a day, above and below 2^32: so that all years up to 9999 are told exactly without a BigInt. */
const DAY_HIGH = 20;
const DAY_LOW = 500_654_080;
/** Days from 0000-03-01 to 2000-01-01, the server's first. */
const EPOCH_DAYS = 730_425;

/** Microseconds since 2000-01-01, of `2026-01-31T23:59:59.123456Z`. */
export function encodeTime({ view }: Target, at: number, text: string): number {
  // Digit by digit in one piece: it is the most that is done to a row.
  const year =
    text.charCodeAt(0) * 1000 + text.charCodeAt(1) * 100 + text.charCodeAt(2) * 10 + text.charCodeAt(3) - ZERO * 1111;
  const month = text.charCodeAt(5) * 10 + text.charCodeAt(6) - ZERO * 11;
  const day = text.charCodeAt(8) * 10 + text.charCodeAt(9) - ZERO * 11;
  const hour = text.charCodeAt(11) * 10 + text.charCodeAt(12) - ZERO * 11;
  const minute = text.charCodeAt(14) * 10 + text.charCodeAt(15) - ZERO * 11;
  const second = text.charCodeAt(17) * 10 + text.charCodeAt(18) - ZERO * 11;
  const high = text.charCodeAt(20) * 100 + text.charCodeAt(21) * 10 + text.charCodeAt(22) - ZERO * 111;
  const low = text.charCodeAt(23) * 100 + text.charCodeAt(24) * 10 + text.charCodeAt(25) - ZERO * 111;
  // In the server's text form there is no such year.
  if (year === 0) throw new Undone('the year 0000 is none');
  const micros = (hour * 3600 + minute * 60 + second) * 1e6 + high * 1000 + low;
  const days = daysOf(year, month, day);
  const lower = days * DAY_LOW + micros;
  const carried = Math.floor(lower / TWO_32);
  view.setInt32(at, days * DAY_HIGH + carried);
  view.setUint32(at + 4, lower - carried * TWO_32);
  return 8;
}

/** The day that was asked for last: rows that lie beside each other often have the same. */
const last = { date: -1, days: 0 };

function daysOf(year: number, month: number, day: number): number {
  const date = (year << 9) | (month << 5) | day;
  if (date !== last.date) {
    last.days = countDays(year, month, day);
    last.date = date;
  }
  return last.days;
}

/** Since 2000-01-01, in the calendar that is taken to have been in force always; years begin in March, so that leap days end them. */
function countDays(year: number, month: number, day: number): number {
  const early = month <= 2;
  const y = early ? year - 1 : year;
  const ofYear = Math.floor((153 * (early ? month + 9 : month - 3) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + ofYear - EPOCH_DAYS;
}

const GROUP = 4;
const NEGATIVE = 0x4000;
const MOST_GROUPS = 32_767;
/** Digits behind the point: of more the server says in text that they are too many, and in binary it would cut them. */
const MOST_BEHIND = 16_383;

/** Digits in groups of four around the point, the weight of the first group, the sign, and how many digits are shown behind the point. */
function encodeNumeric({ bytes, view }: Target, at: number, text: string): number {
  const negative = text.startsWith('-');
  const [before = '', behind = ''] = (negative ? text.slice(1) : text).split('.');
  const padded = before.padStart(Math.ceil(before.length / GROUP) * GROUP, '0');
  const digits = padded + behind.padEnd(Math.ceil(behind.length / GROUP) * GROUP, '0');
  const groups = Array.from({ length: digits.length / GROUP }, (_, i) =>
    Number(digits.slice(i * GROUP, (i + 1) * GROUP)),
  );
  let weight = padded.length / GROUP - 1;
  while (groups[0] === 0) {
    groups.shift();
    weight--;
  }
  while (groups.at(-1) === 0) groups.pop();
  if (groups.length > MOST_GROUPS || weight > MOST_GROUPS || behind.length > MOST_BEHIND)
    throw new Undone('a number with very many digits');
  view.setInt16(at, groups.length);
  view.setInt16(at + 2, groups.length === 0 ? 0 : weight);
  view.setUint16(at + 4, negative && groups.length > 0 ? NEGATIVE : 0);
  view.setUint16(at + 6, behind.length);
  let to = at + 8;
  for (const group of groups) to = bytes.writeInt16BE(group, to);
  return to - at;
}
