/** Words and numbers of the console. */
import { describe, expect, test } from 'vitest';
import { duration, measured, moment, percent } from '../../../src/console/words/format.ts';
import { conduct, gist, wayBack, wayOn } from '../../../src/console/words/ladder.ts';
import { STATES, type MigrationState } from '../../../src/migration/states.ts';

test.each([
  [0, '0 s'],
  [0.44, '0.4 s'],
  [9.96, '10 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [200, '3 min 20 s'],
  [3600, '1 h'],
  [7500, '2 h 5 min'],
  [86_400 * 3 + 4 * 3600, '3 d 4 h'],
])('%f seconds are %s', (seconds, shown) => expect(duration(seconds)).toBe(shown));

test.each([
  [0, '0 %'],
  [0.0004, '<0.1 %'],
  [0.5, '50 %'],
  [0.9999, '>99.9 %'],
  [1, '100 %'],
])('a share of %f is %s', (share, shown) => expect(percent(share)).toBe(shown));

test.each([
  [0.04, '0'],
  [9.94, '9.9'],
  [10.4, '10'],
  [12_345, '12,345'],
])('%f measured is %s', (value, shown) => expect(measured(value)).toBe(shown));

test('a moment of another day has its day', () => {
  const now = new Date(2026, 0, 31, 12, 0, 0);
  expect(moment(new Date(2026, 0, 31, 9, 5, 7).toISOString(), now.getTime())).toBe('09:05:07');
  expect(moment(new Date(2026, 0, 30, 9, 5, 7).toISOString(), now.getTime())).toBe('30 Jan 09:05:07');
});

describe('the ladder in words', () => {
  const at = (state: MigrationState, percent_ = state === 'NEW' ? 100 : 0) => ({ state, percent: percent_ });

  test('says of each state what it does', () => {
    const told = Object.fromEntries(STATES.map((state) => [state, { words: conduct(at(state)), short: gist(state) }]));
    expect(told).toMatchSnapshot();
  });

  test('reads in DUAL go by the share', () => {
    expect(conduct(at('DUAL', 0)).reads).toMatch(/^From the old store/);
    expect(conduct(at('DUAL', 10)).reads).toMatch(/^10 of 100 keys from the new store/);
    expect(conduct(at('DUAL', 100)).reads).toMatch(/^From the new store/);
  });

  test('the way on and the way back', () => {
    expect(wayOn(at('OLD')).map(({ state }) => state)).toEqual(['MIGRATING', 'CATCHING_UP', 'DUAL', 'DUAL', 'NEW']);
    expect(wayBack(at('MIGRATING'))).toEqual([at('RETREATING'), at('OLD')]);
    expect(wayBack(at('CATCHING_UP'))).toEqual([at('DUAL'), at('OLD')]);
    expect(wayBack(at('DUAL', 50))).toEqual([at('DUAL', 0), at('OLD')]);
    expect(wayBack(at('OLD'))).toEqual([]);
    expect(wayBack(at('NEW'))).toBeNull();
  });
});
