/**
 * How this folder reaches its database: every failure of the driver becomes JOURNAL_UNAVAILABLE here, once, and
 * nothing is answered from slots that are missing or of another incarnation than the trusted one.
 */
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Clock } from '../../clock.ts';
import { JOURNAL_SLOTS } from '../../dataset.ts';
import { CrossfadeError } from '../../errors.ts';
import type { SqlDatabase } from '../../sql/database.ts';
import type { JournalTables, SlotTable } from './tables.ts';

export const ALL_SLOTS: readonly number[] = Array.from({ length: JOURNAL_SLOTS }, (_, slot) => slot);

export type SlotRow = Selectable<SlotTable>;

export class Access {
  readonly dataset: string;
  readonly clock: Clock;
  /** The only incarnation to trust; null: any. */
  trusted: string | null = null;
  readonly #database: SqlDatabase<JournalTables>;

  constructor(database: SqlDatabase<JournalTables>, dataset: string, clock: Clock) {
    this.#database = database;
    this.dataset = dataset;
    this.clock = clock;
  }

  get concurrentWriters(): boolean {
    return this.#database.concurrentWriters;
  }

  read<T>(work: (db: Kysely<JournalTables>) => Promise<T>): Promise<T> {
    return this.guard((database) => work(database.read));
  }

  /** One transaction. The work may run more than once. */
  write<T>(work: (tx: Transaction<JournalTables>) => Promise<T>): Promise<T> {
    return this.guard((database) => database.write(work));
  }

  async guard<T>(work: (database: SqlDatabase<JournalTables>) => Promise<T>): Promise<T> {
    try {
      return await work(this.#database);
    } catch (error) {
      if (error instanceof CrossfadeError) throw error;
      throw new CrossfadeError('JOURNAL_UNAVAILABLE', { cause: error });
    }
  }

  /** Locks these slots until the transaction ends, in one order for everybody; throws if one cannot be trusted. */
  async lock(tx: Transaction<JournalTables>, slots: readonly number[]): Promise<readonly SlotRow[]> {
    const query = tx
      .selectFrom('crossfade_journal_slot')
      .selectAll()
      .where('dataset', '=', this.dataset)
      .where('slot', 'in', slots)
      .orderBy('slot');
    const rows = await this.#database.lockRows(query).execute();
    this.check(slots, rows);
    return rows;
  }

  async lockOne(tx: Transaction<JournalTables>, slot: number): Promise<SlotRow> {
    const [row] = await this.lock(tx, [slot]);
    if (!row) throw missing(this.dataset, slot);
    return row;
  }

  /** An update of the rows of these slots, which the transaction has locked. */
  update(tx: Transaction<JournalTables>, slots: readonly number[]) {
    return tx.updateTable('crossfade_journal_slot').where('dataset', '=', this.dataset).where('slot', 'in', slots);
  }

  /** Throws JOURNAL_UNAVAILABLE unless `found` has all these slots, each of the trusted incarnation. */
  check(slots: readonly number[], found: readonly Pick<SlotRow, 'slot' | 'incarnation'>[]): void {
    const incarnations = new Map(found.map((row) => [Number(row.slot), row.incarnation]));
    for (const slot of slots) {
      const incarnation = incarnations.get(slot);
      if (incarnation === undefined) throw missing(this.dataset, slot);
      if (this.trusted === null || incarnation === this.trusted) continue;
      throw unavailable(`The journal of ${this.dataset} is ${incarnation}, not ${this.trusted}.`);
    }
  }
}

function missing(dataset: string, slot: number): CrossfadeError {
  return unavailable(`Slot ${slot} of the journal of ${dataset} is missing.`);
}

export function unavailable(message: string): CrossfadeError {
  return new CrossfadeError('JOURNAL_UNAVAILABLE', { message });
}

/** In lists of at most `size`, for statements with a bounded number of parameters. */
export function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** The same values in a list whose length is a power of two, so that few different statements have to be prepared. */
export function padded<T>(values: readonly T[]): readonly T[] {
  const last = values.at(-1);
  if (last === undefined) return values;
  const length = 2 ** Math.ceil(Math.log2(values.length));
  return [...values, ...Array.from({ length: length - values.length }, () => last)];
}
