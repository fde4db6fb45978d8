/** The whole list of environment variables: what each means, and what it may be. The README's table shows the same. */
import { isSupportedCountry } from 'libphonenumber-js';
import { z } from 'zod';
import { isJournalUrl, JOURNAL_URL_FORMS } from '../migration/journal/open.ts';
import { CONTROL_URL_FORMS, findEngine, STORE_URL_FORMS } from '../migration/stores/open.ts';

export interface Variable<T> {
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
  COMPILE_QUERIES_AFTER: variable({
    default: '0',
    meaning:
      'queries that were asked so often are compiled (graphql-jit) instead of executed step by step (graphql-js); 0: none',
    ...whole(0, 1_000_000),
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

/** Keys that come over an open network could be changed on the way, and a redirect or a password in the URL is no address of keys. */
function isJwksUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
}
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
