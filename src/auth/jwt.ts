/**
 * Admin tokens of an identity provider: JSON Web Tokens, checked with the keys that it publishes (JWKS).
 *
 * Taken is a token whose signature fits a published key, under an asymmetric algorithm, with this audience, this issuer where one is set,
 * a subject, and an expiry that has not passed. Keys are kept for a while; a key id that is not known yet makes them be fetched again,
 * but not more often than once in the cooldown, so that made-up ids cause no traffic.
 */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Scope } from '../resolvers/context.ts';
import type { Identity, Unproven } from './identity.ts';

export interface JwtOptions {
  readonly jwksUrl: string;
  readonly audience: string;
  /** null: whoever holds a published key. */
  readonly issuer: string | null;
  /** How long the keys may take to come, milliseconds. */
  readonly timeoutMs: number;
  /** How often unknown key ids make the keys be fetched at most, milliseconds. */
  readonly cooldownMs?: number;
  /** For how long keys count without being fetched again, milliseconds: a key that was taken back counts no longer than that. */
  readonly keptMs?: number;
}

/** Nothing symmetric, where the public key would be the secret, and never `none`. */
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];
/** How far the clocks of issuer and server may be apart, seconds. */
const CLOCK_SKEW_S = 30;
const COOLDOWN_MS = 30_000;
const KEPT_MS = 600_000;
const SCOPES: readonly Scope[] = ['migration:read', 'migration:admin'];
/** A subject goes into the history: it is short, and can be read. */
const SUBJECT = /^[^\p{Cc}\p{Cf}]{1,200}$/u;

/** Never throws for what a token has in it. */
export type JwtVerifier = (token: string) => Promise<Identity | Unproven>;

export function jwtVerifier(options: JwtOptions): JwtVerifier {
  const keys = createRemoteJWKSet(new URL(options.jwksUrl), {
    timeoutDuration: options.timeoutMs,
    cooldownDuration: options.cooldownMs ?? COOLDOWN_MS,
    cacheMaxAge: options.keptMs ?? KEPT_MS,
  });
  const demanded = {
    algorithms: ALGORITHMS,
    audience: options.audience,
    clockTolerance: CLOCK_SKEW_S,
    requiredClaims: ['exp', 'sub'],
    ...(options.issuer !== null && { issuer: options.issuer }),
  };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, demanded);
      if (payload.sub === undefined || !SUBJECT.test(payload.sub)) return { why: 'the subject cannot be used' };
      return { actor: payload.sub, scopes: scopesOf(payload) };
    } catch (error) {
      return reason(error);
    }
  };
}

/** Providers disagree on the claim and on its form: `scope` or `scp`, one string with spaces or a list. Admins may also read. */
function scopesOf({ scope, scp }: JWTPayload): ReadonlySet<Scope> {
  const granted = [scope, scp].flatMap((claim) => (typeof claim === 'string' ? claim.split(' ') : claim));
  return new Set(SCOPES.filter((name) => granted.includes(name) || granted.includes('migration:admin')));
}

/** In words of this program: a token's own text stays out of the log. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'its algorithm is not allowed',
  ERR_JOSE_NOT_SUPPORTED: 'its algorithm is not allowed',
  ERR_JWKS_NO_MATCHING_KEY: 'no published key has its key id',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'it names no key, and several are published',
  ERR_JWS_INVALID: 'it is not a signed token',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'its signature does not fit',
  ERR_JWT_EXPIRED: 'it has expired',
  ERR_JWT_INVALID: 'it is not a signed token',
};

function reason(error: unknown): Unproven {
  if (error instanceof errors.JWTClaimValidationFailed) return { why: `the claim ${error.claim} does not fit` };
  const known = error instanceof errors.JOSEError ? REASONS[error.code] : undefined;
  // What is left is about fetching the keys, or about what came instead of them.
  return known === undefined ? { why: 'the keys cannot be fetched', cause: error } : { why: known };
}
