/** Apollo Gateway. Its licence is Elastic's: nothing but these tests may use it. */
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import type { StartGateway } from './subgraphs.ts';

interface ApolloContext {
  readonly authorization?: string;
}

class Forwarding extends RemoteGraphQLDataSource<ApolloContext> {
  override willSendRequest({
    request,
    context,
  }: Parameters<NonNullable<RemoteGraphQLDataSource<ApolloContext>['willSendRequest']>>[0]): void {
    if (context.authorization !== undefined) request.http?.headers.set('authorization', context.authorization);
  }
}

export const startApolloGateway: StartGateway = async (supergraph, port = 0) => {
  const gateway = new ApolloGateway({
    supergraphSdl: supergraph,
    buildService: ({ url }) => new Forwarding({ ...(url !== undefined && { url }) }),
  });
  const server = new ApolloServer<ApolloContext>({ gateway });
  const { url } = await startStandaloneServer(server, {
    listen: { port, host: '127.0.0.1' },
    context: async ({ req: { headers } }) =>
      headers.authorization === undefined ? {} : { authorization: headers.authorization },
  });
  return { url, stop: () => server.stop() };
};
