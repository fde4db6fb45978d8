/** The configuration: the environment variables of config/variables.ts, each checked at start. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { VARIABLES, type Variable } from './config/variables.ts';
import { embeddedUrl, engineOf } from './migration/stores/open.ts';

/** A variable that is not what it may be; the message is one line for the terminal, without secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What one operation may ask for; see the variables of the same names. */
export interface QueryLimits {
  readonly tokens: number;
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly cost: number;
  readonly pageSize: number;
  readonly batchSize: number;
}

export interface Config {
  readonly port: number;
  readonly host: string;
  /** Absolute. */
  readonly dataDir: string;
  readonly oldStoreUrl: string;
  readonly newStoreUrl: string;
  readonly controlUrl: string;
  /** null: tables in the control store. */
  readonly journalUrl: string | null;
  /** Which of the stores are those of `dataDir`, because nothing else is said. */
  readonly embedded: { readonly old: boolean; readonly new: boolean; readonly control: boolean };
  /** null: the one kept in `dataDir`, or none where the control store is on a server. */
  readonly adminToken: string | null;
  /** null: tokens of identity providers are not taken. */
  readonly jwt: { readonly jwksUrl: string; readonly audience: string; readonly issuer: string | null } | null;
  readonly leaseMs: number;
  readonly requestTimeoutMs: number;
  readonly switchTimeoutMs: number;
  readonly label: string;
  readonly sampleData: number;
  readonly phoneRegion: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly introspection: boolean;
  readonly bodyLimitBytes: number;
  readonly comparePercent: number;
  readonly maskDifferences: boolean;
  readonly maxConnections: number;
  readonly keepAliveTimeoutMs: number;
  readonly limits: QueryLimits;
  /** 0: never. */
  readonly compileQueriesAfter: number;
  readonly shutdownDelayMs: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads and checks every variable; an empty one counts as unset. Throws `ConfigError` about the first that is not what it may be. */
export function loadConfig(env: Environment): Config {
  const v = VARIABLES;
  const read = <T>(
    name: keyof typeof VARIABLES,
    { schema, must, secret, default: fallback }: Variable<T>,
  ): T | null => {
    const text = env[name] || fallback;
    if (text === null) return null;
    const result = schema.safeParse(text);
    if (result.success) return result.data;
    const shown = secret ? `set to something else (${text.length} characters)` : JSON.stringify(maskPassword(text));
    throw new ConfigError(`${name} is ${shown}; it must be ${must}.`);
  };
  const required = <T>(name: keyof typeof VARIABLES, of: Variable<T>): T => {
    const value = read(name, of);
    if (value === null) throw new TypeError(`${name} has no default`);
    return value;
  };

  const dataDir = resolve(required('DATA_DIR', v.DATA_DIR));
  const old = read('OLD_STORE_URL', v.OLD_STORE_URL);
  const next = read('NEW_STORE_URL', v.NEW_STORE_URL);
  const control = read('CONTROL_URL', v.CONTROL_URL);
  const controlUrl = control ?? embeddedUrl(dataDir, 'control');
  const adminToken = read('ADMIN_TOKEN', v.ADMIN_TOKEN);
  const jwt = together({
    JWKS_URL: read('JWKS_URL', v.JWKS_URL),
    JWT_AUDIENCE: read('JWT_AUDIENCE', v.JWT_AUDIENCE),
    JWT_ISSUER: read('JWT_ISSUER', v.JWT_ISSUER),
  });
  if (adminToken === null && jwt === null && engineOf(controlUrl).directory(controlUrl) === null) {
    throw new ConfigError(
      'ADMIN_TOKEN is not set; it must be, or JWKS_URL and JWT_AUDIENCE, where CONTROL_URL is a server that many processes share.',
    );
  }
  const production = required('NODE_ENV', v.NODE_ENV) === 'production';
  return {
    port: required('PORT', v.PORT),
    host: required('HOST', v.HOST),
    dataDir,
    oldStoreUrl: old ?? embeddedUrl(dataDir, 'old'),
    newStoreUrl: next ?? embeddedUrl(dataDir, 'new'),
    controlUrl,
    journalUrl: read('JOURNAL_URL', v.JOURNAL_URL),
    embedded: { old: old === null, new: next === null, control: control === null },
    adminToken,
    jwt,
    leaseMs: required('LEASE_MS', v.LEASE_MS),
    requestTimeoutMs: required('REQUEST_TIMEOUT_MS', v.REQUEST_TIMEOUT_MS),
    switchTimeoutMs: required('SWITCH_TIMEOUT_MS', v.SWITCH_TIMEOUT_MS),
    label: read('INSTANCE_ID', v.INSTANCE_ID) ?? `${hostname()}-${process.pid}`,
    sampleData: required('SAMPLE_DATA', v.SAMPLE_DATA),
    phoneRegion: required('PHONE_REGION', v.PHONE_REGION),
    logLevel: required('LOG_LEVEL', v.LOG_LEVEL),
    introspection: (read('INTROSPECTION', v.INTROSPECTION) ?? (production ? 'off' : 'on')) === 'on',
    bodyLimitBytes: required('BODY_LIMIT_BYTES', v.BODY_LIMIT_BYTES),
    comparePercent: required('COMPARE_PERCENT', v.COMPARE_PERCENT),
    maskDifferences: required('MASK_DIFFERENCES', v.MASK_DIFFERENCES) === 'on',
    maxConnections: required('MAX_CONNECTIONS', v.MAX_CONNECTIONS),
    keepAliveTimeoutMs: required('KEEP_ALIVE_TIMEOUT_MS', v.KEEP_ALIVE_TIMEOUT_MS),
    limits: {
      tokens: required('MAX_QUERY_TOKENS', v.MAX_QUERY_TOKENS),
      depth: required('MAX_QUERY_DEPTH', v.MAX_QUERY_DEPTH),
      aliases: required('MAX_QUERY_ALIASES', v.MAX_QUERY_ALIASES),
      directives: required('MAX_QUERY_DIRECTIVES', v.MAX_QUERY_DIRECTIVES),
      cost: required('MAX_QUERY_COST', v.MAX_QUERY_COST),
      pageSize: required('MAX_PAGE_SIZE', v.MAX_PAGE_SIZE),
      batchSize: required('MAX_BATCH_SIZE', v.MAX_BATCH_SIZE),
    },
    compileQueriesAfter: required('COMPILE_QUERIES_AFTER', v.COMPILE_QUERIES_AFTER),
    shutdownDelayMs: required('SHUTDOWN_DELAY_MS', v.SHUTDOWN_DELAY_MS),
  };
}

/** The variables about tokens of an identity provider: the first two, or none of them. */
function together(v: Readonly<Record<'JWKS_URL' | 'JWT_AUDIENCE' | 'JWT_ISSUER', string | null>>): Config['jwt'] {
  const { JWKS_URL: jwksUrl, JWT_AUDIENCE: audience, JWT_ISSUER: issuer } = v;
  if (jwksUrl !== null && audience !== null) return { jwksUrl, audience, issuer };
  if (jwksUrl !== null) throw new ConfigError('JWT_AUDIENCE is not set; it must be, where JWKS_URL is.');
  if (audience !== null || issuer !== null) {
    throw new ConfigError('JWKS_URL is not set; it must be, where JWT_AUDIENCE or JWT_ISSUER is.');
  }
  return null;
}

/** A URL for messages and logs: passwords in the authority and in parameters replaced, also where the rest is not a URL. */
export function maskPassword(url: string): string {
  return (
    url
      .replace(/(:\/\/[^:/?#@]*:).*@/s, '$1***@')
      // What only looks like a URL has its password before the last @ as well.
      .replace(/^(?!.*:\/\/)([^:]*:).*@/s, '$1***@')
      .replace(/([?&;][^=&;]*(?:password|passwd|pwd|secret|token)[^=&;]*=)[^&;]*/gi, '$1***')
  );
}
