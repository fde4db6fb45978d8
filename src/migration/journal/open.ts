/**
 * Journals by the scheme of a URL: beside the registry of data engines the only file outside of their own folders that names them.
 */
import type { Clock } from '../clock.ts';
import type { KeyField } from '../key.ts';
import type { SqlDatabase } from '../sql/database.ts';
import type { Journal } from './journal.ts';
import { isRedisUrl, REDIS_URL_FORMS } from './redis/connect.ts';
import { redisJournal } from './redis/index.ts';
import { sqlJournal, type JournalTables } from './sql/index.ts';

/** What a URL may look like. */
export const JOURNAL_URL_FORMS: readonly string[] = REDIS_URL_FORMS;

export function isJournalUrl(url: string): boolean {
  return isRedisUrl(url);
}

export interface OpenJournalOptions {
  readonly dataset: { readonly name: string; readonly keyFields: readonly KeyField[] };
  /** What `ControlStore.open` returned: whose journal it is, on a server that others may use too. */
  readonly deployment: string;
  readonly clock: Clock;
  /** Of the control store: where the journal's tables lie when it has no URL of its own. Not closed with the journal. */
  readonly database: SqlDatabase<JournalTables>;
  /** The longest that a request may run, milliseconds: until then and longer a repeated write must get its first answer. */
  readonly requestTimeoutMs: number;
}

/** `url`: one that `isJournalUrl` knows; null: tables in the control store. */
export function openJournal(url: string | null, { database, ...options }: OpenJournalOptions): Journal {
  if (url === null) return sqlJournal({ database, ...options });
  return openJournalServer(url, options);
}

/** A journal on a server of its own. */
export function openJournalServer(
  url: string,
  { requestTimeoutMs, ...options }: Omit<OpenJournalOptions, 'database'>,
): Journal {
  if (!isJournalUrl(url)) throw new RangeError('no journal has URLs of this scheme');
  return redisJournal({ url, ...options, answersMs: 2 * requestTimeoutMs });
}
