/**
 * Whoever drives a switch, copies, replays or verifies may die or stand still at any point: another process goes on, and one that comes back
 * changes nothing. Each case has real processes, one of which is stopped between two calls of its devices.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../support/cluster/cluster.ts';
import { AnswerLost } from '../support/kill/load.ts';
import { describeWith, servers } from '../support/servers.ts';

/** Enough for three ranges of a verification. */
const ROWS = 26_000;
/** A backlog that the processes share. */
const BEHIND = 1500;
const ABREAST = 10;

/** The process that was to answer may be the one that is killed. */
function unlessLost(error: unknown): void {
  if (!(error instanceof AnswerLost)) throw error;
}

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.open(server, {
      processes: 3,
      rows: ROWS,
      env: { LEASE_MS: '600', REQUEST_TIMEOUT_MS: '10000' },
    });
    await cluster.until('all are registered', ({ instances }) => instances.length === 3);
  }, 60_000);
  afterAll(() => cluster.close());

  /** One phone after the other, `ABREAST` apart; many in one request, which is quicker to ask for. */
  const participate = async (from: number): Promise<void> => {
    const phones = Array.from(
      { length: BEHIND / ABREAST },
      (_, i) => `+86139${String(from + i * ABREAST).padStart(8, '0')}`,
    );
    const fields = phones.map((phone, i) => {
      return `p${i}: participate(input: { phone: "${phone}", event: "send-1g-traffic", answer: "A" }) { __typename }`;
    });
    for (let i = 0; i < fields.length; i += 10) await cluster.ask(`mutation { ${fields.slice(i, i + 10).join(' ')} }`);
  };
  const allAgree = async () => {
    const { epoch } = await cluster.status();
    for (const each of cluster.awake)
      await cluster.until('it acts by the record', (now) => now.settled && now.epoch === epoch, each);
  };

  test('the driver of a switch stands still in its flip', { timeout: 60_000 }, async () => {
    await cluster.copying('pause');
    const [driver] = cluster.processes;
    const trap = await cluster.trap({
      call: 'control.compareAndSet SETTLE',
      when: 'BEFORE',
      nth: 1,
      signal: 'SIGSTOP',
    });
    const switching = cluster.switchTo('MIGRATING', null, driver);
    await trap.sprung();
    const settled = await cluster.until('another has settled it', (now) => now.settled && now.state === 'MIGRATING');
    cluster.wake();
    await switching;
    await allAgree();
    expect(await cluster.status()).toMatchObject({ epoch: settled.epoch, history: { totalCount: 1 } });
  });

  test('the copier stands still in a batch, and the next one is killed after one', { timeout: 60_000 }, async () => {
    const still = await cluster.trap({ call: 'NEW.writer.copyStream', when: 'BEFORE', nth: 1, signal: 'SIGSTOP' });
    await cluster.copying('resume');
    await still.sprung();
    await (await cluster.trap({ call: 'NEW.writer.copyStream', when: 'AFTER', nth: 1, signal: 'SIGKILL' })).sprung();
    await cluster.until('the third has copied the rest', ({ copy }) => copy?.complete === true);
    const before = await cluster.digests();
    cluster.wake();
    await cluster.restart();
    await allAgree();
    expect(await cluster.digests()).toEqual(before);
    expect((await cluster.status()).copy).toEqual({ copied: ROWS, complete: true });
  });

  test('one that replays a backlog stands still, and another is killed', { timeout: 90_000 }, async () => {
    await Promise.all(Array.from({ length: ABREAST }, (_, i) => participate(i)));
    const still = await cluster.trap({ call: 'NEW.writer.apply MANY', when: 'BEFORE', nth: 2, signal: 'SIGSTOP' });
    const switching = cluster.switchTo('CATCHING_UP').catch(unlessLost);
    await Promise.race([still.sprung(), switching.then(() => still.sprung())]);
    await (await cluster.trap({ call: 'OLD.writer.apply MANY', when: 'AFTER', nth: 1, signal: 'SIGKILL' })).sprung();
    await cluster.until('nothing is owed', ({ journal }) => journal.entries === 0);
    const before = await cluster.digests();
    expect(before).toMatchObject([{ rows: ROWS + BEHIND }, { rows: ROWS + BEHIND }]);
    cluster.wake();
    await switching;
    await cluster.restart();
    await allAgree();
    expect(await cluster.digests()).toEqual(before);
  });

  test('the verifier stands still in a range', { timeout: 60_000 }, async () => {
    await cluster.switchTo('DUAL', 0);
    const still = await cluster.trap({
      call: 'control.advanceVerification',
      when: 'BEFORE',
      nth: 3,
      signal: 'SIGSTOP',
    });
    await cluster.verify();
    await still.sprung();
    const done = await cluster.until('another has finished', ({ verification }) => verification?.running === false);
    cluster.wake();
    await allAgree();
    expect(done.verification).toMatchObject({ clean: true, checked: 2 * (ROWS + BEHIND) });
    expect((await cluster.status()).verification).toEqual(done.verification);
  });
});
