/** The ladder up and back with the journal in Redis and the stores in files, by two instances, with writes in every state. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/migration/clock.ts';
import type { Journal } from '../../src/migration/journal/journal.ts';
import { redisJournal } from '../../src/migration/journal/redis/index.ts';
import type { MigrationState } from '../../src/migration/states.ts';
import { EVERYTHING } from '../../src/migration/stores/store.ts';
import { seats } from '../support/client.ts';
import { Deployment, soon, type Instance } from '../support/deployment.ts';
import { redisServer, type RedisServer } from '../support/redis-server.ts';
import { describeWith, servers } from '../support/servers.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

type Tickets = Instance<OldTicket, NewTicket>;
type Rung = readonly [MigrationState, number | null];

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];
const PATIENT = { timeout: 20_000, interval: 20 };
const UP: readonly Rung[] = [
  ['MIGRATING', null],
  ['CATCHING_UP', null],
  ['DUAL', 0],
  ['DUAL', 50],
  ['DUAL', 100],
];

const dataset = ticketDataset();
const ticket = (holder: string, show: string, seat: string): OldTicket => ({ holder, show, seat, updated: 1 });

async function create({ engine }: Tickets, row: OldTicket): Promise<string> {
  const decide = (current: unknown) => (current ? { refuse: 'taken' } : { write: { old: row } });
  return (await engine.mutate(row, decide, soon())).outcome;
}

/** Tries again as long as something is in the way that goes by itself. */
async function climb({ engine }: Tickets, [to, readNewPercent]: Rung): Promise<void> {
  const move = async () => {
    const why = { reason: 'test', actor: 'test', dryRun: false, acceptRisk: [], expectedEpoch: null };
    const result = await engine.operator.switchTo({ to, readNewPercent, ...why });
    return result.outcome === 'BLOCKED'
      ? result.blockers.map(({ code, message }) => `${code} ${message}`)
      : result.outcome;
  };
  await expect.poll(move, PATIENT).toBe('SWITCHED');
}

async function verify({ engine }: Tickets): Promise<void> {
  await engine.operator.verify();
  await expect.poll(async () => (await engine.operator.verification())?.finishedAt ?? null, PATIENT).not.toBeNull();
  expect(await engine.operator.verification()).toMatchObject({ clean: true, coverage: 1, differing: 0 });
}

describeWith('the ladder with a journal in Redis', await servers.redis(), () => {
  let deployment: Deployment<OldTicket, NewTicket>;
  let journals: Journal[];
  let one: Tickets;
  let two: Tickets;
  let server: RedisServer;
  let instance: () => Promise<Tickets>;

  beforeEach(async () => {
    server = await redisServer(DURABLE);
    const { url } = server;
    journals = [];
    deployment = new Deployment(await temporaryDirectory(), dataset);
    instance = () =>
      deployment.instance({
        switchTimeoutMs: 15_000,
        wrap: (devices) => {
          const journal = redisJournal({ url, dataset, deployment: 'test', clock: systemClock, timeoutMs: 5000 });
          journals.push(journal);
          return { ...devices, journal };
        },
      });
    one = await instance();
    two = await instance();
    for (let i = 0; i < 20; i++) await create(one, ticket(`h${i % 5}`, `s${i}`, `${i}`));
  }, 30_000);
  afterEach(async () => {
    await deployment.close();
    for (const journal of journals) await journal.stop();
  });

  /** A row that both create at once, then what each of them lists. */
  async function writeAndRead(step: string, expected: Set<string>): Promise<void> {
    const row = ticket('later', step, 'a');
    expect((await Promise.all([create(one, row), create(two, row)])).toSorted(), step).toEqual(['REFUSED', 'WRITTEN']);
    expected.add(`later ${step} a`);
    expect(new Set(await seats(one)), step).toEqual(expected);
    expect(new Set(await seats(two)), step).toEqual(expected);
  }

  test('up to NEW', { timeout: 90_000 }, async () => {
    const expected = new Set(await seats(one));
    for (const [step, rung] of UP.entries()) {
      await climb(step % 2 ? one : two, rung);
      await writeAndRead(`up ${step}`, expected);
    }
    await verify(two);
    await climb(one, ['NEW', null]);
    await writeAndRead('new', expected);
    expect(await one.stores.NEW.reader.count(EVERYTHING)).toBe(expected.size);
    expect(await one.journal.status()).toMatchObject({ entries: 0, pending: { OLD: 0, NEW: 0 } });
  });

  test('back to OLD, from MIGRATING and from DUAL', { timeout: 90_000 }, async () => {
    const expected = new Set(await seats(one));
    await climb(one, ['MIGRATING', null]);
    await writeAndRead('migrating', expected);
    await climb(two, ['RETREATING', null]);
    await writeAndRead('retreating', expected);
    await climb(one, ['OLD', null]);
    await writeAndRead('old', expected);
    for (const rung of UP.slice(0, 4)) await climb(two, rung);
    await writeAndRead('dual', expected);
    await climb(one, ['DUAL', 0]);
    await climb(two, ['OLD', null]);
    await writeAndRead('old again', expected);
    expect(await one.stores.OLD.reader.count(EVERYTHING)).toBe(expected.size);
    expect(await one.journal.status()).toMatchObject({ entries: 0 });
  });

  test(
    'a server that is away keeps nobody from starting in OLD, and bars only the migration',
    { timeout: 90_000 },
    async () => {
      await server.signal('SIGKILL');
      const three = await instance();
      await expect(create(three, ticket('h', 'alone', 'a'))).resolves.toBe('WRITTEN');
      const why = { reason: 'test', actor: 'test', dryRun: false, acceptRisk: [], expectedEpoch: null };
      const away = await three.engine.operator.switchTo({ to: 'MIGRATING', readNewPercent: null, ...why });
      expect(away).toMatchObject({ outcome: 'BLOCKED', blockers: [{ code: 'JOURNAL_UNREACHABLE' }] });
      await server.start();
      await climb(three, ['MIGRATING', null]);
    },
  );

  test(
    'a server that came back empty before the migration is made ready by the move that needs it',
    { timeout: 90_000 },
    async () => {
      await server.client().flushall();
      await climb(one, ['MIGRATING', null]);
      await expect(create(two, ticket('h', 'afterwards', 'a'))).resolves.toBe('WRITTEN');
    },
  );
});
