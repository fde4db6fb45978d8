import { expect, test } from 'vitest';
import { readOptions } from '../../bench/lib/options.ts';
import { met, spread, table } from '../../bench/lib/report.ts';
import { percentile, ratioOf, runRounds, summaryOf } from '../../bench/lib/rounds.ts';

test('each round runs all contenders, every other one in reverse, and ratios are of one round', async () => {
  const order: string[] = [];
  const contender = (name: string, values: readonly number[]) => {
    let run = 0;
    return {
      name,
      run: async () => {
        order.push(name);
        return { value: values[run++] ?? NaN };
      },
    };
  };
  const results = await runRounds([contender('a', [10, 30, 40]), contender('b', [10, 10, 20])], 3);
  expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
  const [a, b] = results;
  if (!a || !b) throw new Error('there are two');
  expect(a.value).toEqual({ median: 30, min: 10, max: 40 });
  expect(ratioOf(a, b)).toEqual({ median: 2, min: 1, max: 3 });
});

test('statistics', () => {
  expect(summaryOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([percentile(hundred, 0.99), percentile(hundred, 0.5), percentile([7], 0.99)]).toEqual([99, 50, 7]);
});

test('what is asked for', () => {
  const numbers = { rows: { full: 1000, quick: 10 } };
  expect(readOptions([], numbers)).toEqual({ quick: false, rounds: 5, json: null, only: [], numbers: { rows: 1000 } });
  const args = ['--quick', '--rounds', '3', '--json', 'x.json', '--only', 'a,b'];
  expect(readOptions(args, numbers)).toEqual({
    quick: true,
    rounds: 3,
    json: 'x.json',
    only: ['a', 'b'],
    numbers: { rows: 10 },
  });
  expect(readOptions(['--rows', '77'], numbers).numbers.rows).toBe(77);
  expect(() => readOptions(['--rows', 'many'], numbers)).toThrow('--rows must be a number');
  expect(() => readOptions(['--row', '1'], numbers)).toThrow('--row');
});

test('what is printed', () => {
  expect(spread({ median: 1, min: 1, max: 1 })).toBe('1.00');
  expect(spread({ median: 2, min: 1, max: 3 }, 0)).toBe('2 [1-3]');
  expect(table(['a', 'bb'], [['ccc', 'd']])).toBe('| a   | bb |\n|-----|----|\n| ccc | d  |');
  const measured = { median: 2, min: 1, max: 3 };
  expect(met({ name: '', measured, goal: 2, atLeast: true })).toBe(true);
  expect(met({ name: '', measured, goal: 1.9, atLeast: false })).toBe(false);
});
