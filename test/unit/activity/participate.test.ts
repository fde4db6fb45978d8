import { describe, expect, test } from 'vitest';
import type { BusinessLogic } from '../../../src/migration/states.ts';
import type { ParticipationFaces } from '../../../src/activity/dataset.ts';
import { SAMPLE_EVENTS, type Event } from '../../../src/activity/events.ts';
import {
  admit,
  change,
  checkEntry,
  participate,
  withdraw,
  type Attempt,
  type Entry,
} from '../../../src/activity/participate.ts';

const event = SAMPLE_EVENTS[0] as Event;
const phone = '+8613800138000';
const now = '2026-03-01T00:00:00.000000Z';
const before = '2026-02-01T00:00:00.000000Z';
const answer = (text: string): Entry => ({ kind: 'ANSWER', answer: text });
const code = (text: string): Entry => ({ kind: 'RECOMMENDATION_CODE', code: text });
const attempt = (entry: Entry): Attempt => ({ phone, event, entry, now });
const common = { phone, event: event.name, createdAt: before, updatedAt: before };
const standing: ParticipationFaces = {
  key: 'key',
  old: { ...common, answer: 'A' },
  new: { ...common, recommendationCode: 'G1-A' },
};

describe('the input', () => {
  test.each([
    [{ answer: 'B' }, answer('B')],
    [{ answer: 'B', recommendationCode: null }, answer('B')],
    [{ recommendationCode: 'G1-B' }, code('G1-B')],
    [{ recommendationCode: '' }, code('')],
    [{ answer: '👍'.repeat(10_000) }, answer('👍'.repeat(10_000))],
  ])('%# is an entry', (input, entry) => {
    expect(checkEntry(input)).toEqual(entry);
  });

  test.each([
    [{}, 'answer'],
    [{ answer: null, recommendationCode: null }, 'answer'],
    [{ answer: 'B', recommendationCode: 'G1-B' }, 'recommendationCode'],
    [{ answer: '' }, 'answer'],
    [{ answer: 'x'.repeat(10_001) }, 'answer'],
    [{ answer: '\ud83d' }, 'answer'],
  ])('%# is refused', (input, field) => {
    expect(() => checkEntry(input)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', field }));
  });
});

describe('the event', () => {
  const window = { ...event, opensAt: before, closesAt: now };
  test.each([
    ['2026-01-31T23:59:59.999999Z', 'EventNotOpen'],
    [before, 'open'],
    ['2026-02-28T23:59:59.999999Z', 'open'],
    [now, 'EventNotOpen'],
  ])('at %s: %s', (moment, result) => {
    const admitted = admit(window, window.name, moment);
    expect('__typename' in admitted ? admitted.__typename : 'open').toBe(result);
  });
  test('that is not there', () => {
    expect(admit(null, 'nowhere', now)).toEqual({
      __typename: 'EventNotFound',
      message: 'There is no event "nowhere".',
    });
  });
});

describe('what is accepted', () => {
  const outcome = (logic: BusinessLogic, entry: Entry, current: ParticipationFaces | null = null): string => {
    const decision = participate(attempt(entry))(current, { logic });
    if ('refuse' in decision) return decision.refuse.__typename;
    return 'write' in decision ? Object.keys(decision.write).join() : 'remove';
  };
  test.each<[BusinessLogic, Entry, string]>([
    ['OLD', answer('B'), 'old'],
    ['OLD', answer('something else'), 'old'],
    ['OLD', code('G1-B'), 'EntryNotAccepted'],
    ['OLD', code('G1-Z'), 'EntryNotAccepted'],
    ['BOTH', answer('B'), 'old'],
    ['BOTH', code('G1-B'), 'new'],
    ['BOTH', code('G2-Y'), 'UnknownRecommendationCode'],
    ['BOTH', code('~Yg'), 'UnknownRecommendationCode'],
    ['NEW', answer('B'), 'EntryNotAccepted'],
    ['NEW', code('G1-B'), 'new'],
    ['NEW', code('g1-b'), 'UnknownRecommendationCode'],
    ['NEW', code(''), 'UnknownRecommendationCode'],
  ])('logic %s, %j: %s', (logic, entry, result) => {
    expect(outcome(logic, entry)).toBe(result);
    // The row is looked at last.
    const refused = result !== 'old' && result !== 'new';
    expect(outcome(logic, entry, standing)).toBe(refused ? result : 'AlreadyParticipated');
  });

  test('a refusal says what would be accepted', () => {
    const decision = participate(attempt(code('G1-B')))(null, { logic: 'OLD' });
    expect(decision).toEqual({
      refuse: { __typename: 'EntryNotAccepted', message: 'This event takes answers now.', accepts: ['ANSWER'] },
    });
  });
});

describe('what is written', () => {
  const both = { logic: 'BOTH' } as const;
  const made = { phone, event: event.name, createdAt: now, updatedAt: now };

  test('taking part', () => {
    expect(participate(attempt(answer('B')))(null, both)).toEqual({ write: { old: { ...made, answer: 'B' } } });
    expect(participate(attempt(code('G1-B')))(null, both)).toEqual({
      write: { new: { ...made, recommendationCode: 'G1-B' } },
    });
    expect(participate(attempt(answer('B')))(standing, both)).toMatchObject({
      refuse: { __typename: 'AlreadyParticipated', participation: standing },
    });
  });

  test('a change keeps the time of creation, also of a row with one face', () => {
    const changed = { ...made, createdAt: before };
    for (const current of [standing, { ...standing, old: null }, { ...standing, new: null }]) {
      expect(change(attempt(answer('C')))(current, both)).toEqual({ write: { old: { ...changed, answer: 'C' } } });
    }
    expect(change(attempt(answer('C')))(null, both)).toMatchObject({ refuse: { __typename: 'NotParticipating' } });
    expect(change(attempt(answer('C')))(null, { logic: 'NEW' })).toMatchObject({
      refuse: { __typename: 'EntryNotAccepted' },
    });
  });

  test('a withdrawal', () => {
    expect(withdraw(standing, both)).toEqual({ remove: true });
    expect(withdraw(null, both)).toMatchObject({ refuse: { __typename: 'NotParticipating' } });
  });
});
