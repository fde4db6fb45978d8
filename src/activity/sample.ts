/** Participations to try things with: made up, the same for the same seed, and as awkward as what people write. */
import { hash32 } from '../migration/hash.ts';
import type { OldParticipation } from './dataset.ts';
import { SAMPLE_EVENTS, type Event } from './events.ts';
import { timestampOf } from './time.ts';

const BATCH = 1000;
const DAY_MS = 86_400_000;
/** One row in so many has an answer that is no choice. */
const UNLISTED_EVERY = 40;

/** How often each event is taken: mostly the open ones. */
const EVENTS = weighted(SAMPLE_EVENTS, { 'send-1g-traffic': 6, 'send-2g-traffic': 3, 'spring-2020': 1 });

const UNLISTED_ANSWERS = [
  'b',
  ' B',
  'B ',
  'YES',
  'I really do not know',
  '我觉得是B',
  'ب',
  'אולי כן, אולי לא',
  '👍🏽',
  '👨‍👩‍👧‍👦 all of us',
  'cafe\u0301',
  'café',
  '~Qg',
  '~',
  'A, B or "C"; I\'d say\tB\nor not',
  "'); drop table participation_old; --",
  'null',
  '0',
  'Well, it depends. '.repeat(40).trim(),
] as const;

/** The blocks of Chinese mobile numbers that have been in use for long. */
const BLOCKS = [...range(130, 139), ...range(150, 153), ...range(155, 159), ...range(180, 189)];
const SUBSCRIBERS = 10 ** 8;
/** Has no divisor in common with SUBSCRIBERS, so multiples of it hit each subscriber once before they repeat. */
const STRIDE = 61_803_399;

/** Batches of old rows, in no order; never the same phone twice. `count` is at most 10^8. */
export function* sampleParticipations(count: number, seed = 1): Generator<readonly OldParticipation[]> {
  for (let from = 0; from < count; from += BATCH) {
    yield Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => participation(from + i, seed));
  }
}

function participation(index: number, seed: number): OldParticipation {
  const random = hash32(`${seed}/${index}`);
  const event = pick(EVENTS, random);
  const answer =
    index % UNLISTED_EVERY === 0
      ? pick(UNLISTED_ANSWERS, index / UNLISTED_EVERY)
      : pick(event.choices, random >>> 4).answer;
  const created = Date.parse(event.opensAt) + (hash32(`${random}`) % (60 * DAY_MS));
  const changed = random % 16 === 0 ? created + (random % DAY_MS) : created;
  return {
    phone: phone(index, seed),
    event: event.name,
    answer,
    createdAt: timestampOf(created),
    updatedAt: timestampOf(changed),
  };
}

function phone(index: number, seed: number): string {
  // The product stays below 2^53: both factors are below 2^27.
  const subscriber = ((index * STRIDE) % SUBSCRIBERS) + (hash32(`${seed}`) % SUBSCRIBERS);
  return `+86${pick(BLOCKS, index)}${String(subscriber % SUBSCRIBERS).padStart(8, '0')}`;
}

function pick<T>(from: readonly T[], number: number): T {
  const found = from[number % from.length];
  if (found === undefined) throw new RangeError('nothing to pick from');
  return found;
}

function weighted(events: readonly Event[], weights: Readonly<Record<string, number>>): readonly Event[] {
  return events.flatMap((event) => Array.from({ length: weights[event.name] ?? 0 }, () => event));
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
