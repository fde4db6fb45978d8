import { isAbsolute, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, maskPassword } from '../../src/config.ts';
import { VARIABLES } from '../../src/config/variables.ts';

const refusal = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error(`${JSON.stringify(env)} was accepted`);
};

describe('defaults', () => {
  test('need nothing', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      port: 4001,
      host: '127.0.0.1',
      adminToken: null,
      leaseMs: 2000,
      requestTimeoutMs: 10_000,
      switchTimeoutMs: 10_000,
      sampleData: 20_000,
      phoneRegion: 'CN',
      introspection: true,
      embedded: { old: true, new: true, control: true },
    });
    expect(isAbsolute(config.dataDir)).toBe(true);
    expect(config.oldStoreUrl).toContain(join(config.dataDir, 'old.'));
    expect(config.journalUrl).toBeNull();
    expect(config.label).toMatch(/-\d+$/);
  });

  test('an empty variable is an unset one', () => {
    const empty = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, '']));
    expect(loadConfig(empty)).toEqual(loadConfig({}));
  });

  test('the journal lies in the control store wherever that is', () => {
    const config = loadConfig({ CONTROL_URL: 'sqlite:/tmp/elsewhere.sqlite' });
    expect(config.journalUrl).toBeNull();
    expect(config.embedded.control).toBe(false);
  });

  test.each([
    'redis://localhost',
    'rediss://user:pw@cache.example.org:6380/2',
    'redis+cluster://10.0.0.1:7000,10.0.0.2:7000',
    'redis+cluster://:pw@cache-1.example.org,[::1]:7001',
  ])('the journal may be %s', (url) => {
    expect(loadConfig({ JOURNAL_URL: url }).journalUrl).toBe(url);
  });

  test('introspection is off in production unless it is asked for', () => {
    expect(loadConfig({ NODE_ENV: 'production' }).introspection).toBe(false);
    expect(loadConfig({ NODE_ENV: 'production', INTROSPECTION: 'on' }).introspection).toBe(true);
    expect(loadConfig({ INTROSPECTION: 'off' }).introspection).toBe(false);
  });
});

describe('a bad variable', () => {
  test.each([
    ['PORT', 'http', 'a whole number from 0 to 65535'],
    ['PORT', '65536', 'a whole number from 0 to 65535'],
    ['PORT', '-1', 'a whole number'],
    ['PORT', '4001.5', 'a whole number'],
    ['PORT', ' 4001', 'a whole number'],
    ['HOST', 'a b', 'an address or a host name'],
    ['OLD_STORE_URL', 'oracle://x/y', 'sqlite:FILE'],
    ['NEW_STORE_URL', 'sqlite:', 'sqlite:FILE'],
    ['CONTROL_URL', '/tmp/control.sqlite', 'sqlite:FILE'],
    ['JOURNAL_URL', 'sqlite:/tmp/journal.sqlite', 'redis://HOST:PORT or rediss://HOST:PORT or redis+cluster://'],
    ['JOURNAL_URL', 'redis://', 'redis://HOST:PORT'],
    ['JOURNAL_URL', 'redis+cluster://a:1,b:port', 'redis+cluster://HOST:PORT,HOST:PORT'],
    ['LEASE_MS', '1e4', 'a whole number'],
    ['REQUEST_TIMEOUT_MS', '0', 'a whole number from 100'],
    ['SWITCH_TIMEOUT_MS', 'never', 'a whole number'],
    ['INSTANCE_ID', 'two words', '1 to 100 visible'],
    ['SAMPLE_DATA', '20k', 'a whole number from 0'],
    ['PHONE_REGION', 'XX', 'two capital letters of a country'],
    ['LOG_LEVEL', 'loud', 'one of debug, info'],
    ['INTROSPECTION', 'yes', 'one of on, off'],
    ['BODY_LIMIT_BYTES', '10', 'a whole number from 1000'],
  ])('%s=%s is refused in one line', (name, value, may) => {
    const message = refusal({ [name]: value });
    expect(message).toContain(`${name} is ${JSON.stringify(value)}; it must be `);
    expect(message).toContain(may);
    expect(message).not.toContain('\n');
  });

  test('shows no token', () => {
    const message = refusal({ ADMIN_TOKEN: 'hush hush' });
    expect(message).toContain('ADMIN_TOKEN is set to something else');
    expect(message).not.toContain('hush');
  });

  test('shows no password', () => {
    expect(refusal({ OLD_STORE_URL: 'what://me:hush@h/db?password=hush' })).not.toContain('hush');
  });
});

