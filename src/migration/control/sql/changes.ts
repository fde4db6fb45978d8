/**
 * Who hears of a changed record: listeners of this process at once, other processes over the database's channel.
 *
 * The message goes out with the transaction of the change, so that it never comes before the record can be read. What this process hears of its
 * own changes a second time is left to listeners, who know the revision.
 */
import type { Transaction } from 'kysely';
import type { Channel } from '../../sql/database.ts';
import type { Change, ControlStore } from '../control.ts';
import type { ControlTables } from './tables.ts';

type Listener = (change: Change | null) => void;

export class Changes implements Pick<ControlStore, 'onChange' | 'hears'> {
  readonly #channel: Channel<ControlTables> | null;
  readonly #listeners = new Map<Listener, () => void>();

  constructor(channel: Channel<ControlTables> | null) {
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

  /** Inside the transaction of the change. */
  async announce(tx: Transaction<ControlTables>, { dataset, revision }: Change): Promise<void> {
    await this.#channel?.tell(tx, JSON.stringify([revision, dataset]));
  }

  /** After its commit. */
  made({ dataset, revision }: Change): void {
    for (const listener of this.#listeners.keys()) listener({ dataset, revision });
  }
}

/** null, as if something was missed, for what a later release may say. */
function parse(message: string): Change | null {
  const value: unknown = JSON.parse(message);
  if (!Array.isArray(value) || typeof value[0] !== 'number' || typeof value[1] !== 'string') return null;
  return { revision: value[0], dataset: value[1] };
}
