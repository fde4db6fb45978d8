/**
 * The catalogue of events, in the control database: table `crossfade_event`, open to other readers.
 *
 * It is asked with every row that is mapped, so what it knows is kept in memory for a second at most, and never across a change of
 * epoch. That an event is *not* there is never kept: a row of an event that was defined a moment ago, elsewhere, must not count as
 * unmappable. When the database does not answer, or keeps us waiting, what was known of an event is used on, for pairs of answer and code
 * never change.
 */
import { setTimeout as delay } from 'node:timers/promises';
import DataLoader from 'dataloader';
import type { Kysely, Transaction } from 'kysely';
import { CrossfadeError } from '../migration/errors.ts';
import type { SqlDatabase } from '../migration/sql/database.ts';
import { mergeEvent, pairsAreFixed } from './define.ts';
import type { Choice, Event } from './events.ts';
import { isNameable } from './text.ts';

export interface Catalogue {
  /** null: there is no event of this name. Without a promise where it is in memory; else calls of one tick travel together. */
  get(name: string): Promise<Event | null> | Event | null;
  /** Those that there are, by name. */
  getMany(names: readonly string[]): Promise<ReadonlyMap<string, Event>>;
  /** At most `first` events above `after`, in byte order of their names. */
  page(after: string | null, first: number): Promise<CataloguePage>;
  count(): Promise<number>;
  /**
   * Adds the event or changes it; the same again changes nothing. Returns it as it stands then. BAD_USER_INPUT (field `choices`) if pairs
   * would be lost, or would be added while `mayAddPairs` says no; it is asked only if pairs would be added to an event that is there.
   */
  define(event: Event, mayAddPairs: () => Promise<boolean>): Promise<Event>;
  /** Adds those whose names are not there; how many. */
  seed(events: readonly Event[]): Promise<number>;
  /** Drops what is kept in memory. To be called on every change of epoch, so that no state maps with what an earlier one knew. */
  forget(): void;
}

export interface CataloguePage {
  readonly events: readonly Event[];
  readonly hasNextPage: boolean;
}

export interface EventTable {
  name: string;
  question: string;
  reward: string;
  opens_at: string;
  closes_at: string | null;
  /** JSON: a list of `Choice`. */
  choices: string;
}
export interface CatalogueTables {
  crossfade_event: EventTable;
}

/** How long an event is kept in memory, milliseconds, counted from before it was read. */
const FRESH_MS = 1000;
/** How long a request waits for the database where what was known would do, milliseconds. */
const PATIENCE_MS = 500;
/** How many are kept, and how many are asked for in one statement. */
const KEPT = 1000;
const BATCH = 500;

interface Kept {
  readonly event: Event;
  readonly at: number;
}

interface Flight {
  readonly events: Promise<readonly Event[]>;
  readonly at: number;
}

/** Makes the table if it is missing. The database stays its owner's: the catalogue does not close it. CONTROL_UNAVAILABLE if it does not answer. */
export async function openCatalogue(database: SqlDatabase<CatalogueTables>): Promise<Catalogue> {
  await guard(() =>
    database.migrate([
      `create table if not exists crossfade_event (
        name ${database.byteText} primary key, question text not null, reward text not null,
        opens_at text not null, closes_at text, choices text not null)`,
    ]),
  );
  return new SqlCatalogue(database);
}

