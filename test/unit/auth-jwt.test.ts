/** Tokens of an identity provider, with a provider of the test's own that publishes keys over HTTP. */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { exportJWK, exportSPKI, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAuthenticator, type Authenticator } from '../../src/auth.ts';
import { jwtVerifier } from '../../src/auth/jwt.ts';
import { silent, type Logger } from '../../src/migration/log.ts';

interface Key {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const ecKey = (kid: string): Key => ({ kid, alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });
const rsaKey = (kid: string): Key => ({ kid, alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 2048 }) });

/** What the provider publishes, how it answers, and how often it was asked. */
const provider = { keys: [] as Key[], answer: 'KEYS' as 'KEYS' | 'ERROR' | 'GARBAGE' | 'HANG' | 'REDIRECT', asked: 0 };
let server: Server;
let jwksUrl: string;
beforeAll(async () => {
  server = createServer((_, response) => {
    provider.asked += 1;
    if (provider.answer === 'HANG') return;
    if (provider.answer === 'ERROR') response.writeHead(500).end('a stack trace');
    else if (provider.answer === 'REDIRECT') response.writeHead(302, { location: '/elsewhere' }).end();
    else if (provider.answer === 'GARBAGE') response.end('<html>');
    else {
      const keys = provider.keys.map(async ({ kid, alg, publicKey }) => ({
        ...(await exportJWK(publicKey)),
        kid,
        alg,
      }));
      void Promise.all(keys).then((published) => response.end(JSON.stringify({ keys: published })));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  jwksUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/keys`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const known = ecKey('k1');
const lines: string[] = [];
const log: Logger = { ...silent, warn: (facts, message) => void lines.push(`${message} ${JSON.stringify(facts)}`) };
let auth: Authenticator;
beforeEach(() => {
  provider.keys = [known];
  provider.answer = 'KEYS';
  provider.asked = 0;
  lines.length = 0;
  auth = authenticator({});
});

function authenticator(
  changes: Partial<Parameters<typeof jwtVerifier>[0]>,
  token: string | null = null,
): Authenticator {
  const options = { jwksUrl, audience: 'crossfade', issuer: 'https://id.example', timeoutMs: 300, ...changes };
  return createAuthenticator({ token, jwt: jwtVerifier(options), log });
}

const now = (): number => Math.floor(Date.now() / 1000);

function signed(
  claims: Readonly<Record<string, unknown>> = {},
  key: Key = known,
  header: object = {},
): Promise<string> {
  const standard = {
    iss: 'https://id.example',
    aud: 'crossfade',
    sub: 'ann',
    exp: now() + 60,
    scope: 'migration:admin',
  };
  return new SignJWT({ ...standard, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey, { crit: { 'made-up': true } });
}

const ask = (
  token: string,
  scope: 'migration:read' | 'migration:admin' = 'migration:admin',
  by = auth,
): Promise<string> => by.authorize(`Bearer ${token}`, scope, 'r1');

async function refusal(token: string, code: 'UNAUTHENTICATED' | 'FORBIDDEN', by = auth): Promise<string> {
  await expect(ask(token, 'migration:admin', by)).rejects.toMatchObject({ code });
  expect(lines).toHaveLength(1);
  for (const part of token.split('.').filter((text) => text !== '')) expect(lines[0]).not.toContain(part);
  return lines[0] ?? '';
}

describe('a token that is taken', () => {
  test.each([
    { claims: { scope: 'openid migration:admin' }, read: true, admin: true },
    { claims: { scope: undefined, scp: ['migration:admin'] }, read: true, admin: true },
    { claims: { scope: undefined, scp: 'migration:read migration:admin' }, read: true, admin: true },
    { claims: { scope: 'migration:read' }, read: true, admin: false },
    { claims: { scope: 'migration:administrator migration:readonly' }, read: false, admin: false },
    { claims: { scope: undefined }, read: false, admin: false },
    { claims: { scope: { 'migration:admin': true }, scp: 7 }, read: false, admin: false },
  ])('has the scopes of $claims', async ({ claims, read, admin }) => {
    const token = await signed(claims);
    for (const [scope, granted] of [
      ['migration:read', read],
      ['migration:admin', admin],
    ] as const) {
      if (granted) expect(await ask(token, scope)).toBe('ann');
      else await expect(ask(token, scope)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  test('may be signed with any asymmetric algorithm that is published', async () => {
    const rsa = rsaKey('k2');
    const ed: Key = { kid: 'k3', alg: 'EdDSA', ...generateKeyPairSync('ed25519') };
    provider.keys = [known, rsa, ed];
    for (const key of provider.keys) expect(await ask(await signed({}, key))).toBe('ann');
  });

  test('may be for several audiences, and from any issuer where none is set', async () => {
    expect(await ask(await signed({ aud: ['others', 'crossfade'] }))).toBe('ann');
    expect(await ask(await signed({ iss: 'anybody' }), 'migration:admin', authenticator({ issuer: null }))).toBe('ann');
  });

  test('may be 30 seconds off, and not more', async () => {
    expect(await ask(await signed({ exp: now() - 20, nbf: now() + 20 }))).toBe('ann');
    expect(await refusal(await signed({ exp: now() - 40 }), 'UNAUTHENTICATED')).toContain('expired');
  });
});

describe('a token is refused', () => {
  const stranger = ecKey('k1');
  test.each([
    { what: 'by another key of the same id', why: 'signature', token: () => signed({}, stranger) },
    { what: 'for another audience', why: 'aud', token: () => signed({ aud: 'other' }) },
    { what: 'for none', why: 'aud', token: () => signed({ aud: undefined }) },
    { what: 'of another issuer', why: 'iss', token: () => signed({ iss: 'https://evil.example' }) },
    { what: 'that never expires', why: 'exp', token: () => signed({ exp: undefined }) },
    { what: 'that does not count yet', why: 'nbf', token: () => signed({ nbf: now() + 60 }) },
    { what: 'of nobody', why: 'sub', token: () => signed({ sub: undefined }) },
    { what: 'of a subject that forges lines', why: 'subject', token: () => signed({ sub: 'ann\nadmin' }) },
    { what: 'of a subject without end', why: 'subject', token: () => signed({ sub: 'a'.repeat(201) }) },
    {
      what: 'with an extension that must be understood',
      why: '',
      token: () => signed({}, known, { crit: ['made-up'], 'made-up': 1 }),
    },
    {
      what: 'that was changed',
      why: 'signature',
      token: async () => swapPayload(await signed({ scope: '' }), await signed()),
    },
    { what: 'without a signature', why: '', token: async () => (await signed()).replace(/[^.]+$/, '') },
    { what: 'of no algorithm', why: '', token: async () => unsigned() },
    { what: 'with the public key as a secret', why: 'algorithm', token: () => confused() },
    {
      what: 'with a key in its own head',
      why: 'signature',
      token: async () => signed({}, stranger, { jwk: await exportJWK(stranger.publicKey) }),
    },
  ])('$what', async ({ why, token }) => {
    expect(await refusal(await token(), 'UNAUTHENTICATED')).toContain(why);
  });

  test.each(['a.b.c', '..', 'e30.e30.e30', `${'a'.repeat(5000)}.b.c`])('that is none: %j', async (token) => {
    await expect(ask(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(provider.asked).toBe(0);
  });

  function swapPayload(of: string, by: string): string {
    const [head, , signature] = of.split('.');
    return [head, by.split('.')[1], signature].join('.');
  }
  function unsigned(): string {
    return new UnsecuredJWT({ scope: 'migration:admin' })
      .setAudience('crossfade')
      .setIssuer('https://id.example')
      .setSubject('ann')
      .setExpirationTime('1m')
      .encode();
  }
  async function confused(): Promise<string> {
    const rsa = rsaKey('k2');
    provider.keys = [rsa];
    const [, payload] = (await signed({}, rsa)).split('.');
    const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'k2' })).toString('base64url');
    const mac = createHmac('sha256', await exportSPKI(rsa.publicKey))
      .update(`${head}.${payload}`)
      .digest('base64url');
    return `${head}.${payload}.${mac}`;
  }
});

describe('keys', () => {
  test('are fetched once for many tokens', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => signed()));
    await Promise.all(tokens.map((token) => ask(token)));
    expect(provider.asked).toBe(1);
  });

  test('rotate: a new one is fetched when a token names it, an old one counts until it is taken back', async () => {
    const rotating = authenticator({ cooldownMs: 0 });
    await ask(await signed(), 'migration:admin', rotating);
    const next = ecKey('k2');
    provider.keys = [known, next];
    expect(await ask(await signed({}, next), 'migration:admin', rotating)).toBe('ann');
    expect(await ask(await signed(), 'migration:admin', rotating)).toBe('ann');
    expect(provider.asked).toBe(2);
    provider.keys = [next];
    const strict = authenticator({ cooldownMs: 0, keptMs: 0 });
    expect(await ask(await signed({}, next), 'migration:admin', strict)).toBe('ann');
    expect(await refusal(await signed(), 'UNAUTHENTICATED', strict)).toContain('key id');
  });

  test('are not fetched again for each made-up key id', async () => {
    await ask(await signed());
    for (let i = 0; i < 20; i++) {
      await expect(ask(await signed({}, ecKey(`made up ${i}`)))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    }
    expect(provider.asked).toBe(1);
  });

  test.each(['ERROR', 'GARBAGE', 'HANG', 'REDIRECT'] as const)(
    'that cannot be had (%s): told apart, and the static token counts',
    async (answer) => {
      provider.answer = answer;
      const both = authenticator({}, 'the-static-one');
      const failed = ask(await signed(), 'migration:admin', both);
      await expect(failed).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
        message: expect.stringContaining('cannot be checked right now'),
      });
      expect(lines[0]).toContain('the keys cannot be fetched');
      expect(await ask('the-static-one', 'migration:admin', both)).toBe('admin');
      provider.answer = 'KEYS';
      expect(await ask(await signed(), 'migration:admin', both)).toBe('ann');
    },
  );

  test('that were had count while the provider is away', async () => {
    await ask(await signed());
    provider.answer = 'ERROR';
    expect(await ask(await signed())).toBe('ann');
  });
});
