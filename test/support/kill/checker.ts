/**
 * The promises, checked against what clients were told; shares no code with the product.
 *
 * Times are ticks of one counter of the test, so that "ended before the other began" is exact. Every write has a value of its own, and
 * every key is looked at alone. Asked is for one order of its writes that agrees with time, in which
 *
 *   nothing is lost     each acknowledged write is in it, and the last one left what is in the authoritative store in the end
 *   once is once        each acknowledged create found nothing, each change and withdrawal found something
 *   lost answers        a write whose answer was lost is in it or not
 *   strict reads        reads by key that no switch overlapped are in it too, and found what the order says
 *
 * and of all other reads (lists, refusals, reads during a switch) that each returned a value whose write had begun, and that no write which
 * was over before the read began had replaced.
 */
export type Value = string | null;

interface Span {
  readonly key: string;
  readonly from: number;
  /** Infinity: the answer was lost. */
  readonly to: number;
}

export interface WriteEvent extends Span {
  readonly kind: 'CREATE' | 'CHANGE' | 'REMOVE';
  readonly after: Value;
  /** What it was told that it had found; undefined: it was told nothing of it. */
  readonly before: Value | undefined;
}

export interface ReadEvent extends Span {
  readonly kind: 'READ';
  readonly value: Value;
  readonly how: 'key' | 'list' | 'refusal' | 'final';
}

/** Steps of the search for an order, of one key, after which the test gives up with an error. */
const MOST_STEPS = 300_000;

export class History {
  #now = 0;
  readonly writes: WriteEvent[] = [];
  readonly reads: ReadEvent[] = [];
  readonly switches: { readonly from: number; readonly to: number }[] = [];
  /** Requests that were refused for a reason that a client should never see. */
  readonly failures: string[] = [];

  tick(): number {
    return ++this.#now;
  }

  async switching<T>(work: () => Promise<T>): Promise<T> {
    const from = this.tick();
    try {
      return await work();
    } finally {
      this.switches.push({ from, to: this.tick() });
    }
  }

  get lost(): readonly WriteEvent[] {
    return this.writes.filter(({ to }) => to === Infinity);
  }

  /** In words; empty: the promises were kept. `final`: what is in the authoritative store, when nobody writes any more. */
  violations(final: ReadonlyMap<string, string>): string[] {
    const now = this.tick();
    const keys = new Set([...final.keys(), ...[...this.writes, ...this.reads].map(({ key }) => key)]);
    return [...keys].flatMap((key) => {
      const writes = this.writes.filter((write) => write.key === key);
      const reads = this.reads.filter((read) => read.key === key);
      const last = { kind: 'READ', key, from: now, to: now, value: final.get(key) ?? null, how: 'final' } as const;
      const strict = reads.filter((read) => read.how === 'key' && this.#calm(read));
      return [...checkOrder(key, writes, [...strict, last]), ...reads.flatMap((read) => checkRead(read, writes))];
    });
  }

  #calm({ from, to }: Span): boolean {
    return this.switches.every((each) => each.to < from || to < each.from);
  }
}

type Event = WriteEvent | ReadEvent;

interface Place {
  readonly value: Value;
  readonly done: bigint;
  /** All events before this one are in the order. */
  readonly first: number;
  readonly longest: number;
}

/** Depth first, after Wing and Gong, with a memory of dead ends. */
function checkOrder(key: string, writes: readonly WriteEvent[], reads: readonly ReadEvent[]): string[] {
  const events = [...writes, ...reads].sort((a, b) => a.from - b.from);
  const bits = events.map((_, i) => 1n << BigInt(i));
  const required = events.filter(({ to }) => to < Infinity).length;
  const dead = new Set<string>();
  const stack: Place[] = [{ value: null, done: 0n, first: 0, longest: 0 }];
  let furthest = 0;
  for (let steps = 0; ; steps++) {
    if (steps > MOST_STEPS) throw new Error(`${key}: no verdict after ${steps} steps over ${events.length} events`);
    const place = stack.pop();
    if (!place) break;
    const { value, done } = place;
    const isDone = (i: number) => (done & (bits[i] ?? 0n)) !== 0n;
    let { first } = place;
    while (first < events.length && (isDone(first) || events[first]?.to === Infinity)) first++;
    if (first === events.length && place.longest === required) return [];
    furthest = Math.max(furthest, first);
    const name = `${done}/${value}`;
    if (dead.has(name)) continue;
    dead.add(name);
    const next = eligible(events, isDone, value);
    // A read that found this value changes nothing: it may as well come now.
    const now = next.find((i) => events[i]?.kind === 'READ');
    for (const i of now === undefined ? next : [now]) {
      const event = events[i] as Event;
      const longest = place.longest + (event.to < Infinity ? 1 : 0);
      const after = event.kind === 'READ' ? value : event.after;
      stack.push({ value: after, done: done | (bits[i] ?? 0n), first: 0, longest });
    }
  }
  const near = events.slice(Math.max(0, furthest - 12), furthest + 12).map((event) => `    ${describe(event)}`);
  return [
    `${key}: no order explains what its writes and reads found; it gets stuck at ${describe(events[furthest] ?? events[0])} among\n${near.join('\n')}`,
  ];
}

/** The events that may come next: begun before every one that is left has ended, and finding this value. */
function eligible(events: readonly Event[], isDone: (i: number) => boolean, value: Value): number[] {
  let earliestEnd = Infinity;
  const open: number[] = [];
  for (const [i, event] of events.entries()) {
    if (event.from > earliestEnd) break;
    if (isDone(i)) continue;
    earliestEnd = Math.min(earliestEnd, event.to);
    open.push(i);
  }
  return open.filter((i) => {
    const event = events[i];
    return event !== undefined && event.from <= earliestEnd && finds(event, value);
  });
}

function finds(event: Event, value: Value): boolean {
  if (event.kind === 'READ') return event.value === value;
  if (event.before !== undefined) return event.before === value;
  return event.kind === 'CREATE' ? value === null : value !== null;
}

function checkRead(read: ReadEvent, writes: readonly WriteEvent[]): string[] {
  const born = read.value === null ? [{ from: 0, to: 0 }] : [];
  const sources = [...born, ...writes.filter(({ after }) => after === read.value)].filter(
    ({ from }) => from <= read.to,
  );
  if (sources.length === 0) return [`${describe(read)}: nobody had written that`];
  const replaced = sources.map((source) =>
    writes.find(
      (write) =>
        write.to < read.from &&
        (source.to < write.from || (read.value !== null && write.before === read.value)) &&
        write.after !== read.value,
    ),
  );
  if (replaced.includes(undefined)) return [];
  return [`${describe(read)}: stale, it had been replaced by ${describe(replaced[0])}`];
}

function describe(event: Event | undefined): string {
  if (!event) return 'nothing';
  const span = `[${event.from}, ${event.to}] ${event.key}`;
  if (event.kind === 'READ') return `${span} READ by ${event.how} -> ${event.value}`;
  return `${span} ${event.kind} ${event.before === undefined ? '?' : event.before} -> ${event.after}`;
}
