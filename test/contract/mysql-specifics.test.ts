/** What only a store in MySQL or MariaDB can meet: limits of columns and statements, tables that bend values, connections that end. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, NO_ROWS } from '../../src/migration/digest.ts';
import { Dataset, text, type Row } from '../../src/migration/dataset.ts';
import { packSeq } from '../../src/migration/seq.ts';
import { isAddress, parseAddress } from '../../src/migration/stores/mysql/database.ts';
import { mysqlStore } from '../../src/migration/stores/mysql/index.ts';
import { KEY_ID_BYTES, keyId } from '../../src/migration/stores/mysql/keys.ts';
import { batches, Statements } from '../../src/migration/stores/mysql/statements.ts';
import { EVERYTHING, type Store, type Stored } from '../../src/migration/stores/store.ts';
import { notes, readings } from '../support/dataset.ts';
import { scratchDatabase, type ScratchDatabase } from '../support/mysql.ts';
import { describeWith, servers } from '../support/servers.ts';
import { fill, note, raise, reading, rowAt, rowsOf } from './store/setting.ts';

describe('addresses', () => {
  test('name a host and a database, and never show the password', () => {
    expect(parseAddress('mysql://me:hu%40sh@DB.example:3307/shop')).toMatchObject({
      name: 'db.example:3307/shop',
      options: { host: 'db.example', port: 3307, user: 'me', password: 'hu@sh', database: 'shop' },
    });
    expect(parseAddress('mariadb://root@[::1]/shop?ssl=true')).toMatchObject({
      name: '[::1]:3306/shop',
      options: { host: '::1', password: '', ssl: { verifyIdentity: true } },
    });
    const wrong = [
      'mysql:',
      'mysql:///shop',
      'mysql://root@db/',
      'mysql://root@db/a/b',
      'mysql://root:hush@db/a?ssl=no',
      'mysql://root:hush@db/a?multipleStatements=true',
      'mysql://root:hush%@db/a',
    ];
    for (const url of wrong) {
      expect(isAddress(url), url).toBe(false);
      expect(() => parseAddress(url)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hush') }),
      );
    }
  });
});

describe('batches', () => {
  test('are powers of two, in order, within the bytes there are', () => {
    const items = Array.from({ length: 1300 }, (_, i) => i);
    const all = batches(items, () => 1, 1_000_000);
    expect(all.flat()).toEqual(items);
    expect(all.map(({ length }) => length)).toEqual([512, 512, 256, 16, 4]);
    expect(batches([5, 5, 5, 50, 5], (bytes) => bytes, 12)).toEqual([[5, 5], [5], [50], [5]]);
    expect(batches([], () => 1, 1)).toEqual([]);
  });
});

test('long keys have places of their own beside short ones', () => {
  const ids = ['a', 'a'.repeat(KEY_ID_BYTES - 1), 'a'.repeat(KEY_ID_BYTES), `${'a'.repeat(KEY_ID_BYTES)}b`].map(keyId);
  expect(new Set(ids.map((id) => id.toString('hex'))).size).toBe(ids.length);
  expect(ids.map(({ length }) => length)).toEqual([1, KEY_ID_BYTES - 1, KEY_ID_BYTES, KEY_ID_BYTES]);
});

describeWith('MySQL or MariaDB', await servers.mysql(), (server) => {
  let database: ScratchDatabase;
  let beside: Connection;
  const stores: Store[] = [];
  let made = 0;
  let suffix: string;
  beforeAll(async () => {
    database = await scratchDatabase(server);
    beside = await database.connect();
  });
  afterAll(async () => {
    await beside.end();
    await database.drop();
  });
  beforeEach(() => {
    suffix = `_${++made}`;
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });

  function open(dataset: Dataset, options: { role?: 'OLD' | 'NEW'; create?: boolean; url?: string } = {}): Store {
    const { role = 'OLD', create = false, url = database.url } = options;
    const store = mysqlStore({ url, role, dataset, create });
    stores.push(store);
    return store;
  }

  const BINARY = 'utf8mb4_nopad_bin';
  const key = (name: string, rest = `varchar(100) character set utf8mb4 collate ${BINARY} not null`) =>
    `${name} ${rest}`;
  const table = (
    name: string,
    columns: readonly string[],
    rest = 'primary key (owner, topic)',
    options = 'engine = InnoDB',
  ) => `create table ${name} (${columns.join(', ')}${rest ? `, ${rest}` : ''}) ${options}`;
  const OWNER = key('owner');
  const TOPIC = key('topic');
  const ANSWER = 'answer text character set utf8mb4 collate utf8mb4_general_ci not null';
  const CREATED = 'created_at datetime(6) not null';
  const RIGHT = [OWNER, TOPIC, ANSWER, CREATED];

  const unavailable = (message: RegExp) =>
    expect.objectContaining({ code: 'STORE_UNAVAILABLE', message: expect.stringMatching(message) });

  /** All rows, which are the same in a page and in a stream, digests too. */
  async function sameInBoth(store: Store): Promise<readonly Stored[]> {
    const page = await store.reader.page(EVERYTHING, 100);
    const streamed: Stored[] = [];
    for await (const part of (await store.reader.stream?.(EVERYTHING, 100)) ?? []) {
      // What is known of the part from its bytes.
      expect(digestOf(part)).toEqual(digestOf(page.slice(streamed.length, streamed.length + part.length)));
      streamed.push(...part);
    }
    expect(streamed).toEqual(page);
    return page;
  }

  describe('a copy as a stream', () => {
    test('is inserted part by part where the server takes no files', async () => {
      const dataset = notes(suffix);
      const store = mysqlStore({ url: database.url, role: 'NEW', dataset, create: true, loads: false });
      stores.push(store);
      await raise(store, 'COPY', 1);
      const rows = Array.from({ length: 600 }, (_, i) => note('NEW', `n${String(i).padStart(3, '0')}`));
      await beside.query(
        `create trigger ${dataset.table('NEW').name}_rule before insert on ${dataset.table('NEW').name} for each row
          if new.owner = 'n400' then signal sqlstate '45000' set message_text = 'not this one'; end if`,
      );
      const parts = async function* () {
        for (const part of [rows.slice(0, 250), rows.slice(250)]) {
          const to = dataset.keyOf(part.at(-1) ?? {});
          yield { rows: part, quarantine: [], digest: NO_ROWS, to, complete: part.length > 250 };
        }
      };
      expect(await store.writer.copyStream?.(1, null, parts())).toBe('COPIED');
      expect(await rowsOf(store)).toEqual(rows.filter(({ owner }) => owner !== 'n400'));
      expect(await store.checkpoint()).toMatchObject({ copied: 599, quarantined: 1, complete: true });
      expect(await store.quarantine.page(null, 10)).toMatchObject([
        { reason: expect.stringContaining('not this one') },
      ]);
    });

    test('that the server would bend goes the other way', async () => {
      const dataset = notes(suffix);
      const store = mysqlStore({ url: database.url, role: 'NEW', dataset, create: true });
      stores.push(store);
      await raise(store, 'COPY', 1);
      const { name } = dataset.table('NEW');
      // As a table that was narrowed behind the store's back; LOAD DATA cuts with a warning, whatever the mode.
      await beside.query(`alter table ${name} modify code varchar(3) not null`);
      const rows = [note('NEW', 'a'), note('NEW', 'b', 't', 'longer')];
      const part = { rows, quarantine: [], digest: NO_ROWS, to: dataset.keyOf(note('NEW', 'b')), complete: true };
      const parts = async function* () {
        yield part;
      };
      expect(await store.writer.copyStream?.(1, null, parts())).toBe('UNDONE');
      expect(await rowsOf(store)).toEqual([]);
      expect(await store.writer.copy(1, { ...part, from: null })).toBe('COPIED');
      expect(await store.checkpoint()).toMatchObject({ copied: 1, quarantined: 1 });
    });
  });

  describe('a table that somebody else made', () => {
    test.each<readonly [string, (name: string) => string, RegExp]>([
      ['no table', () => 'do 0', /there is no table note_old_\d+ in it; make it with the setup/],
      ['no column', (name) => table(name, [OWNER, TOPIC, CREATED]), /has no column answer/],
      ['MyISAM', (name) => table(name, RIGHT, undefined, 'engine = MyISAM'), /must be a table of InnoDB/],
      ['a view', (name) => `create view ${name} as select 1 owner, 2 topic, 3 answer, 4 created_at`, /InnoDB/],
      [
        'a key that folds case',
        (name) =>
          table(name, [
            key('owner', 'varchar(100) character set utf8mb4 collate utf8mb4_general_ci not null'),
            ...RIGHT.slice(1),
          ]),
        /key column owner of .* has the collation utf8mb4_general_ci; it must be utf8mb4_nopad_bin or/,
      ],
      [
        'a key that ignores trailing spaces',
        (name) =>
          table(name, [
            OWNER,
            key('topic', 'varchar(100) character set utf8mb4 collate utf8mb4_bin not null'),
            ...RIGHT.slice(2),
          ]),
        /key column topic .* collation utf8mb4_bin/,
      ],
      [
        'a key in another order',
        (name) => table(name, RIGHT, 'primary key (topic, owner)'),
        /unique index over \(owner, topic\)/,
      ],
      [
        'a key that is longer',
        (name) => table(name, RIGHT, 'primary key (owner, topic, answer(10))'),
        /unique index over/,
      ],
      ['a key of prefixes', (name) => table(name, RIGHT, 'primary key (owner, topic(5))'), /of whole columns/],
      ['no key', (name) => table(name, RIGHT, ''), /unique index over/],
      [
        'a nullable key',
        (name) => table(name, [OWNER, TOPIC.replace(' not null', ''), ANSWER, CREATED], 'unique (owner, topic)'),
        /topic .* must be declared NOT NULL/,
      ],
      [
        'seconds',
        (name) => table(name, [OWNER, TOPIC, ANSWER, 'created_at datetime not null']),
        /created_at .* declared datetime, which would change/,
      ],
      [
        'milliseconds',
        (name) => table(name, [OWNER, TOPIC, ANSWER, 'created_at timestamp(3) not null']),
        /declared timestamp\(3\)/,
      ],
      ['CHAR', (name) => table(name, [OWNER, TOPIC, 'answer char(20) not null', CREATED]), /declared char\(20\)/],
      ['bytes', (name) => table(name, [OWNER, TOPIC, 'answer blob not null', CREATED]), /declared blob/],
    ])('%s is refused', async (_, statement, message) => {
      const name = `note_old${suffix}`;
      await database.run(statement(name));
      await expect(open(notes(suffix)).ping()).rejects.toEqual(unavailable(message));
      // The same without the fault is not.
      await database.run(`drop view if exists ${name}`, `drop table if exists ${name}`, table(name, RIGHT));
      await open(notes(suffix)).ping();
    });

    test('beyond what its columns keep is refused, not cut', async () => {
      const dataset = readings(suffix);
      await database.run(
        `create table reading_old${suffix} (meter_no int not null, seq bigint not null, region varchar(3) character set latin1 not null,
          tariff tinyint, price decimal(5, 2) not null, detail tinytext, taken_at datetime(6) not null, checked_at timestamp(6) null,
          kwh decimal(20, 10) not null, estimated tinyint not null, primary key (meter_no, seq))`,
      );
      const store = open(dataset);
      const fits = { region: 'é  ', tariff: -128, price: '-999.99', detail: `"${'ä'.repeat(126)}"` };
      const row = reading('OLD', 1, '1', fits);
      await raise(store, 'DIRECT', 1);
      const write = (change: Row, seen: Row | null = row) =>
        store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: seen, next: { ...row, ...change } });
      expect(await write({}, null)).toBe('WRITTEN');
      const changes: readonly Row[] = [
        { region: 'abc ' },
        { region: '语' },
        { tariff: 128 },
        { price: '1000' },
        { price: '0.001' },
        { detail: `"${'ä'.repeat(127)}"` },
        { checkedAt: '1960-01-01T00:00:00.000000Z' },
      ];
      for (const change of changes) {
        const [field] = Object.keys(change);
        await expect(write(change), JSON.stringify(change)).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field });
      }
      expect(await rowAt(store, dataset.keyOf(row))).toEqual(row);
    });

    test('values in other character sets, and letters that its collation takes for equal, are told apart', async () => {
      const dataset = notes(suffix);
      await database.run(
        table(`note_old${suffix}`, [OWNER, TOPIC, 'answer varchar(20) character set latin1 not null', CREATED]),
      );
      const store = open(dataset);
      const row = note('OLD', 'o', 't', 'é');
      await raise(store, 'DIRECT', 1);
      const write = (seen: Row | null, next: Row | null) =>
        store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: seen, next });
      expect(await write(null, row)).toBe('WRITTEN');
      for (const other of ['É', 'e', 'é ']) expect(await write({ ...row, answer: other }, null), other).toBe('CHANGED');
      expect(await write(row, { ...row, answer: 'e' })).toBe('WRITTEN');
    });

    test('numbers beyond a double and values that are none of their type are unreadable', async () => {
      const dataset = readings(suffix);
      const store = open(dataset, { create: true });
      await fill(store, dataset, [reading('OLD', 1, '1')]);
      const name = `reading_old${suffix}`;
      await database.run(
        `alter table ${name} modify estimated tinyint not null`,
        `insert into ${name} select 9007199254740993, seq, region, tariff, price, detail, taken_at, checked_at, kwh, estimated from ${name}`,
        `update ${name} set tariff = 9007199254740993, detail = '{', estimated = 2 where meter_no = 1`,
      );
      const found = await store.reader.page(EVERYTHING, 10);
      expect(found).toMatchObject([
        { unreadable: expect.stringMatching(/tariff must.*detail must be JSON.*estimated must/) },
        { unreadable: expect.stringContaining('meter_no must be an integer') },
      ]);
      // The key is exact all the same: paging goes past it, and it is found by it.
      const last = found[1]?.key ?? '';
      expect(dataset.showKey(last)).toContain('9007199254740992');
      expect([...(await store.reader.load([last])).keys()]).toEqual([last]);
      expect(await store.reader.page({ after: last, upTo: null }, 10)).toEqual([]);
    });

    test('numbers with zeros before them are those numbers, in pages and streams', async () => {
      const dataset = readings(suffix);
      const name = `reading_old${suffix}`;
      await database.run(
        `create table ${name} (meter_no int(8) zerofill not null, seq bigint zerofill not null, region varchar(9) not null,
          tariff smallint(5) zerofill, price decimal(12, 3) zerofill not null, detail text, taken_at datetime(6) not null,
          checked_at datetime(6), kwh decimal(20, 10) zerofill not null, estimated smallint zerofill not null,
          primary key (meter_no, seq))`,
      );
      const rows = [
        reading('OLD', 0, '0', { tariff: 0, price: '0', kwh: '0.5', estimated: false }),
        reading('OLD', 12, '9007199254740991', { tariff: 700, price: '100', kwh: '12.34', estimated: true }),
      ];
      const store = open(dataset);
      await fill(store, dataset, rows);
      expect(await rowsOf(store)).toEqual(rows);
      await sameInBoth(store);
      // Of a row that is unreadable its cells too.
      await database.run(`update ${name} set detail = '{'`);
      expect(await sameInBoth(store)).toMatchObject([
        { unreadable: expect.stringContaining('detail'), raw: expect.stringContaining('"seq":"0"') },
        { raw: expect.stringContaining('"tariff":"700"') },
      ]);
    });

    test('text that is not of whole characters is unreadable, and not taken for the sign that decoding puts there', async () => {
      const dataset = notes(suffix);
      const store = open(dataset, { create: true });
      const rows = ['a', 'b', 'c', 'd'].map((owner) => note('OLD', owner, 't', 'x\ufffdy'));
      await fill(store, dataset, rows);
      expect(await rowsOf(store)).toEqual(rows);
      await sameInBoth(store);
      const halves = "_utf8mb4 x'61EDA08062'";
      const update = `update note_old${suffix} set answer = ${halves} where owner = 'b'`;
      // MySQL takes no such text; MariaDB takes it in keys, too.
      if (
        await database.run(update).then(
          () => false,
          () => true,
        )
      )
        return;
      const reason = 'answer must be text of whole Unicode characters';
      const found = await sameInBoth(store);
      expect(found).toMatchObject([{ row: rows[0] }, { unreadable: reason }, { row: rows[2] }, { row: rows[3] }]);
      expect(found[1]).toMatchObject({ raw: expect.stringContaining('0x61eda08062') });
      const at = found[1]?.key ?? '';
      expect((await store.reader.load([at])).get(at)).toEqual(found[1]);
      expect((await store.reader.digest(EVERYTHING)).hash).toBe(digestOf(found).hash);
      await database.run(`update note_old${suffix} set topic = ${halves} where owner = 'c'`);
      expect((await sameInBoth(store))[2]).toMatchObject({ unreadable: expect.stringContaining('topic must be text') });
    });

    test('what else is unique is not written over, and entries that give a value up come before those that take it', async () => {
      const dataset = notes(suffix);
      await database.run(
        table(
          `note_new${suffix}`,
          [OWNER, TOPIC, 'code varchar(20) not null', CREATED],
          'primary key (owner, topic), unique (code)',
        ),
      );
      const store = open(dataset, { role: 'NEW' });
      const rows = ['b', 'a', 'c'].map((owner) => note('NEW', owner, 't', owner));
      await fill(store, dataset, rows);
      const at = (owner: string) => dataset.keyOf(note('NEW', owner));
      const entries = [
        { key: at('b'), seq: packSeq(1, 10), row: null },
        { key: at('a'), seq: packSeq(1, 11), row: note('NEW', 'a', 't', 'b') },
        { key: at('d'), seq: packSeq(1, 12), row: note('NEW', 'd', 't', 'a') },
        { key: at('e'), seq: packSeq(1, 13), row: note('NEW', 'e', 't', 'c') },
      ];
      const { refused } = await store.writer.apply(1, entries);
      expect(refused).toMatchObject([{ key: at('e'), reason: expect.stringContaining('Duplicate') }]);
      expect(await rowsOf(store)).toEqual([
        note('NEW', 'a', 't', 'b'),
        note('NEW', 'c', 't', 'c'),
        note('NEW', 'd', 't', 'a'),
      ]);
    });
  });

  describe('limits of the server', () => {
    test('keys that are too long are refused, and quarantined in their order', async () => {
      const dataset = notes(suffix);
      const store = open(dataset, { role: 'NEW', create: true });
      await raise(store, 'DIRECT', 1);
      const long = note('NEW', 'x'.repeat(385));
      const create = (row: Row) => store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row });
      await expect(create(long)).rejects.toMatchObject({ code: 'BAD_USER_INPUT', field: 'owner' });
      expect(await create(note('NEW', '😀'.repeat(384)))).toBe('WRITTEN');
      const owners = ['x'.repeat(5000), `${'x'.repeat(5000)}y`, 'w'.repeat(9000), 'x', 'y'];
      await raise(store, 'COPY', 2, { total: 5 });
      const rows = owners.map((owner) => note('NEW', owner));
      const batch = { rows, quarantine: [], digest: NO_ROWS, from: null, to: 'end', complete: true };
      expect(await store.writer.copy(2, batch)).toBe('COPIED');
      expect(await store.checkpoint()).toMatchObject({ copied: 2, quarantined: 3 });
      const met: string[] = [];
      for (let after: string | null = null; ; after = met.at(-1) ?? null) {
        const [found] = await store.quarantine.page(after, 1);
        if (!found) break;
        met.push(found.key);
      }
      const keyAt = (owner: string) => dataset.keyOf(note('NEW', owner));
      expect(met[0]).toBe(keyAt('w'.repeat(9000)));
      expect(met.slice(1).sort()).toEqual([keyAt('x'.repeat(5000)), keyAt(`${'x'.repeat(5000)}y`)].sort());
      expect((await store.quarantine.find(met)).size).toBe(3);
      await raise(store, 'APPLY', 3, { run: 3 });
      const applied = await store.writer.apply(3, [{ key: keyAt(owners[0] ?? ''), seq: 1, row: rows[0] ?? null }]);
      expect(applied.refused).toHaveLength(1);
      expect((await store.reader.guards([keyAt(owners[0] ?? '')])).size).toBe(1);
    });

    test('rows that one statement can not carry are refused; many that can are split', async () => {
      const dataset = notes(suffix);
      const store = open(dataset, { role: 'NEW', create: true });
      const [[limit]] = (await beside.query({ sql: 'select @@max_allowed_packet', rowsAsArray: true }))[0] as [
        [number],
      ];
      const half = limit / 2;
      await raise(store, 'COPY', 1, { total: 5 });
      const rows = [0.4, 0.4, 0.4, 0.6, 0].map((part, i) => note('NEW', `o${i}`, 't', 'x'.repeat(limit * part)));
      const batch = { rows, quarantine: [], digest: NO_ROWS, from: null, to: 'end', complete: true };
      expect(await store.writer.copy(1, batch)).toBe('COPIED');
      expect(await store.checkpoint()).toMatchObject({ copied: 4, quarantined: 1 });
      const [quarantined] = await store.quarantine.page(null, 1);
      expect(quarantined).toMatchObject({
        key: dataset.keyOf(rows[3] ?? {}),
        reason: expect.stringContaining('code must be shorter'),
      });
      expect(quarantined?.row.length).toBeLessThan(half);
      await raise(store, 'DIRECT', 2);
      const [first] = rows;
      const change = {
        epoch: 2,
        key: dataset.keyOf(first ?? {}),
        expect: first ?? null,
        next: { ...first, code: '#' },
      };
      expect(await store.writer.direct(change)).toBe('WRITTEN');
    });

    test('an old store of another engine may bring keys that no row here has', async () => {
      const dataset = readings(suffix);
      const store = open(dataset, { create: true });
      await fill(
        store,
        dataset,
        [1, 2].map((meter) => reading('OLD', meter, '1')),
      );
      const one = dataset.keyOf(reading('OLD', 1, '1'));
      const [meter = '', sequence = ''] = one.split('\u0001');
      const odd = `${meter}a312e35\u0001${sequence}`;
      expect(await store.reader.load([odd])).toEqual(new Map());
      expect(await store.reader.count(EVERYTHING, undefined, [odd])).toBe(2);
      expect(await store.reader.count({ after: odd, upTo: null })).toBe(1);
      expect(await store.reader.count({ after: null, upTo: odd })).toBe(1);
    });
  });

  describe('connections', () => {
    /** Kills the connection that runs a statement like this, when there is one. */
    async function kill(statement: string): Promise<void> {
      const ids = async () => {
        const sql = `select id from information_schema.processlist where db = ? and info like ? and id <> connection_id()`;
        const [rows] = await beside.query({ sql, rowsAsArray: true }, [
          new URL(database.url).pathname.slice(1),
          `${statement}%`,
        ]);
        return rows as number[][];
      };
      await expect.poll(ids, { timeout: 3000, interval: 5 }).toHaveLength(1);
      for (const [id] of await ids()) await beside.query(`kill ${id}`);
    }

    async function held<T>(dataset: Dataset, work: () => Promise<T>): Promise<T> {
      const holder = await database.connect();
      await holder.query('start transaction');
      await holder.query('select 1 from crossfade_fence where dataset = ? for update', [dataset.name]);
      try {
        return await work();
      } finally {
        await holder.end();
      }
    }

    test('one that ends under a write in one statement leaves its outcome unknown, and the next is a new one', async () => {
      const dataset = notes(suffix);
      const store = open(dataset, { create: true });
      await raise(store, 'DIRECT', 1);
      const row = note('OLD', 'o');
      const create = () => store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row });
      await held(dataset, async () => {
        const write = expect(create()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
        await kill(`insert into \`note_old${suffix}`);
        await write;
      });
      expect(await create()).toBe('WRITTEN');
    });

    test('one that ends before a transaction commits is replaced, and the transaction done once', async () => {
      const dataset = notes(suffix);
      const store = open(dataset, { create: true });
      await raise(store, 'DIRECT', 1);
      const rows = [note('OLD', 'o')];
      const filled = held(dataset, async () => {
        const writing = store.writer.insertMissing(1, rows);
        await kill('select epoch, step, mode');
        // Not awaited here: it goes through when the fence is let go.
        return { writing };
      });
      expect(await (await filled).writing).toEqual({ present: [], refused: [] });
      expect(await rowsOf(store)).toEqual(rows);
    });

    test('all of them ended by the server are replaced', async () => {
      const dataset = notes(suffix);
      const store = open(dataset, { create: true });
      await Promise.all(Array.from({ length: 5 }, () => store.ping()));
      const sql = `select id from information_schema.processlist where db = ? and id <> connection_id()`;
      const [rows] = await beside.query({ sql, rowsAsArray: true }, [new URL(database.url).pathname.slice(1)]);
      for (const [id] of rows as number[][]) await beside.query(`kill ${id}`);
      await Promise.all(Array.from({ length: 5 }, () => store.ping()));
    });

    test('a raise that waited in vain leaves nothing waiting on the server', async () => {
      const dataset = notes(suffix);
      const store = open(dataset, { create: true });
      await raise(store, 'DIRECT', 1);
      const holder = await database.connect();
      await holder.query('start transaction');
      await holder.query('select 1 from crossfade_fence where dataset = ? lock in share mode', [dataset.name]);
      const raised = store.fence.raise(
        { epoch: 2, step: 1, mode: 'CLOSED', run: null, deployment: 'd' },
        { timeoutMs: 50 },
      );
      await expect(raised).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      // A writer that shares the lock would wait behind a raise that still waits.
      const row = note('OLD', 'o');
      const began = performance.now();
      expect(await store.writer.direct({ epoch: 1, key: dataset.keyOf(row), expect: null, next: row })).toBe('WRITTEN');
      expect(performance.now() - began).toBeLessThan(1000);
      await holder.end();
    });

    test('no server, a wrong password, no such database: said without the password', async () => {
      const { port } = new URL(server);
      const urls = [
        ['mysql://root:hush@127.0.0.1:1/x', /127\.0\.0\.1:1\/x\): ECONNREFUSED/],
        [`mysql://crossfade_nobody:hush@127.0.0.1:${port || 3306}/x`, /Access denied for user 'crossfade_nobody'/],
        [database.url.replace(/\/[^/]*$/, '/crossfade_no_such_database'), /Unknown database|Access denied/],
      ] as const;
      for (const [url, reason] of urls) {
        const error: unknown = await open(notes(suffix), { url })
          .ping()
          .catch((thrown: unknown) => thrown);
        expect(error).toEqual(unavailable(reason));
        expect(error).toMatchObject({ cause: expect.anything() });
        expect(inspect(error, { depth: 10 })).not.toContain('hush');
      }
    });

    test('a server that never answers is given up', { timeout: 15_000 }, async () => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const address = silent.address();
      if (address === null || typeof address === 'string') throw new Error('it listens on no port');
      const store = open(notes(suffix), { url: `mysql://root@127.0.0.1:${address.port}/x` });
      const began = performance.now();
      await expect(store.ping()).rejects.toEqual(unavailable(/TIMED_OUT|ETIMEDOUT/));
      expect(performance.now() - began).toBeLessThan(7000);
      silent.close();
    });

    test('a table that is gone is missed at its next use, and found again', async () => {
      const store = open(notes(suffix), { create: true });
      await store.ping();
      await database.run(`rename table note_old${suffix} to elsewhere${suffix}`);
      await expect(store.reader.count(EVERYTHING)).rejects.toEqual(unavailable(/ER_NO_SUCH_TABLE/));
      await database.run(`create table note_old${suffix} (a int)`);
      await expect(store.reader.count(EVERYTHING)).rejects.toEqual(unavailable(/has no column owner/));
      await database.run(`drop table note_old${suffix}`, `rename table elsewhere${suffix} to note_old${suffix}`);
      expect(await store.reader.count(EVERYTHING)).toBe(0);
    });
  });

  describe('the plans of statements', () => {
    test('pages and keys are found through an index, and need no sorting', async () => {
      const dataset = readings(suffix);
      const store = open(dataset, { create: true });
      const all = Array.from({ length: 2000 }, (_, i) =>
        reading('OLD', i % 50, String(i), { region: `r${i % 20}`, tariff: i % 40 }),
      );
      await fill(store, dataset, all);
      await database.run(`analyze table reading_old${suffix}`);
      const sql = new Statements(dataset, 'OLD');
      const plan = async (statement: string, cells: readonly unknown[]) => {
        const bound = cells.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell));
        const [rows] = await beside.query(`explain ${statement}`, bound);
        const [{ type, key: index, Extra: extra }] = rows as [{ type: string; key: string; Extra: string }];
        return `${type} ${index} ${extra}`;
      };
      const ordered = (where: string) =>
        `select ${sql.columns} from ${sql.name} where ${where} order by ${sql.key} limit 10`;
      const at = (meter: number) => dataset.keyOf(reading('OLD', meter, '1'));
      const range = { after: at(10), upTo: at(12) };
      for (const one of [range, { ...range, upTo: null }, { ...range, after: null }]) {
        const within = sql.within(one);
        expect(await plan(ordered(within.sql), within.cells)).toMatch(/^range PRIMARY (?!.*filesort)/);
        const own = sql.within(one, { field: 'meter', value: 11 });
        expect(await plan(ordered(own.sql), own.cells)).toMatch(/^(?:range|ref) PRIMARY (?!.*filesort)/);
        const listed = sql.within(one, { field: 'tariff', value: 3 });
        expect(await plan(ordered(listed.sql), listed.cells)).not.toMatch(/filesort|^ALL/);
      }
      for (const meters of [[1], [1, 2], [1, 2, 3]]) {
        const among = sql.among(meters.map(at));
        for (const verb of [`select ${sql.columns}`, 'delete']) {
          expect(await plan(`${verb} from ${sql.name} where ${among.sql}`, among.cells)).toMatch(
            /^(?:range|const) PRIMARY/,
          );
        }
      }
      // Without an index the plan would say so.
      expect(await plan(`select * from ${sql.name} where price = '1' order by price`, [])).toMatch(/^ALL .*filesort/);
    });
  });

  test('a dataset of nothing but its key', async () => {
    const columns = { a: text('a'), b: text('b') };
    const dataset = new Dataset({
      name: `pairs${suffix}`,
      key: ['a', 'b'],
      partitionBy: 'a',
      listBy: ['a', 'b'],
      old: { name: `pair_old${suffix}`, columns },
      new: { name: `pair_new${suffix}`, columns },
      mapper: async () => ({ toNew: (row) => row, toOld: (row) => row }),
    });
    const store = open(dataset, { create: true });
    const row = { a: 'x', b: 'y' };
    await fill(store, dataset, [row]);
    await store.writer.apply(1, [{ key: dataset.keyOf(row), seq: packSeq(1, 99), row }]);
    await raise(store, 'DIRECT', 2);
    const change = { epoch: 2, key: dataset.keyOf(row), expect: row };
    expect(await store.writer.direct({ ...change, next: row })).toBe('WRITTEN');
    expect(await store.writer.direct({ ...change, next: null })).toBe('WRITTEN');
  });
});
