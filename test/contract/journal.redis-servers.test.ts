/** What becomes of the journal in Redis when its servers restart, come back with less, are others, freeze, fill up or go: on servers of the test's own. */
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Journal, JournalEntry } from '../../src/migration/journal/journal.ts';
import { redisJournal } from '../../src/migration/journal/redis/index.ts';
import type { StoreRole } from '../../src/migration/dataset.ts';
import { decodeKey, encodeKey } from '../../src/migration/key.ts';
import { packSeq } from '../../src/migration/seq.ts';
import { proxyTo } from '../support/proxy.ts';
import { DEPLOYMENT, slotKeys } from '../support/redis-journal.ts';
import { redisCluster, redisServer, type RedisServer } from '../support/redis-server.ts';
import { describeWith, servers } from '../support/servers.ts';
import { appendOf, imageOf, ManualClock } from './journal.contract.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const TIMEOUT_MS = 500;
const PATIENT = { timeout: 20_000 };
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];
const unavailable = { code: 'JOURNAL_UNAVAILABLE' };
const full = { code: 'JOURNAL_FULL' };
const address = (key: string, slot = 7) => [{ key, slot }];

const clock = new ManualClock();
const handles: Journal[] = [];
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.stop();
});

function handleOn(
  url: string,
  name = 'party',
  timeoutMs = TIMEOUT_MS,
  deployment = DEPLOYMENT,
  answersMs = 60_000,
): Journal {
  const journal = redisJournal({ url, dataset: { name, keyFields: [] }, deployment, clock, timeoutMs, answersMs });
  handles.push(journal);
  return journal;
}

/** A journal in a run at epoch 2, trusted as it is, with one entry. */
async function running(
  url: string,
  timeoutMs = TIMEOUT_MS,
): Promise<{ journal: Journal; incarnation: string; entry: JournalEntry }> {
  const journal = handleOn(url, 'party', timeoutMs);
  await journal.init(1);
  const incarnation = await journal.incarnation();
  journal.expect(incarnation);
  await journal.open({ epoch: 2, run: 2 });
  await journal.append(appendOf('a', { writeId: 'first' }));
  return { journal, incarnation, entry: await entryOf(journal, 'a') };
}

async function entryOf(journal: Journal, key: string): Promise<JournalEntry> {
  const entry = (await journal.read(address(key))).entries.get(key);
  if (!entry) throw new Error(`there is no entry of ${key}`);
  return entry;
}

/** Nothing is read, appended, noted or moved. */
async function expectClosed(journal: Journal): Promise<void> {
  await expect(journal.read(address('a'))).rejects.toMatchObject(unavailable);
  await expect(journal.append(appendOf('b'))).rejects.toMatchObject(unavailable);
  await expect(journal.page({ after: null, limit: 5 })).rejects.toMatchObject(unavailable);
  await expect(journal.owed({ role: 'OLD', limit: 5, held: true })).rejects.toMatchObject(unavailable);
  await expect(journal.status()).rejects.toMatchObject(unavailable);
  await expect(journal.advance({ epoch: 3, dropDebtsOf: null })).rejects.toMatchObject(unavailable);
  await expect(journal.init(1)).rejects.toMatchObject(unavailable);
}

/** As soon as the server is reached again. */
async function reconnected(journal: Journal): Promise<void> {
  await expect.poll(() => journal.risks().then(() => 'reached', String), PATIENT).toBe('reached');
}

async function restart(server: RedisServer, settings?: readonly string[]): Promise<void> {
  await server.signal('SIGKILL');
  await server.start(settings);
}