class SqlCatalogue implements Catalogue {
  readonly #database: SqlDatabase<CatalogueTables>;
  readonly #kept = new Map<string, Kept>();
  /** Who reads a name right now: all that are served at the moment at which it is kept no longer would ask for it at once. */
  readonly #flights = new Map<string, Flight>();
  #generation = 0;
  /** A database that kept a request waiting is not asked before this time for what is known. */
  #sparedUntil = 0;
  readonly #loader = new DataLoader<string, Event | null>(
    async (names) => {
      const events = await this.getMany(names);
      return names.map((name) => events.get(name) ?? null);
    },
    { cache: false },
  );

  constructor(database: SqlDatabase<CatalogueTables>) {
    this.#database = database;
  }

  get(name: string): Promise<Event | null> | Event {
    const kept = this.#kept.get(name);
    return kept && kept.at > performance.now() - FRESH_MS ? kept.event : this.#loader.load(name);
  }

  async getMany(names: readonly string[]): Promise<ReadonlyMap<string, Event>> {
    const known = new Map<string, Event>();
    const missing: string[] = [];
    const stale = performance.now() - FRESH_MS;
    for (const name of new Set(names)) {
      const kept = this.#kept.get(name);
      if (kept && kept.at > stale) known.set(name, kept.event);
      else if (isNameable(name)) missing.push(name);
    }
    const flights = this.#flightsOf(missing, stale);
    if (flights.size > 0) {
      const wanted = new Set(missing);
      // One that fails fails for who began it; the others ask for themselves.
      for (const end of await Promise.allSettled(flights)) {
        if (end.status === 'rejected') continue;
        for (const event of end.value) if (wanted.has(event.name)) known.set(event.name, event);
      }
    }
    const alone = missing.filter((name) => !known.has(name));
    for (let i = 0; i < alone.length; i += BATCH) {
      for (const event of await this.#fly(alone.slice(i, i + BATCH))) known.set(event.name, event);
    }
    return known;
  }

  /** Reads of others that began when what they bring would still be kept. That a name is not there is no answer to share. */
  #flightsOf(names: readonly string[], stale: number): ReadonlySet<Promise<readonly Event[]>> {
    const flights = new Set<Promise<readonly Event[]>>();
    for (const name of names) {
      const flight = this.#flights.get(name);
      if (flight && flight.at > stale) flights.add(flight.events);
    }
    return flights;
  }

  async #fly(names: readonly string[]): Promise<readonly Event[]> {
    const flight: Flight = { at: performance.now(), events: this.#load(names) };
    for (const name of names) this.#flights.set(name, flight);
    try {
      return await flight.events;
    } finally {
      for (const name of names) if (this.#flights.get(name) === flight) this.#flights.delete(name);
    }
  }

  async page(after: string | null, first: number): Promise<CataloguePage> {
    const rows = await this.#read((db) => {
      const query = db
        .selectFrom('crossfade_event')
        .selectAll()
        .orderBy('name')
        .limit(first + 1);
      return (after === null ? query : query.where('name', '>', after)).execute();
    });
    return { events: rows.slice(0, first).map(eventOf), hasNextPage: rows.length > first };
  }

  async count(): Promise<number> {
    const query = (db: Kysely<CatalogueTables>) =>
      db
        .selectFrom('crossfade_event')
        .select((e) => e.fn.countAll().as('events'))
        .executeTakeFirstOrThrow();
    return Number((await this.#read(query)).events);
  }

  async define(event: Event, mayAddPairs: () => Promise<boolean>): Promise<Event> {
    // Asked outside the transaction: whoever answers may need the same database.
    for (let mayAdd = false; ; mayAdd = true) {
      const defined = await this.#define(event, mayAdd);
      if (defined !== 'ADDS_PAIRS') {
        // Whoever asks from now on must not share what was read before, and it is not kept.
        this.#generation++;
        this.#kept.delete(event.name);
        this.#flights.delete(event.name);
        return defined;
      }
      if (!(await mayAddPairs())) throw pairsAreFixed();
    }
  }

  async seed(events: readonly Event[]): Promise<number> {
    if (events.length === 0) return 0;
    const result = await this.#write((tx) =>
      tx
        .insertInto('crossfade_event')
        .values(events.map(rowOf))
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirstOrThrow(),
    );
    return Number(result.numInsertedOrUpdatedRows ?? 0);
  }

  forget(): void {
    this.#generation++;
    this.#kept.clear();
  }

  #define(event: Event, mayAdd: boolean): Promise<Event | 'ADDS_PAIRS'> {
    return this.#write(async (tx) => {
      const added = await tx
        .insertInto('crossfade_event')
        .values(rowOf(event))
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirstOrThrow();
      if (added.numInsertedOrUpdatedRows !== 0n) return event;
      const standing = tx.selectFrom('crossfade_event').selectAll().where('name', '=', event.name);
      const stands = eventOf(await this.#database.lockRows(standing).executeTakeFirstOrThrow());
      const merged = mergeEvent(stands, event);
      if (merged.addsPairs && !mayAdd) return 'ADDS_PAIRS';
      await tx.updateTable('crossfade_event').set(rowOf(merged.event)).where('name', '=', event.name).execute();
      return merged.event;
    });
  }

  /** These events as the database has them, or as they are known where it does not answer soon enough. */
  async #load(names: readonly string[]): Promise<readonly Event[]> {
    const known = () => names.flatMap((name) => this.#kept.get(name)?.event ?? []);
    if (performance.now() < this.#sparedUntil && known().length === names.length) return known();
    const reading = this.#reload(names);
    const answered = new AbortController();
    const late = delay(PATIENCE_MS, null, { signal: answered.signal }).catch(() => null);
    try {
      const events = await Promise.race([reading, late]);
      if (events) return events;
      this.#sparedUntil = performance.now() + FRESH_MS;
      const instead = known();
      return instead.length < names.length ? await reading : instead;
    } catch (error) {
      const instead = known();
      if (instead.length < names.length) throw error;
      return instead;
    } finally {
      answered.abort();
    }
  }

  /** Reads these events and keeps them; what was read while everything was forgotten is read again. */
  async #reload(names: readonly string[]): Promise<readonly Event[]> {
    for (;;) {
      const generation = this.#generation;
      const at = performance.now();
      const rows = await this.#read((db) =>
        db.selectFrom('crossfade_event').selectAll().where('name', 'in', names).execute(),
      );
      if (generation === this.#generation) return rows.map((row) => this.#keep(eventOf(row), at));
    }
  }

  #keep(event: Event, at: number): Event {
    this.#kept.delete(event.name);
    this.#kept.set(event.name, { event, at });
    const oldest = this.#kept.size > KEPT ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    return event;
  }

  #read<T>(work: (db: Kysely<CatalogueTables>) => Promise<T>): Promise<T> {
    return guard(() => work(this.#database.read));
  }

  #write<T>(work: (tx: Transaction<CatalogueTables>) => Promise<T>): Promise<T> {
    return guard(() => this.#database.write(work));
  }
}

async function guard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CrossfadeError) throw error;
    throw new CrossfadeError('CONTROL_UNAVAILABLE', { cause: error });
  }
}

function rowOf(event: Event): EventTable {
  return {
    name: event.name,
    question: event.question,
    reward: event.reward,
    opens_at: event.opensAt,
    closes_at: event.closesAt,
    choices: JSON.stringify(event.choices),
  };
}

function eventOf(row: EventTable): Event {
  return {
    name: row.name,
    question: row.question,
    reward: row.reward,
    opensAt: row.opens_at,
    closesAt: row.closes_at,
    // Written by `rowOf` alone.
    choices: JSON.parse(row.choices) as readonly Choice[],
  };
}
