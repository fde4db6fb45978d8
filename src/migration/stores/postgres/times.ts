/** Times as PostgreSQL keeps them, microseconds since 2000-01-01, spelt as values are and as the server shows them. */

const TWO_32 = 2 ** 32;
const SECOND = 1_000_000;
const DAY_SECONDS = 86_400;
const DAY = DAY_SECONDS * SECOND;
/** Days from 0000-03-01, with which years begin here, to 2000-01-01, and those of 400 years. */
const [EPOCH_DAYS, DAYS_400] = [730_425, 146_097];
/** Times that a double holds exactly have upper halves below this: 285 years. */
const EXACT_HIGH = 2 ** 21;
const LATEST = 2n ** 63n - 1n;
const [ZERO, DASH, COLON, POINT, UPPER_T, UPPER_Z] = [0x30, 0x2d, 0x3a, 0x2e, 0x54, 0x5a];

export const SPELT_LENGTH = '2026-01-31T23:59:59.123456Z'.length;

/** Is it told by `spellTime`? By the upper half of the microseconds. */
export function isOrdinary(high: number): boolean {
  return high >= -EXACT_HIGH && high < EXACT_HIGH;
}

/** `2026-01-31T23:59:59.123456Z`, there. */
export function spellTime(out: Uint8Array, at: number, high: number, low: number): void {
  const micros = high * TWO_32 + low;
  const days = Math.floor(micros / DAY);
  const ofDay = micros - days * DAY;
  const seconds = Math.floor(ofDay / SECOND);
  const fraction = ofDay - seconds * SECOND;
  const date = dateOf(days);
  for (let i = 0; i < date.length; i++) out[at + i] = date[i] ?? 0;
  out[at + 10] = UPPER_T;
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  twoDigits(out, at + 11, hours);
  out[at + 13] = COLON;
  twoDigits(out, at + 14, minutes - hours * 60);
  out[at + 16] = COLON;
  twoDigits(out, at + 17, seconds - minutes * 60);
  out[at + 19] = POINT;
  const upper = (fraction / 10_000) | 0;
  const middle = ((fraction / 100) | 0) - upper * 100;
  twoDigits(out, at + 20, upper);
  twoDigits(out, at + 22, middle);
  twoDigits(out, at + 24, fraction - upper * 10_000 - middle * 100);
  out[at + 26] = UPPER_Z;
}

function twoDigits(out: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  out[at] = ZERO + tens;
  out[at + 1] = ZERO + value - tens * 10;
}

/** The day that was asked for last: rows that lie beside each other often have the same. */
const last = { days: NaN, date: new Uint8Array('2026-01-31'.length) };

function dateOf(days: number): Uint8Array {
  if (days !== last.days) {
    const [year, month, day] = calendarOf(days);
    const { date } = last;
    twoDigits(date, 0, (year / 100) | 0);
    twoDigits(date, 2, year % 100);
    date[4] = DASH;
    twoDigits(date, 5, month);
    date[7] = DASH;
    twoDigits(date, 8, day);
    last.days = days;
  }
  return last.date;
}

/** Of days since 2000-01-01; the year before the first is 0. */
function calendarOf(days: number): readonly [year: number, month: number, day: number] {
  const since = days + EPOCH_DAYS;
  const era = Math.floor(since / DAYS_400);
  const ofEra = since - era * DAYS_400;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * ofYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const day = ofYear - Math.floor((153 * shifted + 2) / 5) + 1;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

/** Any time, as the server shows it under DateStyle ISO in UTC. */
export function shown(micros: bigint): string {
  if (micros === LATEST) return 'infinity';
  if (micros === -LATEST - 1n) return '-infinity';
  const ofDay = ((micros % BigInt(DAY)) + BigInt(DAY)) % BigInt(DAY);
  const [year, month, day] = calendarOf(Number((micros - ofDay) / BigInt(DAY)));
  const seconds = Math.floor(Number(ofDay) / SECOND);
  const fraction = String(Number(ofDay) % SECOND)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const date = [String(year > 0 ? year : 1 - year).padStart(4, '0'), padded(month), padded(day)].join('-');
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(padded).join(':');
  return `${date} ${time}${fraction === '' ? '' : `.${fraction}`}+00${year > 0 ? '' : ' BC'}`;
}

function padded(value: number): string {
  return String(value).padStart(2, '0');
}
