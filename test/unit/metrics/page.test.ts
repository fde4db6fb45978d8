/** `/metrics` of a whole process: what it says on the way from OLD to DUAL, and what when a device is down or hangs. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp, type App, type Devices } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config.ts';
import { METRICS } from '../../../src/metrics/catalogue.ts';
import { systemClock } from '../../../src/migration/clock.ts';
import { CrossfadeError, type ErrorCode } from '../../../src/migration/errors.ts';
import { silent } from '../../../src/migration/log.ts';
import type { MigrationState } from '../../../src/migration/states.ts';
import { fillWithSamples } from '../../../src/server/samples.ts';
import { intercept } from '../../support/intercept.ts';
import { temporaryDirectory } from '../../support/tmp.ts';

const TOKEN = 'a-token-for-tests';
const EVENT = 'send-1g-traffic';
/** By the beginning of a call's name: whether it fails or hangs. */
const trouble = new Map<string, 'DOWN' | 'HANGS'>();
const CODES: Readonly<Record<string, ErrorCode>> = { journal: 'JOURNAL_UNAVAILABLE', control: 'CONTROL_UNAVAILABLE' };
let endTrouble = () => {};
let untilClear = Promise.resolve();

function make(kind: 'DOWN' | 'HANGS', ...names: readonly string[]): void {
  const { promise, resolve } = Promise.withResolvers<void>();
  untilClear = promise;
  for (const name of names) trouble.set(name, kind);
  endTrouble = () => {
    trouble.clear();
    resolve();
  };
}

function troubled(devices: Devices): Devices {
  return intercept({ ...devices, clock: systemClock }, async (call, run) => {
    for (const [name, kind] of trouble) {
      if (!call.startsWith(name)) continue;
      if (kind === 'HANGS') await untilClear;
      throw new CrossfadeError(CODES[name] ?? 'STORE_UNAVAILABLE');
    }
    return run();
  });
}

let app: App;
beforeAll(async () => {
  const config = loadConfig({ DATA_DIR: await temporaryDirectory(), SAMPLE_DATA: '300', INSTANCE_ID: 'a-label' });
  app = await createApp({ config, adminToken: TOKEN, log: silent, wrap: troubled });
  await fillWithSamples(app, config, silent);
});
afterAll(async () => {
  endTrouble();
  await app.stop();
});

/** Series by name and labels, as the page has them. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const { statusCode, headers, body } = await app.server.http.inject('/metrics');
  expect(statusCode).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** What is asked for is kept for a moment: scrapes until the page says so. */
async function scrapeUntil(
  holds: (page: ReadonlyMap<string, number>) => boolean,
): Promise<ReadonlyMap<string, number>> {
  for (const end = performance.now() + 15_000; ; await delay(50)) {
    const page = await scrape();
    if (holds(page)) return page;
    if (performance.now() > end) throw new Error(`waited in vain; the page: ${[...page].join('\n')}`);
  }
}

async function ask(query: string, token: string | null = TOKEN): Promise<unknown> {
  const response = await app.server.http.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    payload: JSON.stringify({ query }),
  });
  return response.json();
}

async function goTo(state: MigrationState, readNewPercent: number | null = null): Promise<void> {
  for (;;) {
    const result = await app.engine.operator.switchTo({
      to: state,
      readNewPercent,
      expectedEpoch: null,
      reason: 'a test',
      dryRun: false,
      acceptRisk: [],
      actor: 'test',
    });
    if (result.outcome === 'SWITCHED') return;
    await delay(20);
  }
}

const participate = (phone: string): Promise<unknown> =>
  ask(`mutation { participate(input: { phone: "${phone}", event: "${EVENT}", answer: "B" }) { __typename } }`);
const operations = (labels: string): string => `crossfade_store_operation_duration_seconds_count{${labels}}`;

