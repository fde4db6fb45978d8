/** What somebody changed behind the product's back is found, shown, repaired and verified clean, as an operator does it: by GraphQL. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { createApp, type App } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { silent } from '../../src/migration/log.ts';
import { fillWithSamples } from '../../src/server/samples.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const TOKEN = 'a-token-for-tests';
const EVENT = 'send-1g-traffic';
/** Phones of the rows that are tampered with: changed in the new store, changed in the old one, removed from the new one. */
const [CHANGED_NEW, CHANGED_OLD, REMOVED] = ['+8613911110001', '+8613911110002', '+8613911110003'] as const;
const ROGUE = '+8613911110004';

let app: App;
let dir: string;
afterEach(() => app.stop());

async function ask<T>(query: string): Promise<T> {
  const response = await app.server.http.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    payload: JSON.stringify({ query }),
  });
  const { data, errors } = response.json<{ data: T; errors?: unknown }>();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

interface Seen {
  readonly copy: { readonly complete: boolean } | null;
  readonly journal: { readonly entries: number };
  readonly verification: { readonly running: boolean; readonly clean: boolean; readonly repaired: number } | null;
  readonly differences: {
    readonly totalCount: number;
    readonly edges: readonly {
      readonly node: {
        readonly key: string;
        readonly field: string | null;
        readonly kind: string;
        readonly old: string | null;
        readonly new: string | null;
      };
    }[];
  };
}

async function look(): Promise<Seen> {
  const { migration } = await ask<{ migration: Seen }>(`{ migration(dataset: "participation") {
    copy { complete } journal { entries } verification { running clean repaired }
    differences(first: 100) { totalCount edges { node { key field kind old new } } } } }`);
  return migration;
}

async function until(holds: (seen: Seen) => boolean): Promise<Seen> {
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    await delay(20);
  }
}

async function switchTo(to: string, percent?: number): Promise<void> {
  const input = `dataset: "participation", to: ${to}, reason: "a test"${percent === undefined ? '' : `, readNewPercent: ${percent}`}`;
  for (;;) {
    const { switchMigration } = await ask<{ switchMigration: { __typename: string } }>(
      `mutation { switchMigration(input: { ${input} }) { __typename } }`,
    );
    if (switchMigration.__typename === 'MigrationSwitched') return;
    await delay(20);
  }
}

/** In DUAL at this percentage, with 50 sample rows and three of our own. */
async function dual(percent: number): Promise<void> {
  dir = await temporaryDirectory();
  const config = loadConfig({ DATA_DIR: dir, SAMPLE_DATA: '50', LEASE_MS: '500', COMPARE_PERCENT: '0' });
  app = await createApp({ config, adminToken: TOKEN, log: silent });
  await fillWithSamples(app, config, silent);
  for (const phone of [CHANGED_NEW, CHANGED_OLD, REMOVED]) {
    await ask(`mutation { participate(input: { phone: "${phone}", event: "${EVENT}", answer: "B" }) { __typename } }`);
  }
  await switchTo('MIGRATING');
  await until(({ copy }) => copy?.complete === true);
  await switchTo('CATCHING_UP');
  await switchTo('DUAL', 0);
  if (percent > 0) await switchTo('DUAL', percent);
  await until(({ journal }) => journal.entries === 0);
}

function tamper(store: 'old' | 'new', statement: string): void {
  const db = new Database(join(dir, `${store}.sqlite`));
  try {
    expect(db.prepare(statement).run().changes).toBe(1);
  } finally {
    db.close();
  }
}

function column(store: 'old' | 'new', name: string): readonly unknown[] {
  const db = new Database(join(dir, `${store}.sqlite`), { readonly: true });
  try {
    return db.prepare(`select phone, ${name} from participation_${store} order by phone, event`).all();
  } finally {
    db.close();
  }
}

async function verify(): Promise<Seen> {
  await ask('mutation { verifyMigration(dataset: "participation") { state } }');
  return until(({ verification }) => verification?.running === false);
}

describe.each([0, 50, 100])('DUAL at %i percent', (percent) => {
  test('found, shown with field and values, repaired, verified clean', async () => {
    await dual(percent);
    expect(await verify()).toMatchObject({ verification: { clean: true }, differences: { totalCount: 0 } });

    tamper('new', `update participation_new set recommendation_code = 'G1-C' where phone = '${CHANGED_NEW}'`);
    tamper('old', `update participation_old set answer = 'D' where phone = '${CHANGED_OLD}'`);
    tamper('new', `delete from participation_new where phone = '${REMOVED}'`);
    tamper(
      'new',
      `insert into participation_new select '${ROGUE}', event, 'G1-A', created_at, updated_at from participation_new where phone = '${CHANGED_NEW}'`,
    );
    const { verification, differences } = await verify();
    expect(verification?.clean).toBe(false);
    const shown = differences.edges.map(({ node: { key, field, kind, old, new: now } }) => ({
      phone: /\+\d+/.exec(key)?.[0],
      what: field === null ? [kind, old !== null, now !== null] : [kind, field, old, now],
    }));
    expect(shown).toEqual([
      { phone: CHANGED_NEW, what: ['DIFFERS', 'recommendationCode', 'G1-B', 'G1-C'] },
      { phone: CHANGED_OLD, what: ['DIFFERS', 'recommendationCode', 'G1-D', 'G1-B'] },
      { phone: REMOVED, what: ['ONLY_IN_OLD', true, false] },
      { phone: ROGUE, what: ['ONLY_IN_NEW', false, true] },
    ]);

    await ask('mutation { repairDifferences(dataset: "participation") { state } }');
    const repaired = await until((seen) => seen.verification?.repaired === 4);
    expect(repaired).toMatchObject({ verification: { clean: true }, differences: { totalCount: 0 } });
    expect(await verify()).toMatchObject({ verification: { clean: true }, differences: { totalCount: 0 } });
    await until(({ journal }) => journal.entries === 0);
    expect(column('old', 'created_at')).toEqual(column('new', 'created_at'));
    // Each key is as the store it is read from had it.
    const phones = new Set(column('old', 'event').map((row) => JSON.stringify(row).match(/\+\d+/)?.[0]));
    if (percent === 0) expect([phones.has(REMOVED), phones.has(ROGUE)]).toEqual([true, false]);
    if (percent === 100) expect([phones.has(REMOVED), phones.has(ROGUE)]).toEqual([false, true]);
  });
});
