import { expect, test } from 'vitest';
import { Gathered } from '../../src/migration/gathered.ts';

/** A loader that answers with the key in capitals, and what it was asked. */
function loader(fail: (asked: number) => boolean = () => false) {
  const asked: string[][] = [];
  const gathered = new Gathered<string>(async (wanted) => {
    const keys = wanted.map(({ key }) => key);
    asked.push(keys);
    if (fail(asked.length)) throw new Error(`question ${asked.length} failed`);
    return new Map(keys.flatMap((key) => (key === 'nobody' ? [] : [[key, key.toUpperCase()] as const])));
  });
  return { asked, load: (key: string) => gathered.load(key, { key }) };
}

test('keys of one tick are one question, also those that promises of the tick lead to; each key is asked for once', async () => {
  const { asked, load } = loader();
  const later = Promise.resolve()
    .then(() => {})
    .then(() => load('c'));
  expect(await Promise.all([load('a'), load('b'), load('a'), load('nobody'), later])).toEqual([
    'A',
    'B',
    'A',
    null,
    'C',
  ]);
  expect(await load('b')).toBe('B');
  expect(asked).toEqual([['a', 'b', 'nobody', 'c']]);
});

test('what is asked after the answer is another question', async () => {
  const { asked, load } = loader();
  await load('a');
  await load('b');
  expect(asked).toEqual([['a'], ['b']]);
});

test('a question that fails fails for all of its keys, and is not remembered', async () => {
  const { asked, load } = loader((number) => number === 1);
  const ended = await Promise.allSettled([load('a'), load('b')]);
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await load('a')).toBe('A');
  expect(asked).toEqual([['a', 'b'], ['a']]);
});
