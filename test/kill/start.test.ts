/** A start that is killed half-way, and the lock of the directory. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digest, Files } from '../support/kill/files.ts';
import { START } from '../support/kill/points.ts';
import { ServerProcess } from '../support/kill/server.ts';
import type { Sprung } from '../support/kill/trap.ts';
import { tooSlow } from '../support/kill/walk.ts';
import { temporaryDirectory } from '../support/tmp.ts';

const SAMPLES = 1500;

test('each start goes on where the one before it was killed', { timeout: 300_000 }, async ({ onTestFinished }) => {
  const directory = await temporaryDirectory();
  const server = new ServerProcess(directory, { SAMPLE_DATA: String(SAMPLES) });
  onTestFinished(() => server.dispose());
  for (const [i, { call, when, nth, hold }] of START.entries()) {
    const marker = join(directory, `marker.${i}`);
    expect(await server.start({ call, when, nth, hold, marker }), `${when} ${call}: ${server.complaints}`).toBe(
      'SIGKILL',
    );
    expect(JSON.parse(await readFile(marker, 'utf8')) as Sprung).toMatchObject({ call, when });
  }
  expect(await server.start(), server.complaints).toBeNull();
  expect((await fetch(new URL('/readyz', await server.url))).status).toBe(200);

  const untouched = new ServerProcess(await temporaryDirectory(), { SAMPLE_DATA: String(SAMPLES) });
  onTestFinished(() => untouched.dispose());
  expect(await untouched.start()).toBeNull();
  expect(tooSlow([...untouched.starts, ...server.starts])).toEqual([]);
  const [torn, whole] = [server, untouched].map((each) => {
    const files = Files.shared(join(each.directory, 'data'));
    return { rows: files.participations('OLD'), close: () => files.close() };
  });
  onTestFinished(async () => {
    await torn?.close();
    await whole?.close();
  });
  expect(torn?.rows).toHaveLength(SAMPLES);
  expect(digest(torn?.rows ?? [])).toBe(digest(whole?.rows ?? []));
});

test(
  'a directory is locked while the process lives, and free when it was killed',
  { timeout: 60_000 },
  async ({ onTestFinished }) => {
    const directory = await temporaryDirectory();
    const [first, second] = [new ServerProcess(directory, { SAMPLE_DATA: '0' }), new ServerProcess(directory)];
    onTestFinished(() => {
      first.dispose();
      second.dispose();
    });
    expect(await first.start()).toBeNull();
    expect(await second.start()).toBe('1');
    expect(second.complaints).toMatch(/another process is using/i);
    expect(await first.kill('SIGKILL')).toBe('SIGKILL');
    expect(await second.start(), second.complaints).toBeNull();
  },
);
