/** The client of `/graphql`: where it is, with which token, and what an answer means. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../../config.ts';
import { CommandFailure, exitOf } from './exit.ts';

const DEFAULT_URL = 'http://127.0.0.1:4001/graphql';

export interface Fault {
  readonly message: string;
  readonly code: string | null;
  /** The top-level field that failed; null: the whole request did. */
  readonly part: string | null;
}
export interface Reply<T> {
  readonly data: T | null;
  readonly faults: readonly Fault[];
}

export interface Client {
  readonly endpoint: URL;
  /** The answer, whatever is wrong with it; throws `CommandFailure` if there is none. */
  send<T>(query: string, variables: object): Promise<Reply<T>>;
  /** The data; throws `CommandFailure` if anything is wrong. */
  ask<T>(query: string, variables: object): Promise<T>;
}

/** `CROSSFADE_URL`: the endpoint, or the address of the server. Throws `CommandFailure` if it is neither. */
export function endpointOf(env: Environment): URL {
  const text = env['CROSSFADE_URL'] || DEFAULT_URL;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new CommandFailure('USAGE', 'CROSSFADE_URL must be an address like http://127.0.0.1:4001 or its /graphql.');
  }
  if (url.pathname === '/') url.pathname = '/graphql';
  return url;
}

/** From the file if one is named, else `ADMIN_TOKEN`, else the file that a server here keeps, if it can be read; null: there is none. */
export async function tokenOf(env: Environment, file: string | undefined): Promise<string | null> {
  if (file === undefined && env['ADMIN_TOKEN']) return env['ADMIN_TOKEN'];
  const path = file ?? join(env['DATA_DIR'] || './data', 'admin-token');
  try {
    return (await readFile(path, 'utf8')).trim() || null;
  } catch (error) {
    if (file === undefined) return null;
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure('USAGE', `The token file cannot be read: ${why}.`, { cause: error });
  }
}

interface Body<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: { readonly code?: string };
  }[];
}

export function createClient(endpoint: URL, token: string | null): Client {
  const headers = {
    'content-type': 'application/json',
    ...(token !== null && { authorization: `Bearer ${token}` }),
  };

  const post = async <T>(query: string, variables: object): Promise<Body<T>> => {
    let response: Response;
    try {
      response = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    } catch (error) {
      throw new CommandFailure('FAILED', `Nothing answers at ${endpoint.origin}.`, { cause: error });
    }
    try {
      return (await response.json()) as Body<T>;
    } catch (error) {
      const message = `What answers at ${endpoint.href} (status ${response.status}) is not GraphQL.`;
      throw new CommandFailure('FAILED', message, { cause: error });
    }
  };

  const send = async <T>(query: string, variables: object): Promise<Reply<T>> => {
    const { data = null, errors = [] } = await post<T>(query, variables);
    const faults = errors.map(({ message, path, extensions }) => ({
      message,
      code: extensions?.code ?? null,
      part: path?.[0] === undefined ? null : String(path[0]),
    }));
    return { data, faults };
  };

  return {
    endpoint,
    send,
    ask: async <T>(query: string, variables: object): Promise<T> => {
      const { data, faults } = await send<T>(query, variables);
      const [fault] = faults;
      if (fault) throw failureOf(fault, token !== null);
      if (data === null) throw new CommandFailure('FAILED', `${endpoint.href} answers without data.`);
      return data;
    },
  };
}

export function failureOf({ message, code }: Fault, hasToken: boolean): CommandFailure {
  const hint = code === 'UNAUTHENTICATED' && !hasToken ? ' Set ADMIN_TOKEN, or name a file with --token-file.' : '';
  return new CommandFailure(exitOf(code), `${message}${hint}`, { code });
}
