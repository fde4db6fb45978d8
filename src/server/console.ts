/**
 * `/console`: the operator's page, as `npm run build` made it in dist/console.
 *
 * The page loads nothing from elsewhere and has no script or style of its own in the markup, so the policy can be as strict as policies get;
 * it is given no data here, everything comes from `/graphql` with the token that the operator types in.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** The same place seen from src/server and from dist/server. */
const BUILT = fileURLToPath(new URL('../../dist/console/', import.meta.url));

const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

/** Files with a hash of their content in the name never change; the page that names them is asked for each time. */
const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_AGAIN = 'no-cache';

/** `directory`: where the page was built; without a page there `/console` says what to do. */
export async function serveConsole(http: FastifyInstance, directory = BUILT): Promise<void> {
  http.addHook('onRequest', async (_, reply) => {
    reply.headers(HEADERS);
  });
  if (!existsSync(`${directory}/index.html`)) {
    const missing = 'The console has not been built: run `npm run build`, and start again.\n';
    http.get('/console', async (_, reply) => reply.code(503).type('text/plain; charset=utf-8').send(missing));
    return;
  }
  await http.register(fastifyStatic, {
    root: directory,
    prefix: '/console/',
    cacheControl: false,
    setHeaders: (reply, path) => {
      reply.header('cache-control', path.endsWith('.html') ? ASK_AGAIN : FOR_EVER);
    },
  });
  http.get('/console', async (_, reply) => reply.sendFile('index.html'));
}
