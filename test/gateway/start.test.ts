/** `npm run gateway`: Hive Gateway for a try, as its user starts it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ServerProcess, TOKEN } from '../support/kill/server.ts';

let directory: string;
let crossfade: ServerProcess;
const started: ChildProcess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crossfade-gateway-'));
  crossfade = new ServerProcess(directory, { SAMPLE_DATA: '10', LOG_LEVEL: 'warn' });
  expect(await crossfade.start()).toBeNull();
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  crossfade.dispose();
  await rm(directory, { recursive: true, force: true });
});

function start(crossfadeUrl: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, ['scripts/gateway.ts', 'start', ...args], {
    env: { PATH: process.env['PATH'], CROSSFADE_URL: crossfadeUrl, GATEWAY_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  const url = async (): Promise<string> => {
    for (;;) {
      const [, found] = /GraphQL +(\S+)\n/.exec(stdout) ?? [];
      if (found !== undefined) return found;
      const next = await Promise.race([once(child.stdout, 'data'), ended]);
      if (!Array.isArray(next)) throw new Error(`it ended: ${JSON.stringify(next)}`);
    }
  };
  return { child, url, ended };
}

async function status(url: string): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ query: '{ events { totalCount } migrations { state } }' }),
  });
  return response.json();
}

test('serves what Crossfade serves, and ends with 0 on a signal', async () => {
  const gateway = start(await crossfade.url);
  expect(await status(await gateway.url())).toEqual({
    data: { events: { totalCount: 3 }, migrations: [{ state: 'OLD' }] },
  });
  gateway.child.kill('SIGINT');
  expect(await gateway.ended).toMatchObject({ code: 0, stderr: '' });
});

test('with --public it has no operation of the operator', async () => {
  const gateway = start(await crossfade.url, '--public');
  expect(await status(await gateway.url())).toMatchObject({
    errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
  });
});

test('without Crossfade it says what to do', async () => {
  const { code, stdout, stderr } = await start('http://127.0.0.1:1/graphql').ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^Crossfade does not answer at http:\/\/127\.0\.0\.1:1\/graphql\. Start it first/);
});
