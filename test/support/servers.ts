/**
 * The servers that tests use, if they are there.
 *
 *   TEST_POSTGRES_URL, TEST_MYSQL_URL, TEST_REDIS_URL   where; without them, the standard local ports
 *   CI=true                                             a server that is missing fails its tests instead of skipping them
 *
 * Each test file works in a schema, database or key prefix of its own with a random name, and drops it at the end.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Client } from 'pg';
import { describe, test } from 'vitest';

const CONNECT_MS = 1000;

const DEFAULTS = {
  postgres: ['TEST_POSTGRES_URL', 'postgres://postgres@127.0.0.1:5432/postgres'],
  mysql: ['TEST_MYSQL_URL', 'mysql://root@127.0.0.1:3306/'],
  redis: ['TEST_REDIS_URL', 'redis://127.0.0.1:6379'],
} as const;

const PORTS: Readonly<Record<string, number>> = {
  'postgres:': 5432,
  'postgresql:': 5432,
  'mysql:': 3306,
  'redis:': 6379,
};

/** Each resolves with the server's URL, or with null if nothing takes a connection there. */
export const servers = {
  postgres: () => reachable('postgres'),
  mysql: () => reachable('mysql'),
  redis: () => reachable('redis'),
};

/** `describe` for tests that need a server; without it (`url` null) one test in their place is skipped, or fails with CI=true. */
export function describeWith(name: string, url: string | null, tests: (url: string) => void): void {
  const variables = Object.values(DEFAULTS).map(([variable]) => variable);
  describeFound(name, url, `${name} does not answer; set ${variables.join(', ')}`, tests);
}

/** The same for anything a machine may lack; `reason` says what is missing and how to tell where it is. */
export function describeFound<T>(name: string, found: T | null, reason: string, tests: (found: T) => void): void {
  if (found !== null) {
    describe(name, () => tests(found));
    return;
  }
  describe(name, () => {
    if (process.env['CI'] === 'true') {
      test(reason, () => {
        throw new Error(reason);
      });
    } else test.skip(reason, () => {});
  });
}

/** A name that no other test has. */
export function randomName(): string {
  return `crossfade_test_${randomBytes(6).toString('hex')}`;
}

export interface Scratch {
  readonly url: string;
  drop(): Promise<void>;
}

/** A schema of its own, first in the search path of the URL's connections. */
export async function scratchSchema(server: string): Promise<Scratch> {
  const schema = randomName();
  await once(server, `create schema ${schema}`);
  const url = new URL(server);
  url.searchParams.set('options', `-c search_path=${schema}`);
  return {
    url: url.href,
    drop: () => once(server, `drop schema ${schema} cascade; drop schema if exists crossfade_jobs_${schema} cascade`),
  };
}

async function once(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function reachable(server: keyof typeof DEFAULTS): Promise<string | null> {
  const [variable, standard] = DEFAULTS[server];
  const url = process.env[variable] || standard;
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname || '127.0.0.1',
      port: Number(port) || (PORTS[protocol] ?? 0),
      timeout: CONNECT_MS,
    });
    const end = (found: string | null) => {
      socket.destroy();
      resolve(found);
    };
    socket.once('connect', () => end(url));
    socket.once('error', () => end(null));
    socket.once('timeout', () => end(null));
  });
}
