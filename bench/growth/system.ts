/** One deployment in this process, on a PostgreSQL database of its own: so many rows, entries, instances and past migrations. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { createApp, type App, type Devices } from '../../src/app.ts';
import { setupCommand } from '../../src/cli/setup-command.ts';
import { loadConfig } from '../../src/config.ts';
import type { Place } from '../../src/migration/states.ts';
import { silent } from '../../src/migration/log.ts';
import { packSeq } from '../../src/migration/seq.ts';
import { fillPostgres } from '../copy/participations.ts';
import { postgresDatabase, type BenchDatabase } from '../lib/databases.ts';
import { EVENT, phoneOf } from '../serve/facts.ts';
import { REQUESTS, type RequestKind } from './requests.ts';

const TOKEN = 'x'.repeat(32);
const FOR_EVER_MS = 3_600_000;
const PATIENCE_MS = 60_000;
/** Entries that are put into the journal with one statement. */
const CHUNK = 5000;

export interface System {
  readonly app: App;
  readonly rows: number;
  close(): Promise<void>;
}

export interface Sizes {
  readonly rows: number;
  /** Null: there is no migration. */
  readonly entries: number | null;
  readonly instances: number;
  readonly histories: number;
}

export async function startSystem(
  sizes: Sizes,
  warmUp: (system: System, kinds: readonly RequestKind[]) => Promise<void>,
): Promise<System> {
  const database = await postgresDatabase();
  const { url } = database;
  const env = { OLD_STORE_URL: url, NEW_STORE_URL: url, CONTROL_URL: url, ADMIN_TOKEN: TOKEN, LOG_LEVEL: 'error' };
  try {
    const said = { stdout: { write: () => true }, stderr: process.stderr };
    if ((await setupCommand(env, said)) !== 0) throw new Error('the tables could not be made');
    await fillPostgres(database, sizes.rows);
    let devices: Devices | null = null;
    const app = await createApp({
      config: loadConfig(env),
      adminToken: TOKEN,
      log: silent,
      wrap: (opened) => (devices = opened),
    });
    const close = async (): Promise<void> => {
      await app.stop();
      await database.drop();
    };
    const system = { app, rows: sizes.rows, close };
    await app.catalogue.seed([EVENT]);
    if (devices) await register(devices, app, sizes.instances);
    for (let i = 0; i < sizes.histories; i++) await walkAround(app);
    await warmUp(system, REQUESTS);
    if (sizes.entries !== null) {
      await reach(app, { state: 'MIGRATING', percent: 0 });
      // Statements are prepared while the journal is empty, as they are in a migration. It stays empty so far: nothing is written.
      await warmUp(
        system,
        REQUESTS.filter((kind) => kind !== 'write'),
      );
      await fillJournal(database, app, sizes);
    }
    return system;
  } catch (error) {
    await database.drop();
    throw error;
  }
}

/** Other processes, as far as the control store knows. */
async function register({ control }: Devices, app: App, instances: number): Promise<void> {
  const { epoch } = await app.engine.operator.status();
  for (let i = 1; i < instances; i++) {
    const id = `bench-${i}`;
    await control.renew({ dataset: app.dataset.name, id, label: id, leaseMs: FOR_EVER_MS, epoch, answered: 0 });
  }
}

async function walkAround(app: App): Promise<void> {
  for (const state of ['MIGRATING', 'RETREATING', 'OLD'] as const) await reach(app, { state, percent: 0 });
}

async function reach({ engine }: App, { state, percent }: Place): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; ; await delay(20)) {
    const result = await engine.operator.switchTo({
      to: state,
      readNewPercent: state === 'DUAL' ? percent : null,
      expectedEpoch: null,
      reason: 'benchmark',
      dryRun: false,
      acceptRisk: [],
      actor: 'benchmark',
    });
    if (result.outcome === 'SWITCHED') break;
    if (performance.now() > end) throw new Error(`${state} cannot be reached: ${JSON.stringify(result)}`);
  }
  // What runs in the background would be measured too.
  const quiet = async () =>
    (await engine.operator.status()).settled &&
    (state !== 'MIGRATING' || (await engine.operator.copyProgress())?.complete === true);
  for (const end = performance.now() + PATIENCE_MS; !(await quiet()); await delay(20)) {
    if (performance.now() > end) throw new Error(`${state} does not settle`);
  }
}

/** As appends would have made them, of rows all over the table, in both stores' debt; appending so many takes minutes. */
async function fillJournal(database: BenchDatabase, app: App, { entries, rows }: Sizes): Promise<void> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { epoch } = await app.engine.operator.status();
    const run = await client.query<{ run: string }>('select max(last_seq) >> 32 as run from crossfade_journal_slot');
    const start = packSeq(Number(run.rows[0]?.run), 0);
    for (let from = 0; from < (entries ?? 0); from += CHUNK) {
      const numbers = Array.from({ length: Math.min(CHUNK, (entries ?? 0) - from) }, (_, i) => from + i);
      const addresses = numbers.map((n) => app.dataset.address(keyOf(entryRow(n, entries ?? 0, rows))));
      const images = numbers.map((n) => JSON.stringify(imageOf(entryRow(n, entries ?? 0, rows))));
      await client.query(
        `with e as (
          insert into crossfade_journal_entry
          select $1, $2, k, s, n, i, n, n, 0, 0 from unnest($3::text[], $4::bigint[], $5::bigint[], $6::text[]) as u(k, s, n, i))
        insert into crossfade_journal_listed
        select $1, $2, k, f, v from unnest($3::text[]) as u(k),
          lateral (values ('phone', to_json(split_part(k, chr(1), 1))::text), ('event', to_json(split_part(k, chr(1), 2))::text)) as l(f, v)`,
        [
          app.dataset.name,
          epoch,
          addresses.map(({ key }) => key),
          addresses.map(({ slot }) => slot),
          numbers.map((n) => start + n + 1),
          images,
        ],
      );
    }
    await client.query(
      `update crossfade_journal_slot s set last_seq = $1, entries = n, lacking_old = n, lacking_new = n
        from (select slot, count(*) as n from crossfade_journal_entry group by slot) as e where e.slot = s.slot`,
      [start + (entries ?? 0)],
    );
    // As appends do while the journal grows.
    await client.query('analyze crossfade_journal_entry, crossfade_journal_listed');
  } finally {
    await client.end();
  }
}

const keyOf = (n: number) => ({ phone: phoneOf(n), event: EVENT.name });

/** Every so many rows one has an entry; past the last row there are new ones. */
function entryRow(n: number, entries: number, rows: number): number {
  return entries <= rows ? Math.floor((n * rows) / entries) : n;
}

function imageOf(n: number) {
  const common = { ...keyOf(n), createdAt: '2026-03-01T00:00:00.000000Z', updatedAt: '2026-03-02T00:00:00.000000Z' };
  return { old: { ...common, answer: 'A' }, new: { ...common, recommendationCode: 'G1-A' } };
}
