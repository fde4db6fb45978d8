/**
 * A process that does nothing but copy: the whole server, as it is started by a user, from OLD into MIGRATING until the copy is
 * complete. Prints one line of JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SAMPLE_EVENTS } from '../../src/activity/events.ts';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { silent } from '../../src/migration/log.ts';

export interface Copied {
  readonly seconds: number;
  readonly rows: number;
  readonly idleMb: number;
  readonly peakMb: number;
  /** Of this process, while it copied. */
  readonly cpuSeconds: number;
}

/** Looking costs too. */
const LOOK_EVERY_MS = 50;
const IDLE_MS = 1000;
const megabytes = () => process.memoryUsage.rss() / 2 ** 20;

const directory = await mkdtemp(join(tmpdir(), 'crossfade-bench-'));
try {
  const config = loadConfig({ ...process.env, DATA_DIR: directory, ADMIN_TOKEN: 'x'.repeat(32) });
  const app = await createApp({ config, adminToken: 'x'.repeat(32), log: silent });
  try {
    await app.catalogue.seed(SAMPLE_EVENTS);
    await delay(IDLE_MS);
    const idleMb = megabytes();
    const { operator } = app.engine;
    const switched = await operator.switchTo({
      to: 'MIGRATING',
      readNewPercent: null,
      expectedEpoch: null,
      reason: 'benchmark',
      actor: 'benchmark',
      dryRun: false,
      acceptRisk: [],
    });
    if (switched.outcome !== 'SWITCHED') throw new Error(JSON.stringify(switched));
    let [began, cpu, peakMb] = [0, process.cpuUsage(), idleMb];
    for (;;) {
      const checkpoint = await app.stores.NEW.checkpoint();
      peakMb = Math.max(peakMb, megabytes());
      if (checkpoint && began === 0) [began, cpu] = [performance.now(), process.cpuUsage()];
      if (checkpoint?.complete) {
        const { user, system } = process.cpuUsage(cpu);
        const copied: Copied = {
          seconds: (performance.now() - began) / 1000,
          rows: checkpoint.copied,
          idleMb,
          peakMb,
          cpuSeconds: (user + system) / 1e6,
        };
        process.stdout.write(`${JSON.stringify(copied)}\n`);
        break;
      }
      await delay(LOOK_EVERY_MS);
    }
  } finally {
    await app.stop();
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
