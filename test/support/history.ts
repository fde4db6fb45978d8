/**
 * What clients asked and were answered, and a checker of it that shares no code with the product.
 *
 * Times are ticks of one counter in this process, so that "ended before the other began" is exact. Every write has a value of its own.
 * The checker asks of each key:
 *
 *   writes    there is one order of them that agrees with time, in which each found what the one before it left: creates take effect
 *             once, nothing acknowledged is lost, and the last one left what is there in the end
 *   reads     each returned a value whose write had begun, and that no write which had ended before the read began had replaced
 *   settled   of two reads, one after the other with no switch around or between them, the second does not return the older value;
 *             the first is one of the key alone, because a list may show a write that is not acknowledged yet before the key's authority does
 */
export type Value = string | null;

interface Span {
  readonly who: string;
  readonly key: string;
  readonly from: number;
  /** Infinity: it was never answered. */
  readonly to: number;
}

export interface WriteEvent extends Span {
  readonly kind: 'CREATE' | 'CHANGE' | 'REMOVE';
  /** What it found; undefined: the outcome is not known, and with it whether it took effect at all. */
  readonly before: Value | undefined;
  readonly after: Value;
}

export interface ReadEvent extends Span {
  readonly kind: 'READ';
  readonly value: Value;
  /** How it was read, for messages. */
  readonly how: string;
  /** One of many in a list. */
  readonly listed: boolean;
}

export class History {
  #now = 0;
  readonly writes: WriteEvent[] = [];
  readonly reads: ReadEvent[] = [];
  readonly switches: { readonly from: number; readonly to: number }[] = [];
  readonly initial: ReadonlyMap<string, string>;

  constructor(initial: ReadonlyMap<string, string> = new Map()) {
    this.initial = initial;
  }

  tick(): number {
    return ++this.#now;
  }

  /** In words; empty: all promises were kept. `final`: what is there after the last request. */
  violations(final: ReadonlyMap<string, string>): string[] {
    const keys = new Set([...this.initial.keys(), ...final.keys()]);
    for (const { key } of [...this.writes, ...this.reads]) keys.add(key);
    return [...keys].flatMap((key) => {
      const initial = this.initial.get(key) ?? null;
      const writes = this.writes.filter((write) => write.key === key);
      const reads = this.reads.filter((read) => read.key === key);
      return [
        ...checkWrites(key, initial, writes, final.get(key) ?? null),
        ...reads.flatMap((read) => checkRead(read, initial, writes)),
        ...checkSettled(reads, initial, writes, this.switches),
      ];
    });
  }
}

/** Depth-first search for an order (Wing and Gong), remembering dead ends; what each write found leaves little choice. */
function checkWrites(key: string, initial: Value, writes: readonly WriteEvent[], final: Value): string[] {
  const all = writes.map((write, i) => ({ ...write, bit: 1n << BigInt(i) }));
  const known = all.filter(({ before }) => before !== undefined);
  const dead = new Set<string>();
  let best: readonly WriteEvent[] = [];

  type State = { readonly value: Value; readonly done: bigint; readonly order: readonly WriteEvent[] };
  const stack: State[] = [{ value: initial, done: 0n, order: [] }];
  for (let state = stack.pop(); state; state = stack.pop()) {
    const { value, done, order } = state;
    if (order.length > best.length) best = order;
    const left = known.filter(({ bit }) => (done & bit) === 0n);
    if (left.length === 0 && value === final) return [];
    const name = `${done} ${value}`;
    if (dead.has(name)) continue;
    dead.add(name);
    const earliestEnd = Math.min(...left.map(({ to }) => to));
    for (const write of all) {
      if ((done & write.bit) !== 0n || write.from > earliestEnd || !couldFind(write, value)) continue;
      stack.push({ value: write.after, done: done | write.bit, order: [...order, write] });
    }
  }
  const shown = writes.toSorted((a, b) => a.from - b.from).map(describe);
  return [
    `${key}: no order of its writes explains what they found and that it ended as ${final} (began as ${initial}; ` +
      `the longest order that works is ${best.map(({ after }) => after).join(', ')}):\n    ${shown.join('\n    ')}`,
  ];
}

function couldFind({ kind, before }: WriteEvent, value: Value): boolean {
  if (before !== undefined) return before === value;
  return kind === 'CREATE' ? value === null : value !== null;
}

function checkRead(read: ReadEvent, initial: Value, writes: readonly WriteEvent[]): string[] {
  const sources = sourcesOf(read.value, initial, writes).filter(({ from }) => from <= read.to);
  if (sources.length === 0) return [`${describe(read)}: nobody had written that`];
  const replaced = sources.map((source) => writes.find((write) => replacedBefore(source, write, read.from)));
  if (replaced.some((by) => by === undefined)) return [];
  const [by] = replaced;
  return [`${describe(read)}: a stale read, that had been replaced by ${by ? describe(by) : ''}`];
}

interface Source {
  readonly value: Value;
  readonly from: number;
  readonly to: number;
}

/** The writes that left this value; absence can have several. */
function sourcesOf(value: Value, initial: Value, writes: readonly WriteEvent[]): Source[] {
  const written = writes.filter(({ after }) => after === value).map(({ from, to }) => ({ value, from, to }));
  return value === initial ? [{ value, from: 0, to: 0 }, ...written] : written;
}

/** Was the write certainly after the source, and over before `time`? */
function replacedBefore(source: Source, write: WriteEvent, time: number): boolean {
  if (write.to >= time || write.before === undefined) return false;
  return source.to < write.from || (source.value !== null && write.before === source.value);
}

function checkSettled(
  reads: readonly ReadEvent[],
  initial: Value,
  writes: readonly WriteEvent[],
  switches: History['switches'],
): string[] {
  const calm = (from: number, to: number) => switches.every((s) => s.to < from || to < s.from);
  const inOrder = reads.filter(({ from, to }) => calm(from, to)).sort((a, b) => a.from - b.from);
  return inOrder.flatMap((second) => {
    if (second.value === null) return [];
    const [source] = sourcesOf(second.value, initial, writes);
    const newer = inOrder.find(
      (first) =>
        !first.listed &&
        first.to < second.from &&
        calm(first.from, second.to) &&
        first.value !== second.value &&
        source !== undefined &&
        replacedByReaching(second.value, first.value, source, initial, writes),
    );
    return newer ? [`${describe(second)}: an older value than ${describe(newer)} returned before it`] : [];
  });
}

/** Is `older` certainly before `newer` in the order of writes? */
function replacedByReaching(older: Value, newer: Value, source: Source, initial: Value, writes: readonly WriteEvent[]) {
  if (newer === null) return false;
  const seen = new Set<Value>();
  for (let value = older; value !== null && !seen.has(value);) {
    seen.add(value);
    const at: string = value;
    value = writes.find(({ before }) => before === at)?.after ?? null;
    if (value === newer) return true;
  }
  return sourcesOf(newer, initial, writes).every(({ from }) => source.to < from);
}

function describe(event: WriteEvent | ReadEvent): string {
  const span = `[${event.from}, ${event.to}] ${event.who} ${event.key}`;
  if (event.kind === 'READ') return `${span} READ by ${event.how} -> ${event.value}`;
  return `${span} ${event.kind} ${event.before === undefined ? '?' : event.before} -> ${event.after}`;
}
