/** The queue of pieces that processes share: each piece is one process's at a time, and that of a process that hangs is given to another. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/migration/clock.ts';
import { graphileQueue } from '../../src/migration/jobs/graphile/index.ts';
import { HELD_MS, partsOf, type JobQueue, type Piece, type Work } from '../../src/migration/jobs/queue.ts';
import { silent } from '../../src/migration/log.ts';
import { until } from '../support/operate.ts';
import { describeWith, randomName, scratchSchema, servers } from '../support/servers.ts';

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  const opened = async (
    works: readonly Work[],
    onTestFinished: (done: () => Promise<void>) => void,
    name = 'queue',
  ) => {
    const scratch = await scratchSchema(server);
    onTestFinished(scratch.drop);
    const url = `${scratch.url}&application_name=${name}`;
    const queues = works.map((work): JobQueue => {
      const queue = graphileQueue(url)({ name: 'things of a test', clock: systemClock, log: silent });
      queue.start(work);
      return queue;
    });
    onTestFinished(async () => void (await Promise.all(queues.map((queue) => queue.stop()))));
    await until('all are up', () => queues.every((queue) => queue.up()));
    return queues;
  };

  test('pieces that two offer at once are done once, and again for as long as there is more', async ({
    onTestFinished,
  }) => {
    const taken = new Map<number, number>();
    let abreast = 0;
    let most = 0;
    const work: Work = async ({ part }) => {
      most = Math.max(most, ++abreast);
      const times = (taken.get(part) ?? 0) + 1;
      taken.set(part, times);
      await delay(20);
      abreast--;
      return times < 3 ? 'MORE' : 'DONE';
    };
    const queues = await opened([work, work], onTestFinished);
    await Promise.all(queues.map((queue) => queue.offer(partsOf('replay', 8), 0)));
    await until('all are done', () => [...taken.values()].filter((times) => times === 3).length === 8);
    expect(most).toBeGreaterThan(1);
    expect([...taken.values()]).toEqual(Array.from({ length: 8 }, () => 3));
  });

  test('a piece that its process does not put back is given to another, and not put back by the one that had lost it', async ({
    onTestFinished,
  }) => {
    const hung = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const done: Piece[] = [];
    const there: Piece[] = [];
    let first = true;
    const work: Work = async (piece) => {
      if (first) {
        first = false;
        reached.resolve();
        await hung.promise;
        done.push(piece);
        return 'MORE';
      }
      there.push(piece);
      return 'DONE';
    };
    const [one, two] = await opened([work, work], onTestFinished);
    await one?.offer(partsOf('copy', 1), 0);
    await reached.promise;
    await two?.offer(partsOf('copy', 1), 0);
    await until('it is given to another', async () => {
      await Promise.all([one?.reclaim(), two?.reclaim()]);
      return there.length > 0;
    });
    hung.resolve();
    await until('the first one comes back', () => done.length > 0);
    // Its piece is free again for whoever offers it, and was not put back by the one that had lost it.
    await until('it is done once more', async () => {
      await two?.offer(partsOf('copy', 1), 0);
      return there.length >= 2;
    });
    expect(done).toHaveLength(1);
  });

  test('a piece that is kept stays where it is, and one that is kept no more is another’s, also when the first ends', async ({
    onTestFinished,
  }) => {
    const taken: { by: number; keep: () => Promise<boolean>; end: (how: 'DONE' | 'MORE') => void }[] = [];
    const workOf =
      (by: number): Work =>
      (_, __, keep) => {
        // What is given free may come back to the one that had it; here it goes on until the other one has it.
        if (taken.length === 1 && taken[0]?.by === by) return delay(5).then(() => 'MORE');
        const { promise, resolve } = Promise.withResolvers<'DONE' | 'MORE'>();
        taken.push({ by, keep, end: resolve });
        return promise;
      };
    const queues = await opened([workOf(0), workOf(1)], onTestFinished);
    onTestFinished(async () => taken.forEach(({ end }) => end('DONE')));
    const look = async () => {
      for (const queue of queues) {
        await queue.offer(partsOf('copy', 1), 0);
        await queue.reclaim();
      }
    };
    await look();
    await until('it is taken', () => taken.length === 1);
    const [first] = taken;
    for (const end = performance.now() + HELD_MS + 1500; performance.now() < end; await delay(50)) {
      expect(await first?.keep()).toBe(true);
      await look();
    }
    expect(taken).toHaveLength(1);

    await until('it is given to another', async () => {
      await look();
      return taken.length === 2;
    });
    const [, second] = taken;
    expect(await first?.keep()).toBe(false);
    first?.end('DONE');
    // Its end takes nothing from the other one: what is offered meanwhile is there already.
    for (const end = performance.now() + HELD_MS / 2; performance.now() < end; await delay(50)) {
      expect(await second?.keep()).toBe(true);
      await look();
    }
    expect(taken).toHaveLength(2);
    second?.end('MORE');
    await until('it is taken up again', () => taken.length === 3);
    taken[2]?.end('DONE');
  });

  test('a process takes nothing from itself; what another gives free of it is no longer the first take’s, also when it comes back here', async ({
    onTestFinished,
  }) => {
    const over = Promise.withResolvers<void>();
    const taken: (() => Promise<boolean>)[] = [];
    let busy = 0;
    // The first has all pieces of the copy, and the second all of the rest, however often they are handed on.
    const first: Work = async ({ job }, _, keep) => {
      if (job !== 'copy') return delay(5).then(() => 'MORE');
      taken.push(keep);
      await over.promise;
      return 'DONE';
    };
    const second: Work = async ({ job }) => {
      if (job === 'copy') return delay(5).then(() => 'MORE');
      busy++;
      await over.promise;
      return 'DONE';
    };
    const [one, two] = await opened([first, second], onTestFinished);
    onTestFinished(async () => over.resolve());
    await one?.offer(partsOf('copy', 1), 0);
    await until('the first has it', () => taken.length === 1);
    for (const end = performance.now() + HELD_MS + 500; performance.now() < end; await delay(50)) await one?.reclaim();
    expect(taken).toHaveLength(1);

    await one?.offer(partsOf('rest', 2), 0);
    await until('the second has no hands free', () => busy === 2);
    await until('the first has it once more', async () => {
      await two?.reclaim();
      return taken.length === 2;
    });
    expect(await taken[0]?.()).toBe(false);
  });

  test('a piece that throws is tried again', async ({ onTestFinished }) => {
    let tries = 0;
    const work: Work = () => (++tries === 1 ? Promise.reject(new Error('a fault of a test')) : Promise.resolve('DONE'));
    const [queue] = await opened([work], onTestFinished);
    await queue?.offer(partsOf('verify', 1), 0);
    await until('it is tried again', () => tries === 2, 15_000);
  });

  test('a queue whose connections are all lost comes back, and what was going on is done', async ({
    onTestFinished,
  }) => {
    const reached = Promise.withResolvers<void>();
    const cut = Promise.withResolvers<void>();
    const done = new Set<number>();
    const work: Work = async ({ part }) => {
      if (part === 1) reached.resolve();
      await cut.promise;
      done.add(part);
      return 'DONE';
    };
    const name = randomName();
    const [queue] = await opened([work], onTestFinished, name);
    await queue?.offer(partsOf('verify', 2), 0);
    await reached.promise;
    const operator = new Client({ connectionString: server });
    await operator.connect();
    await operator.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name]);
    await operator.end();
    cut.resolve();
    await until('all are done', () => done.size === 2);
    await until('it is up again, and has no pieces left over', async () => {
      await queue?.offer(partsOf('verify', 2), 0).catch(() => {});
      await queue?.reclaim().catch(() => {});
      return queue?.up() ?? false;
    });
  });
});
