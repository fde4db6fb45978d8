/**
 * GraphQL operations: executed under one state of the migration, again from the start when the lease runs out under them,
 * and answered in time even when a store hangs.
 */
import {
  ApolloServer,
  type ApolloServerPlugin,
  type HTTPGraphQLRequest,
  type HTTPGraphQLResponse,
} from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { QueryLimits } from '../config.ts';
import type { ErrorCode } from '../migration/errors.ts';
import type { Logger } from '../migration/log.ts';
import { failure, formatError, rootCause, severity, withRequestId } from './errors.ts';
import { costLimit } from './limits/cost.ts';
import { limitRules } from './limits/rules.ts';
import { unobserved, type RequestObserver } from './observer.ts';
import { Attempt, type Context, type Request } from './request.ts';

export interface GraphQLOptions {
  readonly schema: GraphQLSchema;
  readonly log: Logger;
  readonly introspection: boolean;
  readonly limits: QueryLimits;
  /** How often a query is asked before it is compiled (compiled.ts); 0: none is. */
  readonly compileQueriesAfter: number;
  readonly csrfPrevention: boolean;
  readonly observer?: RequestObserver;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface GraphQLEndpoint {
  answer(http: HTTPGraphQLRequest, request: Request): Promise<Answer>;
  stop(): Promise<void>;
}

export async function graphqlEndpoint(options: GraphQLOptions): Promise<GraphQLEndpoint> {
  const { schema, log, introspection, limits, compileQueriesAfter, observer = unobserved } = options;
  const apollo = new ApolloServer<Context>({
    schema,
    introspection,
    hideSchemaDetailsFromClientErrors: !introspection,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: options.csrfPrevention,
    stopOnTerminationSignals: false,
    persistedQueries: false,
    parseOptions: { maxTokens: limits.tokens },
    validationRules: limitRules(limits),
    formatError,
    logger: quiet(log),
    plugins: [
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      costLimit(limits),
      watcher(log),
      ...(await compiled(compileQueriesAfter)),
    ],
  });
  await apollo.start();

  const execute = async (http: HTTPGraphQLRequest, attempt: Attempt): Promise<Answer> => {
    const context = async (): Promise<Context> => attempt.context;
    return complete(await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest: http, context }), attempt);
  };

  return {
    answer: async (http, request) => {
      const overdue = request.overdue();
      const began = performance.now();
      let told: Pick<Attempt, 'kind' | 'code'> = { kind: 'none', code: 'INTERNAL' };
      try {
        do {
          const attempt = new Attempt(request);
          try {
            const answer = await Promise.race([execute(http, attempt), overdue]);
            told = attempt;
            if (answer === 'OVERDUE') break;
            if (!attempt.expired) return answer;
            observer.repeated();
          } finally {
            attempt.end();
          }
        } while (performance.now() < request.deadline);
        const code = request.overdueCode;
        const { requestId } = request.options;
        told = { kind: told.kind, code };
        log.warn({ requestId, code }, 'a request was not answered in time');
        return failed(code, requestId);
      } finally {
        request.answered();
        observer.answered({ operation: told.kind, code: told.code, ms: performance.now() - began });
      }
    },
    stop: () => apollo.stop(),
  };
}

/** The compiler is loaded where it is used. */
async function compiled(after: number): Promise<readonly ApolloServerPlugin<Context>[]> {
  if (after === 0) return [];
  const { compiledQueries } = await import('./compiled.ts');
  return [compiledQueries(after)];
}

/**
 * For clients that ask for `application/json` an answer to a well-formed request is 200, also when the document does not parse, does
 * not validate or its variables do not fit: they read the errors from the body. With `application/graphql-response+json` it stays 400.
 */
function complete(response: HTTPGraphQLResponse, attempt: Attempt): Answer {
  const { body } = response;
  if (body.kind !== 'complete') throw new Error('incremental delivery is not part of the schema');
  const headers = Object.fromEntries(response.headers);
  const plain = headers['content-type']?.startsWith('application/json') ?? false;
  const status = response.status ?? 200;
  // What is no GraphQL request at all has no errors of an operation.
  if (status >= 400) attempt.code ??= 'BAD_REQUEST';
  const text = attempt.wellFormed ? body.string : identified(body.string, attempt.context.requestId);
  return { status: status === 400 && plain && attempt.wellFormed ? 200 : status, headers, body: text };
}

/** Apollo Server refuses what carries no document before any plugin hears of it. */
function identified(body: string, requestId: string): string {
  const { errors, ...rest }: { errors?: readonly GraphQLFormattedError[] } = JSON.parse(body);
  if (!errors) return body;
  return `${JSON.stringify({ errors: errors.map((error) => withRequestId(error, requestId)), ...rest })}\n`;
}

function failed(code: ErrorCode, requestId: string): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: `${JSON.stringify({ errors: [failure(code, requestId)], data: null })}\n`,
  };
}

/**
 * Logs what clients are not told, and notes what they are. The request's id is in the log, in the answer's `x-request-id` and in its
 * errors: one finds the other.
 */
function watcher(log: Logger): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => ({
      didResolveSource: async ({ contextValue }) => {
        contextValue.attempt.wellFormed = true;
      },
      didResolveOperation: async ({ operation, contextValue }) => {
        contextValue.attempt.kind = operation?.operation === 'mutation' ? 'mutation' : 'query';
      },
      didEncounterErrors: async ({ errors, contextValue, operationName }) => {
        for (const error of errors) {
          const level = severity(error);
          if (level === 'none') continue;
          const facts = { requestId: contextValue.requestId, operationName, path: error.path, err: rootCause(error) };
          log[level](facts, level === 'warn' ? 'a request failed' : 'a request failed in a way nobody foresaw');
        }
      },
      willSendResponse: async ({ response: { body }, contextValue: { attempt, requestId } }) => {
        const errors = body.kind === 'single' ? body.singleResult.errors : undefined;
        if (body.kind !== 'single' || !errors?.[0]) return;
        attempt.code = String(errors[0].extensions?.['code']);
        body.singleResult.errors = errors.map((error) => withRequestId(error, requestId));
      },
    }),
    unexpectedErrorProcessingRequest: async ({ requestContext, error }) => {
      log.error({ requestId: requestContext.contextValue.requestId, err: error }, 'a request could not be processed');
    },
  };
}

/** Apollo Server speaks in plain strings. */
function quiet(log: Logger): { [L in 'debug' | 'info' | 'warn' | 'error']: (message?: unknown) => void } {
  const to = (level: 'debug' | 'info' | 'warn' | 'error') => (message?: unknown) => log[level]({}, String(message));
  return { debug: to('debug'), info: to('debug'), warn: to('warn'), error: to('error') };
}
