/**
 * Who hears of a changed record: listeners of this process at once, other processes over the database's channel.
 *
 * The message goes out with the transaction of the change, so that it never comes before the record can be read. What this process hears of its
 * own changes a second time is left to listeners, who know the revision.
 */
import { sql, type RawBuilder } from 'kysely';
import type { Channel } from '../../sql/database.ts';
import type { Change, ControlRecord, ControlStore } from '../control.ts';

type Listener = (change: Change | null) => void;

export class Changes implements Pick<ControlStore, 'onChange' | 'hears'> {
  readonly #channel: Channel | null;
  readonly #listeners = new Map<Listener, () => void>();

  constructor(channel: Channel | null) {
    this.#channel = channel;
  }

  readonly onChange = (listener: Listener): (() => void) => {
    const deafen = this.#channel?.listen((message) => listener(message === null ? null : parse(message)));
    this.#listeners.set(listener, deafen ?? (() => {}));
    return () => {
      this.#listeners.get(listener)?.();
      this.#listeners.delete(listener);
    };
  };

  readonly hears = (): boolean => this.#channel?.hears() ?? false;

  /** Returned by the statement that makes the change: then other processes hear of it, if it is made, in the same round trip. */
  telling({ dataset, revision }: Change): RawBuilder<unknown> {
    return this.#channel?.telling(JSON.stringify([revision, dataset])) ?? sql`1`;
  }

  /** After its commit. */
  made(record: ControlRecord): void {
    const { dataset, revision } = record;
    for (const listener of this.#listeners.keys()) listener({ dataset, revision, record });
  }
}

/** null, as if something was missed, for what a later release may say. */
function parse(message: string): Change | null {
  const value: unknown = JSON.parse(message);
  if (!Array.isArray(value) || typeof value[0] !== 'number' || typeof value[1] !== 'string') return null;
  return { revision: value[0], dataset: value[1] };
}
