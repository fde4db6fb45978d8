/**
 * The figures that docs/scale.md reckons with: what renewals of many instances cost the control store, what a change of the record costs when
 * many hear of it, and what an entry costs the journals in bytes and in time of the server.
 */
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/migration/clock.ts';
import type { ControlRecord, ControlStore } from '../../src/migration/control/control.ts';
import { sqlControl, type ControlTables } from '../../src/migration/control/sql/index.ts';
import { JOURNAL_SLOTS } from '../../src/migration/dataset.ts';
import type { Journal } from '../../src/migration/journal/journal.ts';
import { redisJournal } from '../../src/migration/journal/redis/index.ts';
import { sqlJournal, type JournalTables } from '../../src/migration/journal/sql/index.ts';
import { packSeq } from '../../src/migration/seq.ts';
import { openPostgres } from '../../src/migration/stores/postgres/database.ts';
import { until } from '../support/operate.ts';
import { DEPLOYMENT, dropJournal } from '../support/redis-journal.ts';
import { describeWith, randomName, scratchSchema, servers } from '../support/servers.ts';

const INSTANCES = 100;
const ENTRIES = 5000;
const ABREAST = 64;
const FOR_MS = 4000;
const HEARERS = 40;

const RECORD: ControlRecord = {
  dataset: 'things',
  revision: 1,
  place: { state: 'OLD', percent: 0 },
  epoch: 1,
  lastNumber: 1,
  run: null,
  switching: null,
  pinnedLogic: null,
  incarnation: null,
  copy: { paused: false, rateLimit: null },
  dualSince: null,
};
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Appends entries like those of the activity: an image of about 300 characters of JSON, listed by two fields. */
async function fill(journal: Journal): Promise<number> {
  const began = performance.now();
  let n = 0;
  const writer = async (): Promise<void> => {
    for (let i = n++; i < ENTRIES; i = n++) {
      const phone = `+86138${String(i).padStart(8, '0')}`;
      const times = { createdAt: '2026-01-01T00:00:00.000000Z', updatedAt: '2026-01-01T00:00:00.000000Z' };
      const common = { phone, event: 'send-1g-traffic', ...times };
      const result = await journal.append({
        epoch: 2,
        address: { key: `${phone} send-1g-traffic`, slot: i % JOURNAL_SLOTS, bucket: 0 },
        expect: { mark: packSeq(2, 0) },
        writeId: `write-${i}`,
        image: { old: { ...common, answer: 'B' }, new: { ...common, recommendationCode: 'G1-B' } },
        listed: { phone: [phone], event: ['send-1g-traffic'] },
        owedTo: ['OLD', 'NEW'],
        holdMs: 0,
      });
      if (result.outcome !== 'APPENDED') throw new Error(`not appended: ${JSON.stringify(result)}`);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, writer));
  return performance.now() - began;
}

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  test('renewals, and a change that many hear of', { timeout: 120_000 }, async ({ onTestFinished }) => {
    const { url, drop } = await scratchSchema(server);
    onTestFinished(drop);
    const open = (): ControlStore => {
      const control = sqlControl({ database: openPostgres<ControlTables>(url), clock: systemClock });
      onTestFinished(() => control.close());
      return control;
    };
    const stores = Array.from({ length: 4 }, open);
    const [control] = stores;
    if (!control) return;
    await control.open();
    await control.create(RECORD);
    let renewed = 0;
    const until4 = performance.now() + FOR_MS;
    const instance = async (i: number): Promise<void> => {
      while (performance.now() < until4) {
        const renewal = { dataset: 'things', id: `i${i}`, label: 'x', leaseMs: 2000, epoch: 1, answered: 1 };
        await stores[i % 4]?.renew(renewal);
        renewed++;
      }
    };
    const cpu = process.cpuUsage();
    await Promise.all(Array.from({ length: INSTANCES }, (_, i) => instance(i)));
    const { user, system } = process.cpuUsage(cpu);
    say(
      `renewals: ${(renewed / (FOR_MS / 1000)).toFixed()} a second by ${INSTANCES} instances over 32 connections; client ${((user + system) / renewed).toFixed()} µs each`,
    );

    const hearers = Array.from({ length: HEARERS }, open);
    const heardAt: number[] = [];
    for (const each of hearers) each.onChange((change) => change?.revision === 2 && heardAt.push(performance.now()));
    await until('all hear', () => hearers.every((each) => each.hears()), 30_000);
    const began = performance.now();
    await control.compareAndSet(1, { ...RECORD, revision: 2 });
    const committed = performance.now() - began;
    await until('all have heard', () => heardAt.length === HEARERS);
    say(
      `a change: committed after ${committed.toFixed(1)} ms, heard by the last of ${HEARERS} after ${(Math.max(...heardAt) - began).toFixed(1)} ms`,
    );
  });

  test('the journal in tables', { timeout: 120_000 }, async ({ onTestFinished }) => {
    const { url, drop } = await scratchSchema(server);
    onTestFinished(drop);
    const database = openPostgres<JournalTables>(url);
    onTestFinished(() => database.close());
    const journal = sqlJournal({ database, dataset: { name: 'things' }, clock: systemClock });
    await journal.init(1);
    await journal.open({ epoch: 2, run: 2 });
    const ms = await fill(journal);
    const client = new Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ bytes: string }>(
      `select sum(pg_total_relation_size(c.oid)) as bytes from pg_class c
       where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname like 'crossfade_journal%'`,
    );
    await client.end();
    say(
      `tables: ${(ENTRIES / (ms / 1000)).toFixed()} appends a second, ${(Number(rows[0]?.bytes) / ENTRIES).toFixed()} bytes an entry`,
    );
    await journal.stop();
  });
});

describeWith('Redis', await servers.redis(), (url) => {
  test('the journal in Redis', { timeout: 120_000 }, async ({ onTestFinished }) => {
    const client = new Redis(url);
    const name = randomName();
    const journal = redisJournal({
      url,
      dataset: { name, keyFields: [] },
      deployment: DEPLOYMENT,
      clock: systemClock,
      timeoutMs: 5000,
    });
    onTestFinished(async () => {
      await journal.stop();
      await dropJournal(client, name);
      client.disconnect();
    });
    await journal.init(1);
    await journal.open({ epoch: 2, run: 2 });
    const figure = async (section: string, field: string) =>
      Number(new RegExp(`${field}:([0-9.]+)`).exec(await client.info(section))?.[1]);
    const before = [
      await figure('memory', 'used_memory'),
      await figure('cpu', 'used_cpu_user'),
      await figure('cpu', 'used_cpu_sys'),
    ];
    const ms = await fill(journal);
    const after = [
      await figure('memory', 'used_memory'),
      await figure('cpu', 'used_cpu_user'),
      await figure('cpu', 'used_cpu_sys'),
    ];
    const [bytes = 0, user = 0, system = 0] = after.map((value, i) => value - (before[i] ?? 0));
    say(
      `Redis: ${(ENTRIES / (ms / 1000)).toFixed()} appends a second, ${(bytes / ENTRIES).toFixed()} bytes an entry, ${(((user + system) * 1e6) / ENTRIES).toFixed()} µs of the server each`,
    );
    expect(bytes).toBeGreaterThan(0);
  });
});
