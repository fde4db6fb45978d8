/** Rows that are there before the run and that nobody writes, and what the new store has to make of an entry. */

export const EVENTS = ['send-1g-traffic', 'send-2g-traffic'] as const;
export type EventName = (typeof EVENTS)[number];

export interface Untouched {
  readonly phone: string;
  readonly event: EventName;
  readonly answer: string;
}

const choice = (answer: string, code: string, correct: boolean) => ({ answer, code, correct });
const eventOf = (name: EventName, choices: readonly object[]) => {
  return { name, question: 'Which one?', reward: 'traffic', opensAt: '2020-01-01T00:00:00Z', closesAt: null, choices };
};

export const CATALOGUE = [
  eventOf('send-1g-traffic', [
    choice('A', 'G1-A', false),
    choice('B', 'G1-B', true),
    choice('C', 'G1-C', false),
    choice('D', 'G1-D', false),
  ]),
  eventOf('send-2g-traffic', [choice('yes', 'G2-Y', true), choice('no', 'G2-N', false)]),
];

const ANSWERS: Readonly<Record<EventName, readonly string[]>> = {
  'send-1g-traffic': ['A', 'B', 'C', 'D', 'none of these', 'ünlisted 📶'],
  'send-2g-traffic': ['yes', 'no', 'perhaps'],
};
const CODES: Readonly<Record<string, string>> = {
  'send-1g-traffic A': 'G1-A',
  'send-1g-traffic B': 'G1-B',
  'send-1g-traffic C': 'G1-C',
  'send-1g-traffic D': 'G1-D',
  'send-2g-traffic yes': 'G2-Y',
  'send-2g-traffic no': 'G2-N',
};

/** They sort before every phone that clients write. */
export function untouchedRows(many: number): Untouched[] {
  return EVENTS.flatMap((event) => {
    const answers = ANSWERS[event];
    return Array.from({ length: many }, (_, i) => ({
      phone: `+86130${String(i).padStart(8, '0')}`,
      event,
      answer: answers[i % answers.length] ?? '',
    }));
  });
}

/** The code under which the new store keeps an answer. */
export function codeOf(event: string, answer: string): string {
  return CODES[`${event} ${answer}`] ?? `~${Buffer.from(answer, 'utf8').toString('base64url')}`;
}
