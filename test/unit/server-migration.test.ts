/** The operator's side of the schema, over HTTP, on a whole deployment with files of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, type App } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { silent } from '../../src/migration/log.ts';
import { fillWithSamples } from '../../src/server/samples.ts';
import { answerOf } from '../support/answer.ts';
import { EXECUTOR } from '../support/executor.ts';

const TOKEN = 'a-token-for-tests';
const ROWS = 300;

let dir: string;
let app: App;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'crossfade-migration-'));
  const config = loadConfig({ DATA_DIR: dir, SAMPLE_DATA: String(ROWS), LEASE_MS: '500', ...EXECUTOR });
  app = await createApp({ config, adminToken: TOKEN, log: silent });
  await fillWithSamples(app, config, silent);
});
afterAll(async () => {
  await app.stop();
  await rm(dir, { recursive: true, force: true });
});

interface Reply<T> {
  readonly data?: T | null;
  readonly errors?: readonly { message: string; extensions: { code: string; field?: string } }[];
}

async function ask<T = unknown>(
  query: string,
  variables: object = {},
  token: string | null = TOKEN,
): Promise<Reply<T>> {
  const response = await app.server.http.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', ...(token !== null && { authorization: `Bearer ${token}` }) },
    payload: JSON.stringify({ query, variables }),
  });
  return answerOf<Reply<T>>(response);
}

const SWITCH = `mutation ($input: SwitchMigrationInput!) { switchMigration(input: $input) { __typename
  ... on MigrationSwitched { dryRun pauseMs migration { state readNewPercent epoch settled } }
  ... on SwitchBlocked { blockers { code message count } migration { state } }
  ... on EpochConflict { migration { epoch } } } }`;

interface Switched {
  readonly __typename: string;
  readonly blockers?: readonly { code: string; message: string }[];
  readonly migration: { readonly state: string; readonly epoch: number; readonly readNewPercent: number };
  readonly pauseMs?: number | null;
}

async function switchTo(input: object): Promise<Switched> {
  const { data, errors } = await ask<{ switchMigration: Switched }>(SWITCH, {
    input: { dataset: 'participation', reason: 'a test', ...input },
  });
  if (!data) throw new Error(JSON.stringify(errors));
  return data.switchMigration;
}

async function refusal(input: object): Promise<object | undefined> {
  const { errors } = await ask(SWITCH, { input: { dataset: 'participation', reason: 'a test', ...input } });
  return errors?.[0]?.extensions;
}

interface Progress {
  readonly copy: { readonly complete: boolean } | null;
  readonly verification: { readonly clean: boolean } | null;
  readonly moves: readonly { readonly to: string; readonly allowed: boolean }[];
}

async function until(holds: (migration: Progress) => boolean): Promise<void> {
  for (;;) {
    const query =
      '{ migration(dataset: "participation") { copy { complete } verification { clean } moves { to allowed } } }';
    const { data } = await ask<{ migration: Progress }>(query);
    if (data && holds(data.migration)) return;
    await delay(20);
  }
}

describe('without a valid token', () => {
  test.each([
    ['{ migrations { state } }'],
    ['{ migration(dataset: "none") { state } }'],
    [
      'mutation { switchMigration(input: { dataset: "none", to: NEW, readNewPercent: 500, reason: "" }) { __typename } }',
    ],
    ['mutation { setBusinessLogic(dataset: "none", logic: NEW) { state } }'],
    ['mutation { setCopyRate(dataset: "none", rowsPerSecond: 0) { state } }'],
    ['mutation { waiveQuarantine(dataset: "none", reason: "") { state } }'],
    ['mutation { verifyMigration(dataset: "participation") { state } }'],
    [
      'mutation { defineEvent(input: { name: "", question: "", reward: "", opensAt: "2026-01-01T00:00:00Z", choices: [] }) { name } }',
    ],
  ])('%s is UNAUTHENTICATED and nothing else', async (query) => {
    for (const token of [null, 'wrong']) {
      const { errors, data } = await ask<Record<string, unknown>>(query, {}, token);
      expect(errors?.map((error) => error.extensions)).toEqual([{ code: 'UNAUTHENTICATED' }]);
      expect(Object.values(data ?? {}).every((value) => value === null)).toBe(true);
    }
  });
});

describe('input', () => {
  test.each([
    [{ to: 'DUAL' }, { code: 'BAD_USER_INPUT', field: 'readNewPercent' }],
    [
      { to: 'DUAL', readNewPercent: 101 },
      { code: 'BAD_USER_INPUT', field: 'readNewPercent' },
    ],
    [
      { to: 'NEW', readNewPercent: 100 },
      { code: 'BAD_USER_INPUT', field: 'readNewPercent' },
    ],
    [
      { to: 'MIGRATING', reason: ' ' },
      { code: 'BAD_USER_INPUT', field: 'reason' },
    ],
    [{ to: 'MIGRATING', dataset: 'none' }, { code: 'UNKNOWN_DATASET' }],
  ])('%j is refused', async (input, extensions) => {
    expect(await refusal(input)).toEqual(extensions);
  });

  test.each([
    ['mutation { setCopyRate(dataset: "participation", rowsPerSecond: 0) { state } }', 'rowsPerSecond'],
    ['mutation { waiveQuarantine(dataset: "participation", reason: "") { state } }', 'reason'],
    ['{ migration(dataset: "participation") { history(first: 0) { totalCount } } }', 'first'],
    ['{ migration(dataset: "participation") { quarantine(first: 101) { totalCount } } }', 'first'],
    ['{ migration(dataset: "participation") { differences(after: "bm9uZQ") { totalCount } } }', 'after'],
  ])('%s is refused', async (query, field) => {
    const { errors } = await ask(query);
    expect(errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', field });
  });

  test('a dataset that is not there is null to a query', async () => {
    expect(await ask('{ migration(dataset: "none") { state } }')).toEqual({ data: { migration: null } });
  });
});

test('the way from OLD to NEW', async () => {
  expect(await switchTo({ to: 'NEW' })).toMatchObject({
    __typename: 'SwitchBlocked',
    blockers: [{ code: 'NOT_ADJACENT' }],
    migration: { state: 'OLD' },
  });
  const { __typename, migration } = await switchTo({ to: 'MIGRATING', expectedEpoch: 99 });
  expect([__typename, migration.epoch]).toEqual(['EpochConflict', 1]);
  const dry = await switchTo({ to: 'MIGRATING', dryRun: true });
  expect(dry).toMatchObject({ __typename: 'MigrationSwitched', pauseMs: null, migration: { state: 'OLD', epoch: 1 } });

  expect(await switchTo({ to: 'MIGRATING' })).toMatchObject({ migration: { state: 'MIGRATING', epoch: 2 } });
  const participate = `mutation { participate(input: { phone: "13800138000", event: "send-1g-traffic", answer: "B" }) { __typename } }`;
  expect((await ask(participate)).data).toEqual({ participate: { __typename: 'Participated' } });
  expect(
    (await ask('{ migration(dataset: "participation") { journal { entries pendingOld pendingNew } } }')).data,
  ).toEqual({ migration: { journal: { entries: 1, pendingOld: 1, pendingNew: 1 } } });
  await until((now) => now.copy?.complete === true);
  await switchTo({ to: 'CATCHING_UP' });
  await until((now) => now.moves.some((move) => move.to === 'DUAL' && move.allowed));
  expect(await switchTo({ to: 'DUAL', readNewPercent: 0 })).toMatchObject({ migration: { readNewPercent: 0 } });
  expect(await switchTo({ to: 'DUAL', readNewPercent: 100 })).toMatchObject({ migration: { readNewPercent: 100 } });
  expect(await switchTo({ to: 'NEW' })).toMatchObject({ blockers: [{ code: 'NOT_VERIFIED' }] });
  await ask('mutation { verifyMigration(dataset: "participation") { state } }');
  await until((now) => now.verification?.clean === true);
  expect(await switchTo({ to: 'NEW' })).toMatchObject({ migration: { state: 'NEW', settled: true } });

  const read = `{ participation(phone: "+86 138 0013 8000", event: "send-1g-traffic") { answer recommendationCode }
    events { edges { node { accepts participationCount } } } }`;
  const { data } = await ask<{
    participation: object;
    events: { edges: { node: { accepts: string[]; participationCount: number } }[] };
  }>(read, {}, null);
  expect(data?.participation).toEqual({ answer: 'B', recommendationCode: 'G1-B' });
  const events = data?.events.edges.map((edge) => edge.node) ?? [];
  expect(events.flatMap((event) => event.accepts)).toEqual(Array(3).fill('RECOMMENDATION_CODE'));
  expect(events.reduce((sum, event) => sum + event.participationCount, 0)).toBe(ROWS + 1);
});

test('the history pages from the newest on', async () => {
  const query = `query ($after: String) { migration(dataset: "participation") { history(first: 2, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { from fromPercent to toPercent actor reason } } } } }`;
  interface Page {
    readonly migration: {
      readonly history: {
        readonly totalCount: number;
        readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
        readonly edges: readonly { readonly node: object }[];
      };
    };
  }
  const first = (await ask<Page>(query)).data?.migration.history;
  expect(first).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true } });
  expect(first?.edges.map(({ node }) => node)).toEqual([
    { from: 'DUAL', fromPercent: 100, to: 'NEW', toPercent: null, actor: 'admin', reason: 'a test' },
    { from: 'DUAL', fromPercent: 0, to: 'DUAL', toPercent: 100, actor: 'admin', reason: 'a test' },
  ]);
  const second = (await ask<Page>(query, { after: first?.pageInfo.endCursor })).data?.migration.history;
  expect(second?.edges[0]?.node).toMatchObject({ from: 'CATCHING_UP', fromPercent: null, to: 'DUAL', toPercent: 0 });
});
