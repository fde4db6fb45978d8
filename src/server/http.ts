/**
 * The HTTP server under the routes: what a client may take of it (time, bytes, connections), the id of each request, and errors in the
 * form that GraphQL clients read.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import type { Logger } from '../migration/log.ts';
import { failure, refusal } from './errors.ts';

export type HttpConfig = Pick<
  Config,
  'requestTimeoutMs' | 'switchTimeoutMs' | 'leaseMs' | 'bodyLimitBytes' | 'maxConnections' | 'keepAliveTimeoutMs'
>;

/** Requests that come in too slowly are looked for this often, milliseconds. */
const CHECK_MS = 1000;
/** What an answer may take beyond its deadline, milliseconds. */
const MARGIN_MS = 1000;

/** How long a connection without a word is kept when the server closes, milliseconds. */
const SILENT_MS = 250;

/** How long an operator's command may take, milliseconds: it waits for a switch, for leases and for stores. */
export function operatorTimeoutMs(config: Pick<Config, 'requestTimeoutMs' | 'switchTimeoutMs' | 'leaseMs'>): number {
  return config.switchTimeoutMs + config.requestTimeoutMs + 2 * config.leaseMs;
}

/** After this time, milliseconds, whatever is left of a connection is a client that does not send or does not read. */
export function longestAnswerMs(config: Parameters<typeof operatorTimeoutMs>[0]): number {
  return operatorTimeoutMs(config) + MARGIN_MS;
}

export function createHttp(config: HttpConfig, log: Logger): FastifyInstance {
  const http = Fastify({
    bodyLimit: config.bodyLimitBytes,
    // A request has to be here, head and body, within its deadline.
    requestTimeout: config.requestTimeoutMs,
    http: {
      requestTimeout: config.requestTimeoutMs,
      headersTimeout: config.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, config.requestTimeoutMs),
    },
    // A connection on which nothing moves: the client does not read its answer.
    connectionTimeout: longestAnswerMs(config),
    keepAliveTimeout: config.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    // What arrives on an open connection while the process ends is answered as before, and the connection closed with it.
    return503OnClosing: false,
    genReqId: () => randomUUID(),
    clientErrorHandler: answerBrokenRequest,
    logger: false,
  });
  http.server.maxConnections = config.maxConnections;
  endWithoutSilent(http);

  // Hooks of every request call back: a promise each is more than they do.
  http.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  http.setNotFoundHandler(async (request, reply) => {
    return reply.code(404).send({ errors: [refusal('There is nothing here.', request.id)] });
  });
  http.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
    if (status < 500) return reply.code(status).send({ errors: [refusal(reason(error, config), request.id)] });
    log.error({ requestId: request.id, err: error }, 'a request could not be processed');
    return reply.code(500).send({ errors: [failure('INTERNAL', request.id)] });
  });
  return http;
}

/**
 * When the server closes, connections that nobody says a word on are cut off soon. A browser opens them in advance and a load balancer to
 * see whether somebody listens; to Node they are not idle, because it waits for their first request, and would hold up the end.
 */
function endWithoutSilent(http: FastifyInstance): void {
  const open = new Set<Socket>();
  http.server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  http.addHook('preClose', async () => {
    // Not at once: a first request may be on its way.
    const patience = setTimeout(() => {
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    }, SILENT_MS);
    http.server.once('close', () => clearTimeout(patience));
  });
}

/** fastify's own sentences are about the request alone; only the one about its length does not say how long it may be. */
function reason(error: FastifyError, { bodyLimitBytes }: HttpConfig): string {
  return error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
    ? `The body of a request may have ${bodyLimitBytes} bytes, and this one has more.`
    : error.message;
}

/** What a connection is told that never became a request: it is too slow, its head is too long, or it does not speak HTTP. */
const BROKEN: Readonly<Record<string, readonly [status: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The head of the request is too long.'],
};

function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = BROKEN[error.code ?? ''] ?? ['400 Bad Request', 'This is no HTTP request.'];
  const body = JSON.stringify({ errors: [refusal(message)] });
  const head = [
    `HTTP/1.1 ${status}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
