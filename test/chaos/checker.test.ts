/** The judge is judged: a history that keeps the promises, and for each promise some that break it. */
import { describe, expect, test } from 'vitest';
import { check } from './checker.ts';
import type { Line, ReadLine, Value, WriteKind } from './record.ts';

const [KEY, OTHER] = ['event/1', 'event/2'] as const;
const start: Line = {
  is: 'start',
  seed: 1,
  instances: 2,
  keys: [KEY, OTHER],
  untouched: { event: 10 },
  graceUs: 5,
};

const write = (kind: WriteKind, from: number, to: number | null, after: Value, before?: Value): Line => {
  return { is: 'write', kind, key: KEY, from, to, after, via: 0, ...(before !== undefined && { before }) };
};
const read = (from: number, to: number, value: Value, how: ReadLine['how'] = 'key'): Line => {
  return { is: 'read', key: KEY, from, to, value, how, via: 0 };
};
const list = (from: number, to: number, found: readonly (readonly [string, string])[]): Line => {
  return { is: 'list', of: 'event', from, to, first: null, last: null, found, via: 0 };
};
const count = (from: number, to: number, counted: number): Line => {
  return { is: 'count', of: 'event', from, to, count: counted, via: 0 };
};
const switching = (from: number, to: number): Line => {
  return { is: 'switch', from, to, place: 'MIGRATING', arrived: 'MIGRATING', pauseMs: 1 };
};
const final = (value: Value) => read(1000, 1001, value, 'final');

const judge = (...lines: readonly Line[]) => check([start, ...lines]).violations;

const created = write('CREATE', 1, 2, 'a', null);
const changed = write('CHANGE', 3, 4, 'b');

describe('kept', () => {
  test.each<[string, readonly Line[]]>([
    ['one after the other', [created, changed, read(5, 6, 'b'), write('REMOVE', 7, 8, null, 'b'), final(null)]],
    [
      'a read beside a write sees either',
      [created, write('CHANGE', 3, 9, 'b'), read(4, 5, 'a'), read(6, 7, 'b'), final('b')],
    ],
    [
      'a write in doubt that took effect later',
      [created, write('CHANGE', 3, null, 'b'), read(5, 6, 'a'), read(7, 8, 'b'), final('b')],
    ],
    ['a write in doubt that did not', [created, write('CHANGE', 3, null, 'b'), read(5, 6, 'a'), final('a')]],
    [
      'a withdrawal in doubt between two creates',
      [created, write('REMOVE', 3, null, null), write('CREATE', 5, 6, 'c', null), final('c')],
    ],
    ['a create in doubt that a change found', [write('CREATE', 1, null, 'a'), changed, final('b')]],
    [
      'a list ahead of the key',
      [created, write('CHANGE', 3, 12, 'b'), list(4, 5, [[KEY, 'b']]), read(6, 7, 'a'), final('b')],
    ],
    [
      'in a switch reads go to and fro',
      [created, write('CHANGE', 3, 9, 'b'), switching(3, 9), read(4, 5, 'b'), read(6, 7, 'a'), final('b')],
    ],
    ['a count beside a create', [write('CREATE', 1, 9, 'a', null), count(2, 3, 10), count(4, 5, 11), final('a')]],
    [
      'an error near a fault',
      [
        { is: 'fault', kind: 'kill', on: 1, from: 1, to: 5 },
        { is: 'error', what: 'read', from: 8, to: 9, code: 'LOST', via: 1 },
      ],
    ],
  ])('%s', (_, lines) => {
    expect(judge(...lines)).toEqual([]);
  });
});

describe('broken', () => {
  test.each<[string, RegExp, readonly Line[]]>([
    ['an acknowledged write is lost', /no order explains/, [created, changed, final('a')]],
    ['an acknowledged create is lost', /no order explains/, [created, final(null)]],
    ['what was withdrawn comes back', /no order explains/, [created, write('REMOVE', 3, 4, null, 'a'), final('a')]],
    [
      'two creates',
      /no order explains/,
      [write('CREATE', 1, 5, 'a', null), write('CREATE', 2, 6, 'b', null), final('b')],
    ],
    ['a write of before comes back', /no order explains/, [created, changed, read(5, 6, 'b'), final('a')]],
    ['a stale read', /stale/, [created, changed, read(5, 6, 'a'), final('b')]],
    ['a stale read in a switch', /stale/, [created, changed, switching(3, 9), read(5, 6, 'a'), final('b')]],
    ['a read of nothing', /stale/, [created, switching(1, 9), read(5, 6, null), final('a')]],
    [
      'in a settled state reads go to and fro',
      /no order/,
      [created, write('CHANGE', 3, 9, 'b'), read(4, 5, 'b'), read(6, 7, 'a'), final('b')],
    ],
    [
      'a refusal that is not seen after it',
      /no order/,
      [write('CREATE', 1, 9, 'a', null), read(2, 3, 'a', 'refusal'), read(4, 5, null), final('a')],
    ],
    ['a value of nobody', /nobody had written/, [created, list(3, 4, [[KEY, 'z']]), final('a')]],
    ['a stale list', /stale/, [created, changed, list(5, 6, [[KEY, 'a']]), final('b')]],
    ['a list that lacks a row', /stale/, [created, list(5, 6, []), final('a')]],
    ['a count that is short', /may be 11 to 11/, [created, count(5, 6, 10), final('a')]],
    [
      'a write that failed, and took effect',
      /was answered STORE_UNAVAILABLE, and took effect/,
      [
        { is: 'failed write', kind: 'CREATE', key: KEY, from: 1, to: 2, after: 'a', code: 'STORE_UNAVAILABLE', via: 0 },
        read(3, 4, 'a'),
        final('a'),
      ],
    ],
    [
      'an operation under two states',
      /P4/,
      [{ is: 'accepts', from: 1, to: 2, first: 'ANSWER', second: 'CODE', via: 0 }],
    ],
    ['an error without a fault', /P5/, [{ is: 'error', what: 'read', from: 8, to: 9, code: 'INTERNAL', via: 1 }]],
    [
      'an error after the fault of another instance',
      /P5/,
      [
        { is: 'fault', kind: 'kill', on: 0, from: 1, to: 5 },
        { is: 'error', what: 'read', from: 8, to: 9, code: 'LOST', via: 1 },
      ],
    ],
  ])('%s', (_, message, lines) => {
    expect(judge(...lines).join('\n')).toMatch(message);
  });
});
