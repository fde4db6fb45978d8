/**
 * HTTP: `/graphql`, `/console`, `/metrics`, `/healthz` (the process is alive) and `/readyz` (it can serve what the state of the migration needs).
 */
import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { AuditTrail } from './audit.ts';
import type { Authenticator } from './auth.ts';
import type { Config } from './config.ts';
import type { Catalogue } from './activity/catalogue.ts';
import type { Logger } from './migration/log.ts';
import type { ActivityEngine } from './resolvers/context.ts';
import { serveConsole } from './server/console.ts';
import { graphqlEndpoint, type GraphQLEndpoint } from './server/graphql.ts';
import { createHttp, longestAnswerMs, operatorTimeoutMs, type HttpConfig } from './server/http.ts';
import type { RequestObserver } from './server/observer.ts';
import { serveProbes } from './server/probes.ts';
import { Request } from './server/request.ts';

export type ServerConfig = HttpConfig & Pick<Config, 'introspection' | 'limits' | 'compileQueriesAfter'>;

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly schema: GraphQLSchema;
  readonly engine: ActivityEngine;
  readonly catalogue: Catalogue;
  readonly authenticator: Authenticator;
  readonly audit: AuditTrail;
  readonly log: Logger;
  /** The page of `/metrics`, which is not there without it, and who counts the requests. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string>; readonly requests: RequestObserver };
  /** Simple requests, as any page of a browser can send them, are refused; off in tests alone. */
  readonly csrfPrevention?: boolean;
}

export interface Server {
  readonly http: FastifyInstance;
  /**
   * From now on `/readyz` is red, so that nobody new is sent here, and each answer closes its connection, so that nobody comes back;
   * everything is served as before.
   */
  drain(): void;
  /** Stops to listen, answers the requests that are under way, and returns. */
  close(): Promise<void>;
}

export async function createServer(options: ServerOptions): Promise<Server> {
  const { config, engine, log, metrics } = options;
  const graphql = await graphqlEndpoint({
    schema: options.schema,
    log,
    introspection: config.introspection,
    limits: config.limits,
    compileQueriesAfter: config.compileQueriesAfter,
    csrfPrevention: options.csrfPrevention ?? true,
    ...(metrics && { observer: metrics.requests }),
  });
  const http = createHttp(config, log);
  let draining = false;
  http.addHook('onSend', (_, reply, payload, done) => {
    // A connection that is kept alive would hold up the end, and bring new requests to a process on its way out.
    if (draining) reply.header('connection', 'close');
    done(null, payload);
  });
  serveGraphQL(http, graphql, options);
  await http.register(async (scope) => serveConsole(scope));
  serveProbes(http, { ready: () => engine.ready(), draining: () => draining, log });
  if (metrics) {
    http.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  }

  return {
    http,
    drain: () => {
      draining = true;
    },
    close: async () => {
      draining = true;
      // Node stops to look for slow requests when it stops to listen.
      const patience = setTimeout(() => http.server.closeAllConnections(), longestAnswerMs(config));
      try {
        await http.close();
      } finally {
        clearTimeout(patience);
      }
      await graphql.stop();
    },
  };
}

function serveGraphQL(http: FastifyInstance, graphql: GraphQLEndpoint, options: ServerOptions): void {
  const { config, engine, catalogue, authenticator, audit } = options;
  const shared = {
    engine,
    catalogue,
    authenticator,
    audit,
    maxPageSize: config.limits.pageSize,
    requestTimeoutMs: config.requestTimeoutMs,
    operatorTimeoutMs: operatorTimeoutMs(config),
  };
  http.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/graphql',
    handler: async (incoming, reply) => {
      const { authorization } = incoming.headers;
      const request = new Request({ ...shared, requestId: incoming.id, authorization });
      const answer = await graphql.answer(asGraphQL(incoming), request);
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    },
  });
}

function asGraphQL(request: FastifyRequest): HTTPGraphQLRequest {
  const headers = new HeaderMap();
  for (const name in request.headers) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const query = request.url.indexOf('?');
  return { method: request.method, headers, body: request.body, search: query < 0 ? '' : request.url.slice(query) };
}
