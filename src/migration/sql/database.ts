/**
 * A handle to one SQL database, for code that is written once for every engine: the control store and the SQL journal.
 *
 * An engine's folder provides it. `write` runs the work as one serialisable-enough transaction: what it reads does not change until
 * it commits, either because the engine has one writer at a time, or because the work locks the rows it reads with `lockRows`.
 * Busy databases, deadlocks and serialisation failures are tried again inside; the work may therefore run more than once.
 */
import type { CompiledQuery, Kysely, RawBuilder, SelectQueryBuilder, Transaction } from 'kysely';

export interface SqlDatabase<Tables> {
  readonly read: Kysely<Tables>;
  /**
   * The rows of a statement that reads and was compiled before, as arrays in the order of its columns: without what kysely does for each.
   * Integers are what `Integer` of the tables says: bigint, string or number.
   */
  rows(query: Pick<CompiledQuery, 'sql' | 'parameters'>): Promise<readonly (readonly unknown[])[]>;
  /** For `create table`: the engine's type of text that is compared and ordered by the bytes of its UTF-8 form, as keys are. */
  readonly byteText: string;
  write<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>;
  /** One statement that writes, as a transaction of its own: where there is a server, without the round trips of a longer one. */
  once<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  /** Adds the engine's row lock to a select inside `write`; nothing where the transaction alone excludes other writers. */
  lockRows<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O>;
  /** Do transactions go on at the same time that lock different rows? Where they do, one that locks few keeps few waiting. */
  readonly concurrentWriters: boolean;
  /** Runs statements that make tables (`create table if not exists …`), in order, in one transaction where the engine can. */
  migrate(statements: readonly string[]): Promise<void>;
  /** Gathers what statements are planned by, of these tables, now; absent where plans do not depend on it. */
  gather?(tables: readonly string[]): Promise<void>;
  /** Statements for `migrate` that make this table refuse to change or remove a row that it has; each may be run again. */
  appendOnly(table: string): readonly string[];
  /** Word that goes round between processes; absent where one process alone uses the database. */
  readonly channel?: Channel;
  close(): Promise<void>;
}

/**
 * Short messages between all who have a handle to one database. A message is a hint and may be lost: whoever relies on one looks for itself
 * as well, only less often while the channel `hears`.
 */
export interface Channel {
  /**
   * An expression that sends the message, once for each row that a statement returns it for. It goes out when the transaction commits, to
   * everybody, this process included; and not at all if it does not commit.
   */
  telling(message: string): RawBuilder<unknown>;
  /** `null`: messages may have been missed until now. Returns an unsubscribe function. */
  listen(heard: (message: string | null) => void): () => void;
  /** Is everything heard that is told, as far as this process knows? */
  hears(): boolean;
}
