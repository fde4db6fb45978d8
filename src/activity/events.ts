/** What phones take part in, and the events a new deployment starts with. */

/** One answer on offer, and the recommendation code that stands for it. The pair never changes. */
export interface Choice {
  readonly answer: string;
  readonly code: string;
  readonly correct: boolean;
  /**
   * It joined an event that was there already. Before, the answer had no code of its own and may have been kept under its `~` spelling,
   * which is therefore still read.
   */
  readonly late: boolean;
}

export interface Event {
  readonly name: string;
  readonly question: string;
  readonly reward: string;
  /** Timestamps as the dataset has them: UTC, six decimals. */
  readonly opensAt: string;
  /** null: it stays open. */
  readonly closesAt: string | null;
  readonly choices: readonly Choice[];
}

export type Openness = 'NOT_YET' | 'OPEN' | 'CLOSED';

/** `now`: a timestamp; timestamps compare as strings. */
export function openness(event: Pick<Event, 'opensAt' | 'closesAt'>, now: string): Openness {
  if (now < event.opensAt) return 'NOT_YET';
  return event.closesAt !== null && now >= event.closesAt ? 'CLOSED' : 'OPEN';
}

/** Is it the correct choice? null: not known; the answer and its code stand for the same choice. */
export function isCorrect(
  event: Event,
  entry: { readonly answer: string | null; readonly code: string | null },
): boolean {
  return event.choices.some(({ answer, code, correct }) => correct && (answer === entry.answer || code === entry.code));
}

const choice = (answer: string, code: string, correct = false): Choice => ({ answer, code, correct, late: false });

export const SAMPLE_EVENTS: readonly Event[] = [
  {
    name: 'send-1g-traffic',
    question:
      'How many bytes are in a gigabyte? A: a million. B: a thousand million. C: a million million. D: it depends.',
    reward: '1 GB of mobile data',
    opensAt: '2026-01-01T00:00:00.000000Z',
    closesAt: null,
    choices: [choice('A', 'G1-A'), choice('B', 'G1-B', true), choice('C', 'G1-C'), choice('D', 'G1-D')],
  },
  {
    name: 'send-2g-traffic',
    question: 'Would you recommend us to a friend?',
    reward: '2 GB of mobile data',
    opensAt: '2026-01-01T00:00:00.000000Z',
    closesAt: null,
    choices: [choice('yes', 'G2-Y', true), choice('no', 'G2-N')],
  },
  {
    name: 'spring-2020',
    question: 'Which of these blossoms first in spring?',
    reward: '200 MB of mobile data',
    opensAt: '2020-03-01T00:00:00.000000Z',
    closesAt: '2020-06-01T00:00:00.000000Z',
    choices: [choice('plum', 'S20-PLUM', true), choice('cherry', 'S20-CHERRY'), choice('peach', 'S20-PEACH')],
  },
];
