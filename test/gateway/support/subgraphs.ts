/** The two subgraphs: Crossfade as a process of its own, and customers, which knows who owns a phone. */
import { readFile } from 'node:fs/promises';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';

export interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

/** `port`: 0 is any free one. Passes on the `authorization` header of the client, which operations of the operator need. */
export type StartGateway = (supergraph: string, port?: number) => Promise<Running>;

export const CUSTOMERS_SDL = await readFile(new URL('../../support/customers/schema.graphql', import.meta.url), 'utf8');

interface Reference {
  readonly phone: { readonly number: string };
  readonly event: { readonly name: string };
  /** Sent by the gateway, which has them from Crossfade. */
  readonly rewarded: boolean;
  readonly recommendationCode: string | null;
}

/** `owners`: names by number in E.164; read with each request. */
export async function startCustomers(owners: ReadonlyMap<string, string>, port = 0): Promise<Running> {
  const server = new ApolloServer({
    plugins: [ApolloServerPluginInlineTraceDisabled()],
    schema: buildSubgraphSchema([
      {
        typeDefs: parse(CUSTOMERS_SDL),
        resolvers: {
          Query: {
            customers: () => [...owners.keys()].map((number) => ({ number })),
            entries: (_: unknown, { phones, event }: { readonly phones: readonly string[]; readonly event: string }) =>
              phones.map((number) => ({ phone: { number }, event: { name: event } })),
          },
          Phone: {
            __resolveReference: ({ number }: { readonly number: string }) => ({ number }),
            owner: ({ number }: { readonly number: string }) => owners.get(number) ?? null,
          },
          Participation: {
            __resolveReference: (reference: Reference) => reference,
            letter: ({ phone, rewarded, recommendationCode }: Reference) =>
              `${rewarded ? 'Congratulations' : 'Thank you'}, ${owners.get(phone.number) ?? 'stranger'}: ${recommendationCode}`,
          },
        },
      },
    ]),
  });
  const { url } = await startStandaloneServer(server, { listen: { port, host: '127.0.0.1' } });
  return { url, stop: () => server.stop() };
}

/** What a running subgraph says of itself; throws in words if nothing answers there. */
export async function sdlOf(url: string): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  const { data } = (await response.json()) as { readonly data?: { readonly _service: { readonly sdl: string } } };
  if (!data) throw new Error(`${url} does not tell its SDL (status ${response.status})`);
  return data._service.sdl;
}
