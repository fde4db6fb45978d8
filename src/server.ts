/**
 * HTTP: `/graphql`, `/console`, `/metrics`, `/healthz` (the process is alive) and `/readyz` (it can serve what the state of the migration needs).
 */
import { randomUUID } from 'node:crypto';
import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Authenticator } from './auth.ts';
import type { Config } from './config.ts';
import type { Catalogue } from './activity/catalogue.ts';
import { CrossfadeError, ERRORS } from './migration/errors.ts';
import type { Logger } from './migration/log.ts';
import type { ActivityEngine } from './resolvers/context.ts';
import { serveConsole } from './server/console.ts';
import { failure } from './server/errors.ts';
import { graphqlEndpoint } from './server/graphql.ts';
import type { RequestObserver } from './server/observer.ts';
import { Request } from './server/request.ts';

/** `/readyz` answers within this time, milliseconds: who asks it has short deadlines. */
const READY_MS = 2000;

export type ServerConfig = Pick<
  Config,
  'requestTimeoutMs' | 'switchTimeoutMs' | 'leaseMs' | 'bodyLimitBytes' | 'maxQueryTokens' | 'introspection'
>;

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly schema: GraphQLSchema;
  readonly engine: ActivityEngine;
  readonly catalogue: Catalogue;
  readonly authenticator: Authenticator;
  readonly log: Logger;
  /** The page of `/metrics`, which is not there without it, and who counts the requests. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string>; readonly requests: RequestObserver };
}

export interface Server {
  readonly http: FastifyInstance;
  /** From now on `/readyz` is red, so that nobody new is sent here; everything else is served as before. */
  drain(): void;
  /** Stops to listen, answers the requests that are under way, and returns. */
  close(): Promise<void>;
}

export async function createServer(options: ServerOptions): Promise<Server> {
  const { config, engine, catalogue, authenticator, log, metrics } = options;
  const graphql = await graphqlEndpoint({
    schema: options.schema,
    log,
    introspection: config.introspection,
    maxTokens: config.maxQueryTokens,
    ...(metrics && { observer: metrics.requests }),
  });
  const http = Fastify({
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: config.requestTimeoutMs,
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
    logger: false,
  });
  let draining = false;

  http.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  http.addHook('onSend', async (_, reply) => {
    // A connection that is kept alive would hold up the end, and bring new requests to a process on its way out.
    if (draining) reply.header('connection', 'close');
  });
  http.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
    if (status === 500) log.error({ requestId: request.id, err: error }, 'a request could not be processed');
    const shown = { message: error.message, extensions: { code: 'BAD_REQUEST' } };
    return reply.code(status).send({ errors: [status === 500 ? failure('INTERNAL') : shown] });
  });

  http.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/graphql',
    handler: async (incoming, reply) => {
      const request = new Request({
        engine,
        catalogue,
        authenticator,
        requestId: incoming.id,
        authorization: incoming.headers.authorization,
        requestTimeoutMs: config.requestTimeoutMs,
        operatorTimeoutMs: config.switchTimeoutMs + config.requestTimeoutMs + 2 * config.leaseMs,
      });
      const answer = await graphql.answer(asGraphQL(incoming), request);
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    },
  });
  await http.register(async (scope) => serveConsole(scope));
  http.get('/healthz', async () => ({ status: 'ok' }));
  http.get('/readyz', async (_, reply) => {
    if (draining) return unready(reply, 'DRAINING', 'The process is shutting down.');
    try {
      await within(READY_MS, engine.ready());
      return { status: 'ok' };
    } catch (error) {
      const code = error instanceof CrossfadeError ? error.code : 'INTERNAL';
      if (code === 'INTERNAL') log.error({ err: error }, 'the readiness check failed');
      return unready(reply, code, ERRORS[code].message);
    }
  });

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
      await http.close();
      await graphql.stop();
    },
  };
}

function asGraphQL(request: FastifyRequest): HTTPGraphQLRequest {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const query = request.url.indexOf('?');
  return { method: request.method, headers, body: request.body, search: query < 0 ? '' : request.url.slice(query) };
}

async function unready(reply: FastifyReply, code: string, message: string): Promise<FastifyReply> {
  return reply.code(503).send({ status: 'unavailable', code, message });
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CrossfadeError('DEADLINE_EXCEEDED')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
