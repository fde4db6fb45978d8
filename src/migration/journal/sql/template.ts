/**
 * Statements of one shape that are compiled once: to put a statement together takes longer than to ask it.
 *
 * A statement is compiled with numbers and texts that stand for the values, and run with the values in their places. Slots are never
 * negative and no dataset's name has a NUL, so nothing else in a statement looks like one of them.
 */
import type { CompiledQuery } from 'kysely';

export interface Values {
  readonly slots: readonly number[];
  readonly keys: readonly string[];
}

type Place = (values: Values) => unknown;

export class Template {
  readonly #query: CompiledQuery;
  readonly #places: readonly Place[];

  /** `compile` is given stand-ins, as many as each call of `filled` will have values. */
  constructor(counts: { readonly slots: number; readonly keys: number }, compile: (standIns: Values) => CompiledQuery) {
    const slots = Array.from({ length: counts.slots }, (_, i) => -1 - i);
    const keys = Array.from({ length: counts.keys }, (_, i) => `\0${i}`);
    const places = new Map<unknown, Place>([
      ...slots.map((standIn, i): [unknown, Place] => [standIn, (values) => values.slots[i]]),
      ...keys.map((standIn, i): [unknown, Place] => [standIn, (values) => values.keys[i]]),
    ]);
    this.#query = compile({ slots, keys });
    this.#places = this.#query.parameters.map((parameter) => places.get(parameter) ?? (() => parameter));
  }

  filled(values: Values): Pick<CompiledQuery, 'sql' | 'parameters'> {
    return { sql: this.#query.sql, parameters: this.#places.map((place) => place(values)) };
  }
}
