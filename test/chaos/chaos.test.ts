/**
 * Half a minute of chaos: real processes on the machine's PostgreSQL and MariaDB, which are left alone, and a Redis of the test's own, which
 * is killed like the processes. `npm run chaos` does more, for longer.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SEED } from '../support/seed.ts';
import { describeWith, servers } from '../support/servers.ts';
import { temporaryDirectory } from '../support/tmp.ts';
import { show } from './report.ts';
import { runChaos } from './run.ts';
import { within } from './within.ts';

const [postgres, mysql, redis] = [await servers.postgres(), await servers.mysql(), await servers.redis()];
/** It takes 20 to 50 seconds; the faults of a run may each take their time, milliseconds. */
const LONGEST_MS = 240_000;
const there = postgres !== null && mysql !== null && redis !== null;

describeWith('PostgreSQL, MariaDB and Redis', there ? 'all three' : null, () => {
  test(`three processes, CROSSFADE_SEED=${SEED}`, { timeout: LONGEST_MS + 10_000 }, async ({ onTestFailed }) => {
    const said: string[] = [];
    const began = performance.now();
    const directory = join(await temporaryDirectory(), 'chaos');
    onTestFailed(async () => {
      process.stderr.write(`${(await lastWords(directory)).join('\n')}\n`);
    });
    const run = runChaos({
      seed: SEED,
      minutes: 0.1,
      instances: 3,
      clients: 6,
      rows: 300,
      stayMs: 300,
      borrowed: { postgres: postgres ?? '', mysql: mysql ?? '' },
      directory,
      say: (line) => said.push(`${Math.round(performance.now() - began)} ms: ${line}`),
    });
    const verdict = await within(LONGEST_MS, 'the run is over', run).catch((cause: unknown) => {
      throw new Error([...said, String(cause)].join('\n'), { cause });
    });
    expect(verdict.violations, show(verdict)).toEqual([]);
    expect(verdict.operations).toBeGreaterThan(300);
  });
});

/** The last of what each process logged, and of the history. */
async function lastWords(directory: string): Promise<readonly string[]> {
  const files = (await readdir(directory)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  return files.map((file, i) => `${file}:\n${(texts[i] ?? '').trimEnd().split('\n').slice(-30).join('\n')}`);
}
