/** A client of one instance, as a server's resolvers are, that writes down in a history what it asked and was answered. */
import { OperationExpired, type Engine, type Mutated, type Operation } from '../../src/migration/api.ts';
import type { Faces, Row } from '../../src/migration/dataset.ts';
import { hasCode } from '../../src/migration/errors.ts';
import { soon } from './deployment.ts';
import type { History, WriteEvent } from './history.ts';
import type { NewTicket, OldTicket } from './tickets.ts';

export type TicketEngine = Engine<OldTicket, NewTicket>;
export type TicketFaces = Faces<OldTicket, NewTicket>;
export type TicketOperation = Operation<OldTicket, NewTicket>;

export interface TicketKey {
  readonly holder: string;
  readonly show: string;
}
export const nameOf = ({ holder, show }: TicketKey): string => `${holder}/${show}`;

/** Runs the reads again from the start when the lease has run out under them, as every server does. */
export async function reading<T>(
  engine: TicketEngine,
  work: (operation: TicketOperation) => Promise<T>,
  deadline = soon(),
): Promise<T> {
  for (;;) {
    const operation = await engine.begin(deadline);
    try {
      return await work(operation);
    } catch (error) {
      if (!(error instanceof OperationExpired) || performance.now() > deadline) throw error;
    } finally {
      operation.end();
    }
  }
}

/** All tickets, as a list shows them. */
export function seats({ engine }: { readonly engine: TicketEngine }): Promise<string[]> {
  return reading(engine, async (operation) => {
    const { rows } = await operation.page({ after: null, first: 100 });
    return rows.map(({ old }) => `${old?.holder} ${old?.show} ${old?.seat}`);
  });
}

export function seatOf(faces: TicketFaces | null): string | null {
  if (!faces) return null;
  const { old, new: renewed } = faces;
  if (old && renewed && renewed.place !== `seat ${old.seat}`)
    throw new Error(`two faces of ${faces.key} do not agree: ${JSON.stringify(faces)}`);
  return old?.seat ?? renewed?.place.slice('seat '.length) ?? null;
}

type Kind = WriteEvent['kind'];

export class Client {
  readonly #engine: TicketEngine;
  readonly #history: History;
  readonly #who: string;
  /** Aborted when the instance is killed: from then on writes may fail, and nobody knows what became of them. */
  readonly #killed: AbortSignal | undefined;
  #written = 0;

  constructor(engine: TicketEngine, history: History, who: string, killed?: AbortSignal) {
    this.#engine = engine;
    this.#history = history;
    this.#who = who;
    this.#killed = killed;
  }

  create(key: TicketKey): Promise<void> {
    return this.#write('CREATE', key);
  }

  change(key: TicketKey): Promise<void> {
    return this.#write('CHANGE', key);
  }

  remove(key: TicketKey): Promise<void> {
    return this.#write('REMOVE', key);
  }

  async get(key: TicketKey): Promise<void> {
    const from = this.#history.tick();
    const row: Row = { ...key };
    const value = seatOf(await reading(this.#engine, (operation) => operation.load(row)));
    this.#read(nameOf(key), from, value, 'key');
  }

  /** One list that has room for all; it tells of every key of `keys` whether it is there. */
  async list(keys: readonly TicketKey[], filter?: { readonly field: 'holder' | 'show'; readonly value: string }) {
    const from = this.#history.tick();
    const query = { after: null, first: 100, ...(filter && { filter }) };
    const { rows } = await reading(this.#engine, (operation) => operation.page(query));
    const found = new Map(rows.map((faces) => [nameOf(keyOf(faces)), seatOf(faces)]));
    if (found.size !== rows.length) throw new Error(`a list shows a row twice: ${JSON.stringify(rows)}`);
    for (const key of keys) {
      if (filter && key[filter.field] !== filter.value) continue;
      this.#read(nameOf(key), from, found.get(nameOf(key)) ?? null, filter ? `list of ${filter.field}` : 'list', true);
    }
  }

  #read(key: string, from: number, value: string | null, how: string, listed = false): void {
    this.#history.reads.push({ kind: 'READ', who: this.#who, key, from, to: this.#history.tick(), value, how, listed });
  }

  async #write(kind: Kind, key: TicketKey): Promise<void> {
    const value = kind === 'REMOVE' ? null : `${this.#who}.${++this.#written}`;
    const event = { kind, who: this.#who, key: nameOf(key), after: value };
    const from = this.#history.tick();
    try {
      const answer = await mutateTicket(this.#engine, key, value, kind);
      const to = this.#history.tick();
      if (answer.outcome === 'WRITTEN')
        this.#history.writes.push({ ...event, from, to, before: seatOf(answer.before) });
      else this.#read(event.key, from, seatOf(answer.current), `refused ${kind.toLowerCase()}`);
    } catch (error) {
      if (!this.#killed?.aborted || !hasCode(error, ...ENDS_OF_A_KILLED_INSTANCE)) throw error;
      this.#history.writes.push({ ...event, from, to: Infinity, before: undefined });
    }
  }
}

const ENDS_OF_A_KILLED_INSTANCE = [
  'OUTCOME_UNKNOWN',
  'STORE_UNAVAILABLE',
  'JOURNAL_UNAVAILABLE',
  'CONTROL_UNAVAILABLE',
] as const;

/** A create is refused where there is a row, the others where there is none. */
export function mutateTicket(
  engine: TicketEngine,
  key: TicketKey,
  seat: string | null,
  kind: Kind,
  face: 'old' | 'new' = 'old',
  deadline = soon(),
): Promise<Mutated<OldTicket, NewTicket, 'TAKEN' | 'ABSENT'>> {
  return engine.mutate(
    { ...key },
    (current) => {
      if ((current !== null) === (kind === 'CREATE')) return { refuse: current ? 'TAKEN' : 'ABSENT' };
      if (seat === null) return { remove: true };
      const shared = { holder: key.holder, show: key.show, updated: 1 };
      return { write: face === 'old' ? { old: { ...shared, seat } } : { new: { ...shared, place: `seat ${seat}` } } };
    },
    deadline,
  );
}

export function keyOf({ old, new: renewed }: TicketFaces): TicketKey {
  const row = old ?? renewed;
  if (!row) throw new Error('a row without a face');
  return { holder: row.holder, show: row.show };
}
