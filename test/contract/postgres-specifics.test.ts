/** What only a store in PostgreSQL can meet: tables that bend values or order, connections that break, and statements that wait. */
import { createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Dataset, Row } from '../../src/migration/dataset.ts';
import { digestOf } from '../../src/migration/digest.ts';
import { packSeq } from '../../src/migration/seq.ts';
import { openPool } from '../../src/migration/stores/postgres/pool.ts';
import { postgresStore, type PostgresStoreOptions } from '../../src/migration/stores/postgres/index.ts';
import { latchName, quote } from '../../src/migration/stores/postgres/schema.ts';
import { EVERYTHING, type Store, type Stored } from '../../src/migration/stores/store.ts';
import { notes, readings } from '../support/dataset.ts';
import { proxyTo } from '../support/proxy.ts';
import { describeWith, scratchSchema, servers, type Scratch } from '../support/servers.ts';
import { fill, note, raise, reading, rowAt, rowsOf } from './store/setting.ts';

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  let scratch: Scratch;
  let beside: Client;
  const stores: Store[] = [];
  beforeAll(async () => {
    scratch = await scratchSchema(server);
    beside = new Client({ connectionString: scratch.url });
    await beside.connect();
  });
  afterAll(async () => {
    await beside.end();
    await scratch.drop();
  });
  let dataset: Dataset;
  let made = 0;
  beforeEach(() => {
    dataset = notes(`_${++made}`);
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });

  function open(options: Partial<PostgresStoreOptions> = {}): Store {
    const store = postgresStore({ url: scratch.url, role: 'OLD', dataset, create: false, ...options });
    stores.push(store);
    return store;
  }

  /** As another program would, without the store; `T` is the dataset's old table. */
  async function run(...statements: readonly string[]): Promise<void> {
    const table = quote(dataset.table('OLD').name);
    for (const statement of statements) await beside.query(statement.replaceAll(/\bT\b/g, table));
  }

  async function refusal(store: Store): Promise<string> {
    return store.ping().then(
      () => 'none',
      (error: unknown) => String(error),
    );
  }

  describe('a copy as a stream', () => {
    async function copying(options: Partial<PostgresStoreOptions> = {}) {
      const store = open({ role: 'NEW', create: true, ...options });
      await raise(store, 'COPY', 1);
      const rows = [note('NEW', 'a'), note('NEW', 'b')];
      const digest = { rows: 2, hash: '0'.repeat(32) };
      return { store, part: { rows, quarantine: [], digest, to: dataset.keyOf(note('NEW', 'b')), complete: true } };
    }

    test('that stands still is ended by whoever needs the fence, and leaves nothing', async () => {
      const { store, part } = await copying();
      const other = open({ role: 'NEW', stalledMs: 10 });
      const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
      const { promise: never, resolve: end } = Promise.withResolvers<void>();
      const stalled = async function* () {
        // More than the driver keeps back.
        yield { ...part, rows: Array.from({ length: 3000 }, (_, i) => note('NEW', `n${i}`, 't', 'x'.repeat(100))) };
        ask();
        await never;
      };
      const copied = expect(store.writer.copyStream?.(1, null, stalled())).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      await asked;
      const raised = await raise(other, 'CLOSED', 2).finally(end);
      expect(raised).toMatchObject({ mode: 'CLOSED', epoch: 2 });
      await copied;
      expect(await rowsOf(other)).toEqual([]);
      expect(await other.checkpoint()).toMatchObject({ copied: 0 });
    });

    test('into a table with row-level security goes the other way', async () => {
      const role = `${dataset.table('NEW').name}_role`;
      const { store, part } = await copying();
      const table = quote(dataset.table('NEW').name);
      const schema = new URL(scratch.url).searchParams.get('options')?.split('=')[1] ?? '';
      await run(
        `create role ${role} login`,
        `grant all on schema ${schema} to ${role}; grant all on all tables in schema ${schema} to ${role}`,
        `alter table ${table} enable row level security; create policy everybody on ${table} using (true)`,
      );
      const url = new URL(scratch.url);
      url.username = role;
      const hindered = open({ role: 'NEW', url: url.href });
      const parts = async function* () {
        yield part;
      };
      expect(await hindered.writer.copyStream?.(1, null, parts())).toBe('UNDONE');
      expect(await hindered.writer.copy(1, { ...part, from: null })).toBe('COPIED');
      expect(await rowsOf(store)).toHaveLength(2);
      await hindered.close();
      await run(`drop owned by ${role}`, `drop role ${role}`);
    });
  });

  describe('a copy as a stream, in the binary form of each type', () => {
    /** A table with the columns of the readings, of which some are declared otherwise. */
    async function copy(declared: Readonly<Record<string, string>>, rows: readonly Row[], change: Row = {}) {
      dataset = readings(`_b${++made}`);
      const columns = Object.values(dataset.table('NEW').columns).map(
        ({ name, type, nullable }) => `${name} ${declared[name] ?? TYPES[type] ?? type}${nullable ? '' : ' not null'}`,
      );
      await run(`create table ${dataset.table('NEW').name} (${columns.join(', ')}, primary key (meter_no, seq))`);
      const store = open({ role: 'NEW' });
      await raise(store, 'COPY', 1);
      const changed = rows.map((row) => ({ ...row, ...change }));
      const part = { rows: changed, quarantine: [], digest: { rows: rows.length, hash: '0'.repeat(32) }, to: null };
      const outcome = await store.writer.copyStream?.(
        1,
        null,
        (async function* () {
          yield { ...part, olds: changed, complete: true };
        })(),
      );
      return { outcome, rows: outcome === 'COPIED' ? await rowsOf(store) : changed, wanted: changed };
    }
    const TYPES: Readonly<Record<string, string>> = {
      integer: 'bigint',
      decimal: 'numeric',
      timestamp: 'timestamptz',
      text: 'text',
    };
    const base = (i: number, change: Row): Row => reading('NEW', i, `${i}`, change);

    test('what goes in comes out', async () => {
      const time = fc.date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59.999Z'),
        noInvalidDate: true,
      });
      const decimal = fc
        .tuple(
          fc.boolean(),
          fc.bigInt({ min: 0n, max: 10n ** 25n }),
          fc.bigInt({ min: 0n, max: 10n ** 21n }),
          fc.nat(21),
        )
        .map(([minus, whole, part, zeros]) => {
          const digits = `${'0'.repeat(zeros)}${part}`.replace(/0+$/, '');
          const value = `${whole}${digits === '' ? '' : `.${digits}`}`;
          return minus && value !== '0' ? `-${value}` : value;
        });
      const row = fc.record({
        region: fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
        tariff: fc.option(fc.maxSafeInteger()),
        price: fc.oneof(decimal, fc.constantFrom('0', '10000', '0.0001', '-0.00001', '99999999.9999', '100000000')),
        detail: fc.option(fc.json()),
        takenAt: fc
          .tuple(time, fc.nat(999))
          .map(([at, micros]) => at.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`)),
        wattHours: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
        certain: fc.option(fc.boolean()),
      });
      const edges = [
        '0001-01-01T00:00:00.000000Z',
        '1999-12-31T23:59:59.999999Z',
        '2000-01-01T00:00:00.000000Z',
        '2000-02-29T12:00:00.000001Z',
        '1900-02-28T00:00:00.000000Z',
        '2100-03-01T00:00:00.000000Z',
        '9999-12-31T23:59:59.999999Z',
      ];
      const rows = [
        ...fc.sample(row, 300).map((change, i) => base(i, change)),
        ...edges.map((takenAt, i) => base(1000 + i, { takenAt, checkedAt: takenAt })),
      ];
      for (const declared of [{}, { taken_at: 'timestamp', checked_at: 'timestamp', region: 'varchar' }]) {
        const { outcome, rows: found, wanted } = await copy(declared, rows);
        expect(outcome).toBe('COPIED');
        expect(found).toEqual(wanted);
      }
    });

    test('narrow columns take what they hold', async () => {
      const declared = {
        tariff: 'smallint',
        meter_no: 'integer',
        price: 'numeric(6, 2)',
        region: 'varchar(5)',
        taken_at: 'timestamptz(3)',
      };
      const fitting = { tariff: -32_768, price: '-1234.56', region: 'Zoë 📶', takenAt: '2026-01-31T23:59:59.123000Z' };
      const rows = [-2_147_483_648, 2_147_483_647].map((meter) => base(meter, fitting));
      const { outcome, rows: found } = await copy(declared, rows);
      expect(outcome).toBe('COPIED');
      expect(found).toEqual(rows);
    });

    test.each([
      ['a number beyond its column', { tariff: 'smallint' }, { tariff: 32_768 }],
      ['a number beyond the digits of its column', { price: 'numeric(6, 2)' }, { price: '12345' }],
      ['a number with more digits behind the point than there may be', {}, { price: `0.${'1'.repeat(65_537)}` }],
      ['a year that the server has no text for', {}, { takenAt: '0000-06-01T00:00:00.000000Z' }],
    ])('%s is for the slow way to judge', async (_, declared, change) => {
      expect((await copy(declared, [base(1, {})], change)).outcome).toBe('UNDONE');
    });
  });

  const NOTES = 'owner text collate "C", topic text collate "C", answer text not null, created_at timestamptz not null';

  describe('tables that somebody else made', () => {
    test.each([
      ['no column', 'owner text collate "C", topic text collate "C", answer text', '', 'created_at', 'is missing'],
      ['text in another order', NOTES.replace('"C"', '"ucs_basic"'), '', 'owner', 'collate "C"'],
      ['the default collation', NOTES.replaceAll(' collate "C"', ''), '', 'owner', 'collate "C"'],
      ['JSON that is respelt', NOTES.replace('answer text', 'answer jsonb'), '', 'answer', 'does not keep text values'],
      ['padded text', NOTES.replace('answer text', 'answer char(9)'), '', 'answer', 'bpchar'],
      ['times in doubles', NOTES.replace('timestamptz', 'double precision'), '', 'created_at', 'float8'],
      [
        'a generated column',
        NOTES.replace('answer text not null', `answer text generated always as ('x') stored`),
        '',
        'answer',
        'generated',
      ],
      ['no log', NOTES, 'unlogged', 'unlogged', 'would not outlive a crash'],
    ])('with %s are refused', async (_, columns, kind, ...why) => {
      await run(`create ${kind} table T (${columns}, primary key (owner, topic))`);
      const said = await refusal(open());
      for (const part of why) expect(said).toContain(part);
    });

    test('with keys in another order, or not unique, are refused', async () => {
      await run(`create table T (${NOTES}, primary key (topic, owner))`);
      expect(await refusal(open())).toContain('unique index over ("owner" collate "C", "topic" collate "C")');
      await run(
        'alter table T alter owner set not null',
        'create unique index on T (owner, topic) where answer is null',
      );
      expect(await refusal(open())).toContain('unique index');
      await run('create unique index on T (owner, topic desc)');
      expect(await refusal(open())).toContain('unique index');
      await run('create unique index on T (owner, topic)');
      expect(await refusal(open())).toBe('none');
    });

    test('in any collation are good with an index by bytes, and lists use it', async () => {
      await run(
        `create table T (${NOTES.replaceAll(' collate "C"', '')}, primary key (owner, topic))`,
        'create unique index by_bytes on T (owner collate "C", topic collate "C")',
      );
      const store = open();
      await fill(
        store,
        dataset,
        ['b', 'B', 'ä', 'a'].map((owner) => note('OLD', owner)),
      );
      expect((await rowsOf(store)).map((row) => row['owner'])).toEqual(['B', 'a', 'b', 'ä']);
    });

    test('that hold less than a value says refuse what they would round or trim', async () => {
      dataset = readings(`_${made}`);
      await run(`create table T (meter_no int not null, seq bigint not null, region varchar(5), tariff smallint, price numeric(10, 2),
        detail json, taken_at timestamptz(3), checked_at timestamp, kwh numeric, estimated boolean, primary key (meter_no, seq))`);
      const store = open();
      await raise(store, 'DIRECT', 1);
      const write = (change: Row) => {
        const row = reading('OLD', 1, '1', { region: 'five5', price: '1.25', ...change });
        return store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row });
      };
      const bad = async (field: string, change: Row) =>
        expect(write(change), field).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field });
      await bad('price', { price: '1.255' });
      await bad('region', { region: 'five5 ' });
      await bad('takenAt', { takenAt: '2026-01-01T00:00:00.123400Z' });
      // What the server refuses itself.
      await expect(write({ tariff: 40_000 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
      await expect(write({ price: '123456789.5' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
      const full = { price: '0.1', region: '😀😀😀😀😀', takenAt: '2026-01-01T00:00:00.123000Z' };
      const fine = { ...full, checkedAt: '1999-12-31T23:59:59.000001Z' };
      expect(await write(fine)).toBe('WRITTEN');
      const key = dataset.keyOf(reading('OLD', 1, '1'));
      expect(await rowAt(store, key)).toEqual(reading('OLD', 1, '1', fine));
      const seen = await rowAt(store, key);
      expect(await store.writer.direct({ epoch: 1, key, expect: seen, next: null })).toBe('WRITTEN');
    });

    test('cells that hold no value of their column make their row unreadable', async () => {
      dataset = readings(`_${made}`);
      const store = open({ create: true });
      await fill(store, dataset, [reading('OLD', 1, '1')]);
      for (const [cell, reason] of [
        [`taken_at = 'infinity'`, 'taken_at must be a UTC time'],
        [`taken_at = '0044-03-15 12:00:00+00 BC'`, 'taken_at must be a UTC time'],
        [`taken_at = '12026-01-01 00:00:00+00'`, 'taken_at must be a UTC time'],
        [`taken_at = '2026-01-31 23:59:59.123456+00', price = 'NaN'`, 'price must be a decimal number'],
        [`taken_at = '2026-01-31 23:59:59.120000+00'`, 'price must be a decimal number'],
        [`taken_at = '1715-01-31 00:00:00+00'`, 'price must be a decimal number'],
        [`taken_at = '1214-06-15 00:00:00.5+00'`, 'price must be a decimal number'],
        [`price = 1.50, tariff = 9007199254740992`, 'tariff must be an integer between'],
      ] as const) {
        await run(`update T set ${cell}`);
        const [stored] = await store.reader.page(EVERYTHING, 1);
        expect(stored, cell).toMatchObject({ unreadable: expect.stringContaining(reason) });
        // The copy streams what the look for changes after it pages.
        const parts: (readonly Stored[])[] = [];
        for await (const part of (await store.reader.stream?.(EVERYTHING, 10)) ?? []) parts.push(part);
        expect(parts, cell).toEqual([[stored]]);
        expect(parts.map(digestOf), cell).toEqual([await store.reader.digest(EVERYTHING)]);
      }
    });
  });

  describe('text with U+0000', () => {
    test('is bad input for a client, and in the new store an entry for quarantine', async () => {
      const [old, renewed] = [open({ create: true }), open({ role: 'NEW', create: true })];
      await raise(old, 'DIRECT', 1);
      const row = note('OLD', 'o', 't', 'a\0b');
      const write = old.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row });
      await expect(write).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field: 'answer' });
      await raise(renewed, 'APPLY', 1, { run: 1 });
      const other = note('NEW', 'p\0', 't', 'fine');
      const entry = { key: dataset.keyOf(other), seq: packSeq(1, 1), row: other, old: row };
      const result = await renewed.writer.apply(1, [entry]);
      expect(result.refused).toMatchObject([{ key: entry.key, reason: expect.stringContaining('owner') }]);
      expect((await renewed.quarantine.find([entry.key])).get(entry.key)?.row).toBe(JSON.stringify(row));
    });

    test('as a bound of a list has its place among the rows, as a key or a filter it meets none', async () => {
      const store = open({ create: true });
      const owners = ['a', 'a\u0001', 'a!', 'b'];
      await fill(
        store,
        dataset,
        owners.map((owner) => note('OLD', owner)),
      );
      const key = dataset.keyOf(note('OLD', 'a\0z'));
      expect((await rowsOf(store)).map((row) => row['owner'])).toEqual(owners);
      expect(await store.reader.count({ after: key, upTo: null })).toBe(3);
      expect(await store.reader.count({ after: null, upTo: key })).toBe(1);
      expect((await store.reader.load([key, dataset.keyOf(note('OLD', 'b'))])).size).toBe(1);
      expect(await store.reader.page(EVERYTHING, 9, { field: 'owner', value: 'a\0z' })).toEqual([]);
    });
  });

  describe('entries that wait for one another', () => {
    /** An apply that has to wait until `before` has been committed by somebody else. */
    async function behind(store: Store, before: readonly string[], apply: () => Promise<unknown>): Promise<void> {
      await store.ping();
      await beside.query('begin');
      for (const statement of before) await run(statement);
      const applied = apply();
      const { rows } = await untilWaiting();
      expect(rows).toHaveLength(1);
      await beside.query('commit');
      await applied;
    }

    async function untilWaiting() {
      for (;;) {
        const found = await beside.query(
          `select pid from pg_stat_activity where wait_event_type = 'Lock' and pg_backend_pid() = any(pg_blocking_pids(pid))`,
        );
        if (found.rows.length > 0) return found;
      }
    }

    const guard = (role: string, key: string, seq: number) =>
      `insert into crossfade_guard values ('${dataset.name}', '${role}', ${literal(key)}, ${seq})`;
    const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

    test('a removal sees the row that the one before it inserted', async () => {
      const store = open({ create: true });
      await raise(store, 'APPLY', 1, { run: 1 });
      const key = dataset.keyOf(note('OLD', 'o'));
      const row = `insert into T (owner, topic, answer, created_at) values ('o', 't', 'x', now())`;
      const before = [guard('OLD', key, packSeq(1, 5)), row];
      await behind(store, before, () => store.writer.apply(1, [{ key, seq: packSeq(1, 7), row: null }]));
      expect(await rowsOf(store)).toEqual([]);
    });

    test('a row takes its key out of quarantine where the one before it has put it', async () => {
      const store = open({ role: 'NEW', create: true });
      await raise(store, 'APPLY', 1, { run: 1 });
      const row = note('NEW', 'o');
      const key = dataset.keyOf(row);
      const latch = quote(latchName(dataset, 'NEW'));
      const before = [
        `lock table ${latch} in exclusive mode`,
        guard('NEW', key, packSeq(1, 5)),
        `insert into crossfade_quarantine values ('${dataset.name}', 'NEW', ${literal(key)}, 'refused', '{}')`,
      ];
      await behind(store, before, () => store.writer.apply(1, [{ key, seq: packSeq(1, 7), row }]));
      expect(await rowsOf(store)).toEqual([row]);
      expect(await store.quarantine.counts()).toEqual({ open: 0, waived: 0 });
    });

    test('batches of the same keys in any order do not wait in a circle', async () => {
      const handles = [open({ create: true }), open({ create: true }), open({ create: true })];
      await raise(handles[0] as Store, 'APPLY', 1, { run: 1 });
      const entries = Array.from({ length: 200 }, (_, i) => note('OLD', `owner ${i}`));
      const began = performance.now();
      for (let round = 1; round <= 5; round++) {
        await Promise.all(
          handles.map((store, i) => {
            const batch = entries.map((row, n) => ({
              key: dataset.keyOf(row),
              seq: packSeq(1, round * 10 + i),
              row: (n + i) % 5 === 0 ? null : row,
            }));
            return store.writer.apply(1, i === 1 ? batch.toReversed() : batch);
          }),
        );
      }
      // A deadlock is noticed after a second.
      expect(performance.now() - began).toBeLessThan(4000);
      const rows = await rowsOf(handles[0] as Store);
      expect(rows).toHaveLength(entries.filter((_, n) => (n + 2) % 5 !== 0).length);
    });
  });

  describe('connections', () => {
    test('that are refused or lead nowhere are STORE_UNAVAILABLE, the driver says why in the cause, nobody tells the password', async () => {
      const nowhere = scratch.url.replace(/^postgres:\/\/[^?]*/, '$&_none');
      const name = new URL(nowhere).pathname.slice(1);
      for (const [url, said] of [
        ['postgres://me:hush@127.0.0.1:1/db', 'does not answer.'],
        [nowhere, `can't be used: database "${name}" does not exist.`],
      ] as const) {
        const error: unknown = await open({ url })
          .ping()
          .catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: expect.any(Error) });
        expect(error).toMatchObject({ message: `The old store of ${dataset.name} ${said}` });
      }
    });

    test('that break under a direct write leave its outcome unknown, and the next write has another', async () => {
      const store = open({ create: true });
      await raise(store, 'DIRECT', 1);
      const create = (row: Row) => store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row });
      const row = note('OLD', 'o');
      // Has looked at quarantine, which the next one need not.
      expect(await create(note('OLD', 'before'))).toBe('WRITTEN');
      await beside.query(`begin; lock table ${quote(latchName(dataset, 'OLD'))} in exclusive mode`);
      const write = create(row).catch((thrown: unknown) => thrown);
      for (let ended = 0; ended === 0;) {
        const { rowCount } = await beside.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where wait_event_type = 'Lock' and pg_backend_pid() = any(pg_blocking_pids(pid))`,
        );
        ended = rowCount ?? 0;
      }
      expect(await write).toMatchObject({ code: 'OUTCOME_UNKNOWN', cause: expect.any(Error) });
      await beside.query('rollback');
      expect(await create(row)).toBe('WRITTEN');
    });

    test('that break between two statements of a transaction are told by the second, and end nothing else', async () => {
      const proxy = await proxyTo(scratch.url);
      const url = new URL(scratch.url);
      url.port = `${proxy.port}`;
      const pool = openPool(url.href, 2);
      const connection = await pool.acquire();
      const transaction = connection.transaction([], async () => {
        proxy.block();
        // Long enough for the driver to hear of it while it asks nothing.
        await delay(100);
        await connection.get('select 1');
      });
      await expect(transaction).rejects.toMatchObject({ meaning: 'LOST' });
      pool.release(connection);
      proxy.mend();
      const next = await pool.acquire();
      expect(await next.get('select 1')).toEqual(['1']);
      pool.release(next);
      await pool.end();
      await proxy.cut();
    });

    test('to a server that hangs are given up', async () => {
      const sockets = new Set<Socket>();
      const mute = createServer((socket) => sockets.add(socket));
      await new Promise<void>((resolve) => {
        mute.listen(0, '127.0.0.1', resolve);
      });
      const address = mute.address();
      const port = typeof address === 'object' ? address?.port : 0;
      const began = performance.now();
      const store = open({ url: `postgres://me@127.0.0.1:${port}/db` });
      await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(performance.now() - began).toBeLessThan(8000);
      for (const socket of sockets) socket.destroy();
      mute.close();
    });

    test('are READ COMMITTED and synced, whatever the server has for a default', async () => {
      const url = new URL(scratch.url);
      const options = url.searchParams.get('options');
      url.searchParams.set(
        'options',
        `${options} -c default_transaction_isolation=serializable -c synchronous_commit=off`,
      );
      const store = open({ url: url.href, create: true });
      await raise(store, 'DIRECT', 1);
      // At another level one of two changes of one row would fail instead of finding it changed.
      const row = note('OLD', 'o');
      const key = dataset.keyOf(row);
      await store.writer.direct({ epoch: 1, key, expect: null, next: row });
      const changes = ['x', 'y', 'z'].map((answer) =>
        store.writer.direct({ epoch: 1, key, expect: row, next: { ...row, answer } }),
      );
      expect((await Promise.all(changes)).toSorted()).toEqual(['CHANGED', 'CHANGED', 'WRITTEN']);
    });
  });

  test('tables that are gone while the store is open are told, and found again', async () => {
    const store = open({ create: true });
    await fill(store, dataset, [note('OLD', 'o')]);
    await run('alter table T rename to elsewhere');
    await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await run('alter table elsewhere rename to T');
    expect(await rowsOf(store)).toHaveLength(1);
  });
});
