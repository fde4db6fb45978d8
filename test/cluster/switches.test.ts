/** Several processes switch together: at once while all answer, after a lease when one does not. */
import { expect, test } from 'vitest';
import { Cluster } from '../support/cluster/cluster.ts';
import { describeWith, servers } from '../support/servers.ts';

const LEASE_MS = 4000;
/** What a switch takes with everybody alive, milliseconds: a fraction of a lease also on a machine that is busy with other tests. */
const PROMPT_MS = LEASE_MS / 2;

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  test(
    'up and back with all alive takes no lease; with one that stands still it takes one',
    { timeout: 60_000 },
    async ({ onTestFinished }) => {
      const cluster = await Cluster.open(server, { processes: 4, rows: 200, env: { LEASE_MS: String(LEASE_MS) } });
      onTestFinished(() => cluster.close());
      await cluster.until('all are registered', ({ instances }) => instances.length === 4);
      const took: [string, number][] = [];
      const go = async (to: string, percent: number | null = null) => {
        took.push([`${to} ${percent ?? ''}`, await cluster.switchTo(to, percent)]);
      };
      await go('MIGRATING');
      await cluster.until('the copy is complete', ({ copy }) => copy?.complete === true);
      await go('CATCHING_UP');
      await go('DUAL', 0);
      await go('DUAL', 50);
      await go('DUAL', 0);
      await go('OLD');
      if (process.env['CROSSFADE_FIGURES']) process.stdout.write(`${JSON.stringify(took)}\n`);
      expect(took.filter(([, ms]) => ms > PROMPT_MS)).toEqual([]);

      const [, , , last] = cluster.processes;
      if (!last) throw new Error('there is no fourth process');
      last.signal('SIGSTOP');
      const ms = await cluster.switchTo('MIGRATING');
      expect(ms).toBeGreaterThan(LEASE_MS * 0.7);
      expect(ms).toBeLessThan(LEASE_MS * 1.02 + 50 + PROMPT_MS);
      last.signal('SIGCONT');
      await cluster.until('it is there again', ({ instances, epoch }) =>
        instances.every((each) => each.epoch === epoch),
      );
      expect(await cluster.status(last)).toMatchObject({ state: 'MIGRATING' });
    },
  );

  test(
    'a driver that stands still in its flip is replaced, and changes nothing when it goes on; so is a copier that is killed',
    {
      timeout: 60_000,
    },
    async ({ onTestFinished }) => {
      const cluster = await Cluster.open(server, { processes: 2, rows: 2000, env: { LEASE_MS: '600' } });
      onTestFinished(() => cluster.close());
      await cluster.until('all are registered', ({ instances }) => instances.length === 2);
      await cluster.copying('pause');
      const still = await cluster.trap({
        call: 'control.compareAndSet SETTLE',
        when: 'BEFORE',
        nth: 1,
        signal: 'SIGSTOP',
      });
      const switching = cluster.switchTo('MIGRATING');
      await still.sprung();
      const settled = await cluster.until('another has settled it', (now) => now.settled && now.state === 'MIGRATING');
      cluster.wake();
      await switching;
      expect(await cluster.status()).toMatchObject({ epoch: settled.epoch, history: { totalCount: 1 } });

      const killed = await cluster.trap({ call: 'NEW.writer.copyStream', when: 'BEFORE', nth: 1, signal: 'SIGKILL' });
      await cluster.copying('resume');
      await killed.sprung();
      const { copy } = await cluster.until('another has copied the rest', (now) => now.copy?.complete === true);
      expect(copy?.copied).toBe(2000);
    },
  );
});
