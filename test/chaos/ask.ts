/** One GraphQL request to one instance. */
import type { Instance } from './instance.ts';

/** No answer came. `sent` false: nobody took the connection, so nothing was asked. */
export class AnswerLost extends Error {
  readonly sent: boolean;

  constructor(cause: unknown) {
    super('the answer was lost', { cause });
    const reason = cause instanceof Error ? cause.cause : null;
    this.sent = !(reason instanceof Error && 'code' in reason && reason.code === 'ECONNREFUSED');
  }
}

/** The answer is an error with this code. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

export async function ask<T>(
  instance: Instance,
  query: string,
  variables: object,
  { timeoutMs, token }: { readonly timeoutMs: number; readonly token?: string },
): Promise<T> {
  instance.busy++;
  let answer: Answer<T>;
  try {
    const response = await fetch(instance.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    answer = (await response.json()) as Answer<T>;
  } catch (error) {
    throw new AnswerLost(error);
  } finally {
    instance.busy--;
  }
  const [error] = answer.errors ?? [];
  if (error) throw new Refused(error.extensions?.code ?? 'without a code', error.message);
  if (!answer.data) throw new Refused('without data', JSON.stringify(answer));
  return answer.data;
}
