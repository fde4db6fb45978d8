import { expect, test, vi } from 'vitest';
import { Together } from '../../src/migration/together.ts';

type Answer = ReadonlyMap<string, string>;

/** Questions that are answered when the test says so. */
function server() {
  const open: { readonly asked: readonly string[]; readonly end: PromiseWithResolvers<Answer> }[] = [];
  const together = new Together<string, Answer>({
    ask: (asked) => {
      const end = Promise.withResolvers<Answer>();
      open.push({ asked, end });
      return end.promise;
    },
    pick: (answer, asked) => new Map(asked.flatMap((key) => [[key, answer.get(key) ?? '']])),
  });
  return {
    ask: (...keys: readonly string[]) => together.ask(keys),
    asked: () => open.map(({ asked }) => asked),
    answer: (number: number) => {
      const { asked = [], end } = open[number] ?? {};
      end?.resolve(new Map(asked.map((key) => [key, key.toUpperCase()])));
    },
    fail: (number: number) => open[number]?.end.reject(new Error(`question ${number} failed`)),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const keys = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}${i}`);

test('who asks while nothing is under way does not wait; those of one turn behind it are one question, and each gets his own', async () => {
  const { ask, asked, answer } = server();
  const answers = [ask('a'), ask('b', 'c'), ask('d')];
  expect(asked()).toEqual([['a']]);
  await turn();
  expect(asked()).toEqual([['a'], ['b', 'c', 'd']]);
  answer(1);
  answer(0);
  expect((await Promise.all(answers)).map((found) => [...found])).toEqual([
    [['a', 'A']],
    [
      ['b', 'B'],
      ['c', 'C'],
    ],
    [['d', 'D']],
  ]);
});

test('nothing is added to a question that was sent: who asks later is told what is there later', async () => {
  const { ask, asked, answer } = server();
  const first = [ask('a'), ask('b')];
  await turn();
  const later = ask('b');
  await turn();
  expect(asked()).toEqual([['a'], ['b'], ['b']]);
  for (const number of [0, 1, 2]) answer(number);
  await Promise.all([...first, later]);
});

test('four are under way at most; what waits goes together as soon as one of them ends, whether well or not', async () => {
  const { ask, asked, answer, fail } = server();
  const answers: Promise<unknown>[] = [];
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
    answers.push(ask(key));
    await turn();
  }
  expect(asked()).toEqual([['a'], ['b'], ['c'], ['d']]);
  fail(2);
  await expect(answers[2]).rejects.toThrow('question 2 failed');
  await turn();
  expect(asked().slice(4)).toEqual([['e', 'f']]);
  for (const number of [0, 1, 3, 4]) answer(number);
  await Promise.all(answers.toSpliced(2, 1));
});

test('a question has 64 parts at most; who asks for many asks alone, and waits for nobody', async () => {
  const { ask, asked, answer } = server();
  const some = Array.from({ length: 5 }, (_, i) => ask(...keys(15, `b${i}-`)));
  const answers = [...some, ask(...keys(16, 'c')), ask(...keys(200, 'd'))];
  await turn();
  expect(asked().map(({ length }) => length)).toEqual([15, 16, 200, 60]);
  for (const number of [0, 1, 2, 3]) answer(number);
  await Promise.all(answers);
});

test('a question that hangs holds up nobody for long', async ({ onTestFinished }) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { ask, asked, answer } = server();
  const hanging: Promise<unknown>[] = [];
  for (const key of ['a', 'b', 'c', 'd']) {
    hanging.push(ask(key));
    await turn();
  }
  const later = ask('e');
  await turn();
  expect(asked()).toHaveLength(4);
  vi.advanceTimersByTime(250);
  await turn();
  expect(asked()).toHaveLength(5);
  answer(4);
  expect([...(await later)]).toEqual([['e', 'E']]);
  // Their ends are not counted again.
  for (const number of [0, 1, 2, 3]) answer(number);
  await Promise.all(hanging);
  const more = ['f', 'g', 'h', 'i', 'j', 'k'].map(async (key) => {
    await turn();
    return ask(key);
  });
  await turn();
  await turn();
  expect(asked().slice(5)).toEqual([['f'], ['g', 'h', 'i', 'j', 'k']]);
  for (const number of [5, 6]) answer(number);
  await Promise.all(more);
});

test('a question that fails at once is asked again by each by himself, so that nobody shares the fault of another', async () => {
  const { ask, asked, answer, fail } = server();
  const answers = [ask('a'), ask('b'), ask('c')];
  await turn();
  fail(1);
  answer(0);
  await turn();
  expect(asked().slice(2)).toEqual([['b'], ['c']]);
  answer(2);
  fail(3);
  const ended = await Promise.allSettled(answers);
  expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
});
