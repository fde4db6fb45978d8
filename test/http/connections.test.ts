/** Clients that send too slowly, too much or nothing sensible, on real connections. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildSchema } from 'graphql';
import { createAuthenticator } from '../../src/auth.ts';
import { loadConfig } from '../../src/config.ts';
import { silent } from '../../src/migration/log.ts';
import { createServer, type Server } from '../../src/server.ts';
import { fakeCatalogue, fakeEngine, noAudit } from '../support/fake-engine.ts';
import { EXECUTOR } from '../support/executor.ts';

const REQUEST_TIMEOUT_MS = 300;

let server: Server;
let port: number;
const sockets: Socket[] = [];
beforeEach(async () => {
  server = await createServer({
    config: {
      ...loadConfig({ BODY_LIMIT_BYTES: '2000', MAX_CONNECTIONS: '4', ...EXECUTOR }),
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      switchTimeoutMs: 300,
      leaseMs: 100,
    },
    schema: buildSchema('type Query { word: String }'),
    engine: fakeEngine(),
    catalogue: fakeCatalogue(),
    audit: noAudit,
    authenticator: createAuthenticator({ token: 'none', jwt: null, log: silent }),
    log: silent,
  });
  port = Number(new URL(await server.http.listen({ port: 0, host: '127.0.0.1' })).port);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** All that the server says on this connection until it closes it. */
async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => (text += data));
  if (!socket.closed) await once(socket, 'close');
  return text;
}

const head = (length: number, more = ''): string =>
  `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${more}\r\n`;
const QUERY = '{"query":"{ word }"}';

describe('a request that does not come', () => {
  test.each([
    { what: 'its head never ends', sent: 'POST /graphql HTTP/1.1\r\nhost: x\r\n' },
    { what: 'its body never ends', sent: `${head(100)}{"query":` },
  ])('($what) is given up in time', async ({ sent }) => {
    const socket = await open();
    const began = performance.now();
    socket.write(sent);
    const answer = await heard(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain(
      '{"errors":[{"message":"The request did not arrive in time.","extensions":{"code":"BAD_REQUEST"}}]}',
    );
    expect(performance.now() - began).toBeGreaterThan(REQUEST_TIMEOUT_MS * 0.9);
  });

  test('is given up too when it comes drop by drop', async () => {
    const socket = await open();
    const drops = setInterval(() => socket.write('x'), 20);
    socket.write(`${head(1900)}`);
    expect(await heard(socket)).toMatch(/^HTTP\/1\.1 408 /);
    clearInterval(drops);
  });

  test('does not hold up the end', async () => {
    const socket = await open();
    socket.write(`${head(100)}{"query":`);
    await server.http.inject('/healthz');
    await server.close();
    expect(socket.destroyed || (await heard(socket)) === '').toBe(true);
  });
});

test('a connection that nobody has said a word on does not hold up the end', async () => {
  const socket = await open();
  await server.http.inject('/healthz');
  const began = performance.now();
  await server.close();
  expect(await heard(socket)).toBe('');
  // What is under way may take 1.8 s here, and would be waited for.
  expect(performance.now() - began).toBeLessThan(1000);
});

describe('a request that makes no sense', () => {
  test.each([
    { what: 'no HTTP', sent: '\u0016\u0003\u0001\u0002\u0000\r\n\r\n', status: 400 },
    { what: 'two lengths', sent: head(20, 'content-length: 2\r\n') + QUERY, status: 400 },
    { what: 'a length and chunks', sent: head(20, 'transfer-encoding: chunked\r\n') + QUERY, status: 400 },
    { what: 'a head without end', sent: `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, status: 431 },
  ])('($what) gets an error and no second try', async ({ sent, status }) => {
    const socket = await open();
    socket.write(sent, 'latin1');
    const answer = await heard(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain('"code":"BAD_REQUEST"');
  });

  test('a body that is too long is not waited for', async () => {
    const socket = await open();
    socket.write(head(2001));
    const [answer] = (await once(socket.setEncoding('utf8'), 'data')) as [string];
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('may have 2000 bytes');
  });
});

test('more connections than there may be are refused, and those that are there are served', async () => {
  const ask = async (socket: Socket): Promise<void> => {
    socket.write(head(QUERY.length) + QUERY);
    const [answer] = (await once(socket.setEncoding('utf8'), 'data')) as [string];
    expect(answer).toContain('{"data":{"word":null}}');
  };
  const kept: Socket[] = [];
  for (let i = 0; i < 4; i++) {
    const socket = await open();
    await ask(socket);
    kept.push(socket);
  }
  const refused = connect(port, '127.0.0.1');
  sockets.push(refused);
  await once(refused, 'close');
  for (const socket of kept) await ask(socket);
});
