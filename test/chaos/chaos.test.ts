/**
 * Half a minute of chaos: real processes on the machine's PostgreSQL and MariaDB, which are left alone, and a Redis of the test's own, which
 * is killed like the processes. `npm run chaos` does more, for longer.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SEED } from '../support/seed.ts';
import { describeWith, servers } from '../support/servers.ts';
import { temporaryDirectory } from '../support/tmp.ts';
import { show } from './report.ts';
import { runChaos } from './run.ts';

const [postgres, mysql, redis] = [await servers.postgres(), await servers.mysql(), await servers.redis()];
const there = postgres !== null && mysql !== null && redis !== null;

describeWith('PostgreSQL, MariaDB and Redis', there ? 'all three' : null, () => {
  test(`three processes, CROSSFADE_SEED=${SEED}`, { timeout: 300_000 }, async () => {
    const said: string[] = [];
    const verdict = await runChaos({
      seed: SEED,
      minutes: 0.1,
      instances: 3,
      clients: 6,
      rows: 300,
      stayMs: 300,
      borrowed: { postgres: postgres ?? '', mysql: mysql ?? '' },
      directory: join(await temporaryDirectory(), 'chaos'),
      say: (line) => said.push(line),
    });
    expect(verdict.violations, `${said.join('\n')}\n${show(verdict)}`).toEqual([]);
    expect(verdict.operations).toBeGreaterThan(300);
  });
});
