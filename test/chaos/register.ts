/**
 * Is there one order of the writes and reads of a key that agrees with time, in which each found what the one before it left?
 *
 * Depth first, after Wing and Gong, with a memory of dead ends and a window that moves on, so that it is fast for histories of any length
 * in which few requests overlap. Writes whose outcome nobody knows would stay in the window for ever:
 *
 *   one whose value was seen has taken effect, before the first that saw it had ended
 *   a change whose value nobody saw explains nothing, and is left out
 *   creates whose value nobody saw, and removals, are taken when nothing else explains what comes next; which of those that had begun
 *   by then does not matter, so they are counted
 */
import type { Value, WriteKind } from './record.ts';

export interface Write {
  readonly kind: WriteKind;
  readonly from: number;
  /** Infinity: the outcome is not known. */
  readonly to: number;
  /** undefined: it was told nothing of it. */
  readonly before: Value | undefined;
  readonly after: Value;
}

export interface Read {
  readonly from: number;
  readonly to: number;
  readonly value: Value;
  readonly how: string;
}

type Event = (Write & { readonly is: 'write' }) | (Read & { readonly is: 'read' });

/** Stands for a value that nobody saw. */
const UNSEEN = '?';
/** After so many steps over one key there is no verdict. */
const MOST_STEPS = 2_000_000;

export interface History {
  readonly initial: Value;
  readonly writes: readonly Write[];
  /** Those that have to fit in; the last is what is there in the end. */
  readonly reads: readonly Read[];
  /** Values that were seen by anybody, also by reads that do not have to fit in. */
  readonly seen: ReadonlySet<Value>;
}

interface Place {
  readonly value: Value;
  /** All events before this one are in the order. */
  readonly base: number;
  /** Bit i: the event `base + i` is. */
  readonly done: bigint;
  readonly creates: number;
  readonly removals: number;
}

/** In words; null: there is such an order. */
export function explain({ initial, writes, reads, seen }: History): string | null {
  const firstSeen = new Map<Value, number>();
  for (const { value, to } of reads) firstSeen.set(value, Math.min(to, firstSeen.get(value) ?? Infinity));
  for (const { before, to } of writes) {
    if (before !== undefined) firstSeen.set(before, Math.min(to, firstSeen.get(before) ?? Infinity));
  }
  const end = Math.max(0, ...reads.map(({ to }) => to), ...writes.map(({ to }) => (to === Infinity ? 0 : to))) + 1;
  const events: Event[] = reads.map((read) => ({ ...read, is: 'read' }));
  const spare = { creates: [] as number[], removals: [] as number[] };
  for (const write of writes) {
    const known = write.to !== Infinity;
    const wasSeen = write.after !== null && (firstSeen.has(write.after) || seen.has(write.after));
    if (known) events.push({ ...write, is: 'write' });
    else if (wasSeen) events.push({ ...write, is: 'write', to: firstSeen.get(write.after) ?? end });
    else if (write.kind === 'CREATE') spare.creates.push(write.from);
    else if (write.kind === 'REMOVE') spare.removals.push(write.from);
  }
  events.sort((a, b) => a.from - b.from);
  for (const times of Object.values(spare)) times.sort((a, b) => a - b);
  return search(events, initial, spare);
}

function search(
  events: readonly Event[],
  initial: Value,
  spare: { readonly creates: readonly number[]; readonly removals: readonly number[] },
): string | null {
  const dead = new Set<string>();
  const stack: Place[] = [{ value: initial, base: 0, done: 0n, creates: 0, removals: 0 }];
  let furthest = 0;
  for (let steps = 0; ; steps++) {
    if (steps > MOST_STEPS) return `no verdict after ${steps} steps over ${events.length} events`;
    const place = stack.pop();
    if (!place) break;
    if (place.base === events.length) return null;
    const name = `${place.base} ${place.done} ${place.value} ${place.creates} ${place.removals}`;
    if (dead.has(name)) continue;
    dead.add(name);
    furthest = Math.max(furthest, place.base);
    const { open, earliestEnd } = openAt(events, place);
    const fitting = open.filter((i) => fits(events[i], place.value));
    // A read that found this value changes nothing: it may as well come now.
    const read = fitting.find((i) => events[i]?.is === 'read');
    if (read !== undefined) {
      stack.push(after(events, place, read));
      continue;
    }
    // What is tried first is pushed last: what is known, before what is not.
    const [creates, removals] = [spare.creates[place.creates], spare.removals[place.removals]];
    if (place.value === null && creates !== undefined && creates <= earliestEnd)
      stack.push({ ...place, value: UNSEEN, creates: place.creates + 1 });
    if (place.value !== null && removals !== undefined && removals <= earliestEnd)
      stack.push({ ...place, value: null, removals: place.removals + 1 });
    for (const i of fitting.toReversed()) stack.push(after(events, place, i));
  }
  const near = events.slice(Math.max(0, furthest - 10), furthest + 14).map((event) => `    ${describe(event)}`);
  return `no order explains what its writes and reads found; it gets stuck at ${describe(events[furthest])} among\n${near.join('\n')}`;
}

/** The events that may come next: begun before every one that is left has ended. */
function openAt(events: readonly Event[], { base, done }: Place): { open: readonly number[]; earliestEnd: number } {
  let earliestEnd = Infinity;
  const open: number[] = [];
  for (let i = base, left = done; i < events.length; i++, left >>= 1n) {
    const event = events[i];
    if (!event || event.from > earliestEnd) break;
    if ((left & 1n) === 1n) continue;
    earliestEnd = Math.min(earliestEnd, event.to);
    open.push(i);
  }
  return { open: open.filter((i) => (events[i]?.from ?? Infinity) <= earliestEnd), earliestEnd };
}

function fits(event: Event | undefined, value: Value): boolean {
  if (!event) return false;
  if (event.is === 'read') return event.value === value;
  if (event.before !== undefined) return event.before === value;
  return event.kind === 'CREATE' ? value === null : value !== null;
}

function after(events: readonly Event[], place: Place, i: number): Place {
  const event = events[i];
  let { base } = place;
  let done = place.done | (1n << BigInt(i - base));
  while ((done & 1n) === 1n) {
    done >>= 1n;
    base++;
  }
  return { ...place, base, done, value: event?.is === 'write' ? event.after : place.value };
}

export function describe(event: Event | undefined): string {
  if (!event) return 'the end';
  const span = `[${event.from}, ${event.to}]`;
  if (event.is === 'read') return `${span} READ by ${event.how} -> ${event.value}`;
  return `${span} ${event.kind} ${event.before === undefined ? '?' : event.before} -> ${event.after}`;
}
