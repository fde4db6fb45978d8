/**
 * The configuration: environment variables, each checked at start. `VARIABLES` is the whole list; the README's table shows the same.
 */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { isSupportedCountry } from 'libphonenumber-js';
import { z } from 'zod';
import { isJournalUrl, JOURNAL_URL_FORMS } from './migration/journal/open.ts';
import { CONTROL_URL_FORMS, embeddedUrl, engineOf, findEngine, STORE_URL_FORMS } from './migration/stores/open.ts';

/** A variable that is not what it may be; the message is one line for the terminal, without secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

interface Variable<T> {
  /** As the documentation shows it; null: nothing, and `absent` says what that means. */
  readonly default: string | null;
  /** For the documentation, where there is no default. */
  readonly absent?: string;
  readonly meaning: string;
  /** Completes "it must be …". */
  readonly must: string;
  readonly secret?: boolean;
  readonly schema: z.ZodType<T, string>;
}

const variable = <T>(v: Variable<T>): Variable<T> => v;

const whole = (least: number, most: number) => ({
  must: `a whole number from ${least} to ${most}`,
  schema: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((n) => n >= least && n <= most),
});
const oneOf = <const T extends readonly string[]>(...values: T) => ({
  must: `one of ${values.join(', ')}`,
  schema: z.enum(values),
});
const matching = (must: string, pattern: RegExp) => ({ must, schema: z.string().regex(pattern) });
const storeUrl = {
  must: STORE_URL_FORMS.join(' or '),
  schema: z.string().refine((url) => findEngine(url) !== null),
};

