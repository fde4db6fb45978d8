/**
 * The rules of taking part, changing and withdrawing: what is refused, and what is written.
 *
 * Checks come in one order: the form of the input, the event, whether it is open, whether it takes this kind of entry now, whether the
 * code is known, and last the row. The last three are decided by the engine's side of a write (`Engine.mutate`), under the state and the
 * row that the write will hold for; decisions are pure, because they may be asked again.
 */
import type { Decision, Situation } from '../migration/api.ts';
import { badInput } from '../migration/errors.ts';
import type { BusinessLogic } from '../migration/states.ts';
import { commonOf, type NewParticipation, type OldParticipation, type ParticipationFaces } from './dataset.ts';
import { LONGEST_ANSWER } from './define.ts';
import { openness, type Event } from './events.ts';
import { lengthOf, quote } from './text.ts';

export type EntryKind = 'ANSWER' | 'RECOMMENDATION_CODE';
export type Entry =
  | { readonly kind: 'ANSWER'; readonly answer: string }
  | { readonly kind: 'RECOMMENDATION_CODE'; readonly code: string };

/** What each business logic takes. */
export const ACCEPTED: Readonly<Record<BusinessLogic, readonly EntryKind[]>> = {
  OLD: ['ANSWER'],
  BOTH: ['ANSWER', 'RECOMMENDATION_CODE'],
  NEW: ['RECOMMENDATION_CODE'],
};
const IN_WORDS: Readonly<Record<EntryKind, string>> = {
  ANSWER: 'answers',
  RECOMMENDATION_CODE: 'recommendation codes',
};

/** Refusals are answers, not errors, and carry the names that the schema has for them. */
export interface Refused<Name extends string> {
  readonly __typename: Name;
  readonly message: string;
}
export type EventRefusal = Refused<'EventNotFound'> | Refused<'EventNotOpen'>;
export type EntryRefusal =
  (Refused<'EntryNotAccepted'> & { readonly accepts: readonly EntryKind[] }) | Refused<'UnknownRecommendationCode'>;
export type AlreadyParticipated = Refused<'AlreadyParticipated'> & { readonly participation: ParticipationFaces };
export type NotParticipating = Refused<'NotParticipating'>;

type Decide<R> = (
  current: ParticipationFaces | null,
  situation: Pick<Situation, 'logic'>,
) => Decision<OldParticipation, NewParticipation, R>;

/** One attempt of a phone, in E.164, at an event that is there and open. */
export interface Attempt {
  readonly phone: string;
  readonly event: Event;
  readonly entry: Entry;
  /** A timestamp. */
  readonly now: string;
}

/** Exactly one of the two, and an answer of 1 to 10,000 characters; else BAD_USER_INPUT. */
export function checkEntry(input: {
  readonly answer?: string | null | undefined;
  readonly recommendationCode?: string | null | undefined;
}): Entry {
  const answer = input.answer ?? null;
  const code = input.recommendationCode ?? null;
  if (answer !== null && code !== null) {
    throw badInput('recommendationCode', 'Give an answer or a recommendationCode, not both.');
  }
  if (code !== null) return { kind: 'RECOMMENDATION_CODE', code };
  if (answer === null) throw badInput('answer', 'Give an answer or a recommendationCode.');
  if (!answer.isWellFormed()) throw badInput('answer', 'The answer has half a character (a lone surrogate) in it.');
  const length = lengthOf(answer);
  if (length < 1 || length > LONGEST_ANSWER) {
    throw badInput('answer', `The answer must have 1 to 10,000 characters, not ${length}.`);
  }
  return { kind: 'ANSWER', answer };
}

/** The event, if it is there and open at `now` (a timestamp); else why not. */
export function admit(event: Event | null, name: string, now: string): Event | EventRefusal {
  if (!event) return { __typename: 'EventNotFound', message: `There is no event ${quote(name)}.` };
  switch (openness(event, now)) {
    case 'OPEN':
      return event;
    case 'NOT_YET':
      return { __typename: 'EventNotOpen', message: `The event ${quote(name)} opens at ${event.opensAt}.` };
    case 'CLOSED':
      return {
        __typename: 'EventNotOpen',
        message: `The event ${quote(name)} has been closed since ${event.closesAt}.`,
      };
  }
}

export function participate(attempt: Attempt): Decide<EntryRefusal | AlreadyParticipated> {
  return (current, { logic }) => {
    const refuse = checkAccepted(attempt, logic);
    if (refuse) return { refuse };
    if (current) {
      const message = 'This phone takes part in this event already.';
      return { refuse: { __typename: 'AlreadyParticipated', message, participation: current } };
    }
    return write(attempt, attempt.now);
  };
}

export function change(attempt: Attempt): Decide<EntryRefusal | NotParticipating> {
  return (current, { logic }) => {
    const refuse = checkAccepted(attempt, logic);
    if (refuse) return { refuse };
    if (!current) return { refuse: notParticipating() };
    return write(attempt, commonOf(current).createdAt);
  };
}

export const withdraw: Decide<NotParticipating> = (current) =>
  current ? { remove: true } : { refuse: notParticipating() };

function checkAccepted({ entry, event }: Attempt, logic: BusinessLogic): EntryRefusal | null {
  const accepts = ACCEPTED[logic];
  if (!accepts.includes(entry.kind)) {
    const message = `This event takes ${accepts.map((kind) => IN_WORDS[kind]).join(' and ')} now.`;
    return { __typename: 'EntryNotAccepted', message, accepts };
  }
  if (entry.kind === 'ANSWER' || event.choices.some(({ code }) => code === entry.code)) return null;
  const message = `The event ${quote(event.name)} has no recommendation code ${quote(entry.code)}.`;
  return { __typename: 'UnknownRecommendationCode', message };
}

function write({ phone, event, entry, now }: Attempt, createdAt: string) {
  const common = { phone, event: event.name, createdAt, updatedAt: now };
  return entry.kind === 'ANSWER'
    ? { write: { old: { ...common, answer: entry.answer } } }
    : { write: { new: { ...common, recommendationCode: entry.code } } };
}

function notParticipating(): NotParticipating {
  return { __typename: 'NotParticipating', message: 'This phone does not take part in this event.' };
}
