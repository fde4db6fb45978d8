/**
 * A gateway asks for entities by lists of references. However long the list is, it costs one statement a store: counted here below
 * everything of ours, where the driver gets them.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { basename } from 'node:path';
import SqliteDriver from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, type App } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config.ts';
import { silent } from '../../../src/migration/log.ts';
import type { Place } from '../../../src/migration/states.ts';
import { fillWithSamples } from '../../../src/server/samples.ts';
import { place, until } from '../../support/operate.ts';
import { temporaryDirectory } from '../../support/tmp.ts';
import { EXECUTOR } from '../../support/executor.ts';

const REFERENCES = 100;

let app: App;
const closing: (() => unknown)[] = [];

interface Statement {
  /** The file's name, without its folder. */
  readonly file: string;
  readonly sql: string;
}
/** What runs on behalf of one request; the work in the background is told apart. */
const ofRequest = new AsyncLocalStorage<Statement[]>();

/** Every statement that SQLite runs for a request is noted. Returns what ends it. */
function noteStatements(): () => void {
  const database = new SqliteDriver(':memory:');
  const prototype: object = Object.getPrototypeOf(database.prepare('select 1'));
  database.close();
  const undo = ['all', 'get', 'run', 'iterate'].map((method) => {
    const original: unknown = Reflect.get(prototype, method);
    if (typeof original !== 'function') throw new Error(`statements have no ${method}`);
    Reflect.set(prototype, method, function (this: SqliteDriver.Statement, ...args: readonly unknown[]): unknown {
      ofRequest.getStore()?.push({ file: basename(this.database.name), sql: this.source });
      return Reflect.apply(original, this, args);
    });
    return () => Reflect.set(prototype, method, original);
  });
  return () => undo.forEach((restore) => restore());
}

beforeAll(async () => {
  closing.push(noteStatements());
  const config = loadConfig({ DATA_DIR: await temporaryDirectory(), SAMPLE_DATA: '400', LEASE_MS: '500', ...EXECUTOR });
  app = await createApp({ config, adminToken: 'a-token-for-tests', log: silent });
  closing.push(() => app.stop());
  await fillWithSamples(app, config, silent);
});
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

async function ask<T>(query: string, variables: object = {}): Promise<T> {
  const answer = await app.server.http.inject({ method: 'POST', url: '/graphql', payload: { query, variables } });
  const { data, errors } = answer.json<{ data: T; errors?: unknown }>();
  expect(errors).toBeUndefined();
  return data;
}

interface Reference {
  readonly phone: { readonly number: string };
  readonly event: { readonly name: string };
}

const ENTITIES = `query ($representations: [_Any!]!) { _entities(representations: $representations) { __typename
  ... on Participation { phone { number } event { name question } answer recommendationCode rewarded }
  ... on Phone { number } ... on Event { name question } } }`;

async function references(): Promise<readonly Reference[]> {
  const { event } = await ask<{ event: { participations: { edges: readonly { readonly node: Reference }[] } } }>(
    `{ event(name: "send-1g-traffic") { participations(first: ${REFERENCES}) { edges { node { phone { number } event { name } } } } } }`,
  );
  return event.participations.edges.map(({ node }) => node);
}

/** What it costs to look up these references: statements on the rows of each store, on the journal and on the catalogue. */
async function cost(representations: readonly object[]) {
  const statements: Statement[] = [];
  const { _entities: found } = await ofRequest.run(statements, () =>
    ask<{ _entities: readonly object[] }>(ENTITIES, { representations }),
  );
  const on = (file: string, table: string): number =>
    statements.filter((one) => one.file === file && /^(select|with)\b/.test(one.sql) && one.sql.includes(table)).length;
  const spent = {
    old: on('old.sqlite', 'participation_old'),
    new: on('new.sqlite', 'participation_new'),
    journal: on('control.sqlite', 'crossfade_journal_entry'),
    catalogue: on('control.sqlite', 'crossfade_event'),
  };
  return { found, spent };
}

async function goTo(...places: readonly Place[]): Promise<void> {
  const terms = { expectedEpoch: null, reason: 'test', dryRun: false, acceptRisk: [], actor: 'test' };
  for (const { state, percent } of places) {
    const to = { to: state, readNewPercent: state === 'DUAL' ? percent : null };
    await until(`${state} is reached`, async () => {
      const result = await app.engine.operator.switchTo({ ...to, ...terms });
      return result.outcome === 'SWITCHED';
    });
  }
}

async function verified(): Promise<void> {
  await app.engine.operator.verify();
  await until('it is verified', async () => (await app.engine.operator.verification())?.clean ?? false);
}

const dual = (percent: number) => place('DUAL', percent);

describe('100 references to participations cost one statement a store', () => {
  test.each([
    { state: 'OLD', go: async () => {}, spent: { old: 1, new: 0, journal: 0 } },
    { state: 'MIGRATING', go: () => goTo(place('MIGRATING')), spent: { old: 1, new: 0, journal: 1 } },
    { state: 'CATCHING_UP', go: () => goTo(place('CATCHING_UP')), spent: { old: 1, new: 0, journal: 1 } },
    { state: 'DUAL, 50 percent', go: () => goTo(dual(0), dual(50)), spent: { old: 1, new: 1, journal: 0 } },
    {
      state: 'NEW',
      go: async () => {
        await goTo(dual(100));
        await verified();
        await goTo(place('NEW'));
      },
      spent: { old: 0, new: 1, journal: 0 },
    },
  ])('$state', async ({ go, spent: expected }) => {
    await go();
    const wanted = (await references()).map((key) => ({ __typename: 'Participation', ...key }));
    expect(wanted).toHaveLength(REFERENCES);
    const { found, spent } = await cost(wanted);
    expect(found).toMatchObject(wanted);
    expect(spent).toMatchObject(expected);
    // None while it remembers what it has read.
    expect(spent.catalogue).toBeLessThanOrEqual(1);
  });
});

test('100 references to events cost one statement of the catalogue, and to phones none', async () => {
  const names = Array.from({ length: REFERENCES }, (_, i) => (i % 2 === 0 ? 'send-2g-traffic' : `nowhere ${i}`));
  const events = await cost(names.map((name) => ({ __typename: 'Event', name })));
  expect(events.found.filter((event) => event !== null)).toHaveLength(REFERENCES / 2);
  expect(events.spent).toEqual({ old: 0, new: 0, journal: 0, catalogue: 1 });

  const phones = await cost((await references()).map(({ phone }) => ({ __typename: 'Phone', ...phone })));
  expect(phones.found).toHaveLength(REFERENCES);
  expect(phones.spent).toEqual({ old: 0, new: 0, journal: 0, catalogue: 0 });
});
