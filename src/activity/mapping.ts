/**
 * How an answer becomes a recommendation code and back.
 *
 *   a choice of the event    its code of the catalogue
 *   any other answer         `~` and the base64url of its UTF-8 form
 *
 * No code of the catalogue begins with `~`, so both ways are one to one and nothing is lost, whatever people wrote.
 */
import { Unmappable, type Mapper } from '../migration/dataset.ts';
import type { NewParticipation, OldParticipation } from './dataset.ts';
import type { Choice, Event } from './events.ts';
import type { PhoneParser } from './phone.ts';
import { quote } from './text.ts';

/** Begins the codes of answers that are no choice. */
export const UNLISTED = '~';

/** The mapping of rows of these events. */
export function participationMapper(
  events: ReadonlyMap<string, Event>,
  phones: PhoneParser,
): Mapper<OldParticipation, NewParticipation> {
  // There and back it is the same phone.
  let checked: string | null = null;
  const codingOf = (row: { readonly phone: string; readonly event: string }): Coding => {
    if (row.phone !== checked) checkPhone(row.phone, phones);
    checked = row.phone;
    const event = events.get(row.event);
    if (!event) throw new Unmappable(`event ${quote(row.event)} is not in the catalogue`);
    return codingOfEvent(event);
  };
  return {
    // Field by field: that is made many times as fast as what is left of a row without one.
    toNew: (row) => {
      const recommendationCode = codingOf(row).codeOf(row.answer);
      return {
        phone: row.phone,
        event: row.event,
        recommendationCode,
        createdAt: row.createdAt,
        updatedAt: row.updatedAt,
      };
    },
    toOld: (row) => {
      const answer = codingOf(row).answerOf(row.recommendationCode);
      return { phone: row.phone, event: row.event, answer, createdAt: row.createdAt, updatedAt: row.updatedAt };
    },
  };
}

/** Two spellings of one number are two rows of one participant: neither is mapped before somebody has decided between them. */
function checkPhone(phone: string, phones: PhoneParser): void {
  const parsed = phones(phone);
  if ('reason' in parsed) throw new Unmappable(`phone ${quote(phone)}: ${parsed.reason}`);
  if (parsed.number !== phone) {
    throw new Unmappable(
      `phone ${quote(phone)} is not in E.164: it would become the participant ${parsed.number}, who may have another row`,
    );
  }
}

export interface Coding {
  /** Throws `Unmappable` for a text that is not well-formed. */
  codeOf(answer: string): string;
  /** Throws `Unmappable` for a code that `codeOf` never makes. */
  answerOf(code: string): string;
}

/** Events never change, and are read with every row. */
const codings = new WeakMap<Event, Coding>();

function codingOfEvent(event: Event): Coding {
  const known = codings.get(event);
  if (known) return known;
  const made = coding(event);
  codings.set(event, made);
  return made;
}

export function coding(event: Event): Coding {
  const byAnswer = new Map<string, Choice>(event.choices.map((choice) => [choice.answer, choice]));
  const byCode = new Map<string, Choice>(event.choices.map((choice) => [choice.code, choice]));
  return {
    codeOf: (answer) => byAnswer.get(answer)?.code ?? encodeUnlisted(answer),
    answerOf: (code) => {
      const choice = byCode.get(code);
      if (choice) return choice.answer;
      if (!code.startsWith(UNLISTED)) {
        throw new Unmappable(
          `recommendation code ${quote(code)} is not in the catalogue of event ${quote(event.name)}`,
        );
      }
      const answer = decodeUnlisted(code);
      const listed = byAnswer.get(answer);
      if (listed && !listed.late) {
        throw new Unmappable(
          `recommendation code ${quote(code)} spells ${quote(answer)}, whose code is ${listed.code}`,
        );
      }
      return answer;
    },
  };
}

function encodeUnlisted(answer: string): string {
  if (!answer.isWellFormed()) throw new Unmappable(`answer ${quote(answer)} has half a character in it`);
  return UNLISTED + Buffer.from(answer, 'utf8').toString('base64url');
}

function decodeUnlisted(code: string): string {
  const answer = Buffer.from(code.slice(UNLISTED.length), 'base64url').toString('utf8');
  // Decoding forgives padding, foreign characters and broken UTF-8; only what comes out again as it went in is ours.
  if (encodeUnlisted(answer) !== code) {
    throw new Unmappable(`recommendation code ${quote(code)} is not ${UNLISTED} and the base64url of a text`);
  }
  return answer;
}
