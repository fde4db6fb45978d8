/** An answer of `/graphql`, for comparing: each error carries the request's id, which is different every time; it is checked and left out. */
import { expect } from 'vitest';

interface Response {
  readonly headers: Readonly<Record<string, unknown>>;
  json(): unknown;
}

export function answerOf<T>(response: Response): T {
  const body = response.json();
  const errors = errorsOf(body);
  for (const { extensions } of errors) {
    expect(extensions['requestId']).toBe(response.headers['x-request-id']);
    delete extensions['requestId'];
  }
  return body as T;
}

function errorsOf(body: unknown): readonly { readonly extensions: Record<string, unknown> }[] {
  return typeof body === 'object' && body !== null && 'errors' in body && Array.isArray(body.errors) ? body.errors : [];
}
