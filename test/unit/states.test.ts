/** The ladder's properties, read off its two tables. */
import { describe, expect, test } from 'vitest';
import {
  authorityOf,
  findMove,
  LADDER,
  moves,
  MOVES,
  STATES,
  usesJournal,
  type Place,
} from '../../src/migration/states.ts';

const places: readonly Place[] = STATES.flatMap((state): Place[] =>
  state === 'DUAL'
    ? [0, 1, 50, 99, 100].map((percent) => ({ state, percent }))
    : [{ state, percent: state === 'NEW' ? 100 : 0 }],
);
const buckets = Array.from({ length: 100 }, (_, bucket) => bucket);

function reachable(from: Place): Set<string> {
  const seen = new Set<string>();
  const queue = [from];
  for (const at of queue) {
    const name = JSON.stringify(at);
    if (seen.has(name)) continue;
    seen.add(name);
    queue.push(...places.filter((to) => findMove(at, to)));
  }
  return seen;
}

describe('the ladder', () => {
  test.each(STATES)('%s: what is acknowledged is where a reader looks first', (state) => {
    const { write, read, list, authority } = LADDER[state];
    if (write.via === 'STORE') {
      expect(read.overlay).toBe(false);
      expect([authority, list.store]).toEqual([state, state]);
    } else if (write.acknowledge === 'APPENDED') {
      expect([read.overlay, list.overlay]).toEqual([true, true]);
    } else {
      const authorities = authority === 'BY_KEY' ? ['OLD', 'NEW'] : [authority];
      expect(write.applyTo).toEqual(expect.arrayContaining(authorities));
    }
  });

  test.each(STATES)('%s: a store that is read is a store that is written, or covered by the journal', (state) => {
    const { write, list, read } = LADDER[state];
    if (write.via === 'STORE') return expect(list.store).toBe(state);
    expect(list.overlay).toBe(true);
    if (!read.overlay) expect(write.acknowledge).toBe('AUTHORITY');
    const sources = list.store === 'EITHER' ? ['OLD', 'NEW'] : [list.store];
    expect(write.owedTo).toEqual(expect.arrayContaining(sources));
  });

  test.each(STATES)('%s: a writer brings entries only to stores they are owed to', (state) => {
    const { write } = LADDER[state];
    if (write.via === 'JOURNAL') expect(write.owedTo).toEqual(expect.arrayContaining([...write.applyTo]));
  });

  test('every place can be reached from OLD, and OLD from every place but NEW', () => {
    const fromOld = reachable({ state: 'OLD', percent: 0 });
    for (const place of places) expect(fromOld, JSON.stringify(place)).toContain(JSON.stringify(place));
    for (const place of places.filter(({ state }) => state !== 'NEW')) {
      expect(reachable(place), JSON.stringify(place)).toContain(JSON.stringify({ state: 'OLD', percent: 0 }));
    }
    expect(reachable({ state: 'NEW', percent: 100 }).size).toBe(1);
  });

  test('the authority moves only inside DUAL', () => {
    for (const from of places) {
      for (const to of places) {
        if (!findMove(from, to) || (from.state === 'DUAL' && to.state === 'DUAL')) continue;
        expect(
          buckets.some((bucket) => moves(from, to, bucket)),
          `${from.state} to ${to.state}`,
        ).toBe(false);
      }
    }
  });

  test('the percentage is sticky', () => {
    const onNew = (percent: number) =>
      buckets.filter((bucket) => authorityOf({ state: 'DUAL', percent }, bucket) === 'NEW');
    expect(onNew(0)).toEqual([]);
    expect(onNew(10)).toHaveLength(10);
    expect(onNew(20)).toEqual(expect.arrayContaining(onNew(10)));
    expect(onNew(100)).toHaveLength(100);
  });

  test('a flip that closes the journal drains it into the store that stays before that store takes direct writes', () => {
    for (const { from, to, flip } of MOVES.filter((move) => usesJournal(move.from) && !usesJournal(move.to))) {
      const steps = flip.map((step) => (step.step === 'FENCE' ? `${step.store} ${step.mode}` : step.step));
      const name = `${from} to ${to}`;
      expect(steps.slice(0, 3), name).toEqual(['CLOSE_JOURNAL', 'DRAIN', 'DISCARD']);
      expect(steps.at(-1), name).toBe(`${to} DIRECT`);
      expect(
        flip.find((step) => step.step === 'DRAIN'),
        name,
      ).toMatchObject({ into: to });
    }
  });

  test('nothing on a way back needs the new store', () => {
    const back = MOVES.filter(
      ({ to, from, toPercent }) => to === 'OLD' || to === 'RETREATING' || (from === 'CATCHING_UP' && toPercent === 0),
    );
    expect(back.length).toBeGreaterThan(3);
    for (const { needs, flip } of back) {
      expect(needs).not.toContainEqual(expect.objectContaining({ store: 'NEW' }));
      expect(flip).not.toContainEqual(expect.objectContaining({ step: 'FENCE', store: 'NEW', ifReachable: false }));
    }
  });
});
