/**
 * The audit of graphql-http: what the GraphQL over HTTP specification says of a server, asked over real HTTP.
 *
 * As it is shipped, the server refuses what any page of a browser could send in its visitor's name, which takes queries by GET without a
 * header of their own away; the specification leaves that to the server (MAY). With the header, or without the prevention, all holds.
 */
import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { participationDataset } from '../../src/activity/dataset.ts';
import { createAuthenticator } from '../../src/auth.ts';
import { loadConfig } from '../../src/config.ts';
import { silent } from '../../src/migration/log.ts';
import { buildSubgraph } from '../../src/resolvers/index.ts';
import { createServer, type Server } from '../../src/server.ts';
import { fakeCatalogue, fakeEngine, noAudit } from '../support/fake-engine.ts';
import { EXECUTOR } from '../support/executor.ts';

/** Queries by GET without a header that a form cannot send. */
const NEED_NO_PREVENTION = ['5A70', 'D6D5', '6A70'];

const withHeader: typeof fetch = (url, options) => {
  const headers = new Headers(options?.headers);
  headers.set('apollo-require-preflight', '1');
  return fetch(url, { ...options, headers });
};

describe.each([
  { name: 'as shipped', csrfPrevention: true, fetchFn: fetch, refused: NEED_NO_PREVENTION },
  { name: 'as shipped, to clients that send the header', csrfPrevention: true, fetchFn: withHeader, refused: [] },
  { name: 'without CSRF prevention', csrfPrevention: false, fetchFn: fetch, refused: [] },
])('$name', ({ csrfPrevention, fetchFn, refused }) => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    const { schema } = buildSubgraph([participationDataset({ getMany: async () => new Map() })]);
    server = await createServer({
      config: loadConfig(EXECUTOR),
      schema,
      engine: fakeEngine(),
      catalogue: fakeCatalogue(),
      audit: noAudit,
      authenticator: createAuthenticator({ token: 'none', jwt: null, log: silent }),
      log: silent,
      csrfPrevention,
    });
    url = `${await server.http.listen({ port: 0, host: '127.0.0.1' })}/graphql`;
  });
  afterAll(() => server.close());

  const audits = serverAudits({ url: () => url, fetchFn });
  test('there are audits of all three kinds', () => {
    const kinds = audits.map(({ name }) => /^(?:MUST|SHOULD|MAY)/.exec(name)?.[0]);
    expect(new Set(kinds)).toEqual(new Set(['MUST', 'SHOULD', 'MAY']));
    expect(audits.length).toBeGreaterThan(60);
  });

  test.each(audits)('$id $name', async (audit) => {
    const result = await audit.fn();
    if (refused.includes(audit.id)) expect(result.status).toBe('notice');
    else expect(result, JSON.stringify(result)).toMatchObject({ status: 'ok' });
  });
});
