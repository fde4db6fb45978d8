/**
 * Bringing appended entries to the stores, for the writers that appended them.
 *
 * A store that the acknowledgement waits for is delivered to at once and again until it answers. The other store is delivered to off
 * the request's path: it can be slow or gone without anybody waiting, and while it does not answer its entries are left to replay.
 */
import type { Clock } from './clock.ts';
import type { StoreRole } from './dataset.ts';
import { CrossfadeError, hasCode } from './errors.ts';
import type { Traveller } from './home.ts';
import type { Logger } from './log.ts';
import type { Notes } from './notes.ts';
import { runOf } from './seq.ts';
import type { Store } from './stores/store.ts';

/** Between two tries on a store that does not answer, milliseconds. */
const RETRY_MS = 25;
/** How long a store that did not answer is left to replay, milliseconds. */
const SPARE_MS = 1000;
/** Deliveries off the path that may be under way; beyond it, entries are left to replay. */
const MOST_UNDER_WAY = 256;

export class Deliveries {
  readonly #stores: Readonly<Record<StoreRole, Store>>;
  readonly #notes: Notes;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #underWay = new Set<Promise<void>>();
  readonly #sparedUntil: Record<StoreRole, number> = { OLD: 0, NEW: 0 };

  constructor(stores: Readonly<Record<StoreRole, Store>>, notes: Notes, clock: Clock, log: Logger) {
    this.#stores = stores;
    this.#notes = notes;
    this.#clock = clock;
    this.#log = log;
  }

  /** true: the store has it. false: its fence is not up for this run, or it does not answer; try again. */
  async now(traveller: Traveller, role: StoreRole): Promise<boolean> {
    try {
      return await this.#deliver(traveller, role, true);
    } catch (error) {
      if (!hasCode(error, 'STORE_UNAVAILABLE')) throw error;
      await this.#clock.delay(RETRY_MS);
      return false;
    }
  }

  later(traveller: Traveller, role: StoreRole): void {
    if (this.#underWay.size >= MOST_UNDER_WAY || this.#clock.monotonic() < this.#sparedUntil[role]) return;
    const delivery = this.#deliver(traveller, role, false)
      .then(
        () => {},
        (error: unknown) => {
          this.#sparedUntil[role] = this.#clock.monotonic() + SPARE_MS;
          this.#log.warn({ role, err: error }, 'a store did not take an entry; it stays in the journal');
        },
      )
      .finally(() => this.#underWay.delete(delivery));
    this.#underWay.add(delivery);
  }

  /** Resolves when nothing is under way. */
  async flush(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#notes.flush();
  }

  async #deliver({ address, seq, image }: Traveller, role: StoreRole, required: boolean): Promise<boolean> {
    const row = image && (role === 'OLD' ? image.old : image.new);
    const entry = { key: address.key, seq, row, old: image && image.old };
    const { outcome, refused } = await this.#stores[role].writer.apply(runOf(seq), [entry]);
    if (outcome === 'FENCED') return false;
    const refusal = refused[0];
    // The new store keeps a refused row in quarantine, so that it lacks nothing; the old one has no such place.
    if (!refusal || role === 'NEW') this.#notes.add([{ address, seq, role }]);
    if (refusal && (required || role === 'OLD')) {
      throw new CrossfadeError('INTERNAL', { message: `The ${role} store refuses a row for good: ${refusal.reason}` });
    }
    return true;
  }
}
