/** A blocker's name in words; its message, which the server writes, says what it is and what to do. */
import type { BlockerCode } from '../../generated/schema.ts';

export const BLOCKERS: Readonly<Record<BlockerCode, string>> = {
  COPY_INCOMPLETE: 'The copy is not complete',
  QUARANTINE_NOT_EMPTY: 'Rows are in quarantine',
  BACKLOG_NOT_EMPTY: 'Writes are on their way',
  NOT_VERIFIED: 'Not verified',
  DIFFERENCES_FOUND: 'The stores differ',
  STORE_UNREACHABLE: 'A store does not answer',
  JOURNAL_UNREACHABLE: 'The journal does not answer',
  JOURNAL_UNSAFE: 'The journal may lose writes',
  TARGET_NOT_EMPTY: 'The new table is not empty',
  OLD_STORE_CHANGED: 'The old table has changed',
  NOT_ADJACENT: 'Not the next step',
  SWITCH_IN_PROGRESS: 'A switch is under way',
  TIMED_OUT: 'It took too long',
};

/** What an operator takes on by going over a blocker; the others can't be gone over. */
export const RISKS: Readonly<Partial<Record<BlockerCode, string>>> = {
  JOURNAL_UNSAFE: 'Writes of the time in MIGRATING may be lost if the journal’s server fails.',
  OLD_STORE_CHANGED: 'What changed is not in the new store until a verification finds it and it is repaired.',
  STORE_UNREACHABLE: 'The old store is given up: what only it has is gone.',
};

/** These clear by themselves, so it is worth asking again. */
export const PASSING: readonly BlockerCode[] = ['COPY_INCOMPLETE', 'BACKLOG_NOT_EMPTY', 'SWITCH_IN_PROGRESS'];