test('in OLD: the state, devices, requests by outcome, operations by store and state', async () => {
  await participate('13900000001');
  await ask(`{ participation(phone: "13900000001", event: "${EVENT}") { answer } }`);
  await ask('{ nothing }');
  await ask('{ migrations { state } }', null);
  const page = await scrape();
  expect(page.get('crossfade_info{dataset="participation",label="a-label"}')).toBe(1);
  expect(page.get('crossfade_state{state="OLD"}')).toBe(1);
  expect(page.get('crossfade_state{state="DUAL"}')).toBe(0);
  expect(page.get('crossfade_epoch')).toBe(1);
  expect(page.get('crossfade_instances{lease="running"}')).toBe(1);
  expect(page.get('crossfade_control_up')).toBe(1);
  expect(page.get('crossfade_journal_up')).toBe(1);
  expect(page.get('crossfade_graphql_requests_total{operation="mutation",code="OK"}')).toBe(1);
  expect(page.get('crossfade_graphql_requests_total{operation="query",code="OK"}')).toBe(1);
  expect(page.get('crossfade_graphql_requests_total{operation="none",code="GRAPHQL_VALIDATION_FAILED"}')).toBe(1);
  expect(page.get('crossfade_graphql_requests_total{operation="query",code="UNAUTHENTICATED"}')).toBe(1);
  expect(page.get('crossfade_graphql_request_duration_seconds_count{operation="query"}')).toBe(2);
  expect(page.get('crossfade_admin_refusals_total{code="UNAUTHENTICATED"}')).toBe(1);
  expect(page.get(operations('store="OLD",operation="direct",state="OLD"'))).toBe(1);
  // The write reads the row first, and so does the request to read it.
  expect(page.get(operations('store="OLD",operation="load",state="OLD"'))).toBe(2);
  // No copy, no verification: not a copy of no rows.
  expect([...page.keys()].filter((name) => /^crossfade_(copy|verify)/.test(name))).toEqual([]);
  expect(page.has('process_cpu_seconds_total')).toBe(true);
});

test('on the way: copy, journal, switches, percentage, verification', async () => {
  await goTo('MIGRATING');
  await participate('13900000002');
  const migrating = await scrapeUntil(
    (page) => page.get('crossfade_copy_complete') === 1 && page.get('crossfade_journal_entries') === 1,
  );
  expect(migrating.get('crossfade_state{state="MIGRATING"}')).toBe(1);
  expect(migrating.get('crossfade_copy_rows{part="total"}')).toBe(301);
  expect(migrating.get('crossfade_journal_pending_entries{store="NEW"}')).toBe(1);
  expect(migrating.get('crossfade_switches_total{from="OLD",to="MIGRATING"}')).toBe(1);
  expect(migrating.get('crossfade_switch_pause_seconds_count')).toBe(1);
  expect(migrating.get('crossfade_journal_operation_duration_seconds_count{operation="append"}')).toBe(1);
  await goTo('CATCHING_UP');
  await goTo('DUAL', 0);
  await goTo('DUAL', 25);
  await participate('13900000003');
  await ask('mutation { verifyMigration(dataset: "participation") { state } }');
  const dual = await scrapeUntil((page) => page.get('crossfade_verify_clean') === 1);
  expect(dual.get('crossfade_read_new_ratio')).toBe(0.25);
  expect(dual.get('crossfade_verify_coverage_ratio')).toBe(1);
  expect(dual.get('crossfade_verify_rows{part="checked"}')).toBe(606);
  expect(dual.get('crossfade_differences')).toBe(0);
  expect(dual.get(operations('store="NEW",operation="apply",state="DUAL"'))).toBeGreaterThan(0);
});

test('a write under an epoch that is over is counted as refused', async () => {
  await app.stores.OLD.writer.direct({ epoch: 1, key: 'none', expect: null, next: null });
  expect((await scrape()).get('crossfade_fence_refusals_total{device="OLD",operation="direct"}')).toBe(1);
});

test('a store that is down is 0, its errors are counted, and the rest of the page is there', async () => {
  make('DOWN', 'NEW');
  await participate('13900000004');
  const page = await scrapeUntil((now) => now.get('crossfade_store_up{store="NEW"}') === 0);
  expect(page.get('crossfade_store_up{store="OLD"}')).toBe(1);
  expect(page.get('crossfade_state{state="DUAL"}')).toBe(1);
  const errors = [...page].filter(([name]) =>
    name.startsWith('crossfade_store_errors_total{store="NEW",operation="apply"'),
  );
  expect(errors.map(([name]) => name)).toEqual([
    'crossfade_store_errors_total{store="NEW",operation="apply",code="STORE_UNAVAILABLE"}',
  ]);
  endTrouble();
  await scrapeUntil((now) => now.get('crossfade_store_up{store="NEW"}') === 1);
});

test('devices that hang hold the page up for a moment only', async () => {
  make('HANGS', 'NEW', 'journal', 'control');
  try {
    await delay(1000);
    const began = performance.now();
    const page = await scrape();
    expect(performance.now() - began).toBeLessThan(1500);
    expect(page.get('crossfade_store_up{store="OLD"}')).toBe(1);
  } finally {
    endTrouble();
  }
});

test('labels are short lists: nothing of a row gets into them, and there are not too many series', async () => {
  const page = await scrape();
  const own = [...page.keys()].filter((name) => name.startsWith('crossfade_'));
  expect(own.filter((name) => /13900000|send-1g/.test(name))).toEqual([]);
  expect(own.length).toBeLessThan(2000);
  for (const series of own) {
    const name = /^\w+/.exec(series)?.[0] ?? '';
    expect(name in METRICS || name.replace(/_(bucket|sum|count)$/, '') in METRICS, series).toBe(true);
  }
});
