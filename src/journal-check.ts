/**
 * The journal's server at the start: one that lets nobody in as the URL says stops it in every state, for a person has to mend that. One that
 * does not answer stops nothing: it may be back later, and what needs it then fails with JOURNAL_UNAVAILABLE.
 */
import { ConfigError, maskPassword, type Config } from './config.ts';
import { hasCode, JournalUnusable } from './migration/errors.ts';
import type { Journal } from './migration/journal/journal.ts';

export interface JournalCheck {
  readonly config: Pick<Config, 'journalUrl'>;
  readonly journal: Pick<Journal, 'risks'>;
}

/** Throws in one line that names the variable. Waits for a server that does not answer as long as one answer may take; the engine tells of it. */
export async function checkJournal({ config: { journalUrl }, journal }: JournalCheck): Promise<void> {
  if (journalUrl === null) return;
  try {
    await journal.risks();
  } catch (error) {
    if (error instanceof JournalUnusable) {
      const shown = JSON.stringify(maskPassword(journalUrl));
      throw new ConfigError(`JOURNAL_URL is ${shown}, which can't be used: ${error.message}.`, { cause: error });
    }
    if (!hasCode(error, 'JOURNAL_UNAVAILABLE')) throw error;
  }
}
