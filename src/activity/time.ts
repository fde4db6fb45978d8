/** Moments as the dataset keeps them: UTC, six decimals, so that they compare as strings. */

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Milliseconds since 1970 as a timestamp. */
export function timestampOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}

/** Timestamps as they are kept, but for the last days of months, which take a calendar: nearly every text that is looked at. */
const KEPT = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;

/** An RFC 3339 moment as a timestamp, digits after the microseconds cut off; null if it is none. */
export function parseTimestamp(text: string): string | null {
  if (KEPT.test(text)) return text;
  const match = RFC3339.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = match;
  const local = new Date(0);
  local.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  // A month or day that does not exist has rolled over into another one.
  if (local.getUTCMonth() !== Number(month) - 1 || local.getUTCDate() !== Number(day)) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return null;
  local.setUTCHours(Number(hour), Number(minute), Number(second));
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000;
  const utc = new Date(local.getTime() - (sign === '-' ? -offset : offset));
  if (utc.getUTCFullYear() < 0 || utc.getUTCFullYear() > 9999) return null;
  return utc.toISOString().replace(/\.\d{3}Z$/, `.${fraction.padEnd(6, '0').slice(0, 6)}Z`);
}
