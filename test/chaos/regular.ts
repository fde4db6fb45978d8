/**
 * What a read may have found that need not fit into one order with others: a value whose write had begun, and that no write which was
 * certainly after it, and over before the read began, had replaced.
 */
import type { Value } from './record.ts';
import type { Write } from './register.ts';

interface Source {
  readonly from: number;
  /** The earliest end of a write that certainly came after it; Infinity: none is known. */
  readonly replacedAt: number;
}

export class Regular {
  readonly #sources = new Map<Value, Source[]>();

  constructor(initial: Value, writes: readonly Write[]) {
    const known = writes.filter(({ to }) => to !== Infinity).sort((a, b) => a.from - b.from);
    const earliest: number[] = [];
    let least = Infinity;
    for (const { to } of known.toReversed()) earliest.unshift((least = Math.min(least, to)));
    const found = new Map<Value, number>();
    for (const { before, to } of known) if (before) found.set(before, Math.min(to, found.get(before) ?? Infinity));
    const add = (value: Value, from: number, to: number): void => {
      const byTime = to === Infinity ? Infinity : (earliest[firstAfter(known, to)] ?? Infinity);
      const replacedAt = Math.min(byTime, value === null ? Infinity : (found.get(value) ?? Infinity));
      const sources = this.#sources.get(value);
      if (sources) sources.push({ from, replacedAt });
      else this.#sources.set(value, [{ from, replacedAt }]);
    };
    add(initial, -1, -1);
    for (const { after, from, to } of writes) add(after, from, to);
  }

  /** In words; null: it may have been read. */
  complaint(value: Value, from: number, to: number): string | null {
    const begun = (this.#sources.get(value) ?? []).filter((source) => source.from <= to);
    if (begun.length === 0) return 'nobody had written that';
    if (begun.some(({ replacedAt }) => replacedAt >= from)) return null;
    return `stale: it had been replaced at ${Math.max(...begun.map(({ replacedAt }) => replacedAt))}`;
  }

  mayBeAbsent(from: number, to: number): boolean {
    return this.complaint(null, from, to) === null;
  }

  mayBePresent(from: number, to: number): boolean {
    for (const value of this.#sources.keys())
      if (value !== null && this.complaint(value, from, to) === null) return true;
    return false;
  }
}

/** The first of these, in order of their beginning, that begins after this time. */
function firstAfter(writes: readonly Write[], time: number): number {
  let [low, high] = [0, writes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((writes[middle]?.from ?? 0) > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
