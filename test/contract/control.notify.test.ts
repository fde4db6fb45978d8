/** Word of changes between processes over LISTEN and NOTIFY, and what happens when the listening connection is lost. */
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/migration/clock.ts';
import type { Change, ControlRecord, ControlStore } from '../../src/migration/control/control.ts';
import { sqlControl, type ControlTables } from '../../src/migration/control/sql/index.ts';
import { openPostgres } from '../../src/migration/stores/postgres/database.ts';
import { until } from '../support/operate.ts';
import { describeWith, scratchSchema, servers } from '../support/servers.ts';

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

describeWith('PostgreSQL', await servers.postgres(), (server) => {
  const scratch = async (onTestFinished: (done: () => Promise<void>) => void) => {
    const { url, drop } = await scratchSchema(server);
    onTestFinished(drop);
    const open = async (): Promise<ControlStore> => {
      const control = sqlControl({ database: openPostgres<ControlTables>(url), clock: systemClock });
      onTestFinished(() => control.close());
      await control.open();
      return control;
    };
    return { url, open };
  };

  test('another process hears of a change at once, after its commit, and of none that was lost', async ({
    onTestFinished,
  }) => {
    const { open } = await scratch(onTestFinished);
    const [here, there] = [await open(), await open()];
    await here.create(RECORD);
    const heard: (Change | null)[] = [];
    const readable: Promise<number | undefined>[] = [];
    const bell = Promise.withResolvers<void>();
    const stop = there.onChange((change) => {
      heard.push(change);
      if (change) readable.push(there.read('things').then((record) => record?.revision));
      if (change?.revision === 3) bell.resolve();
    });
    await until('the channel is up', () => there.hears());
    await here.compareAndSet(1, { ...RECORD, revision: 2 });
    await here.compareAndSet(1, { ...RECORD, revision: 2 });
    await here.compareAndSet(2, { ...RECORD, revision: 3 });
    await bell.promise;
    expect(heard).toEqual([null, { dataset: 'things', revision: 2 }, { dataset: 'things', revision: 3 }]);
    expect((await Promise.all(readable)).every((revision, i) => (revision ?? 0) >= i + 2)).toBe(true);
    stop();
  });

  test('a listening connection that is lost is made again, and says that something may have been missed', async ({
    onTestFinished,
  }) => {
    const { url, open } = await scratch(onTestFinished);
    const [here, there] = [await open(), await open()];
    await here.create(RECORD);
    let missed = 0;
    const heard: number[] = [];
    there.onChange((change) => {
      if (change) heard.push(change.revision);
      else missed++;
    });
    await until('the channel is up', () => there.hears());
    const operator = new Client({ connectionString: url });
    await operator.connect();
    // Those of other test files are made again as well.
    await operator.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'crossfade listens'`,
    );
    await until('the loss is noticed', () => !there.hears() || missed > 1);
    await until('the channel is up again', () => there.hears() && missed > 1);
    await here.compareAndSet(1, { ...RECORD, revision: 2 });
    await until('the change is heard', () => heard.includes(2));
    await operator.end();
  });
});