describeWith('Redis servers of the test', await servers.redis(), () => {
  describe('a server that restarts', () => {
    test('empty: the journal stays closed until another run begins', async () => {
      const server = await redisServer();
      const { journal, incarnation } = await running(server.url);
      await restart(server);
      await reconnected(journal);
      await expectClosed(journal);
      await expect(journal.incarnation()).rejects.toMatchObject(unavailable);

      journal.expect(null);
      await journal.init(2);
      expect(await journal.incarnation()).not.toBe(incarnation);
      await journal.open({ epoch: 3, run: 3 });
      expect(await journal.status()).toMatchObject({ entries: 0 });
    });

    test('with an older snapshot: right slots, right epoch, and still not trusted', async () => {
      const server = await redisServer();
      const { journal, incarnation } = await running(server.url);
      await server.client().save();
      await journal.append(appendOf('lost'));
      await restart(server);
      await reconnected(journal);
      await expectClosed(journal);
      expect(await journal.incarnation()).not.toBe(incarnation);

      journal.expect(null);
      const view = await journal.read([{ key: 'a', slot: 7 }]);
      expect(view.slots.get(7), 'nothing but the process tells').toMatchObject({ epoch: 2, open: true });
      expect([...view.entries.keys()]).toEqual(['a']);
    });

    test('with a file that was synced for each write: nothing is lost, and the run goes on', async () => {
      const server = await redisServer(DURABLE);
      const { journal, incarnation, entry } = await running(server.url);
      const writes = Array.from({ length: 100 }, (_, i) => appendOf(`k${i}`, { slot: i % 9 }));
      const answers = await Promise.all(writes.map((write) => journal.append(write)));
      await restart(server);
      await reconnected(journal);
      expect(await journal.status()).toMatchObject({ entries: 101 });
      expect(await entryOf(journal, 'a')).toEqual(entry);
      expect(await journal.incarnation()).toBe(incarnation);
      expect(await Promise.all(writes.map((write) => journal.append(write))), 'the first answers').toEqual(answers);
      expect(await journal.append(appendOf('b'))).toMatchObject({ outcome: 'APPENDED' });
    });

    test.each([
      ['once a second', ['--appendonly', 'yes', '--appendfsync', 'everysec']],
      ['not while it is rewritten', [...DURABLE, '--no-appendfsync-on-rewrite', 'yes']],
    ])('with a file that was synced %s: it may have lost something', async (_, settings) => {
      const server = await redisServer(settings);
      const { journal } = await running(server.url);
      await restart(server);
      await reconnected(journal);
      await expectClosed(journal);
    });

    test('before it has written its file for the first time', async () => {
      const server = await redisServer();
      const journal = handleOn(server.url);
      await journal.init(1);
      // The file takes its time.
      await server.client().config('SET', 'rdb-key-save-delay', '200000');
      await server.client().config('SET', 'appendonly', 'yes', 'appendfsync', 'always');
      expect((await journal.risks()).join(' ')).toContain('perhaps the first one');
      const incarnation = await journal.incarnation();
      expect(incarnation, 'not taken for durable').toContain('@');
      journal.expect(incarnation);
      await journal.open({ epoch: 2, run: 2 });
      await restart(server, DURABLE);
      await reconnected(journal);
      await expectClosed(journal);
    });

    test('and does not sync any more as it did when the run began', async () => {
      const server = await redisServer(DURABLE);
      const { journal } = await running(server.url);
      await restart(server, ['--appendonly', 'yes', '--appendfsync', 'no']);
      await reconnected(journal);
      await expectClosed(journal);
      await server.client().config('SET', 'appendfsync', 'always');
      await server.client().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await expect.poll(() => journal.status().catch(() => null), PATIENT).toMatchObject({ entries: 1 });
    });
  });

  describe('a server that is another one', () => {
    test('emptied by hand', async () => {
      const server = await redisServer(DURABLE);
      const { journal } = await running(server.url);
      await server.client().flushall();
      await expectClosed(journal);
    });

    test('in its place, with a journal of the same dataset at the same epoch', async () => {
      const [first, second] = await Promise.all([redisServer(DURABLE), redisServer(DURABLE)]);
      const proxy = await proxyTo(first.url);
      onTestFinished(proxy.cut);
      const { journal, incarnation } = await running(`redis://127.0.0.1:${proxy.port}`);
      await running(second.url);
      proxy.turn(second.url);
      await reconnected(journal);
      await expectClosed(journal);
      proxy.turn(first.url);
      await reconnected(journal);
      expect(await journal.incarnation()).toBe(incarnation);
      expect(await journal.status()).toMatchObject({ entries: 1 });
    });

    test('a replica, before and after it is promoted', async () => {
      const [master, replica] = await Promise.all([redisServer(DURABLE), redisServer(DURABLE)]);
      await master.client().config('SET', 'repl-diskless-sync-delay', '0');
      await replica.client().replicaof('127.0.0.1', master.port);
      await expect
        .poll(async () => (await replica.client().info()).includes('master_link_status:up'), PATIENT)
        .toBe(true);
      const proxy = await proxyTo(master.url);
      onTestFinished(proxy.cut);
      const { journal } = await running(`redis://127.0.0.1:${proxy.port}`);
      expect((await journal.risks()).join(' ')).toContain('replicas');
      await master.client().wait(1, 5000);
      proxy.turn(replica.url);
      await expect.poll(() => journal.status().catch((error: unknown) => String(error))).toContain('is a replica');
      await expectClosed(journal);
      await replica.client().replicaof('NO', 'ONE');
      await reconnected(journal);
      await expectClosed(journal);
    });

    test('outside a run, slots that are lost are made anew, as another incarnation', async () => {
      const server = await redisServer();
      const { journal, incarnation } = await running(server.url);
      await server.client().del(...slotKeys('party', 7));
      await expect(journal.init(2)).rejects.toMatchObject(unavailable);
      const other = handleOn(server.url);
      await Promise.all([other.init(5), handleOn(server.url).init(5)]);
      expect(await other.incarnation()).not.toBe(incarnation);
      const { slots, entries } = await other.page({ after: null, limit: 9 });
      expect([slots.size, slots.get(7), entries]).toEqual([64, { slot: 7, epoch: 5, open: false, mark: 0 }, []]);
      await expectClosed(journal);
    });
  });

  describe('a server that does not answer', () => {
    test('frozen: requests end by a timeout, and go on when it does', async () => {
      const server = await redisServer();
      const { journal } = await running(server.url);
      await server.signal('SIGSTOP');
      for (let i = 0; i < 3; i++) {
        const began = performance.now();
        const refused = await Promise.allSettled([
          journal.append(appendOf('b', { writeId: 'once' })),
          journal.read(address('a')),
          journal.status(),
          journal.applied([{ address: { key: 'a', slot: 7 }, seq: 1, role: 'OLD' }]),
        ]);
        for (const one of refused) expect(one).toMatchObject({ status: 'rejected', reason: unavailable });
        expect(performance.now() - began).toBeLessThan(5 * TIMEOUT_MS);
      }
      await server.signal('SIGCONT');
      await reconnected(journal);
      const answer = await journal.append(appendOf('b', { writeId: 'once' }));
      expect(answer).toEqual({ outcome: 'APPENDED', seq: packSeq(2, 2) });
      expect((await journal.status()).entries).toBe(2);
    });

    test('gone: requests wait a little for it, then fail at once; nothing is kept for later', async () => {
      const server = await redisServer(DURABLE);
      const { journal } = await running(server.url);
      await server.signal('SIGKILL');
      await expect(journal.append(appendOf('b'))).rejects.toMatchObject({ ...unavailable, cause: expect.anything() });
      await expect.poll(() => journal.status().catch(() => 'down')).toBe('down');
      await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS));
      const began = performance.now();
      await expect(journal.append(appendOf('c'))).rejects.toMatchObject(unavailable);
      expect(performance.now() - began).toBeLessThan(TIMEOUT_MS / 2);
      await server.start();
      await reconnected(journal);
      expect([...(await journal.read([...address('a'), ...address('b'), ...address('c')])).entries.keys()]).toEqual([
        'a',
      ]);
    });

    test('not up yet when the process starts', async () => {
      const server = await redisServer(DURABLE);
      await running(server.url);
      await server.signal('SIGKILL');
      const journal = handleOn(server.url);
      await expect(journal.status()).rejects.toMatchObject(unavailable);
      await server.start();
      await reconnected(journal);
      expect(await journal.status()).toMatchObject({ entries: 1 });
    });
  });

  describe('memory', () => {
    const big = { ...imageOf('x'), old: { phone: 'x'.repeat(10_000) } };
    async function fill(journal: Journal): Promise<number> {
      for (let i = 0; i < 5000; i++) {
        const write = appendOf(`fill${i}`, { image: big, slot: i % 64, writeId: `fill${i}` });
        const error = await journal.append(write).then(
          () => null,
          (reason: unknown) => reason,
        );
        if (error === null) continue;
        expect(error).toMatchObject({ ...full, message: expect.stringContaining('nearly used up') });
        return i;
      }
      throw new Error('it was never full');
    }

    test('nearly used up: appends are refused, all else goes on, and room that is made counts', async () => {
      const server = await redisServer(['--maxmemory', '40mb', '--maxmemory-policy', 'noeviction']);
      const { journal, entry } = await running(server.url, 5000);
      const written = await fill(journal);
      expect(written).toBeGreaterThan(50);
      const { used, limit } = await memory(server);
      expect(used / limit, 'some room is left for those who drain').toBeLessThan(0.98);
      expect((await journal.risks()).join(' ')).toContain('raise maxmemory');

      expect(await journal.append(appendOf('a', { writeId: 'first' })), 'taken before').toMatchObject({
        outcome: 'APPENDED',
        seq: entry.seq,
      });
      expect(await entryOf(journal, 'a')).toEqual(entry);
      for (const role of ['OLD', 'NEW'] as const) {
        for (;;) {
          const owed = await journal.owed({ role, limit: 100, held: true });
          if (owed.length === 0) break;
          await journal.applied(owed.map(({ key, slot, seq }) => ({ address: { key, slot }, seq, role })));
        }
      }
      expect((await journal.status()).entries).toBe(0);
      await expect
        .poll(() => journal.append(appendOf('later', { slot: 1, epoch: 3 })).catch(() => null))
        .toEqual({ outcome: 'FENCED' });
    });

    test('used up: the server itself refuses, and nothing but appends needs memory', async () => {
      const server = await redisServer();
      const { journal, entry } = await running(server.url);
      await server.client().config('SET', 'maxmemory', '900kb', 'maxmemory-policy', 'noeviction');
      // Whoever looked a moment ago has seen room.
      const refused = journal.append(appendOf('b'));
      await expect(refused).rejects.toMatchObject(full);
      await expect(journal.append(appendOf('b'))).rejects.toMatchObject(full);
      expect(await journal.append(appendOf('a', { writeId: 'first' }))).toEqual({
        outcome: 'APPENDED',
        seq: entry.seq,
      });
      expect(await journal.status()).toMatchObject({ entries: 1 });
      await journal.applied([{ address: entry, seq: entry.seq, role: 'NEW' }]);
      await journal.note(3);
      await journal.advance({ epoch: 4, dropDebtsOf: 'OLD' });
      await journal.sweep(10);
      await journal.close(5);
      await journal.discard(5);
      await journal.open({ epoch: 6, run: 6 });
      expect(await journal.status()).toMatchObject({ entries: 0 });
      await server.client().config('SET', 'maxmemory', '0');
      await expect
        .poll(() => journal.append(appendOf('b', { epoch: 6, expect: { mark: packSeq(6, 0) } })).catch(() => null))
        .toMatchObject({ outcome: 'APPENDED' });
    });

    test('seqs of a run used up', async () => {
      const server = await redisServer();
      const { journal } = await running(server.url);
      const last = packSeq(2, 2 ** 32 - 2);
      await server.client().hset(slotKeys('party', 7)[0] ?? '', 'last', last);
      expect(await journal.append(appendOf('b'))).toEqual({ outcome: 'APPENDED', seq: last + 1 });
      expect(await entryOf(journal, 'b')).toMatchObject({ seq: last + 1, lacks: { OLD: last + 1, NEW: last + 1 } });
      expect(await journal.owed({ role: 'OLD', limit: 5, held: true })).toHaveLength(2);
      await expect(journal.append(appendOf('c'))).rejects.toMatchObject(full);
    });
  });

  test('risks: each setting that could lose or refuse writes, in words', async () => {
    const server = await redisServer();
    const journal = handleOn(server.url);
    const risks = async () => (await journal.risks()).join('\n');
    expect(await risks()).toMatch(/keeps nothing on disk.*appendonly yes/);
    const set = (...settings: string[]) => server.client().config('SET', ...settings);
    await set('save', '3600 1');
    expect(await risks()).toMatch(/snapshots only.*appendonly yes/);
    await set('appendonly', 'yes', 'no-appendfsync-on-rewrite', 'yes');
    expect(await risks()).toMatch(/everysec.*appendfsync always/);
    expect(await risks()).toMatch(/no-appendfsync-on-rewrite no/);
    await set('appendfsync', 'always', 'no-appendfsync-on-rewrite', 'no', 'maxmemory-policy', 'allkeys-lru');
    expect(await risks()).toMatch(/evict keys \(allkeys-lru\).*noeviction/);
    await set('maxmemory-policy', 'noeviction', 'maxmemory', '50mb');
    expect(await risks()).toMatch(/room for 4\d MB only.*raise maxmemory/);
    await set('maxmemory', '1gb');
    await expect.poll(risks, PATIENT).toBe('');
    await server.client().acl('SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-config');
    const app = handleOn(`redis://app:secret@127.0.0.1:${server.port}`);
    expect(await app.risks()).toEqual([expect.stringContaining('allow CONFIG GET')]);
    await app.init(1);
    expect(await app.incarnation(), 'not taken for durable').toContain('@');
    const stranger = handleOn(`redis://app:wrong@127.0.0.1:${server.port}`);
    await expect(stranger.status()).rejects.toMatchObject(unavailable);
  });

  test('moves of the slots cost the same however full they are, and nothing looks through the keys of the server', async () => {
    const server = await redisServer();
    const client = server.client();
    const { journal } = await running(server.url);
    const calls = async (work: () => Promise<unknown>) => {
      await client.config('RESETSTAT');
      await work();
      const stats = await client.info('commandstats');
      const counted = [...stats.matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)].map(([, name = '', n]) => [
        name,
        Number(n),
      ]);
      return Object.fromEntries(counted.filter(([name]) => !/^(config|info|eval)/.test(String(name))));
    };
    let epoch = 2;
    const begin = async () => {
      await journal.open({ epoch: ++epoch, run: epoch });
      return packSeq(epoch, 0);
    };
    /** In each slot the first entry is owed to both stores, the others as said. */
    const write = async (count: number, owedTo: readonly StoreRole[], mark: number) => {
      for (let from = 0; from < count; from += 64) {
        const owed: readonly StoreRole[] = from === 0 ? ['OLD', 'NEW'] : owedTo;
        const keys = Array.from({ length: 64 }, (_, slot) => ({ key: `k${from + slot}`, slot }));
        await Promise.all(
          keys.map(({ key, slot }) => journal.append(appendOf(key, { slot, epoch, expect: { mark }, owedTo: owed }))),
        );
      }
    };
    const costs = async (count: number) => {
      await write(count, ['OLD', 'NEW'], await begin());
      const drop = await calls(() => journal.advance({ epoch: ++epoch, dropDebtsOf: 'NEW' }));
      const close = await calls(() => journal.close(++epoch));
      const discard = await calls(async () => expect(await journal.discard(epoch)).toBe(count));
      await write(count, ['NEW'], await begin());
      const hide = await calls(() => journal.advance({ epoch: ++epoch, dropDebtsOf: 'NEW' }));
      expect(await journal.status()).toMatchObject({ entries: 64, pending: { OLD: 64, NEW: 0 } });
      const open = await calls(begin);
      return { drop, close, discard, hide, open };
    };
    const [few, many] = [await costs(128), await costs(3200)];
    expect(many).toEqual(few);
    expect(Object.keys(few.open)).not.toContain('scan');
    const all = await calls(async () => {
      const mark = packSeq(epoch, 0);
      await write(640, ['NEW'], mark);
      await journal.page({ after: null, limit: 50, listed: { field: 'event', value: 'party' } });
      await journal.owed({ role: 'NEW', limit: 50, held: false });
      await journal.advance({ epoch: ++epoch, dropDebtsOf: 'NEW' });
      expect(await journal.status()).toMatchObject({ entries: 64 });
      for (let sweeps = 0; (await journal.sweep(100)) === 'MORE'; sweeps++) expect(sweeps).toBeLessThan(20);
      expect(await journal.status()).toMatchObject({ entries: 64 });
    });
    for (const forbidden of ['keys', 'scan', 'hscan', 'zscan', 'hgetall', 'randomkey', 'dbsize']) {
      expect(Object.keys(all)).not.toContain(forbidden);
    }
    const left = await Promise.all(
      Array.from({ length: 64 }, (_, slot) => {
        const [hash = '', debts = '', index = ''] = slotKeys('party', slot);
        return Promise.all([client.hlen(hash), client.zcard(debts), client.zcard(index)]);
      }),
    );
    // Fields of the slot, an entry; a member that is always there, a debt; the same, and three names.
    expect(left, 'what was swept leaves nothing behind').toEqual(left.map(() => [12 + 1, 1 + 1, 1 + 3]));
  });

  test('appends of one moment go together, and each has an answer of its own', async () => {
    const server = await redisServer();
    const client = server.client();
    const { journal, entry } = await running(server.url);
    await journal.append(appendOf('warm'));
    await client.config('RESETSTAT');
    const twice = appendOf('twice', { slot: 3 });
    const results = await Promise.all([
      ...Array.from({ length: 40 }, (_, slot) => journal.append(appendOf(`k${slot}`, { slot }))),
      journal.append(appendOf('late', { slot: 1, epoch: 1 })),
      journal.append(appendOf('a')),
      journal.append(appendOf('a', { expect: { seq: entry.seq }, owedTo: ['NEW'] })),
      journal.append(twice),
      journal.append(twice),
      journal.append({ ...twice, writeId: 'another' }),
    ]);
    const evals = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'));
    expect(Number(evals?.[1]), 'scripts').toBeLessThan(8);
    expect(results.slice(0, 40)).toEqual(
      Array.from({ length: 40 }, (_, slot) => ({ outcome: 'APPENDED', seq: packSeq(2, slot === 7 ? 3 : 1) })),
    );
    expect(results.slice(40)).toEqual([
      { outcome: 'FENCED' },
      { outcome: 'CHANGED' },
      { outcome: 'APPENDED', seq: packSeq(2, 4) },
      { outcome: 'APPENDED', seq: packSeq(2, 2) },
      { outcome: 'APPENDED', seq: packSeq(2, 2) },
      { outcome: 'CHANGED' },
    ]);
    await client.del(...slotKeys('party', 9));
    const mixed = await Promise.allSettled([
      journal.append(appendOf('gone', { slot: 9 })),
      journal.append(appendOf('there', { slot: 10 })),
    ]);
    expect(mixed).toMatchObject([
      { status: 'rejected', reason: { ...unavailable, message: expect.stringContaining('Slot 9') } },
      { status: 'fulfilled', value: { outcome: 'APPENDED' } },
    ]);
  });

  test('many entries with many names leave together, and raise the mark', async () => {
    const server = await redisServer();
    const { journal } = await running(server.url, 10_000);
    const phone = Array.from({ length: 33 }, (_, i) => `name ${i}`);
    const writes = Array.from({ length: 250 }, (_, i) => appendOf(`k${i}`, { listed: { phone }, owedTo: ['NEW'] }));
    const notes = await Promise.all(
      writes.map(async (write) => {
        const appended = await journal.append(write);
        if (appended.outcome !== 'APPENDED') throw new Error(appended.outcome);
        return { address: write.address, seq: appended.seq, role: 'NEW' as const };
      }),
    );
    await journal.applied(notes);
    const { entries, slots } = await journal.read(writes.map(({ address: { key, slot } }) => ({ key, slot })));
    expect(entries.size).toBe(0);
    expect(slots.get(7)).toMatchObject({ mark: packSeq(2, 251) });
    expect(await journal.page({ after: null, limit: 5, listed: { field: 'phone', value: 'name 7' } })).toMatchObject({
      entries: [],
    });
  });

  test('a cluster of one server, named as if it were none: appends of two slots go each for itself', async () => {
    const server = await redisServer(['--cluster-enabled', 'yes']);
    const client = server.client();
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await expect.poll(() => client.call('CLUSTER', 'INFO'), PATIENT).toContain('cluster_state:ok');
    const { journal } = await running(server.url, 5000);
    const appended = await Promise.all([0, 1].map((slot) => journal.append(appendOf(`k${slot}`, { slot }))));
    expect(appended).toEqual([0, 1].map(() => ({ outcome: 'APPENDED', seq: packSeq(2, 1) })));
  });

  test('answers to writes are kept for as long as was asked for, and not for ever', async () => {
    const server = await redisServer();
    const client = server.client();
    const answersMs = 400;
    const journal = handleOn(server.url, 'party', 5000, DEPLOYMENT, answersMs);
    await journal.init(1);
    await journal.open({ epoch: 2, run: 2 });
    const write = appendOf('a');
    const first = await journal.append(write);
    const began = performance.now();
    const slot = slotKeys('party', 7)[0] ?? '';
    const turn = await client.hget(slot, 'turn');
    let n = 0;
    const next = () => journal.append(appendOf(`k${n++}`));
    await expect
      .poll(async () => {
        await next();
        return client.hget(slot, 'turn');
      }, PATIENT)
      .not.toBe(turn);
    expect(await journal.append(write), 'in the hash of before').toEqual(first);
    await expect
      .poll(async () => {
        await next();
        return journal.append(write);
      }, PATIENT)
      .toEqual({ outcome: 'CHANGED' });
    expect(performance.now() - began).toBeGreaterThan(answersMs);
    await expect.poll(() => client.keys('*:write?'), PATIENT).toEqual([]);
  });

  test("deployments are kept apart, and what one left behind is in nobody's way", async () => {
    const server = await redisServer();
    const { journal, entry } = await running(server.url);
    const rehearsal = handleOn(server.url, 'party', TIMEOUT_MS, 'rehearsal');
    await rehearsal.init(9);
    rehearsal.expect(await rehearsal.incarnation());
    await rehearsal.open({ epoch: 10, run: 10 });
    expect((await rehearsal.status()).entries).toBe(0);
    expect(await entryOf(journal, 'a')).toEqual(entry);
    await journal.close(3);
    expect(await journal.discard(3)).toBe(1);
    expect((await rehearsal.read(address('a'))).slots.get(7)).toMatchObject({ epoch: 10, open: true });
  });

  test('one of an earlier version, in the middle of a run, is said to be that', async () => {
    const server = await redisServer(DURABLE);
    const journal = handleOn(server.url);
    journal.expect('left-by-it');
    for (const form of ['2:', '']) {
      const meta = `{crossfade:${form}${DEPLOYMENT}:party}:meta`;
      await server.client().hset(meta, 'incarnation', 'left-by-it');
      const said = { ...unavailable, message: expect.stringContaining('an earlier version') };
      await expect(journal.status()).rejects.toMatchObject(said);
      await expect(journal.init(5)).rejects.toMatchObject(said);
      await server.client().hset(meta, 'incarnation', 'of another run');
      const missing = { ...unavailable, message: expect.stringContaining('is missing') };
      await expect(journal.status()).rejects.toMatchObject(missing);
    }
    journal.expect(null);
    await journal.init(5);
    expect((await journal.status()).entries).toBe(0);
  });

  test('what is listed by the first key field is found by the order of the keys', async () => {
    const { url } = await redisServer();
    const keyFields = [
      { field: 'phone', type: 'text' },
      { field: 'seat', type: 'integer' },
    ] as const;
    const journal = redisJournal({ url, dataset: { name: 'party', keyFields }, deployment: DEPLOYMENT, clock });
    handles.push(journal);
    await journal.init(1);
    await journal.open({ epoch: 2, run: 2 });
    const rows = ['', 'a', 'a\u0001', 'a\u0002', 'ab', 'b'].flatMap((phone) => [
      { phone, seat: 1 },
      { phone, seat: 2 },
    ]);
    for (const row of rows) {
      const listed = { phone: [row.phone], seat: [row.seat] };
      await journal.append(
        appendOf(encodeKey(keyFields, row), { slot: row.seat, listed, expect: { mark: packSeq(2, 0) } }),
      );
    }
    const listed = async (value: string | number | null, after: string | null = null, field = 'phone') =>
      (await journal.page({ after, limit: 9, listed: { field, value } })).entries.map(({ key }) =>
        decodeKey(keyFields, key),
      );
    for (const { phone } of rows) expect(await listed(phone)).toEqual(rows.filter((row) => row.phone === phone));
    expect(await listed(1, null, 'seat'), 'by another one').toHaveLength(6);
    for (const nobody of ['c', '\u0000', null, 1]) expect(await listed(nobody), String(nobody)).toEqual([]);
    const key = (phone: string, seat: number) => encodeKey(keyFields, { phone, seat });
    expect(await listed('a', key('', 2))).toHaveLength(2);
    expect(await listed('a', key('a', 1))).toEqual([{ phone: 'a', seat: 2 }]);
    for (const after of [key('a', 2), key('ab', 1)]) expect(await listed('a', after)).toEqual([]);
  });

  test('datasets are kept apart', async () => {
    const server = await redisServer();
    const { journal, incarnation } = await running(server.url);
    const another = handleOn(server.url, 'party:7');
    await another.init(1);
    await another.open({ epoch: 2, run: 2 });
    expect(await another.incarnation()).not.toBe(incarnation);
    expect(await another.append(appendOf('a', { writeId: 'first' }))).toEqual({
      outcome: 'APPENDED',
      seq: packSeq(2, 1),
    });
    await another.close(3);
    expect(await another.discard(3)).toBe(1);
    expect((await journal.status()).entries).toBe(1);
  });

  test('a node of a cluster that restarts', async () => {
    const { url, nodes } = await redisCluster();
    const { journal, incarnation } = await running(url);
    expect(incarnation.split('+')).toHaveLength(3);
    const [node] = nodes;
    if (!node) throw new Error('a cluster has nodes');
    await node.signal('SIGKILL');
    await expect(journal.status()).rejects.toMatchObject(unavailable);
    await node.start();
    await reconnected(journal);
    await expectClosed(journal);
    const other = handleOn(url);
    await expect.poll(() => other.init(2).then(() => 'made', String), PATIENT).toBe('made');
    expect(await other.incarnation()).not.toBe(incarnation);

    await Promise.all(nodes.map((each) => each.client().config('SET', 'appendonly', 'yes', 'appendfsync', 'always')));
    await expect.poll(() => other.incarnation(), PATIENT).not.toContain('@');
    other.expect(await other.incarnation());
    await other.open({ epoch: 3, run: 3 });
    const writes = Array.from({ length: 64 }, (_, slot) =>
      appendOf(`k${slot}`, { slot, epoch: 3, expect: { mark: packSeq(3, 0) } }),
    );
    await Promise.all(writes.map((write) => other.append(write)));
    await restart(node, [...node.settings, ...DURABLE]);
    await expect.poll(() => other.status().catch(String), PATIENT).toMatchObject({ entries: 64 });
  });
});

async function memory(server: RedisServer): Promise<{ readonly used: number; readonly limit: number }> {
  const text = await server.client().info('memory');
  const figure = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1]);
  return { used: figure('used_memory'), limit: figure('maxmemory') };
}