export const VARIABLES = {
  PORT: variable({ default: '4001', meaning: 'port to listen on; 0: any free one', ...whole(0, 65_535) }),
  HOST: variable({
    default: '127.0.0.1',
    meaning: 'address or host name to listen on',
    ...matching('an address or a host name', /^[A-Za-z0-9.:_-]+$/),
  }),
  DATA_DIR: variable({
    default: './data',
    meaning: 'directory of the embedded stores and of the admin token',
    // oxlint-disable-next-line no-control-regex
    ...matching('a directory', /^[^\u0000]+$/),
  }),
  OLD_STORE_URL: variable({ default: null, absent: 'embedded', meaning: 'the old store', ...storeUrl }),
  NEW_STORE_URL: variable({ default: null, absent: 'embedded', meaning: 'the new store', ...storeUrl }),
  CONTROL_URL: variable({
    default: null,
    absent: 'embedded',
    meaning: 'the control record, its history, the event catalogue and the checkpoints of jobs',
    must: CONTROL_URL_FORMS.join(' or '),
    schema: z.string().refine((url) => findEngine(url)?.storesOnly !== true && findEngine(url) !== null),
  }),
  JOURNAL_URL: variable({
    default: null,
    absent: 'tables in the control store',
    meaning: 'the journal, which keeps writes while the stores cannot take them',
    must: JOURNAL_URL_FORMS.join(' or '),
    schema: z.string().refine(isJournalUrl),
  }),
  ADMIN_TOKEN: variable({
    default: null,
    absent: 'made once, kept in DATA_DIR/admin-token',
    meaning: 'bearer token with all admin rights',
    secret: true,
    ...matching('visible ASCII characters without spaces', /^[\u0021-\u007e]+$/),
  }),
  JWKS_URL: variable({
    default: null,
    absent: 'no such tokens',
    meaning:
      'where the keys are published that admin tokens of an identity provider are signed with (scopes migration:read, migration:admin)',
    must: 'https://HOST/PATH, or http:// on this machine alone',
    schema: z.string().refine(isJwksUrl),
  }),
  JWT_AUDIENCE: variable({
    default: null,
    absent: 'needed with JWKS_URL',
    meaning: 'the audience that such a token has to be made for',
    ...matching('1 to 200 visible ASCII characters without spaces', /^[\u0021-\u007e]{1,200}$/),
  }),
  JWT_ISSUER: variable({
    default: null,
    absent: 'whoever holds a published key',
    meaning: 'the issuer that such a token has to come from',
    ...matching('1 to 200 visible ASCII characters without spaces', /^[\u0021-\u007e]{1,200}$/),
  }),
  LEASE_MS: variable({
    default: '2000',
    meaning: 'how long an instance may trust the state it knows',
    ...whole(100, 600_000),
  }),
  REQUEST_TIMEOUT_MS: variable({ default: '10000', meaning: 'deadline of a request', ...whole(100, 600_000) }),
  SWITCH_TIMEOUT_MS: variable({
    default: '10000',
    meaning: 'longest wait of a switch before flip',
    ...whole(100, 600_000),
  }),
  INSTANCE_ID: variable({
    default: null,
    absent: 'host-pid',
    meaning: 'label of this process in lists; it need not be unique',
    ...matching('1 to 100 visible ASCII characters without spaces', /^[\u0021-\u007e]{1,100}$/),
  }),
  SAMPLE_DATA: variable({
    default: '20000',
    meaning: 'participations made in an empty embedded old store; 0: none',
    ...whole(0, 1_000_000),
  }),
  PHONE_REGION: variable({
    default: 'CN',
    meaning: 'region of phone numbers that are written without a country code',
    must: 'the two capital letters of a country with phone numbers, like CN',
    schema: z.string().refine(isSupportedCountry),
  }),
  LOG_LEVEL: variable({
    default: 'info',
    meaning: 'what is logged (JSON lines on standard error)',
    ...oneOf('debug', 'info', 'warn', 'error', 'silent'),
  }),
  NODE_ENV: variable({
    default: 'development',
    meaning: 'in production, introspection is off unless INTROSPECTION says on',
    ...matching('a word', /^[\w-]+$/),
  }),
  INTROSPECTION: variable({
    default: null,
    absent: 'on, in production off',
    meaning: 'whether clients may ask for the schema',
    ...oneOf('on', 'off'),
  }),
  BODY_LIMIT_BYTES: variable({
    default: '1000000',
    meaning: 'longest body of a request',
    ...whole(1000, 100_000_000),
  }),
  MAX_CONNECTIONS: variable({
    default: '2000',
    meaning: 'connections at the same time; more are refused',
    ...whole(1, 1_000_000),
  }),
  KEEP_ALIVE_TIMEOUT_MS: variable({
    default: '72000',
    meaning: 'how long a connection stays open without a request; longer than a load balancer in front keeps it',
    ...whole(1000, 3_600_000),
  }),
  MAX_QUERY_TOKENS: variable({
    default: '4000',
    meaning: 'longest GraphQL document, in lexical tokens',
    ...whole(100, 20_000),
  }),
  MAX_QUERY_DEPTH: variable({
    default: '15',
    meaning: 'deepest nesting of fields; introspection does not count',
    ...whole(8, 1000),
  }),
  MAX_QUERY_ALIASES: variable({
    default: '100',
    meaning: 'aliases in one operation',
    ...whole(0, 10_000),
  }),
  MAX_QUERY_DIRECTIVES: variable({
    default: '50',
    meaning: 'directives in one operation',
    ...whole(0, 10_000),
  }),
  MAX_QUERY_COST: variable({
    default: '30000',
    meaning: 'highest cost of one operation: its fields, each as often as the lists above it ask for',
    ...whole(1000, 1_000_000_000),
  }),
  MAX_PAGE_SIZE: variable({
    default: '100',
    meaning: 'longest page of a list',
    ...whole(20, 1000),
  }),
  MAX_BATCH_SIZE: variable({
    default: '1000',
    meaning: 'references in one question of a gateway for entities',
    ...whole(1, 100_000),
  }),
  COMPARE_PERCENT: variable({
    default: '1',
    meaning: 'in DUAL, the share of what is read that is compared in both stores, off the path of requests',
    ...whole(0, 100),
  }),
  MASK_DIFFERENCES: variable({
    default: 'off',
    meaning: 'on: lists of differences are kept and shown without the values that differ (keys are not masked)',
    ...oneOf('on', 'off'),
  }),
  SHUTDOWN_DELAY_MS: variable({
    default: '250',
    meaning: 'after SIGTERM, how long to go on serving while /readyz is red, so that a load balancer can notice',
    ...whole(0, 600_000),
  }),
} as const;

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
    shutdownDelayMs: required('SHUTDOWN_DELAY_MS', v.SHUTDOWN_DELAY_MS),
  };
}

/** Keys that come over an open network could be changed on the way, and a redirect or a password in the URL is no address of keys. */
function isJwksUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

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
