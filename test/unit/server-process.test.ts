/** The program as it is started: what it prints, how it refuses, how it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let dir: string;
const started: ChildProcess[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'crossfade-process-'));
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

function start(
  env: Record<string, string>,
  command: readonly [string, ...string[]] = [process.execPath, MAIN],
): Running {
  const [program, ...args] = command;
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { PATH, NODE_COMPILE_CACHE, PORT: '0', DATA_DIR: join(dir, 'data'), SAMPLE_DATA: '100', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

async function ready(running: Running): Promise<{ url: string; token: string }> {
  while (!running.stdout().includes('admin token')) {
    const next = await Promise.race([once(running.child.stdout ?? running.child, 'data'), running.ended]);
    if (!Array.isArray(next)) throw new Error(`it ended with ${next}: ${running.stderr()}`);
  }
  const [, url = ''] = /GraphQL +(\S+)/.exec(running.stdout()) ?? [];
  const [, token = ''] = /admin token +(.+)/.exec(running.stdout()) ?? [];
  return { url, token };
}

async function ask(url: string, query: string, token = ''): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

test('starts on an empty directory with sample data, serves, and ends with 0 on SIGTERM', async () => {
  const running = start({});
  const { url, token } = await ready(running);
  expect(token).toMatch(/^[\w-]{43}$/);
  expect((await stat(join(dir, 'data', 'admin-token'))).mode & 0o777).toBe(0o600);
  expect(await ask(url, '{ events { totalCount } migrations { state } }', token)).toEqual({
    data: { events: { totalCount: 3 }, migrations: [{ state: 'OLD' }] },
  });
  expect((await fetch(new URL('/readyz', url))).status).toBe(200);
  running.child.kill('SIGTERM');
  expect(await running.ended).toBe(0);

  const again = start({ ADMIN_TOKEN: 'given-by-me', SAMPLE_DATA: '7' });
  const { url: newUrl } = await ready(again);
  expect(again.stdout()).not.toContain('given-by-me');
  expect(
    await ask(newUrl, '{ events { edges { node { participationCount } } } migrations { state } }', 'given-by-me'),
  ).toMatchObject({ data: { migrations: [{ state: 'OLD' }] } });
  again.child.kill('SIGINT');
  expect(await again.ended).toBe(0);
});

test('a signal to npm ends the server; the same signal twice, as a terminal sends it, does not cut the end short', async () => {
  const npm = start({}, ['npm', 'start', '--silent']);
  const { url } = await ready(npm);
  npm.child.kill('SIGTERM');
  await npm.ended;
  await expect(fetch(new URL('/healthz', url))).rejects.toThrow('fetch failed');

  const delayed = start({ SHUTDOWN_DELAY_MS: '300' });
  await ready(delayed);
  delayed.child.kill('SIGINT');
  while (!delayed.stderr().includes('shutting down')) await once(delayed.child.stderr ?? delayed.child, 'data');
  delayed.child.kill('SIGINT');
  expect(await delayed.ended).toBe(0);
});

test('is refused while another process uses the directory, and not after that was killed', async () => {
  const first = start({});
  await ready(first);
  const second = start({});
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toMatch(/^Another process is using .*\n$/);
  first.child.kill('SIGKILL');
  await first.ended;
  await ready(start({}));
});

test('an old store that has gone missing is not made again, empty', async () => {
  const first = start({});
  await ready(first);
  first.child.kill('SIGTERM');
  await first.ended;
  const files = (await readdir(join(dir, 'data'))).filter((name) => name.startsWith('old.sqlite'));
  for (const file of files) await rm(join(dir, 'data', file));
  const second = start({});
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toMatch(/^The old store of participation does not answer .*old\.sqlite.*\n$/);
  expect(await readdir(join(dir, 'data'))).not.toContain('old.sqlite');
});

const garbage = (name: string) => async () => {
  await mkdir(join(dir, 'data'));
  await writeFile(join(dir, 'data', name), 'this is no database, '.repeat(500));
};

test.each([
  { what: 'a bad variable', env: { PORT: 'many' }, line: /^PORT is "many"; it must be / },
  {
    what: 'a password',
    env: { NEW_STORE_URL: 'what://me:hush@host/db' },
    line: /^NEW_STORE_URL is "what:\/\/me:\*\*\*@/,
  },
  {
    what: 'a directory that cannot be',
    env: { DATA_DIR: '/proc/crossfade' },
    line: /^DATA_DIR: \/proc\/crossfade must /,
  },
  { what: 'a file as directory', env: { DATA_DIR: MAIN }, line: /^DATA_DIR: .* must be a directory/ },
  { what: 'an old store that is no database', env: {}, before: garbage('old.sqlite'), line: /not a database/ },
  { what: 'a control store that is no database', env: {}, before: garbage('control.sqlite'), line: /^CONTROL_URL is / },
  { what: 'a token file without a token', env: {}, before: garbage('admin-token'), line: /admin-token holds no token/ },
])('$what stops it with one line and 1', async ({ env, before, line }) => {
  await before?.();
  const running = start(env);
  expect(await running.ended).toBe(1);
  expect(running.stdout()).toBe('');
  expect(running.stderr()).toMatch(line);
  expect(running.stderr().trimEnd().split('\n')).toHaveLength(1);
});

test('a port in use stops it with one line and 1', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? String(address.port) : '';
  const running = start({ PORT: port, LOG_LEVEL: 'error' });
  expect(await running.ended).toBe(1);
  expect(running.stderr()).toBe(
    `Cannot listen on 127.0.0.1 port ${port}: another process has that port; stop it or change PORT.\n`,
  );
  other.close();
});

/** Has the process write which packages its modules ask for. */
const TELL_IMPORTS = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  import { writeSync } from 'node:fs';
  registerHooks({ resolve: (name, context, next) => (writeSync(2, 'imports ' + name + '\\n'), next(name, context)) });
`)}`;

test('an engine that is for a taste says so, and is loaded by nobody else', { timeout: 180_000 }, async () => {
  const loaded = ({ stderr }: Running) =>
    ['kysely', '@electric-sql/pglite'].filter((name) => stderr().includes(`imports ${name}\n`));
  const plain = start({ NODE_OPTIONS: TELL_IMPORTS });
  await ready(plain);
  expect(loaded(plain)).toEqual(['kysely']);
  plain.child.kill('SIGTERM');
  expect(await plain.ended).toBe(0);

  const taste = start({ NEW_STORE_URL: `pglite:${join(dir, 'taste')}`, NODE_OPTIONS: TELL_IMPORTS });
  const { url } = await ready(taste);
  expect(loaded(taste)).toEqual(['kysely', '@electric-sql/pglite']);
  while (!taste.stdout().includes('\n  warning ')) await once(taste.child.stdout ?? taste.child, 'data');
  expect(taste.stdout()).toMatch(/warning +NEW_STORE_URL is "pglite:.*not synced to the disk\.\n/);
  expect((await fetch(new URL('/readyz', url))).status).toBe(200);
  const second = start({ DATA_DIR: join(dir, 'other'), NEW_STORE_URL: `pglite:${join(dir, 'taste')}` });
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toMatch(/^NEW_STORE_URL is "pglite:.*another process is using .*\n$/);
});
