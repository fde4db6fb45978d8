/**
 * "Store s has seq", told to the journal in batches and off the request's path.
 *
 * Nothing waits for a note: one that is lost leaves the entry in the journal, where replay finds the store has it already.
 */
import type { Applied, Journal } from './journal/journal.ts';
import type { Logger } from './log.ts';

export class Notes {
  readonly #journal: Journal;
  readonly #log: Logger;
  #waiting: Applied[] = [];
  #sending: Promise<void> | null = null;

  constructor(journal: Journal, log: Logger) {
    this.#journal = journal;
    this.#log = log;
  }

  add(notes: readonly Applied[]): void {
    this.#waiting.push(...notes);
    this.#sending ??= this.#send();
  }

  /** Resolves when all notes so far have been sent, or were given up. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#journal.applied(batch);
      } catch (error) {
        this.#log.warn({ err: error, notes: batch.length }, 'notes were lost; replay will see to these entries');
      }
    }
    this.#sending = null;
  }
}
