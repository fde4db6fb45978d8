import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openCatalogue, type Catalogue, type CatalogueTables } from '../../../src/activity/catalogue.ts';
import { checkEvent } from '../../../src/activity/define.ts';
import { SAMPLE_EVENTS, type Event } from '../../../src/activity/events.ts';
import { openSqliteFile, type SqliteFile } from '../../../src/migration/stores/sqlite/database.ts';
import { temporaryDirectory } from '../../support/tmp.ts';

const yes = async () => true;
const no = async () => false;
const named = (name: string, answers: readonly string[] = ['yes', 'no']): Event =>
  checkEvent({
    name,
    question: 'Is it warm?',
    reward: 'ice cream',
    opensAt: '2026-06-01T00:00:00Z',
    choices: answers.map((answer) => ({ answer, code: `C-${answer}`, correct: answer === 'yes' })),
  });

let file: string;
let database: SqliteFile<CatalogueTables>;
let catalogue: Catalogue;

beforeEach(async () => {
  file = join(await temporaryDirectory(), 'control.sqlite');
  database = openSqliteFile(file);
  catalogue = await openCatalogue(database);
  return () => database.close();
});

/** Another process. */
async function another(): Promise<{ catalogue: Catalogue; close(): Promise<void> }> {
  const own = openSqliteFile<CatalogueTables>(file);
  return { catalogue: await openCatalogue(own), close: () => own.close() };
}

/** Statements that read events, from here on. */
function reads(): { count(): number } {
  const spy = vi.spyOn(database.read, 'selectFrom');
  return { count: () => spy.mock.calls.length };
}

test('what is defined is found, in this process, in another, and after a restart', async () => {
  const event = named('summer');
  expect(await catalogue.get('summer')).toBeNull();
  expect(await catalogue.define(event, no)).toEqual(event);
  expect(await catalogue.get('summer')).toEqual(event);
  const other = await another();
  expect(await other.catalogue.get('summer')).toEqual(event);
  await other.close();
});

test('names are told apart by their bytes, and no name can do harm', async () => {
  await catalogue.define(named('summer'), no);
  const names = ['Summer', 'summer ', "'; drop table crossfade_event; --", '\0', '\ud83d', '', '__proto__'];
  expect((await catalogue.getMany(names)).size).toBe(0);
  expect(await catalogue.count()).toBe(1);
});

test('pages are in byte order', async () => {
  const names = ['a', 'B', 'é', 'z', '\u{1f389}', '\ufffd', 'ab'];
  await catalogue.seed(names.map((name) => named(name)));
  const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const first = await catalogue.page(null, 4);
  expect(first.events.map(({ name }) => name)).toEqual(sorted.slice(0, 4));
  expect(first.hasNextPage).toBe(true);
  const rest = await catalogue.page(sorted[3] ?? '', 4);
  expect(rest.events.map(({ name }) => name)).toEqual(sorted.slice(4));
  expect(rest.hasNextPage).toBe(false);
  expect(await catalogue.count()).toBe(names.length);
});

test('seeding adds what is missing and changes nothing', async () => {
  const own = { ...(SAMPLE_EVENTS[0] as Event), reward: 'something else' };
  await catalogue.define(own, no);
  expect(await catalogue.seed(SAMPLE_EVENTS)).toBe(SAMPLE_EVENTS.length - 1);
  expect(await catalogue.seed(SAMPLE_EVENTS)).toBe(0);
  expect(await catalogue.get(own.name)).toEqual(own);
});

