/** The judge is judged: histories that keep the promises, and for each promise one that breaks it. */
import { describe, expect, test } from 'vitest';
import { History, type ReadEvent, type Value, type WriteEvent } from '../support/kill/checker.ts';

type Write = readonly [kind: WriteEvent['kind'], from: number, to: number, after: Value, before?: Value];
type Read = readonly [how: ReadEvent['how'], from: number, to: number, value: Value];
const LOST = Infinity;

function judge(
  writes: readonly Write[],
  reads: readonly Read[],
  final: Value,
  switches: History['switches'] = [],
): string[] {
  const history = new History();
  for (let tick = 0; tick < 100; tick++) history.tick();
  for (const [kind, from, to, after, before] of writes)
    history.writes.push({ key: 'k', kind, from, to, after, before });
  for (const [how, from, to, value] of reads) history.reads.push({ kind: 'READ', key: 'k', how, from, to, value });
  history.switches.push(...switches);
  return history.violations(new Map(final === null ? [] : [['k', final]]));
}

describe('kept', () => {
  test.each<[string, readonly Write[], readonly Read[], Value]>([
    [
      'one after the other',
      [
        ['CREATE', 1, 2, 'a', null],
        ['CHANGE', 3, 4, 'b'],
      ],
      [['key', 5, 6, 'b']],
      'b',
    ],
    [
      'a lost write that took effect',
      [
        ['CREATE', 1, 2, 'a', null],
        ['CHANGE', 3, LOST, 'b'],
      ],
      [['key', 5, 6, 'b']],
      'b',
    ],
    [
      'a lost write that did not',
      [
        ['CREATE', 1, 2, 'a', null],
        ['CHANGE', 3, LOST, 'b'],
      ],
      [['key', 5, 6, 'a']],
      'a',
    ],
    [
      'two creates, one after a withdrawal',
      [
        ['CREATE', 1, 2, 'a', null],
        ['REMOVE', 3, 4, null, 'a'],
        ['CREATE', 5, 6, 'b', null],
      ],
      [],
      'b',
    ],
    [
      'two creates, a lost withdrawal between them',
      [
        ['CREATE', 1, 2, 'a', null],
        ['REMOVE', 3, LOST, null],
        ['CREATE', 5, 6, 'b', null],
      ],
      [],
      'b',
    ],
    [
      'a read beside a write sees either',
      [['CREATE', 1, 9, 'a', null]],
      [
        ['key', 2, 3, null],
        ['key', 4, 5, 'a'],
      ],
      'a',
    ],
  ])('%s', (_, writes, reads, final) => {
    expect(judge(writes, reads, final)).toEqual([]);
  });

  test('reads during a switch may go to and fro beside a write', () => {
    const reads: Read[] = [
      ['key', 2, 3, 'a'],
      ['key', 4, 5, null],
    ];
    expect(judge([['CREATE', 1, 9, 'a', null]], reads, 'a', [{ from: 1, to: 9 }])).toEqual([]);
    expect(judge([['CREATE', 1, 9, 'a', null]], reads, 'a')).toHaveLength(1);
  });
});

describe('broken', () => {
  test.each<[string, readonly Write[], readonly Read[], Value]>([
    ['an acknowledged create is not there in the end', [['CREATE', 1, 2, 'a', null]], [], null],
    [
      'an older value in the end',
      [
        ['CREATE', 1, 2, 'a', null],
        ['CHANGE', 3, 4, 'b'],
      ],
      [],
      'a',
    ],
    [
      'a withdrawn row in the end',
      [
        ['CREATE', 1, 2, 'a', null],
        ['REMOVE', 3, 4, null, 'a'],
      ],
      [],
      'a',
    ],
    [
      'two creates',
      [
        ['CREATE', 1, 9, 'a', null],
        ['CREATE', 2, 8, 'b', null],
      ],
      [],
      'b',
    ],
    [
      'a withdrawal that found what had been replaced',
      [
        ['CREATE', 1, 2, 'a', null],
        ['CHANGE', 3, 4, 'b'],
        ['REMOVE', 5, 6, null, 'a'],
      ],
      [],
      null,
    ],
    ['a change of nothing', [['CHANGE', 1, 2, 'b']], [], 'b'],
    ['a value that nobody wrote', [['CREATE', 1, 2, 'a', null]], [['list', 3, 4, 'z']], 'a'],
    [
      'a stale read of a list',
      [
        ['CREATE', 1, 2, 'a', null],
        ['CHANGE', 3, 4, 'b'],
      ],
      [['list', 5, 6, 'a']],
      'b',
    ],
    [
      'a refusal that does not see an acknowledged create',
      [['CREATE', 1, 2, 'a', null]],
      [['refusal', 3, 4, null]],
      'a',
    ],
    [
      'a lost write seen, and then not',
      [
        ['CREATE', 1, 2, 'a', null],
        ['CHANGE', 3, LOST, 'b'],
      ],
      [
        ['key', 4, 5, 'b'],
        ['key', 6, 7, 'a'],
      ],
      'a',
    ],
  ])('%s', (_, writes, reads, final) => {
    expect(judge(writes, reads, final)).not.toEqual([]);
  });
});
