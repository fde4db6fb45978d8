import type * as Crypto from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keptToken, createAuthenticator } from '../../src/auth.ts';
import { silent, type Logger } from '../../src/migration/log.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'crossfade-auth-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('the kept token', () => {
  test('is made once, random, for the owner alone', async () => {
    const token = await keptToken(dir);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await keptToken(dir)).toBe(token);
    expect((await stat(join(dir, 'admin-token'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(dir, 'admin-token'), 'utf8')).toBe(`${token}\n`);
  });

  test('is one for all that ask at the same time', async () => {
    const tokens = await Promise.all(Array.from({ length: 10 }, () => keptToken(dir)));
    expect(new Set(tokens).size).toBe(1);
  });

  test('is refused when the file holds none', async () => {
    await writeFile(join(dir, 'admin-token'), '\n');
    await expect(keptToken(dir)).rejects.toThrow('holds no token');
  });
});

describe('authorize', () => {
  const lines: string[] = [];
  const note = (facts: object, message: string) => void lines.push(`${message} ${JSON.stringify(facts)}`);
  const log: Logger = { ...silent, warn: note };
  const { authorize } = createAuthenticator({ token: 'the-right-one', jwt: null, log });

  test.each(['Bearer the-right-one', 'bearer the-right-one', 'Bearer  the-right-one '])('takes %j', async (header) => {
    expect(await authorize(header, 'migration:admin', 'r1')).toBe('admin');
  });

  test.each([
    undefined,
    '',
    'Bearer',
    'Bearer the-wrong-one',
    'Bearer the-right-one2',
    'Basic the-right-one',
    'the-right-one',
    'Bearer the-right one',
  ])('refuses %j and logs it without the token', async (header) => {
    lines.length = 0;
    await expect(authorize(header, 'migration:read', 'r2')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"requestId":"r2"');
    expect(lines[0]).not.toMatch(/one|Basic/);
  });
});

const compared: [number, number][] = [];
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof Crypto>();
  const timingSafeEqual = (a: Buffer, b: Buffer): boolean => {
    compared.push([a.length, b.length]);
    return crypto.timingSafeEqual(a, b);
  };
  return { ...crypto, timingSafeEqual };
});

test('every token is compared whole, in a time that says nothing: digests of one length, by an operation made for it', async () => {
  const { authorize } = createAuthenticator({ token: 'the-right-one', jwt: null, log: silent });
  for (const sent of ['the-right-one', 't', 'the-right-onf', 'x'.repeat(5000)]) {
    compared.length = 0;
    await authorize(`Bearer ${sent}`, 'migration:admin', 'r').catch(() => 'refused');
    expect(compared).toEqual([[32, 32]]);
  }
});