describe('defining again', () => {
  test('the same changes nothing and asks nobody', async () => {
    await catalogue.define(named('summer'), no);
    expect(await catalogue.define(named('summer'), no)).toEqual(named('summer'));
  });

  test('other words are taken, and seen at once', async () => {
    await catalogue.define(named('summer'), no);
    await catalogue.get('summer');
    const changed = { ...named('summer'), reward: 'two ice creams' };
    expect(await catalogue.define(changed, no)).toEqual(changed);
    expect(await catalogue.get('summer')).toEqual(changed);
  });

  test('more pairs only when they may be added', async () => {
    await catalogue.define(named('summer'), no);
    const more = named('summer', ['yes', 'no', 'maybe']);
    await expect(catalogue.define(more, no)).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field: 'choices' });
    expect(await catalogue.get('summer')).toEqual(named('summer'));
    const defined = await catalogue.define(more, yes);
    expect(defined.choices.map(({ answer, late }) => [answer, late])).toEqual([
      ['yes', false],
      ['no', false],
      ['maybe', true],
    ]);
    expect(await catalogue.define(more, no)).toEqual(defined);
  });

  test('fewer pairs never', async () => {
    await catalogue.define(named('summer'), no);
    await expect(catalogue.define(named('summer', ['yes']), yes)).rejects.toMatchObject({ field: 'choices' });
  });

  test('two processes at once: one adds, the other is held to what the first one made', async () => {
    const other = await another();
    const results = await Promise.allSettled([
      catalogue.define(named('summer', ['yes', 'no']), no),
      other.catalogue.define(named('summer', ['yes', 'maybe']), no),
    ]);
    await other.close();
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('what is kept in memory', () => {
  test('events asked for in one tick are read with one statement, and then not for a while', async () => {
    await catalogue.seed(SAMPLE_EVENTS);
    const statements = reads();
    await Promise.all([...SAMPLE_EVENTS, ...SAMPLE_EVENTS].map(({ name }) => catalogue.get(name)));
    expect(statements.count()).toBe(1);
    await catalogue.getMany(SAMPLE_EVENTS.map(({ name }) => name));
    expect(statements.count()).toBe(1);
  });

  test('that an event is not there is not kept', async () => {
    const other = await another();
    expect(await catalogue.get('summer')).toBeNull();
    await other.catalogue.define(named('summer'), no);
    expect(await catalogue.get('summer')).toEqual(named('summer'));
    await other.close();
  });

  test('a change by another process is seen after a second, or when everything is forgotten', async () => {
    const other = await another();
    const now = vi.spyOn(performance, 'now');
    now.mockReturnValue(0);
    await catalogue.define(named('summer'), no);
    await catalogue.get('summer');
    const change = async (reward: string) => other.catalogue.define({ ...named('summer'), reward }, no);

    await change('one');
    now.mockReturnValue(999);
    expect((await catalogue.get('summer'))?.reward).toBe('ice cream');
    now.mockReturnValue(1000);
    expect((await catalogue.get('summer'))?.reward).toBe('one');

    await change('two');
    catalogue.forget();
    expect((await catalogue.get('summer'))?.reward).toBe('two');
    now.mockRestore();
    await other.close();
  });

  test('what was read while everything was forgotten is read again', async () => {
    await catalogue.define(named('summer'), no);
    const statements = reads();
    const asked = catalogue.getMany(['summer']);
    catalogue.forget();
    expect((await asked).get('summer')).toEqual(named('summer'));
    expect(statements.count()).toBe(2);
  });

  test('those who ask while it is read share what is read, but not that it is not there', async () => {
    await catalogue.define(named('summer'), no);
    const statements = reads();
    const asked = ['summer', 'summer', 'winter'].map((name) => catalogue.getMany([name]));
    asked.push(catalogue.getMany(['winter']));
    expect((await Promise.all(asked)).map((found) => [...found.keys()])).toEqual([['summer'], ['summer'], [], []]);
    expect(statements.count()).toBe(3);
  });

  test('what was read before a change of this process is not shared after it', async () => {
    await catalogue.define(named('summer'), no);
    const before = catalogue.getMany(['summer']);
    await catalogue.define({ ...named('summer'), reward: 'more' }, no);
    expect((await catalogue.getMany(['summer'])).get('summer')?.reward).toBe('more');
    await before;
    expect((await catalogue.get('summer'))?.reward).toBe('more');
  });

  test('when the database is gone, what was known is used on, until it is forgotten', async () => {
    const own = openSqliteFile<CatalogueTables>(file);
    const cut = await openCatalogue(own);
    await cut.define(named('summer'), no);
    await cut.get('summer');
    await own.close();
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
    expect(await cut.get('summer')).toEqual(named('summer'));
    await expect(cut.getMany(['summer', 'winter'])).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
    now.mockRestore();
    cut.forget();
    await expect(cut.get('summer')).rejects.toMatchObject({ code: 'CONTROL_UNAVAILABLE' });
  });

  test('when the database keeps us waiting, what was known is used on; for what was not, it is waited for', async () => {
    await catalogue.define(named('summer'), no);
    await catalogue.define(named('winter'), no);
    let answers = Promise.resolve();
    const held = await openCatalogue({
      byteText: database.byteText,
      concurrentWriters: database.concurrentWriters,
      rows: (query) => database.rows(query),
      appendOnly: (table) => database.appendOnly(table),
      write: (work) => database.write(work),
      once: (work) => database.once(work),
      lockRows: (query) => database.lockRows(query),
      migrate: (statements) => database.migrate(statements),
      close: () => database.close(),
      read: database.read.withPlugin({
        transformQuery: ({ node }) => node,
        transformResult: ({ result }) => answers.then(() => result),
      }),
    });
    await held.get('summer');
    const late = Promise.withResolvers<void>();
    answers = late.promise;
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
    expect(await held.get('summer')).toEqual(named('summer'));
    const both = held.getMany(['summer', 'winter']);
    late.resolve();
    expect((await both).size).toBe(2);
    now.mockRestore();
  });
});
