/** Which events may be in the catalogue, and what may become of one that is. */
import { z } from 'zod';
import { badInput, type CrossfadeError } from '../migration/errors.ts';
import type { Choice, Event } from './events.ts';
import { UNLISTED } from './mapping.ts';
import { isNameable, lengthOf, quote } from './text.ts';
import { parseTimestamp } from './time.ts';

/** Characters. */
export const LONGEST_ANSWER = 10_000;
const LONGEST_TEXT = 10_000;
const LONGEST_NAME = 100;
const MOST_CHOICES = 1000;

const text = (longest: number) =>
  z
    .string()
    .refine((value) => lengthOf(value) >= 1 && lengthOf(value) <= longest, `must have 1 to ${longest} characters`)
    .refine((value) => value.isWellFormed(), 'has half a character in it');
const name = text(LONGEST_NAME)
  .refine(isNameable, 'must not contain NUL')
  .refine((value) => value === value.trim(), 'must not begin or end with a space');
const prose = text(LONGEST_TEXT).refine(isNameable, 'must not contain NUL');
const moment = z.string().transform((value, context) => {
  const timestamp = parseTimestamp(value);
  if (timestamp === null) context.addIssue('must be an RFC 3339 date and time, like 2026-01-31T20:00:00Z');
  return timestamp ?? '';
});

const eventSchema = z
  .strictObject({
    name,
    question: prose,
    reward: prose,
    opensAt: moment,
    closesAt: moment.nullish().transform((value) => value ?? null),
    choices: z
      .array(
        z.strictObject({
          answer: text(LONGEST_ANSWER),
          code: name.refine((value) => !value.startsWith(UNLISTED), `must not begin with ${UNLISTED}`),
          correct: z.boolean().default(false),
        }),
      )
      .min(1, 'must be one at least')
      .max(MOST_CHOICES, `must be ${MOST_CHOICES} at most`)
      .refine(distinct('answer'), 'must not have one answer twice')
      .refine(distinct('code'), 'must not have one code twice')
      .refine((choices) => choices.some(({ correct }) => correct), 'must have a correct one'),
  })
  .refine(({ opensAt, closesAt }) => closesAt === null || closesAt > opensAt, {
    path: ['closesAt'],
    message: 'must be after opensAt',
  });

function distinct<F extends 'answer' | 'code'>(field: F) {
  return (choices: readonly Pick<Choice, F>[]) =>
    new Set(choices.map((choice) => choice[field])).size === choices.length;
}

/** An event as it comes from outside (a mutation's input, a file); BAD_USER_INPUT with the field (`choices.0.code`) if it can't be one. */
export function checkEvent(input: unknown): Event {
  const checked = eventSchema.safeParse(input);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const field = issue?.path.join('.') || 'input';
    throw badInput(field, `${field} ${issue?.message ?? 'is not valid'}.`);
  }
  const choices = checked.data.choices.map((choice) => ({ ...choice, late: false }));
  return { ...checked.data, choices };
}

export interface Merged {
  readonly event: Event;
  readonly addsPairs: boolean;
}

/**
 * What becomes of an event that is there already when it is defined again. The pairs of answer and code are what rows are mapped
 * by: those that stand stay for ever; BAD_USER_INPUT (field `choices`) if one is missing or changed.
 */
export function mergeEvent(stands: Event, wanted: Event): Merged {
  for (const { answer, code } of stands.choices) {
    const kept = wanted.choices.find((choice) => choice.answer === answer);
    if (!kept) throw fixed(`the answer ${quote(answer)} cannot be removed`);
    if (kept.code !== code) throw fixed(`the answer ${quote(answer)} has the code ${code} and keeps it`);
  }
  const before = new Map(stands.choices.map((choice) => [choice.answer, choice]));
  const choices = wanted.choices.map((choice) => ({ ...choice, late: before.get(choice.answer)?.late ?? true }));
  return { event: { ...wanted, choices }, addsPairs: choices.length > stands.choices.length };
}

export function pairsAreFixed(): CrossfadeError {
  return fixed('choices can be added only while the migration is settled in OLD or NEW');
}

function fixed(why: string): CrossfadeError {
  return badInput('choices', `Participations depend on the choices of this event: ${why}.`);
}