test.each([
  ['x://u:pw@host:1/db', 'x://u:***@host:1/db'],
  ['x://:pw@host', 'x://:***@host'],
  ['x://u:p@w/or:d@host/db', 'x://u:***@host/db'],
  ['x://u@host/db?password=pw&b=1', 'x://u@host/db?password=***&b=1'],
  ['x://host:5432/db', 'x://host:5432/db'],
  ['file:/a/b', 'file:/a/b'],
  ['x:/u:pw@host/db', 'x:***@host/db'],
  ['x//u:pw@host/db', 'x//u:***@host/db'],
  ['u:p@w@host:1/db', 'u:***@host:1/db'],
])('maskPassword(%j)', (url, masked) => {
  expect(maskPassword(url)).toBe(masked);
});

test('every variable says what it means and what it is when unset', () => {
  for (const [name, variable] of Object.entries(VARIABLES)) {
    expect(name).toMatch(/^[A-Z][A-Z_]+$/);
    expect(variable.meaning).not.toBe('');
    expect(variable.default !== null || ('absent' in variable && variable.absent !== '')).toBe(true);
  }
});

describe('authority', () => {
  const SHARED = { CONTROL_URL: 'postgres://me@db/crossfade' };
  const KEYS = { JWKS_URL: 'https://id.example/keys', JWT_AUDIENCE: 'crossfade' };

  test('a control store on a server needs a token that all processes know, or the keys of tokens', () => {
    expect(refusal(SHARED)).toBe(
      'ADMIN_TOKEN is not set; it must be, or JWKS_URL and JWT_AUDIENCE, where CONTROL_URL is a server that many processes share.',
    );
    expect(loadConfig({ ...SHARED, ADMIN_TOKEN: 'hush' })).toMatchObject({ adminToken: 'hush', jwt: null });
    expect(loadConfig({ ...SHARED, ...KEYS })).toMatchObject({
      adminToken: null,
      jwt: { jwksUrl: KEYS.JWKS_URL, audience: 'crossfade', issuer: null },
    });
  });

  test('keys and audience belong together', () => {
    expect(refusal({ JWKS_URL: KEYS.JWKS_URL })).toBe('JWT_AUDIENCE is not set; it must be, where JWKS_URL is.');
    for (const env of [{ JWT_AUDIENCE: 'a' }, { JWT_ISSUER: 'https://id.example' }]) {
      expect(refusal(env)).toBe('JWKS_URL is not set; it must be, where JWT_AUDIENCE or JWT_ISSUER is.');
    }
  });

  test.each([
    'http://127.0.0.1:8080/keys',
    'http://localhost/keys',
    'http://[::1]:1/k',
    'https://id.example:8443/k?x=1',
  ])('keys may be at %s', (url) => {
    expect(loadConfig({ ...KEYS, JWKS_URL: url }).jwt?.jwksUrl).toBe(url);
  });
  test.each([
    'http://id.example/keys',
    'http://127.0.0.1.evil.example/keys',
    'http://localhost@id.example/keys',
    'https://user:pw@id.example/keys',
    'file:///etc/keys',
    'keys',
  ])('keys may not be at %s', (url) => {
    const message = refusal({ ...KEYS, JWKS_URL: url });
    expect(message).toMatch(/^JWKS_URL is ".*"; it must be https:/);
    expect(message).not.toContain('pw');
  });
});
