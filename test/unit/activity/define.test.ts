import { describe, expect, test } from 'vitest';
import { checkEvent, mergeEvent } from '../../../src/activity/define.ts';
import { SAMPLE_EVENTS } from '../../../src/activity/events.ts';

const choice = { answer: 'yes', code: 'Y', correct: true };
const input = {
  name: 'summer',
  question: 'Is it warm?',
  reward: 'ice cream',
  opensAt: '2026-06-01T08:00:00+08:00',
  choices: [choice, { answer: 'no', code: 'N' }],
};

describe('an event from outside', () => {
  test('is completed', () => {
    expect(checkEvent(input)).toEqual({
      ...input,
      opensAt: '2026-06-01T00:00:00.000000Z',
      closesAt: null,
      choices: [
        { ...choice, late: false },
        { answer: 'no', code: 'N', correct: false, late: false },
      ],
    });
    expect(checkEvent({ ...input, closesAt: '2026-07-01T00:00:00Z' }).closesAt).toBe('2026-07-01T00:00:00.000000Z');
    expect(checkEvent({ ...input, name: '🎉'.repeat(100) }).name).toHaveLength(200);
  });

  test.each([
    [{ ...input, name: '' }, 'name', 'name must have 1 to 100 characters.'],
    [{ ...input, name: '🎉'.repeat(101) }, 'name', 'name must have 1 to 100 characters.'],
    [{ ...input, name: ' summer' }, 'name', 'name must not begin or end with a space.'],
    [{ ...input, name: 'sum\0mer' }, 'name', 'name must not contain NUL.'],
    [{ ...input, question: '' }, 'question', 'question must have 1 to 10000 characters.'],
    [{ ...input, reward: '\ud83d' }, 'reward', 'reward has half a character in it.'],
    [{ ...input, opensAt: 'soon' }, 'opensAt', 'opensAt must be an RFC 3339 date and time, like 2026-01-31T20:00:00Z.'],
    [{ ...input, closesAt: '2026-06-01T00:00:00Z' }, 'closesAt', 'closesAt must be after opensAt.'],
    [{ ...input, choices: [] }, 'choices', 'choices must be one at least.'],
    [{ ...input, choices: [{ ...choice, correct: false }] }, 'choices', 'choices must have a correct one.'],
    [{ ...input, choices: [choice, { ...choice, code: 'Z' }] }, 'choices', 'choices must not have one answer twice.'],
    [{ ...input, choices: [choice, { ...choice, answer: 'z' }] }, 'choices', 'choices must not have one code twice.'],
    [{ ...input, choices: [{ ...choice, code: '~Y' }] }, 'choices.0.code', 'choices.0.code must not begin with ~.'],
    [
      { ...input, choices: [choice, { answer: '', code: 'N' }] },
      'choices.1.answer',
      'choices.1.answer must have 1 to 10000 characters.',
    ],
  ])('%#: %s', (wrong, field, message) => {
    expect(() => checkEvent(wrong)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', field, message }));
  });

  test.each([null, 'summer', [], { ...input, closeAt: null }])('%j is none', (wrong) => {
    expect(() => checkEvent(wrong)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', field: 'input' }));
  });

  test('the sample events are such', () => {
    for (const event of SAMPLE_EVENTS) {
      const choices = event.choices.map(({ answer, code, correct }) => ({ answer, code, correct }));
      expect(checkEvent({ ...event, choices })).toEqual(event);
    }
  });
});

describe('an event that is there', () => {
  const stands = checkEvent(input);
  const wanted = (choices: readonly object[]) => checkEvent({ ...input, question: 'Is it hot?', choices });

  test('can get other words, another order and another correct choice', () => {
    const choices = [
      { answer: 'no', code: 'N', correct: true },
      { answer: 'yes', code: 'Y' },
    ];
    const merged = mergeEvent(stands, wanted(choices));
    expect(merged).toEqual({ event: wanted(choices), addsPairs: false });
  });

  test('can get more choices, which are late for ever', () => {
    const more = wanted([...input.choices, { answer: 'maybe', code: 'M' }]);
    const merged = mergeEvent(stands, more);
    expect(merged.addsPairs).toBe(true);
    expect(merged.event.choices.map(({ late }) => late)).toEqual([false, false, true]);
    expect(mergeEvent(merged.event, more)).toEqual({ event: merged.event, addsPairs: false });
  });

  test.each([
    [[choice], 'the answer "no" cannot be removed'],
    [[choice, { answer: 'no', code: 'NO' }], 'the answer "no" has the code N and keeps it'],
    [
      [
        { answer: 'yes', code: 'N', correct: true },
        { answer: 'no', code: 'Y' },
      ],
      'the answer "yes" has the code Y and keeps it',
    ],
  ])('keeps its pairs %#', (choices, why) => {
    const message = `Participations depend on the choices of this event: ${why}.`;
    expect(() => mergeEvent(stands, wanted(choices))).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', field: 'choices', message }),
    );
  });
});
