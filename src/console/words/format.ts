/** Numbers and times as they are shown: short, always the same way, in English, without units that would have to be guessed. */

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

export const count = (value: number): string => WHOLE.format(value);

/** Counts in a sentence: `1 row`, `2 rows`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A rate or a measurement: tenths below ten, whole above. */
export const measured = (value: number): string => (Math.abs(value) < 10 ? TENTHS : WHOLE).format(value);

/** `share` is 0 to 1. 100 % is said of the whole only, 0 % of nothing only. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return '<0.1 %';
  if (share < 1 && share > 0.999) return '>99.9 %';
  return `${TENTHS.format(share * 100)} %`;
}

/** Two units at most: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 0.05) return '0 s';
  if (seconds < 9.95) return `${TENTHS.format(seconds)} s`;
  const whole = Math.round(seconds);
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => whole >= size);
  return units
    .slice(first, first + 2)
    .map(
      ([unit, size], i) =>
        [Math.floor(i === 0 ? whole / size : (whole % (units[first]?.[1] ?? 1)) / size), unit] as const,
    )
    .filter(([value], i) => i === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

export const milliseconds = (ms: number): string => (ms < 10_000 ? `${measured(ms)} ms` : duration(ms / 1000));

/** In the reader's time zone; with the day where it is another one than `now`'s. */
export function moment(iso: string, now: number): string {
  const at = new Date(iso);
  const clock = CLOCK.format(at);
  return at.toDateString() === new Date(now).toDateString() ? clock : `${DAY.format(at)} ${clock}`;
}
