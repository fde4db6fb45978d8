/** How the console is served: headers, caching, and what there is where it was not built. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveConsole } from '../../src/server/console.ts';
import { temporaryDirectory } from '../support/tmp.ts';

let built: string;
const servers: FastifyInstance[] = [];
beforeEach(async () => {
  const directory = await temporaryDirectory();
  built = join(directory, 'console');
  await mkdir(join(built, 'assets'), { recursive: true });
  await writeFile(join(built, 'index.html'), '<!doctype html>');
  await writeFile(join(built, 'assets', 'index-abc.js'), 'void 0;');
  await writeFile(join(directory, 'secret.txt'), 'secret');
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

function serving(directory = built): FastifyInstance {
  const http = Fastify();
  servers.push(http);
  http.register(async (scope) => serveConsole(scope, directory));
  http.get('/other', async () => 'other');
  return http;
}

test.each(['/console', '/console/'])('%s is the page, asked for again each time', async (url) => {
  const http = serving();
  const first = await http.inject(url);
  expect([first.statusCode, first.body]).toEqual([200, '<!doctype html>']);
  expect(first.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' });
  const again = await http.inject({ url, headers: { 'if-none-match': String(first.headers['etag']) } });
  expect(again.statusCode).toBe(304);
});

test('what has a hash in its name is kept for ever', async () => {
  const { statusCode, headers } = await serving().inject('/console/assets/index-abc.js');
  expect(statusCode).toBe(200);
  expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
});

test.each(['/console', '/console/assets/index-abc.js', '/console/none'])(
  '%s goes under the strict policy',
  async (url) => {
    const { headers } = await serving().inject(url);
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy.join()).not.toMatch(/unsafe|\*|https?:/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
  },
);

test('the policy is the console’s alone', async () => {
  const { headers } = await serving().inject('/other');
  expect(headers['content-security-policy']).toBeUndefined();
});

test.each(['/console/../secret.txt', '/console/%2e%2e/secret.txt', '/console/..%2fsecret.txt'])(
  'nothing beside it is served: %s',
  async (url) => {
    const { statusCode, body } = await serving().inject(url);
    expect(statusCode).toBeGreaterThanOrEqual(400);
    expect(body).not.toBe('secret');
  },
);

test('where it was not built it says what to do', async () => {
  const { statusCode, body } = await serving(join(built, 'none')).inject('/console');
  expect(statusCode).toBe(503);
  expect(body).toContain('npm run build');
});
