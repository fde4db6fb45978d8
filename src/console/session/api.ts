/** Asks the server that the page came from. The token is held by whoever asks; it goes into the header and nowhere else. */
import { Trouble, type Problem } from './problem.ts';

/** A part of the answer that could not be given: `path` begins with the part's name. */
export interface PartProblem extends Problem {
  readonly path: readonly (string | number)[];
}

export interface Answer<T> {
  readonly data: T | null;
  readonly problems: readonly PartProblem[];
  /** The server's wall clock when it answered, milliseconds of the epoch; null: it did not say. */
  readonly serverTime: number | null;
}

export interface Question {
  readonly token: string;
  readonly document: string;
  readonly variables?: object;
  /** Milliseconds until it counts as lost. */
  readonly patience: number;
}

interface RawAnswer<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: { readonly code?: string };
  }[];
}

/** Throws `Trouble` when there is no answer, or none of GraphQL; errors of parts are in the answer. */
export async function ask<T>({ token, document, variables, patience }: Question): Promise<Answer<T>> {
  const response = await send('/graphql', patience, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: document, variables }),
  });
  const raw = await body<T>(response);
  const date = Date.parse(response.headers.get('date') ?? '');
  return {
    data: raw.data ?? null,
    problems: (raw.errors ?? []).map(({ message, path = [], extensions }) => ({
      code: extensions?.code ?? 'INTERNAL',
      message,
      path,
    })),
    serverTime: Number.isNaN(date) ? null : date,
  };
}

export interface Scraped {
  /** Null: not this time. */
  readonly text: string | null;
  /** This server has none to show to this page; asking again is no use. */
  readonly absent: boolean;
}

/** The metrics. They only draw charts, so it never throws: that the server does not answer is told by whatever else is asked. */
export async function scrape(token: string, patience: number): Promise<Scraped> {
  try {
    const response = await send('/metrics', patience, { headers: { authorization: `Bearer ${token}` } });
    if (response.ok) return { text: await response.text(), absent: false };
    return { text: null, absent: response.status < 500 };
  } catch {
    return { text: null, absent: false };
  }
}

async function send(path: string, patience: number, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, {
      ...init,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
    });
  } catch (error) {
    throw new Trouble({ code: 'CONNECTION_LOST', message: 'The server does not answer.' }, error);
  }
}

async function body<T>(response: Response): Promise<RawAnswer<T>> {
  try {
    const parsed: unknown = await response.json();
    if (typeof parsed === 'object' && parsed !== null && ('data' in parsed || 'errors' in parsed)) {
      return parsed as RawAnswer<T>;
    }
  } catch (error) {
    throw notUnderstood(response, error);
  }
  throw notUnderstood(response);
}

function notUnderstood({ status }: Response, cause?: unknown): Trouble {
  return new Trouble(
    { code: 'NOT_UNDERSTOOD', message: `The answer (status ${status}) is not one of Crossfade.` },
    cause,
  );
}
