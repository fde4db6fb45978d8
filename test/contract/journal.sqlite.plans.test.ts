/** Each read of the journal goes by an index, down to the value it looks for: read by read, whatever the clock of a busy machine says. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompiledQuery } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { sqlJournal, type JournalTables } from '../../src/migration/journal/sql/index.ts';
import type { Journal } from '../../src/migration/journal/journal.ts';
import { openSqliteFile } from '../../src/migration/stores/sqlite/database.ts';
import { ManualClock } from './journal.contract.ts';

/** How entries and listed values are looked for; sorting, if there is any. */
const TELLING = /^(SEARCH|SCAN) (e|l|crossfade_journal_entry|crossfade_journal_listed) |TEMP B-TREE/;
const TERMS = /\(.*\)/;

test('reads of the journal go by its indexes', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'journal-'));
  const database = openSqliteFile<JournalTables>(join(directory, 'journal.sqlite'));
  onTestFinished(async () => {
    await database.close();
    await rm(directory, { recursive: true });
  });
  const plans: string[] = [];
  // Parts of a statement pass here as well as the whole of it; results come for the whole alone.
  const statements = new WeakMap<object, CompiledQuery>();
  const read = database.read.withPlugin({
    transformQuery: ({ node, queryId }) => {
      statements.set(queryId, database.read.getExecutor().compileQuery(node, queryId));
      return node;
    },
    transformResult: async ({ result, queryId }) => {
      explain(statements.get(queryId) ?? expect.unreachable());
      return result;
    },
  });
  const explain = ({ sql, parameters }: Pick<CompiledQuery, 'sql' | 'parameters'>): void => {
    const steps = database.raw.prepare<unknown[], { detail: string }>(`explain query plan ${sql}`).all(...parameters);
    plans.push(...steps.flatMap(({ detail }) => (TELLING.test(detail) ? [TERMS.exec(detail)?.[0] ?? detail] : [])));
  };
  const rows: typeof database.rows = (query) => {
    explain(query);
    return database.rows(query);
  };
  const journal = sqlJournal({
    database: { ...database, read, rows },
    dataset: { name: 'party' },
    clock: new ManualClock(),
  });
  await journal.init(1);
  await journal.open({ epoch: 2, run: 2 });
  const planOf = async (ask: () => Promise<unknown>) => {
    plans.length = 0;
    await ask();
    return [...plans];
  };
  const page = (query: Partial<Parameters<Journal['page']>[0]>) =>
    planOf(() => journal.page({ after: 'a', limit: 20, ...query }));
  const listed = { field: 'event', value: 'party' };
  const byKey = '(dataset=? AND generation=? AND key=?)';
  const byValue = '(dataset=? AND generation=? AND field=? AND value=? AND key>?)';

  expect(await page({})).toEqual(['(dataset=? AND generation=? AND key>?)']);
  expect(await page({ after: null })).toEqual(['(dataset=? AND generation=?)']);
  expect(await page({ slot: 7 })).toEqual(['(dataset=? AND generation=? AND slot=? AND key>?)']);
  expect(await page({ listed })).toEqual([byValue, byKey]);
  expect(await page({ listed, slot: 7 })).toEqual([byValue, byKey]);
  expect(await planOf(() => journal.read([{ key: 'a', slot: 7 }]))).toEqual([byKey]);
  expect(await planOf(() => journal.owed({ role: 'NEW', limit: 9, held: false }))).toEqual([
    '(dataset=? AND generation=?)',
  ]);
  expect(await planOf(() => journal.lacking('NEW', 'NOTED'))).toEqual(['(dataset=? AND generation=?)']);
  expect(await planOf(() => journal.status()), 'the oldest for each store').toEqual([
    '(dataset=? AND generation=?)',
    '(dataset=? AND generation=?)',
  ]);
  expect(await planOf(() => journal.sweep(9))).toEqual(['(dataset=? AND generation<?)']);
});
