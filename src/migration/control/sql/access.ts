/** How this folder reaches its database: every failure of the driver becomes CONTROL_UNAVAILABLE here, once; and values read become ours. */
import type { Kysely, Transaction } from 'kysely';
import type { Clock } from '../../clock.ts';
import { CrossfadeError } from '../../errors.ts';
import type { SqlDatabase } from '../../sql/database.ts';
import type { ControlTables, Integer } from './tables.ts';

export class Access {
  readonly #database: SqlDatabase<ControlTables>;
  readonly #clock: Clock;

  constructor(database: SqlDatabase<ControlTables>, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  read<T>(work: (db: Kysely<ControlTables>) => Promise<T>): Promise<T> {
    return this.guard((database) => work(database.read));
  }

  /** One transaction; `lock` is the engine's row lock for selects in it. The work may run more than once. */
  write<T>(work: (tx: Transaction<ControlTables>, lock: Lock) => Promise<T>): Promise<T> {
    return this.guard((database) => database.write((tx) => work(tx, database.lockRows)));
  }

  /** One statement that writes; it may run more than once. */
  once<T>(work: (db: Kysely<ControlTables>) => Promise<T>): Promise<T> {
    return this.guard((database) => database.once(work));
  }

  async guard<T>(work: (database: SqlDatabase<ControlTables>) => Promise<T>): Promise<T> {
    try {
      return await work(this.#database);
    } catch (error) {
      throw new CrossfadeError('CONTROL_UNAVAILABLE', { cause: error });
    }
  }

  /** The ISO time `ms` from now. */
  time(ms = 0): string {
    return new Date(this.#clock.wall() + ms).toISOString();
  }
}

export type Lock = SqlDatabase<ControlTables>['lockRows'];

export function toNumber(value: Integer): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is not an integer that a double holds`);
  return number;
}

export function toNumberOrNull(value: Integer | null): number | null {
  return value === null ? null : toNumber(value);
}

/** The value, if it is one of those: a row that a later release wrote must not be taken for something else. */
export function oneOf<const T extends string>(values: readonly T[], value: string): T {
  const found = values.find((candidate) => candidate === value);
  if (found === undefined) throw new RangeError(`${JSON.stringify(value)} is none of ${values.join(', ')}`);
  return found;
}

export function textList(json: string): readonly string[] {
  const value: unknown = JSON.parse(json);
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new TypeError(`${json} is not a list of strings`);
  }
  return value;
}
