/** Numbers: read from the command line, and written for people. */
import { CommandFailure } from './exit.ts';
import { text, type Given } from './command.ts';

/** null: not given. Throws `CommandFailure` for anything but a whole number from `least` to `most`. */
export function wholeNumber(given: Given, name: string, least: number, most: number): number | null {
  const value = text(given, name);
  if (value === null) return null;
  const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  if (number >= least && number <= most) return number;
  throw new CommandFailure(
    'USAGE',
    `${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}.`,
  );
}

const GROUPED = new Intl.NumberFormat('en');

export function grouped(number: number): string {
  return GROUPED.format(Math.round(number));
}

/** `1 row`, `2,000 rows`. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

export function seconds(number: number): string {
  if (number < 120) return `${number.toFixed(number < 10 ? 1 : 0)} s`;
  return number < 7200 ? `${Math.round(number / 60)} min` : `${(number / 3600).toFixed(1)} h`;
}
