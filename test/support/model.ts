/**
 * A migration as its users may imagine it: a map of rows, and a place on the ladder. No code of the product; what the property tests
 * compare the engine with.
 */
import { Buffer } from 'node:buffer';

export interface ModelPlace {
  readonly state: 'OLD' | 'MIGRATING' | 'CATCHING_UP' | 'RETREATING' | 'DUAL' | 'NEW';
  readonly percent: number;
}
export interface ModelKey {
  readonly holder: string;
  readonly show: string;
}
export interface ModelRow extends ModelKey {
  readonly seat: string;
}
export type ModelFilter = { readonly field: 'holder' | 'show'; readonly value: string } | undefined;

/** A write that has begun and is not answered: either of the two may be seen. */
export interface Undecided {
  readonly before: ModelRow | null;
  readonly after: ModelRow | null;
}

export const at = (state: ModelPlace['state'], percent = state === 'NEW' ? 100 : 0): ModelPlace => ({ state, percent });
export const samePlace = (a: ModelPlace, b: ModelPlace): boolean => a.state === b.state && a.percent === b.percent;

/** The moves as the documentation lists them. */
export function legalMoves({ state, percent }: ModelPlace, anyPercent: number): readonly ModelPlace[] {
  switch (state) {
    case 'OLD':
      return [at('MIGRATING')];
    case 'MIGRATING':
      return [at('CATCHING_UP'), at('RETREATING')];
    case 'RETREATING':
      return [at('OLD')];
    case 'CATCHING_UP':
      return [at('DUAL', 0)];
    case 'DUAL':
      return [
        at('DUAL', anyPercent),
        ...(percent === 0 ? [at('OLD')] : []),
        ...(percent === 100 ? [at('NEW')] : [at('DUAL', 0)]),
      ];
    default:
      return [];
  }
}

/** Byte order of the key, field after field. */
export function compareModelKeys(a: ModelKey, b: ModelKey): number {
  return (
    Buffer.compare(Buffer.from(a.holder), Buffer.from(b.holder)) ||
    Buffer.compare(Buffer.from(a.show), Buffer.from(b.show))
  );
}

const nameOf = (key: ModelKey): string => JSON.stringify([key.holder, key.show]);

export class Model {
  place: ModelPlace = at('OLD');
  readonly #rows = new Map<string, ModelRow>();
  readonly #undecided = new Map<string, Undecided>();

  get(key: ModelKey): ModelRow | null {
    return this.#rows.get(nameOf(key)) ?? null;
  }

  set(key: ModelKey, seat: string | null): void {
    if (seat === null) this.#rows.delete(nameOf(key));
    else this.#rows.set(nameOf(key), { holder: key.holder, show: key.show, seat });
  }

  /** Until `decide` both rows may be seen under this key. */
  begin(key: ModelKey, after: string | null): void {
    const row = after === null ? null : { holder: key.holder, show: key.show, seat: after };
    this.#undecided.set(nameOf(key), { before: this.get(key), after: row });
  }

  decide(key: ModelKey, seat: string | null): void {
    this.#undecided.delete(nameOf(key));
    this.set(key, seat);
  }

  isUndecided(key: ModelKey): boolean {
    return this.#undecided.has(nameOf(key));
  }

  get allDecided(): boolean {
    return this.#undecided.size === 0;
  }

  /** All rows under the filter, in order; those of undecided keys left out. */
  rows(filter?: ModelFilter): readonly ModelRow[] {
    return [...this.#rows.values()]
      .filter((row) => (!filter || row[filter.field] === filter.value) && !this.isUndecided(row))
      .sort(compareModelKeys);
  }

  /** The rows that such a list may show beside those that it must. */
  maybe(filter?: ModelFilter): readonly ModelRow[] {
    return [...this.#undecided.values()]
      .flatMap(({ before, after }) => [before, after])
      .filter((row) => row !== null)
      .filter((row) => !filter || row[filter.field] === filter.value);
  }
}
