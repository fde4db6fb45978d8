import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isParticipationKey } from '../../../src/activity/dataset.ts';
import { encodeKey } from '../../../src/migration/key.ts';
import { connection, cursorForm, pageSize } from '../../../src/resolvers/connection.ts';

const KEY = [
  { field: 'phone', type: 'text' },
  { field: 'event', type: 'text' },
] as const;
const form = cursorForm('p1:', isParticipationKey);
const bad = (field: string) => expect.objectContaining({ code: 'BAD_USER_INPUT', field });

describe('cursors', () => {
  test('any key comes back', () => {
    const part = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(part, part, (phone, event) => {
        const key = encodeKey(KEY, { phone, event });
        expect(form.decode(form.encode(key))).toBe(key);
      }),
    );
  });

  const good = form.encode(encodeKey(KEY, { phone: '+8613800138000', event: 'send-1g-traffic' }));
  const raw = (text: string) => Buffer.from(text).toString('base64url');
  test.each(
    [
      '',
      'x',
      '0',
      good.slice(1),
      good.slice(0, -1),
      `${good}=`,
      ` ${good}`,
      good.replaceAll('-', '+'),
      raw('e1:+86138\u0001a'),
      raw('p2:+86138\u0001a'),
      raw('p1:+86138'),
      raw('p1:a\u0001b\u0001c'),
      raw('p1:a\u0001b\u0002'),
      raw('p1:a\u0001b\0'),
      raw('p1:a\u0001b\u0002\u0001'),
      Buffer.from([0x70, 0x31, 0x3a, 0x61, 0x01, 0xff]).toString('base64url'),
    ].filter((text) => text !== good),
  )('%j is none', (cursor) => {
    expect(() => form.decode(cursor)).toThrow(bad('after'));
  });
});

test('the size of a page', () => {
  expect([1, 100, null, undefined].map((first) => pageSize({ first }, { maxPageSize: 100 }))).toEqual([1, 100, 20, 20]);
  for (const first of [0, -1, 101]) expect(() => pageSize({ first }, { maxPageSize: 100 })).toThrow(bad('first'));
});

test('a page says where it lies, and counts only when it is asked to', async () => {
  let counted = 0;
  const totalCount = async () => ++counted;
  const edges = ['a', 'b'].map((node) => ({ node, cursor: node.toUpperCase() }));
  const page = connection({ edges, hasNextPage: true, totalCount }, 'Z');
  expect(page.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: true, startCursor: 'A', endCursor: 'B' });
  expect(counted).toBe(0);
  expect(await page.totalCount()).toBe(1);
  expect(connection({ edges: [], hasNextPage: false, totalCount }, null).pageInfo).toEqual({
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: null,
    endCursor: null,
  });
});
