/**
 * The journal in tables of an SQL database, by default the control store's own.
 *
 * The database must sync each commit; then an append is durable when it returns. It keeps its incarnation in a table of its own,
 * so a database that is restored from a backup passes for the same journal: restore it together with the control store, or not at all.
 */
import type { Clock } from '../../clock.ts';
import type { SqlDatabase } from '../../sql/database.ts';
import type { Journal } from '../journal.ts';
import { Access } from './access.ts';
import { appends } from './append.ts';
import { settles } from './entries.ts';
import { reads } from './read.ts';
import { slots } from './slots.ts';
import { Statistics } from './statistics.ts';
import { sweeps } from './sweep.ts';
import type { JournalTables } from './tables.ts';

export type { JournalTables } from './tables.ts';

export interface SqlJournalOptions {
  /** Not closed by the journal: it belongs to whoever opened it. */
  readonly database: SqlDatabase<JournalTables>;
  readonly dataset: { readonly name: string };
  readonly clock: Clock;
}

/** The journal of one dataset; `init` makes its tables. */
export function sqlJournal({ database, dataset, clock }: SqlJournalOptions): Journal {
  const access = new Access(database, dataset.name, clock);
  const statistics = new Statistics(access);
  return {
    expect: (incarnation) => {
      access.trusted = incarnation;
    },
    ...slots(access),
    ...reads(access),
    ...appends(access, statistics),
    ...settles(access),
    ...sweeps(access),
    risks: async () => [],
    stop: () => statistics.ended(),
  };
}
