/**
 * Who may operate the migration: whoever holds the admin token, which comes from `ADMIN_TOKEN` or is made once and kept in a file,
 * or a token of an identity provider with the scope that is asked for (auth/jwt.ts).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identity, Unproven } from './auth/identity.ts';
import type { JwtVerifier } from './auth/jwt.ts';
import { CrossfadeError } from './migration/errors.ts';
import type { Logger } from './migration/log.ts';
import type { Scope } from './resolvers/context.ts';

export interface Authenticator {
  /**
   * Takes the `Authorization` header of a request and says who is asking, for the history.
   * Throws UNAUTHENTICATED without a valid token, FORBIDDEN when its scope is too small, and nothing else.
   */
  authorize(header: string | undefined, scope: Scope, requestId: string): Promise<string>;
}

export interface AuthenticatorOptions {
  /** The token with all rights; null: there is none. */
  readonly token: string | null;
  /** null: tokens of identity providers are not taken. */
  readonly jwt: JwtVerifier | null;
  readonly log: Logger;
}

const ADMIN: Identity = { actor: 'admin', scopes: new Set<Scope>(['migration:read', 'migration:admin']) };
const BEARER = /^Bearer +([\u0021-\u007e]+) *$/i;
const JWT = /^[\w-]+\.[\w-]*\.[\w-]*$/;

/** Every refusal is logged, never with what was sent. */
export function createAuthenticator({ token, jwt, log }: AuthenticatorOptions): Authenticator {
  const expected = token === null ? null : digest(token);

  const identify = async (header: string | undefined): Promise<Identity | Unproven> => {
    if (header === undefined) return { why: 'no token' };
    const sent = BEARER.exec(header)?.[1];
    if (sent === undefined) return { why: 'no bearer token' };
    // Digests have one length, so that the comparison takes the same time for every token.
    if (expected && timingSafeEqual(digest(sent), expected)) return ADMIN;
    return jwt && JWT.test(sent) ? jwt(sent) : { why: 'wrong token' };
  };

  return {
    authorize: async (header, scope, requestId) => {
      const found = await identify(header);
      if ('actor' in found) {
        if (found.scopes.has(scope)) return found.actor;
        log.warn({ requestId, scope, actor: found.actor }, 'an admin operation was refused: the scope is too small');
        throw new CrossfadeError('FORBIDDEN');
      }
      const { why, cause } = found;
      log.warn({ requestId, scope, why, ...(cause !== undefined && { err: cause }) }, 'an admin operation was refused');
      throw new CrossfadeError('UNAUTHENTICATED', cause === undefined ? {} : { message: KEYS_AWAY });
    },
  };
}

/** For whoever may well have a valid token: trying again helps, getting another token does not. */
const KEYS_AWAY = 'The token cannot be checked right now: the keys of its issuer cannot be fetched.';

/**
 * The token kept in `dir`, made now if there is none: 32 random bytes in base64url, readable by the owner only.
 * Throws the file system's error, and an Error in words when the file holds no token.
 */
export async function keptToken(dir: string): Promise<string> {
  const file = join(dir, 'admin-token');
  const made = randomBytes(32).toString('base64url');
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  if (!(await exists(file))) {
    await write(draft, `${made}\n`);
    try {
      // A link is made whole or not at all, and never over a token that another process has made meanwhile.
      await link(draft, file);
      return made;
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    } finally {
      await unlink(draft);
    }
  }
  const kept = (await readFile(file, 'utf8')).trim();
  if (!/^[\u0021-\u007e]+$/.test(kept)) throw new Error(`${file} holds no token; remove it and a new one is made`);
  return kept;
}

async function exists(file: string): Promise<boolean> {
  try {
    await (await open(file, 'r')).close();
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function write(file: string, content: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
